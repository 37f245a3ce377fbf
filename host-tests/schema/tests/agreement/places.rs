//! The values of a configuration, each with what may stand in its place, and how to spoil one.

use super::SHAPE;
use filter_core::config::Shape;
use serde_json::{Value, json};

/// A value of a configuration.
pub struct Place {
    /// Where (RFC 6901).
    pub pointer: String,
    /// Its key as the README's table has it.
    pub key: String,
    /// What may stand there.
    pub shape: &'static Shape,
}

/// Every value of a configuration, the whole first.
pub fn places(config: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    visit(&SHAPE, config, ("", ""), &mut found);
    found
}

fn visit(shape: &'static Shape, value: &Value, at: (&str, &str), found: &mut Vec<Place>) {
    let (pointer, key) = at;
    found.push(Place { pointer: pointer.to_owned(), key: key.to_owned(), shape });
    match shape {
        Shape::Scalar { .. } | Shape::Enum(_) => {}
        Shape::List { item, .. } => {
            for (i, value) in value.as_array().unwrap().iter().enumerate() {
                visit(item, value, (&format!("{pointer}/{i}"), &format!("{key}[]")), found);
            }
        }
        Shape::Map { value: shape, .. } => {
            for (name, value) in value.as_object().unwrap() {
                visit(shape, value, (&format!("{pointer}/{name}"), &format!("{key}.*")), found);
            }
        }
        Shape::Object(fields) | Shape::OneOf(fields) => {
            for field in fields {
                if let Some(value) = value.get(field.key) {
                    let dot = if key.is_empty() { "" } else { "." };
                    let at = (&*format!("{pointer}/{}", field.key), &*format!("{key}{dot}{}", field.key));
                    visit(&field.shape, value, at, found);
                }
            }
        }
    }
}

/// A configuration with another value at a place.
pub fn with(config: &Value, pointer: &str, value: Value) -> Value {
    let mut config = config.clone();
    *config.pointer_mut(pointer).unwrap() = value;
    config
}

/// A configuration whose object at a place lost a key, or has it under another name.
fn rekeyed(config: &Value, pointer: &str, key: &str, name: Option<String>) -> Value {
    let mut config = config.clone();
    let object = config.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    let value = object.remove(key).unwrap();
    if let Some(name) = name {
        object.insert(name, value);
    }
    config
}

/// Every way to spoil the form of one place, and some that spoil nothing.
pub fn deformed(config: &Value, place: &Place) -> Vec<Value> {
    let value = config.pointer(&place.pointer).unwrap();
    let mut made = Vec::new();
    for other in [json!(null), json!(true), json!(7), json!([]), json!({}), json!([[]]), json!({"x": 7})] {
        made.push(with(config, &place.pointer, other));
    }
    // A text for a text is the loader's to read, unless the texts are listed.
    if !value.is_string() || matches!(place.shape, Shape::Enum(_)) {
        made.push(with(config, &place.pointer, json!("no such value")));
    }
    if value.is_number() {
        for number in [json!(0), json!(-1), json!(1.5), json!(1e300), json!(600)] {
            made.push(with(config, &place.pointer, number));
        }
    }
    for key in value.as_object().into_iter().flat_map(|object| object.keys()) {
        made.push(rekeyed(config, &place.pointer, key, None));
        made.push(rekeyed(config, &place.pointer, key, Some(format!("{key}x"))));
        made.push(rekeyed(config, &place.pointer, key, Some(format!("{key} "))));
    }
    made
}
