//! The comparison of what is read with what `serde_json` reads; the fuzz target uses it too.

use schema_guard::json::Tree;
use serde_json::Value;

/// Whether a tree is what `serde_json` read.
pub fn same(tree: &Tree<'_>, value: &Value) -> bool {
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
