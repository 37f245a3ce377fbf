//! A name in a form.

use super::{Found, Malformed, is_same};
use filter_core::pairs;
use std::borrow::Cow;

/// The field of this name. Names are compared without case, for ASP.NET reads them so.
///
/// # Errors
/// The field is there twice, or the form has more than one reading: a `%` without two digits, bytes that are not UTF-8, or a
/// `;`, which no browser sends and some servers take for a `&`.
pub fn form<'b>(body: &'b [u8], name: &str) -> Found<'b> {
    if body.contains(&b';') {
        return Err(Malformed("a semicolon in a form"));
    }
    let mut found = None;
    for pair in pairs::parameters(body).filter(|pair| !pair.is_empty()) {
        let (own, value) = pairs::split(pair);
        let (own, value) = (text(own)?, text(value)?);
        // PHP drops spaces before a name.
        if is_same(own.trim(), name) && found.replace(value).is_some() {
            return Err(Malformed("the field twice"));
        }
    }
    Ok(found)
}

/// What a name or value says, decoded once.
fn text(raw: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|&b| b == b'%') {
        let digits = rest.get(at.saturating_add(1)..at.saturating_add(3)).unwrap_or_default();
        if digits.len() != 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(Malformed("a bad percent-encoding"));
        }
        rest = rest.get(at.saturating_add(3)..).unwrap_or_default();
    }
    let text = match pairs::decoded(raw) {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
    };
    text.ok_or(Malformed("text that is not UTF-8"))
}
