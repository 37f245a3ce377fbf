//! Tokens in cookies (RFC 6265 section 4.2).

use super::{Found, Place};
use filter_core::message::Headers;
use filter_core::pairs::{all_cookies, cookie, cookies};
use std::borrow::Cow;

/// Every cookie of the name counts: servers disagree which of two is meant. A value in quotes is malformed: servers
/// disagree about those, too, and no token needs them.
pub(super) fn find<'r, 'p>(headers: &'r Headers, names: &'p [String], found: &mut Found<'r, 'p>) {
    if names.is_empty() {
        return;
    }
    for pair in all_cookies(headers) {
        let (name, value) = cookie(pair);
        if let Some(known) = names.iter().find(|known| known.as_bytes() == name) {
            let value = Some(value).filter(|value| !value.starts_with(b"\""));
            found.add(Place::Cookie(known), value.map(Cow::Borrowed));
        }
    }
}

/// A `Cookie` without that cookie, the others byte for byte. `None`: it has no such cookie.
pub(super) fn without(line: &[u8], name: &str) -> Option<Vec<u8>> {
    let is_it = |pair: &&[u8]| cookie(pair).0 == name.as_bytes();
    let pairs = || cookies(line);
    if !pairs().any(|pair| is_it(&pair)) {
        return None;
    }
    let kept: Vec<&[u8]> = pairs().filter(|pair| !is_it(pair)).collect();
    let kept = kept.join(&b';');
    // The space after the separator that is gone.
    let kept =
        if pairs().next().is_some_and(|first| is_it(&first)) { kept.trim_ascii_start() } else { &kept };
    Some(kept.to_vec())
}
