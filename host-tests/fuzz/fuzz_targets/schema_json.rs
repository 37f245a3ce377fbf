//! A client sends anything as JSON: it is read without a panic and within the limits, and taken where `serde_json` takes
//! it, as the same value.

#![no_main]

use libfuzzer_sys::fuzz_target;
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

fn same(tree: &Tree<'_>, value: &Value) -> bool {
    match (tree, value) {
        (Tree::Null, Value::Null) => true,
        (Tree::Bool(one), Value::Bool(other)) => one == other,
        (Tree::Number(one), Value::Number(other)) => match (other.as_i64(), other.as_u64()) {
            (Some(other), _) => one.as_i64() == Some(other),
            (_, Some(other)) => one.as_u64() == Some(other),
            // `serde_json` rounds to one of the two floats nearest.
            _ => other
                .as_f64()
                .is_some_and(|other| (one.as_f64() - other).abs() <= other.abs() * f64::EPSILON + 1e-320),
        },
        (Tree::String(one), Value::String(other)) => one == other,
        (Tree::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Tree::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => false,
    }
}
