//! Statuses of answers, as a configuration names them.

use filter_core::config::{At, FromTree, Shape, Tree};
use filter_core::message::Headers;

/// One status (`404`) or a class of them (`"5xx"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusPattern(Pattern);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    One(u16),
    /// By the first digit.
    Class(u16),
}

impl StatusPattern {
    /// RFC 9110 section 15: what is not between 100 and 599 is to be taken for a 5xx.
    pub(crate) fn matches(self, status: u16) -> bool {
        match self.0 {
            Pattern::One(own) => status == own,
            Pattern::Class(5) => !(100..500).contains(&status),
            Pattern::Class(digit) => status / 100 == digit,
        }
    }

    /// Whether only answers match that tell of an error: 4xx and 5xx.
    pub(crate) fn is_error(self) -> bool {
        match self.0 {
            Pattern::One(status) => status >= 400,
            Pattern::Class(digit) => digit >= 4,
        }
    }
}

/// Whether it is in one of the five classes (RFC 9110 section 15).
pub(crate) fn is_known_class(status: u16) -> bool {
    (100..600).contains(&status)
}

/// The `:status` of an answer. `None`: the host could not hand it over.
pub(crate) fn of(headers: &Headers) -> Option<u16> {
    std::str::from_utf8(headers.first(":status")?).ok()?.parse().ok()
}

impl FromTree for StatusPattern {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let pattern = match tree {
            Tree::Number(number) => {
                let status = number.as_u64().and_then(|status| u16::try_from(status).ok());
                status.filter(|status| is_known_class(*status)).map(Pattern::One)
            }
            Tree::String(text) => match text.as_bytes() {
                [digit @ b'1'..=b'5', b'x', b'x'] => Some(Pattern::Class(u16::from(digit & 0x0f))),
                _ => None,
            },
            other => return at.expected("a status", other),
        };
        if pattern.is_none() {
            at.error("not a status: a number from 100 to 599, or a class as \"5xx\"");
        }
        pattern.map(Self)
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "status, as `404`, or class of statuses, as `\"5xx\"`",
            schema: r#"{"oneOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[1-5]xx$"}]}"#,
        }
    }
}
