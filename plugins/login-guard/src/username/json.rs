//! A name in a JSON body.

use super::{Found, Malformed, is_same};
use crate::config::Pointer;
use schema_guard_pass::json::{Limits, Object, Refusal, Tree};

/// What an attempt to log in is never beyond.
const LIMITS: Limits = Limits { depth: 16, values: 4096, members: 256, ..Limits::DEFAULT };

/// The string that a pointer points to. Names are compared without case, for Go and .NET read them so: of two that are the
/// same then, servers differ which one counts.
///
/// # Errors
/// The body is not JSON with one reading, or what is there is not a string.
pub fn json<'b>(body: &'b [u8], Pointer(pointer): &Pointer) -> Found<'b> {
    if body.is_empty() {
        return Ok(None);
    }
    let tree = Tree::read(body, &LIMITS).map_err(|refusal| match refusal {
        Refusal::Malformed { .. } => Malformed("a body that is not JSON"),
        Refusal::Duplicate { .. } => Malformed("a member twice"),
        Refusal::TooMuch(_) => Malformed("a body beyond the limits of depth and number"),
    })?;
    let mut part = &tree;
    for name in pointer {
        let next = match part {
            Tree::Object(object) => member(object, name)?,
            Tree::Array(items) => index(name).and_then(|index| items.get(index)),
            _ => None,
        };
        match next {
            Some(next) => part = next,
            None => return Ok(None),
        }
    }
    match part {
        Tree::String(name) => Ok(Some(name.clone())),
        _ => Err(Malformed("a name that is not a string")),
    }
}

fn member<'t, 'b>(object: &'t Object<'b>, name: &str) -> Result<Option<&'t Tree<'b>>, Malformed> {
    let mut found = object.iter().filter(|(own, _)| is_same(own, name)).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Malformed("two members that differ in case alone")),
        (first, None) => Ok(first),
    }
}

/// An index as RFC 6901 section 4 writes it.
fn index(name: &str) -> Option<usize> {
    let plain = name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    if plain { name.parse().ok() } else { None }
}
