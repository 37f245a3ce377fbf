//! Tokens in header fields.

use super::{Found, Place};
use filter_core::http::HeaderName;
use filter_core::message::Headers;
use memchr::memchr;
use std::borrow::Cow;

/// What one field says.
enum Field<'r> {
    /// Something else: `Basic …` where `Bearer …` is looked for.
    Other,
    /// The prefix, and what is no token.
    Malformed,
    /// The prefix, and this.
    Token(&'r [u8]),
}

/// With a token in one field, a second field of the name makes it ambiguous, whatever that says: `Authorization` is one
/// value, and others may read the other.
pub(super) fn find<'r, 'p>(
    headers: &'r Headers,
    name: &'p HeaderName,
    prefixes: &[String],
    found: &mut Found<'r, 'p>,
) {
    let place = Place::Header(name);
    let mut fields = 0_usize;
    let mut carries = false;
    for (_, value) in headers.iter().filter(|(other, _)| *other == name.as_str().as_bytes()) {
        fields = fields.saturating_add(1);
        match read(value, prefixes) {
            Field::Other => {}
            Field::Malformed => {
                carries = true;
                found.add(place, None);
            }
            Field::Token(token) => {
                carries = true;
                found.add(place, Some(Cow::Borrowed(token)));
            }
        }
        if is_joined(value, prefixes) {
            *found = Found::Ambiguous;
        }
    }
    if carries && fields > 1 {
        *found = Found::Ambiguous;
    }
}

/// By the first prefix that fits. One that ends in a space fits a value that has something else there, too, as
/// `Bearer` alone or with a tab: that is no other scheme.
fn read<'r>(value: &'r [u8], prefixes: &[String]) -> Field<'r> {
    for prefix in prefixes {
        let word = prefix.trim_ascii_end().as_bytes();
        let Some(rest) = strip_prefix(value, word) else { continue };
        let space = prefix.as_bytes().get(word.len()..).unwrap_or_default();
        match rest.strip_prefix(space) {
            Some(token) => return Field::Token(token),
            None if rest.first().is_none_or(u8::is_ascii_whitespace) => return Field::Malformed,
            None => {}
        }
    }
    Field::Other
}

/// Whether a proxy joined several fields with commas (RFC 9110 section 5.3): a later part begins like a token, too.
fn is_joined(value: &[u8], prefixes: &[String]) -> bool {
    if memchr(b',', value).is_none() {
        return false;
    }
    let named = || prefixes.iter().map(|prefix| prefix.trim_ascii_end().as_bytes()).filter(|p| !p.is_empty());
    let mut later = value.split(|&b| b == b',').skip(1).map(<[u8]>::trim_ascii);
    later.any(|part| {
        named().any(|word| {
            strip_prefix(part, word).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
        })
    })
}

/// Schemes are compared without case (RFC 9110 section 11.1).
fn strip_prefix<'r>(value: &'r [u8], prefix: &[u8]) -> Option<&'r [u8]> {
    let (first, rest) = value.split_at_checked(prefix.len())?;
    first.eq_ignore_ascii_case(prefix).then_some(rest)
}
