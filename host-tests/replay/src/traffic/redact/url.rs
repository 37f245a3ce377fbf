//! Paths, queries and URLs.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::names::suggests_secret;
use super::{Found, MASK, text};

/// Where pairs begin, and where the value of a credential ends.
pub(super) struct Separators {
    begin: &'static [u8],
    end: &'static [u8],
}

/// Segment parameters: `/a;jsessionid=…/b`.
const SEGMENTS: Separators = Separators { begin: b"/;", end: b"/;" };
/// Queries and fragments. Some servers take `;` for `&`, so that a name may follow it; where it is none, it
/// is part of the value.
const QUERY: Separators = Separators { begin: b"&;?#", end: b"&#" };
/// Forms.
pub(super) const FORM: Separators = Separators { begin: b"&;", end: b"&" };

pub(super) fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(text).into()
}

/// Masks a path with query and fragment, or a URL.
pub(super) fn path_into(path: &[u8], out: &mut Vec<u8>, found: &mut Found) {
    let mut rest = path;
    let scheme = memchr::memmem::find(path, b"://").filter(|at| {
        path.get(..*at).is_some_and(|scheme| scheme.iter().all(|byte| byte.is_ascii_alphanumeric()))
    });
    if let Some(at) = scheme {
        let (scheme, after) = path.split_at_checked(at + 3).unwrap_or_default();
        out.extend_from_slice(scheme);
        let end = after.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(after.len());
        let (authority, after) = after.split_at_checked(end).unwrap_or_default();
        authority_into(authority, out, found);
        rest = after;
    }
    let end = rest.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(rest.len());
    let (segments, query) = rest.split_at_checked(end).unwrap_or_default();
    pairs_into(segments, &SEGMENTS, out, found);
    pairs_into(query, &QUERY, out, found);
}

/// A query without its `?`.
pub(super) fn query(query: &[u8], found: &mut Found) -> Vec<u8> {
    let mut out = Vec::with_capacity(query.len());
    pairs_into(query, &QUERY, &mut out, found);
    out
}

/// Masks the user info of a host.
pub(super) fn authority_into(authority: &[u8], out: &mut Vec<u8>, found: &mut Found) {
    let Some(at) = memchr::memrchr(b'@', authority) else { return out.extend_from_slice(authority) };
    let (userinfo, host) = authority.split_at_checked(at).unwrap_or_default();
    found.add_encoded(userinfo);
    if let Some(colon) = memchr::memchr(b':', userinfo) {
        found.add_encoded(userinfo.get(colon + 1..).unwrap_or_default());
    }
    out.extend_from_slice(MASK.as_bytes());
    out.extend_from_slice(host);
}

/// Masks the values of a list of `name=value`.
pub(super) fn pairs_into(list: &[u8], separators: &Separators, out: &mut Vec<u8>, found: &mut Found) {
    let mut rest = list;
    while let Some(first) = rest.first() {
        if separators.begin.contains(first) {
            out.push(*first);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let length = pair_into(rest, separators, out, found);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Masks the pair that `list` begins with; how long it is.
fn pair_into(list: &[u8], separators: &Separators, out: &mut Vec<u8>, found: &mut Found) -> usize {
    let until = |ends: &[u8]| list.iter().position(|byte| ends.contains(byte)).unwrap_or(list.len());
    let pair = list.get(..until(separators.begin)).unwrap_or(list);
    let Some(equals) = memchr::memchr(b'=', pair) else {
        value_into(pair, out, found);
        return pair.len();
    };
    let (name, value) = pair.split_at_checked(equals + 1).unwrap_or_default();
    out.extend_from_slice(name);
    if !suggests_secret(name) {
        value_into(value, out, found);
        return pair.len();
    }
    let end = until(separators.end);
    let value = list.get(equals + 1..end).unwrap_or_default();
    if !value.is_empty() {
        found.add_encoded(value);
        out.extend_from_slice(MASK.as_bytes());
    }
    end
}

/// A value that may itself be a URL, or any text with a credential; masked whole where it is encoded.
fn value_into(value: &[u8], out: &mut Vec<u8>, found: &mut Found) {
    let plain = decoded(value);
    match text::patterns(&plain, found) {
        Cow::Borrowed(_) => out.extend_from_slice(value),
        Cow::Owned(masked) if plain == value => out.extend_from_slice(&masked),
        Cow::Owned(_) => out.extend_from_slice(MASK.as_bytes()),
    }
}
