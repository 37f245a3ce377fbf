//! A configuration's JSON Schema (draft 2020-12), generated from the types that read it.
//!
//! An editor completes keys, shows what they mean and underlines mistakes with it. What the loader accepts the schema
//! accepts; what compares values with each other (names used twice, a pattern that does not compile) is the loader's.

use crate::docs;
use filter_core::config::{FieldShape, Shape};
use serde_json::{Map, Value, json};

/// What every schema says of itself.
const DESCRIPTION: &str = "What the filter loads. The loader checks more than this schema can say: names and matches \
    used twice, a key given twice, regular expressions, canonical paths, and settings that contradict each other.";

/// The schema of a plugin's configuration. Keys of every object are sorted, whatever else is built with `serde_json`.
///
/// # Panics
/// If a schema text or a default of the shape is not JSON.
#[must_use]
pub fn json_schema(plugin: &str, shape: &Shape) -> Value {
    let mut schema = of(shape);
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(format!("Configuration of {plugin}")));
    schema.insert("description".to_owned(), json!(DESCRIPTION));
    let mut schema = Value::Object(schema);
    schema.sort_all_objects();
    schema
}

/// A schema as the text of its file, to be compared with [`docs::assert_file`].
#[must_use]
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn of(shape: &Shape) -> Map<String, Value> {
    match shape {
        Shape::Scalar { schema, .. } => object(parsed(schema)),
        Shape::Enum(values) => {
            let (texts, docs): (Vec<&str>, Vec<&str>) = values.iter().copied().unzip();
            // The second list is what VS Code shows beside each value.
            object(json!({"type": "string", "enum": texts, "enumDescriptions": docs}))
        }
        Shape::List { item, least } => {
            let mut schema = object(json!({"type": "array", "items": of(item)}));
            if *least > 0 {
                schema.insert("minItems".to_owned(), json!(least));
            }
            schema
        }
        Shape::Map { key, value } => {
            object(json!({"type": "object", "propertyNames": of(key), "additionalProperties": of(value)}))
        }
        Shape::Object(fields) => fixed(fields),
        Shape::OneOf(fields) => {
            let mut schema = fixed(fields);
            schema.insert("minProperties".to_owned(), json!(1));
            schema.insert("maxProperties".to_owned(), json!(1));
            schema
        }
    }
}

/// An object with these keys and no others.
fn fixed(fields: &[FieldShape]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.key.to_owned(), Value::Object(member(field)))).collect();
    let mut schema =
        object(json!({"type": "object", "additionalProperties": false, "properties": properties}));
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn member(field: &FieldShape) -> Map<String, Value> {
    let mut schema = of(&field.shape);
    // The values' meanings as well: not every editor reads `enumDescriptions`.
    schema.insert("description".to_owned(), Value::String(docs::meaning(field)));
    if let Some(default) = field.default {
        schema.insert("default".to_owned(), parsed(default));
    }
    schema
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("not JSON: {error}: {json}"))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("a schema is an object here, not {other}"),
    }
}
