//! JSON objects with one reading: no duplicate members, bounded depth, bounded count.

use super::JsonError;
use crate::claims::ClaimTree;
use filter_core::config::Tree;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Deepest nesting of objects and arrays, the outermost object included.
pub const MAX_DEPTH: usize = 16;

/// Most members of all objects of a header or payload together. Items of arrays are bounded by the size alone.
pub const MAX_MEMBERS: usize = 256;

/// Reads a JSON object and nothing after it but white space.
///
/// What is nested deeper than the 128 levels of `serde_json` is already no JSON to it; that bounds the stack.
pub(super) fn object(bytes: &[u8]) -> Result<Vec<(Cow<'_, str>, ClaimTree<'_>)>, JsonError> {
    std::str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?;
    let tree = Tree::parse(bytes).map_err(|_| JsonError::Syntax)?;
    let mut left = MAX_MEMBERS;
    check(&tree, MAX_DEPTH, &mut left)?;
    match tree {
        Tree::Object(members) => Ok(members),
        _ => Err(JsonError::NotObject),
    }
}

/// `levels` and `members`: how many are left.
fn check(tree: &ClaimTree<'_>, levels: usize, members: &mut usize) -> Result<(), JsonError> {
    let below = || levels.checked_sub(1).ok_or(JsonError::Depth);
    match tree {
        Tree::Array(items) => {
            let levels = below()?;
            items.iter().try_for_each(|item| check(item, levels, members))
        }
        Tree::Object(list) => {
            let levels = below()?;
            *members = members.checked_sub(list.len()).ok_or(JsonError::Members)?;
            if has_duplicate(list) {
                return Err(JsonError::Duplicate);
            }
            list.iter().try_for_each(|(_, value)| check(value, levels, members))
        }
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::String(_) => Ok(()),
    }
}

/// Names are compared as they read, after escapes: `al\u0067` is `alg`.
fn has_duplicate(members: &[(Cow<'_, str>, ClaimTree<'_>)]) -> bool {
    // Few are compared with each other sooner than a set is made of them.
    if members.len() <= 16 {
        let mut rest = members;
        while let [(name, _), later @ ..] = rest {
            if later.iter().any(|(other, _)| other == name) {
                return true;
            }
            rest = later;
        }
        return false;
    }
    let mut names = BTreeSet::new();
    !members.iter().all(|(name, _)| names.insert(name.as_ref()))
}
