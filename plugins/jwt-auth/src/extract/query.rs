//! Tokens in the query (RFC 6750 section 2.3), as `application/x-www-form-urlencoded`.

use super::{Found, Place};
use filter_core::pairs::{decoded, parameters, split};

/// Every parameter of the name counts, however it is spelt.
pub(super) fn find<'r, 'p>(path: &'r [u8], names: &'p [String], found: &mut Found<'r, 'p>) {
    let Some((_, query)) = at_query(path).filter(|_| !names.is_empty()) else { return };
    for pair in parameters(query) {
        let (name, value) = split(pair);
        let name = decoded(name);
        if let Some(known) = names.iter().find(|known| known.as_bytes() == name.as_ref()) {
            // What is left of a bad encoding is in no token, nor is a space.
            let value = Some(decoded(value)).filter(|value| !value.contains(&b'%'));
            found.add(Place::Query(known), value);
        }
    }
}

/// A path without that parameter, the rest byte for byte; without `?` where nothing is left behind it. `None`: it has no
/// such parameter.
pub(super) fn without(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let (before, query) = at_query(path)?;
    let is_it = |pair: &&[u8]| decoded(split(pair).0).as_ref() == name.as_bytes();
    let pairs = || parameters(query);
    if !pairs().any(|pair| is_it(&pair)) {
        return None;
    }
    let kept: Vec<&[u8]> = pairs().filter(|pair| !is_it(pair)).collect();
    let query = kept.join(&b'&');
    Some(if query.is_empty() { before.to_vec() } else { [before, query.as_slice()].join(&b'?') })
}

/// Before and after the first `?`.
fn at_query(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().position(|&b| b == b'?')?;
    Some((path.get(..at)?, path.get(at.saturating_add(1)..)?))
}
