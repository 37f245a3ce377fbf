//! Equality of a document's value and one of a schema, as JSON Schema has it: numbers by their exact value, objects
//! whatever the order of their members.

use super::{Number, Tree};
use serde_json::Value;

/// Whether a document's value is one of a schema. Depth is bounded by that of the schema.
#[must_use]
pub fn equal(tree: &Tree<'_>, value: &Value) -> bool {
    match (tree, value) {
        (Tree::Null, Value::Null) => true,
        (Tree::Bool(one), Value::Bool(other)) => one == other,
        (Tree::Number(one), Value::Number(other)) => same(*one, other),
        (Tree::String(one), Value::String(other)) => one == other,
        (Tree::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Tree::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => false,
    }
}

fn same(one: Number<'_>, other: &serde_json::Number) -> bool {
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return one == other;
    }
    // What is equal rounds to the same: seldom is more looked at than this.
    Some(one.as_f64()) == other.as_f64() && Number::of(&other.to_string()).is_some_and(|other| one == other)
}
