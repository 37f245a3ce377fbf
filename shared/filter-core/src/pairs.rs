//! Names with values as clients send them: cookies, and what is after the `?` of a path. Nothing is merged or dropped; what two
//! of one name mean is the caller's to say.

use crate::message::Headers;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The pairs of a `Cookie` field (RFC 6265 section 4.2).
pub fn cookies(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b';')
}

/// The pairs of all `Cookie` fields.
pub fn all_cookies(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    headers.all("cookie").flat_map(cookies)
}

/// Name and value of a cookie. White space around either is nobody's: a browser sends none, a server may drop it.
#[must_use]
pub fn cookie(pair: &[u8]) -> (&[u8], &[u8]) {
    let (name, value) = split(pair);
    (name.trim_ascii(), value.trim_ascii())
}

/// The pairs of a query (`application/x-www-form-urlencoded`).
pub fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|&b| b == b'&')
}

/// Name and value of a pair as they stand; the value is empty where there is no `=`.
#[must_use]
pub fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let end = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
    let (name, rest) = pair.split_at_checked(end).unwrap_or_default();
    (name, rest.get(1..).unwrap_or_default())
}

/// A name or value of a query, decoded once: `+` is a space, a `%` without two digits stays.
#[must_use]
pub fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return percent_decode(text).into();
    }
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'+' { b' ' } else { b }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
}
