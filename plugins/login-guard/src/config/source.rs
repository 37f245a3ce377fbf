//! Where the name of a user is.

use filter_core::config::{At, FieldShape, FromTree, Shape, Tree};
use filter_core::config_struct;

/// Where the name of a user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a JSON body.
    Json(Pointer),
    /// In a field of a form.
    Form(String),
    /// In `Authorization: Basic` (RFC 7617).
    Basic,
}

config_struct! {
    /// A source without options.
    pub struct Nothing {}
}

const SOURCES: &str = "json, form, basic";

impl FromTree for Source {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Object(members) = tree else { return at.expected("an object", tree) };
        let [(source, value)] = members.as_slice() else {
            at.error(format!("expected exactly one of {SOURCES}"));
            return None;
        };
        let at = at.key(source);
        match source.as_str() {
            "json" => Pointer::read(value, &at).map(Self::Json),
            "form" => String::read(value, &at).map(Self::Form),
            "basic" => Nothing::read(value, &at).map(|Nothing {}| Self::Basic),
            _ => {
                at.error(format!("unknown key; expected one of {SOURCES}"));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::OneOf(vec![
            one::<Pointer>("json", "A string in a JSON body (`application/json`, `application/*+json`)."),
            one::<String>("form", "A field of a form (`application/x-www-form-urlencoded`)."),
            one::<Nothing>("basic", "The user-id of `Authorization: Basic` (RFC 7617), as UTF-8."),
        ])
    }
}

fn one<T: FromTree>(key: &'static str, doc: &'static str) -> FieldShape {
    FieldShape { key, doc, default: None, required: false, shape: T::shape() }
}

/// A JSON Pointer (RFC 6901) to a part of a document: at least one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(pub Vec<String>);

impl FromTree for Pointer {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a JSON pointer as \"/username\"", tree) };
        let names = text.strip_prefix('/').map(|rest| rest.split('/').map(unescaped).collect::<Option<_>>());
        let pointer = names.flatten().map(Self);
        if pointer.is_none() {
            at.error("not a JSON pointer (RFC 6901); expected as \"/username\" or \"/data/user~1name\"");
        }
        pointer
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "JSON pointer, as `\"/username\"`",
            schema: r#"{"type": "string", "pattern": "^(/([^/~]|~0|~1)*)+$"}"#,
        }
    }
}

/// `~1` is `/` and `~0` is `~`; a `~` before anything else is an error.
fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split('~');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = match part.strip_prefix('0') {
            Some(rest) => {
                out.push('~');
                rest
            }
            None => {
                let rest = part.strip_prefix('1')?;
                out.push('/');
                rest
            }
        };
        out.push_str(rest);
    }
    Some(out)
}
