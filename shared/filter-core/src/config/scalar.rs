//! How the plain values of a configuration are read.

use super::read::nearest;
use super::{At, FromTree, Shape, Tree};
use http::{HeaderName, HeaderValue, Method};
use std::time::Duration;

impl FromTree for String {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::String(text) if text.is_empty() => {
                at.error("must not be empty");
                None
            }
            Tree::String(text) => Some(text.clone()),
            other => at.expected("a string", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "string", schema: r#"{"type": "string", "minLength": 1}"# }
    }
}

impl FromTree for bool {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::Bool(value) => Some(*value),
            other => at.expected("true or false", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "boolean", schema: r#"{"type": "boolean"}"# }
    }
}

/// A count or a size in bytes: zero is an error, a limit of nothing is never meant.
impl FromTree for std::num::NonZeroU64 {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Number(number) = tree else { return at.expected("a positive integer", tree) };
        let read = number.as_u64().and_then(Self::new);
        if read.is_none() {
            at.error("must be an integer of at least 1");
        }
        read
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "integer, at least 1",
            schema: r#"{"type": "integer", "minimum": 1, "maximum": 18446744073709551615}"#,
        }
    }
}

/// A time span with its unit: `"50ms"`, `"60s"`, `"10m"`, `"24h"`. Zero is an error.
impl FromTree for Duration {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a duration as \"60s\"", tree) };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
        let millis: Option<u64> = match unit {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let number = number.parse::<u64>().ok();
        let read = number.zip(millis).and_then(|(number, millis)| number.checked_mul(millis));
        match read {
            Some(0) => at.error("must be longer than nothing"),
            Some(millis) => return Some(Self::from_millis(millis)),
            None => at.error("not a duration; expected an integer and ms, s, m or h, as \"60s\""),
        }
        None
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "duration, as `\"60s\"`",
            schema: r#"{"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}"#,
        }
    }
}

impl FromTree for HeaderName {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a header name", tree) };
        let name = Self::from_bytes(text.as_bytes()).ok();
        if name.is_none() {
            at.error("not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)");
        }
        name
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "header name",
            schema: r#"{"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}"#,
        }
    }
}

impl FromTree for HeaderValue {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a header value", tree) };
        // `http` would let through what is not ASCII.
        let value = Self::from_str(text).ok().filter(|_| text.is_ascii());
        if value.is_none() {
            at.error("not a header value: visible ASCII, spaces and tabs only");
        }
        value
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "header value", schema: r#"{"type": "string", "pattern": "^[\\t -~]*$"}"# }
    }
}

/// One list of methods for the reader, and in the schema for an editor to offer.
macro_rules! known_methods {
    ($first:literal $(, $rest:literal)* $(,)?) => {
        const KNOWN_METHODS: &[&str] = &[$first $(, $rest)*];
        const METHOD_SCHEMA: &str = concat!(
            r#"{"anyOf": [{"enum": [""#, $first, $(r#"", ""#, $rest,)* r#""]}, "#,
            r#"{"type": "object", "additionalProperties": false, "required": ["extension"], "properties": "#,
            r#"{"extension": {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"}}}]}"#,
        );
    };
}

// The IANA HTTP Method Registry (2026-01) and TRACK, which servers implement and nobody registered.
known_methods![
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "TRACK",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// A registered method as a string, any other token as `{"extension": "PURGE"}`: a typo is not a policy.
impl FromTree for Method {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match (tree, tree.member("extension")) {
            (Tree::String(text), _) => method(text, None, "{\"extension\": \"NAME\"}", at),
            (Tree::Object(members), Some(Tree::String(text))) if members.len() == 1 => {
                method(text, Some(text), "", &at.key("extension"))
            }
            _ => at.expected("an HTTP method", tree),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "HTTP method, or `{\"extension\": \"NAME\"}`", schema: METHOD_SCHEMA }
    }
}

/// A registered method, or where it is said to be none (`extension`) any other token. `written`: how one says so.
pub(super) fn method(text: &str, extension: Option<&str>, written: &str, at: &At<'_>) -> Option<Method> {
    let known = |name: &str| KNOWN_METHODS.iter().find(|known| known.eq_ignore_ascii_case(name));
    if let Some(known) = extension.and_then(known) {
        at.error(format!("not an extension method: write \"{known}\""));
        return None;
    }
    if extension.is_none() && !KNOWN_METHODS.contains(&text) {
        let meant = nearest(text, KNOWN_METHODS).map(|name| format!("; did you mean \"{name}\"?"));
        let meant = meant.as_deref().unwrap_or(".");
        at.error(format!("unknown HTTP method{meant} An extension method is written {written}"));
        return None;
    }
    let method = Method::from_bytes(extension.unwrap_or(text).as_bytes()).ok();
    if method.is_none() {
        at.error("not a method token (RFC 9110 section 9.1)");
    }
    method
}

/// The version of a configuration format. `load` refuses any other before anything else is read.
#[derive(Debug, Clone, Copy)]
pub struct Version;

impl FromTree for Version {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::Number(number) if number.as_u64() == Some(1) => Some(Self),
            other => at.expected("the number 1", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "`1`", schema: r#"{"const": 1}"# }
    }
}

/// Header fields by name: `{"x-frame-options": "DENY"}`. One value per name, in the order written.
#[derive(Debug, Clone)]
pub struct HeaderFields(pub Vec<(HeaderName, HeaderValue)>);

impl FromTree for HeaderFields {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Object(members) = tree else {
            return at.expected("an object of header names and values", tree);
        };
        let mut fields: Vec<Option<(HeaderName, HeaderValue)>> = Vec::new();
        for (key, value) in members {
            let at = at.key(key);
            let name = HeaderName::read(&Tree::String(key.clone()), &at);
            let value = HeaderValue::read(value, &at);
            let field = name.zip(value);
            if field.as_ref().is_some_and(|(name, _)| fields.iter().flatten().any(|(other, _)| other == name))
            {
                at.error("the header is given twice");
                fields.push(None);
            } else {
                fields.push(field);
            }
        }
        fields.into_iter().collect::<Option<_>>().map(Self)
    }

    fn shape() -> Shape {
        Shape::Map { key: Box::new(HeaderName::shape()), value: Box::new(HeaderValue::shape()) }
    }
}

/// A list that says something: an empty one would read as "any".
#[derive(Debug, Clone)]
pub struct NonEmpty<T>(pub Vec<T>);

impl<T: FromTree> FromTree for NonEmpty<T> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let items = Vec::read(tree, at)?;
        if items.is_empty() {
            at.error("must not be empty; leave the key out");
            return None;
        }
        Some(Self(items))
    }

    fn shape() -> Shape {
        Shape::List { item: Box::new(T::shape()), least: 1 }
    }
}
