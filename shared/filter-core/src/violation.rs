//! Where and how a request breaks its schema, as a client may read it: never a value.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// One place of a request that breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where.
    pub place: Place,
    /// The keyword of JSON Schema that is not met, as `minimum`.
    pub keyword: Cow<'static, str>,
}

/// A place in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the body: a JSON pointer (RFC 6901), empty for the whole.
    Body(String),
    /// A parameter, or a place within it.
    Parameter {
        /// `path`, `query` or `header`.
        location: &'static str,
        /// Its name as configured.
        name: String,
        /// A JSON pointer within its value, empty for the whole.
        pointer: String,
    },
}

impl fmt::Display for Violation {
    /// As a log shows it: `/user_id: minimum`, `query page: type`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Body(pointer) => write!(f, "{pointer}: {}", self.keyword),
            Place::Parameter { location, name, pointer } => {
                write!(f, "{location} {name}{pointer}: {}", self.keyword)
            }
        }
    }
}

/// The member `errors` of problem details (RFC 9457 section 3, as in its example of a validation error), with the comma
/// before it: as many violations as fit into `room` bytes.
pub(crate) fn render(violations: &[Violation], room: usize) -> String {
    let mut text = String::new();
    for Violation { place, keyword } in violations {
        let mut one = String::from(if text.is_empty() { ",\"errors\":[{" } else { ",{" });
        match place {
            Place::Body(pointer) => {
                one.push_str("\"pointer\":");
                string(&mut one, &format!("#{}", fragment(pointer)));
            }
            Place::Parameter { location, name, pointer } => {
                let _ = write!(one, "\"in\":\"{location}\",\"parameter\":");
                string(&mut one, name);
                if !pointer.is_empty() {
                    one.push_str(",\"pointer\":");
                    string(&mut one, &format!("#{}", fragment(pointer)));
                }
            }
        }
        one.push_str(",\"keyword\":");
        string(&mut one, keyword);
        one.push('}');
        // One byte for the closing bracket.
        if text.len().saturating_add(one.len()) >= room {
            break;
        }
        text.push_str(&one);
    }
    if !text.is_empty() {
        text.push(']');
    }
    text
}

/// A pointer as a URI fragment (RFC 6901 section 6).
fn fragment(pointer: &str) -> Cow<'_, str> {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    /// What RFC 3986 section 3.5 does not let stand in a fragment.
    const NOT_IN_FRAGMENT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    utf8_percent_encode(pointer, NOT_IN_FRAGMENT).into()
}

fn string(text: &mut String, value: &str) {
    // A string always becomes JSON; `Value` displays it escaped.
    let _ = write!(text, "{}", serde_json::Value::from(value));
}
