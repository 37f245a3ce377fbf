//! Answers as written: the fields of an OpenAPI 3.1 response object that say something about its body.

use crate::config::ContentConfig;
use filter_core::config::{At, FromTree, Map, Shape, Tree};
use filter_core::config_struct;
use filter_core::media::MediaRange;
use std::fmt;

config_struct! {
    /// An answer of the upstream. Whatever is wrong with it, it passes and is reported.
    pub struct ResponseConfig {
        /// What its body may be, by media type: JSON, or anything else with `skip: true`. Left out: there must be none.
        content: Option<Map<MediaRange, ContentConfig>>,
    }
}

/// Which answers an entry is about: `200`, `2XX` or `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusKey {
    /// One status.
    Exact(u16),
    /// All of a class, by its first digit.
    Class(u16),
    /// All that no other entry is about.
    Default,
}

impl StatusKey {
    /// Whether this is an entry for a status.
    pub(super) fn matches(self, status: u16) -> bool {
        match self {
            Self::Exact(own) => own == status,
            Self::Class(digit) => status / 100 == digit,
            Self::Default => true,
        }
    }
}

impl fmt::Display for StatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(status) => write!(f, "{status}"),
            Self::Class(digit) => write!(f, "{digit}XX"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl FromTree for StatusKey {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a status", tree) };
        let read = match text.as_bytes() {
            b"default" => Some(Self::Default),
            [digit @ b'1'..=b'5', b'X', b'X'] => Some(Self::Class(u16::from(digit - b'0'))),
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(Self::Exact),
            _ => None,
        };
        if read.is_none() {
            at.error("not a status; expected as \"200\", \"2XX\" or \"default\"");
        }
        read
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "status, as `\"200\"`, `\"2XX\"` or `\"default\"`",
            schema: r#"{"type": "string", "pattern": "^([1-5]([0-9][0-9]|XX)|default)$"}"#,
        }
    }
}
