//! How the plain values of a configuration are read.

use super::read::nearest;
use super::{At, FromTree, Shape, Tree};
use http::{HeaderName, HeaderValue, Method};

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
        Shape::Scalar("string")
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
        Shape::Scalar("boolean")
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
        Shape::Scalar("integer, at least 1")
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
        Shape::Scalar("header name")
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
        Shape::Scalar("header value")
    }
}

/// The IANA HTTP Method Registry (2026-01) and TRACK, which servers implement and nobody registered.
const KNOWN_METHODS: &[&str] = &[
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
        let (text, at) = match (tree, tree.member("extension")) {
            (Tree::String(text), _) => {
                if !KNOWN_METHODS.contains(&text.as_str()) {
                    let meant =
                        nearest(text, KNOWN_METHODS).map(|name| format!("; did you mean \"{name}\"?"));
                    at.error(format!(
                        "unknown HTTP method{} An extension method is written {{\"extension\": \"NAME\"}}",
                        meant.as_deref().unwrap_or(".")
                    ));
                    return None;
                }
                (text, *at)
            }
            (Tree::Object(members), Some(Tree::String(text))) if members.len() == 1 => {
                let at = at.key("extension");
                if let Some(known) = KNOWN_METHODS.iter().find(|known| known.eq_ignore_ascii_case(text)) {
                    at.error(format!("not an extension method: write \"{known}\""));
                    return None;
                }
                (text, at)
            }
            _ => return at.expected("an HTTP method", tree),
        };
        let method = Self::from_bytes(text.as_bytes()).ok();
        if method.is_none() {
            at.error("not a method token (RFC 9110 section 9.1)");
        }
        method
    }

    fn shape() -> Shape {
        Shape::Scalar("HTTP method, or `{\"extension\": \"NAME\"}`")
    }
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
        Shape::Scalar("`1`")
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
        Shape::Map(Box::new(HeaderValue::shape()))
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
        Vec::<T>::shape()
    }
}
