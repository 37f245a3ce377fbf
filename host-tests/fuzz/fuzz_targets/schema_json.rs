//! A client sends anything as JSON: it is read without a panic and within the limits, and taken where `serde_json` takes
//! it, as the same value.

#![no_main]

#[path = "../../../plugins/schema-guard/tests/shared/same.rs"]
mod same;

use libfuzzer_sys::fuzz_target;
use same::same;
use schema_guard::json::{Limits, Refusal, Tree};
use serde_json::Value;

/// Less deep than what `serde_json` reads.
const LIMITS: Limits =
    Limits { depth: 100, values: 5_000, members: 500, items: 1_000, name: 500, string: 5_000, number: 500 };

fuzz_target!(|input: &[u8]| {
    let value = serde_json::from_slice::<Value>(input);
    match Tree::read(input, &LIMITS) {
        Ok(tree) => {
            assert!(tree == tree.clone() && within(&tree, LIMITS.depth));
            match value {
                Ok(value) => assert!(same(&tree, &value), "read as something else"),
                Err(error) => {
                    assert!(error.to_string().starts_with("number out of range"), "not JSON: {error}")
                }
            }
        }
        Err(Refusal::Malformed { at, .. }) => {
            assert!(at <= input.len());
            assert!(value.is_err(), "JSON that is not read");
        }
        Err(Refusal::Duplicate { at }) => assert_eq!(input.get(at), Some(&b'"')),
        Err(Refusal::TooMuch(_)) => assert!(input.len() > LIMITS.depth, "nothing is that large"),
    }
});

fn within(tree: &Tree<'_>, depth: usize) -> bool {
    match tree {
        Tree::Array(items) => depth > 0 && items.iter().all(|item| within(item, depth - 1)),
        Tree::Object(object) => depth > 0 && object.iter().all(|(_, value)| within(value, depth - 1)),
        Tree::Number(number) => {
            *number == *number && (number.is_integer() || !number.is_written_as_integer())
        }
        _ => true,
    }
}
