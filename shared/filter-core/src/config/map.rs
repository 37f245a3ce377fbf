//! Objects whose keys are values of a type: methods, media types, URIs.

use super::{At, FromTree, Shape, Tree};
use http::Method;

/// The members of an object in the order written, each key once, also where one can be written in several ways
/// (`Text/CSV` and `text/csv`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map<K, V>(pub Vec<(K, V)>);

impl<K: FromTree + PartialEq, V: FromTree> FromTree for Map<K, V> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Object(members) = tree else { return at.expected("an object", tree) };
        let (mut keys, mut values) = (Vec::with_capacity(members.len()), Vec::with_capacity(members.len()));
        for (text, value) in members {
            let at = at.key(text);
            let key = K::read(&Tree::String(text.clone()), &at);
            let twice = key.is_some() && keys.contains(&key);
            if twice {
                at.error("the key is given twice");
            }
            keys.push(key.filter(|_| !twice));
            // Values are read all the same: every error is reported.
            values.push(match value {
                Tree::Null => {
                    at.error("null is not a value; leave the key out");
                    None
                }
                value => V::read(value, &at),
            });
        }
        let members = keys.into_iter().zip(values).map(|(key, value)| key.zip(value));
        members.collect::<Option<_>>().map(Self)
    }

    fn shape() -> Shape {
        Shape::Map { key: Box::new(K::shape()), value: Box::new(V::shape()) }
    }
}

/// A method as a key of an object: one that is registered by its name, another one as `extension:PURGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodKey(pub Method);

impl FromTree for MethodKey {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("an HTTP method", tree) };
        super::scalar::method(text, text.strip_prefix(Self::EXTENSION), "extension:NAME", at).map(Self)
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "HTTP method, or `extension:NAME`",
            schema: r#"{"type": "string", "pattern": "^([A-Z][A-Z-]*|extension:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$"}"#,
        }
    }
}

impl MethodKey {
    /// What stands before the name of a method that is not registered. No token has a colon.
    const EXTENSION: &str = "extension:";
}

/// Any JSON value, kept as it is.
impl FromTree for Tree {
    fn read(tree: &Tree, _: &At<'_>) -> Option<Self> {
        Some(tree.clone())
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "JSON", schema: "{}" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaRange;
    use std::cell::RefCell;

    fn read<T: FromTree>(text: &str) -> (Option<T>, Vec<String>) {
        let errors = RefCell::new(Vec::new());
        let tree = serde_json::from_str::<Tree>(text).ok();
        let read = tree.and_then(|tree| T::read(&tree, &At::root(&errors)));
        (read, errors.into_inner().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn members_keep_their_order_and_every_error_has_its_place() {
        type Flags = Map<MediaRange, bool>;
        let (read_one, errors) = read::<Flags>(r#"{"text/csv": true, "A/B": false}"#);
        let keys: Vec<(String, bool)> =
            read_one.into_iter().flat_map(|map| map.0).map(|(key, flag)| (key.to_string(), flag)).collect();
        assert_eq!(keys, [("text/csv".to_owned(), true), ("a/b".to_owned(), false)]);
        assert!(errors.is_empty());
        let (none, errors) = read::<Flags>(r#"{"a/b": 1, "A/B": true, "x": true, "c/d": null, "a/b": true}"#);
        assert_eq!(none, None);
        assert_eq!(
            errors,
            [
                "[\"a/b\"]: expected true or false, got a number",
                "[\"A/B\"]: the key is given twice",
                "x: not a media type; expected as application/json, application/*+json, text/* or */*, without parameters",
                "[\"c/d\"]: null is not a value; leave the key out",
                "[\"a/b\"]: the key is given twice",
            ]
        );
        assert_eq!(read::<Flags>("[]").1, ["expected an object, got an array"]);
    }

    #[test]
    fn any_json_is_kept_as_it_is() {
        let text = r#"{"a": [1, null, "b"], "a": 1.5}"#;
        let expected = serde_json::from_str::<Tree>(text).ok();
        assert_eq!(read::<Tree>(text), (expected, Vec::new()));
    }
}
