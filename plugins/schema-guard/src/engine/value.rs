//! A schema of the configuration as the engine takes it.

use filter_core::config::{At, Tree};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The schema, or `None` and errors where a name is given twice. The depth of a configuration is bounded.
pub(super) fn value(tree: &Tree, at: &At<'_>) -> Option<Value> {
    Some(match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Number(number) => Value::Number(number.clone()),
        Tree::String(text) => Value::String(text.clone()),
        Tree::Array(items) => {
            let items: Vec<_> =
                items.iter().enumerate().map(|(index, item)| value(item, &at.index(index))).collect();
            Value::Array(items.into_iter().collect::<Option<_>>()?)
        }
        Tree::Object(members) => {
            let (mut seen, mut map, mut clean) = (BTreeSet::new(), Map::new(), true);
            for (name, member) in members {
                let at = at.key(name);
                if !seen.insert(name.as_str()) {
                    at.error("the key is given twice");
                    clean = false;
                }
                match value(member, &at) {
                    Some(member) => drop(map.insert(name.clone(), member)),
                    None => clean = false,
                }
            }
            clean.then_some(Value::Object(map))?
        }
    })
}

/// A step from a value into one of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of this name.
    Key(String),
    /// The element at this index.
    Index(usize),
}

/// Reports an error at the end of a path.
pub(super) fn report(at: &At<'_>, path: &[Step], message: &str) {
    match path.split_first() {
        None => at.error(message),
        Some((Step::Key(key), rest)) => report(&at.key(key), rest, message),
        Some((Step::Index(index), rest)) => report(&at.index(*index), rest, message),
    }
}

/// The path to the first part of a value that is as wanted, the value itself included.
pub(super) fn find(value: &Value, wanted: &impl Fn(&Value) -> bool) -> Option<Vec<Step>> {
    let mut path = Vec::new();
    found(value, wanted, &mut path).then_some(path)
}

fn found(value: &Value, wanted: &impl Fn(&Value) -> bool, path: &mut Vec<Step>) -> bool {
    let mut into = |step: Step, part: &Value| {
        path.push(step);
        let found = found(part, wanted, path);
        if !found {
            path.pop();
        }
        found
    };
    wanted(value)
        || match value {
            Value::Array(items) => {
                items.iter().enumerate().any(|(index, item)| into(Step::Index(index), item))
            }
            Value::Object(members) => {
                members.iter().any(|(name, member)| into(Step::Key(name.clone()), member))
            }
            _ => false,
        }
}
