//! The name of a user in a request: one reading, or a refusal. Whoever finds a spelling that is one user here and another at
//! the API guesses for nothing.

mod form;
mod json;

pub use form::form;
pub use json::json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use filter_core::message::Headers;
use std::borrow::Cow;

/// Longest name, in bytes: an e-mail address has 254 (RFC 5321).
const LONGEST: usize = 512;

/// Why there is no telling whose attempt it is; nothing of the request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// A name as it was found; `None`: there is none.
pub type Found<'r> = Result<Option<Cow<'r, str>>, Malformed>;

/// The user-id of `Authorization: Basic` (RFC 7617). Another scheme names no user.
///
/// # Errors
/// Two fields, or what is not padded Base64 of UTF-8 with a colon in it.
pub fn basic(headers: &Headers) -> Found<'static> {
    let mut fields = headers.all("authorization");
    let (first, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(Malformed("two Authorization fields"));
    }
    let Some(field) = first.map(<[u8]>::trim_ascii) else { return Ok(None) };
    let end = field.iter().position(u8::is_ascii_whitespace).unwrap_or(field.len());
    let (scheme, credentials) = field.split_at_checked(end).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"basic") {
        // Envoy joins two fields with a comma.
        let basic = |part: &[u8]| {
            part.trim_ascii_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
        };
        return if field.split(|&b| b == b',').any(basic) {
            Err(Malformed("several credentials"))
        } else {
            Ok(None)
        };
    }
    let decoded =
        STANDARD.decode(credentials.trim_ascii()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or(Malformed("credentials that are not Base64 of UTF-8"))?;
    match decoded.split_once(':') {
        Some((user, _)) => Ok(Some(Cow::Owned(user.to_owned()))),
        None => Err(Malformed("credentials without a colon")),
    }
}

/// A name as it is counted: without white space around it and, where case says nothing, without case. `None`: it is empty.
///
/// # Errors
/// It has control characters, after which some servers read nothing more, or more than 512 bytes.
pub fn normalized(name: &str, case_sensitive: bool) -> Result<Option<String>, Malformed> {
    let name = name.trim();
    if name.len() > LONGEST {
        return Err(Malformed("a name longer than 512 bytes"));
    }
    if name.chars().any(char::is_control) {
        return Err(Malformed("a control character in the name"));
    }
    let normalized = if case_sensitive { name.to_owned() } else { folded(name) };
    Ok(Some(normalized).filter(|name| !name.is_empty()))
}

/// Without case: `ſ`, `S` and `s` are one, and so are `ς`, `Σ` and `σ`.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Whether two names of members or fields are the same to somebody: Go and .NET read them without case.
fn is_same(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}
