//! What hostile bodies are held against.

use serde_json::{Value, json};

/// The path of honest bodies: arrays of users.
pub const HONEST: &str = "/users";

/// A configuration with a rule for this path; `wide`, with limits that let much through.
pub fn configuration(path: &str, wide: bool) -> String {
    let rules: Vec<Value> = schemas()
        .into_iter()
        .filter(|(own, _)| *own == path)
        .map(|(path, schema)| {
            json!({
                "name": path.trim_start_matches('/'),
                "match": {"path": {"exact": path}},
                "operations": {"POST": {"body": {"content": {"application/json": {"schema": schema}}}}}
            })
        })
        .collect();
    let limits = if wide {
        json!({
            "body": 2 << 20, "depth": 256, "values": 1 << 18, "members": 1 << 18, "items": 1 << 18, "string": 1 << 20
        })
    } else {
        json!({})
    };
    json!({"version": 1, "limits": limits, "rules": rules}).to_string()
}

fn schemas() -> Vec<(&'static str, Value)> {
    let user = include_str!("../../../../plugins/schema-guard/tests/shared/user.schema.json");
    let user: Value = serde_json::from_str(user).unwrap_or_default();
    let strings = |keyword: &str, value: &str| json!({"type": ["array", "string"], "items": {keyword: value}, keyword: value});
    vec![
        (HONEST, json!({"type": "array", "items": user})),
        ("/any", json!(true)),
        ("/object", json!({"type": "object"})),
        // What is not evaluated is for the engine, with a tree.
        ("/tree", json!({"type": ["array", "object"], "unevaluatedProperties": {}, "unevaluatedItems": {}})),
        ("/unique", json!({"type": "array", "uniqueItems": true})),
        ("/unique-tree", json!({"type": "array", "uniqueItems": true, "unevaluatedItems": {}})),
        ("/enum", json!({"items": {"enum": [[1, 2, 3], {"a": 1}, 1.5, "x"]}})),
        ("/multiple", json!({"items": {"multipleOf": 0.01, "minimum": 0.001}})),
        ("/pattern", strings("pattern", "^(a+)+$")),
        ("/pattern-steps", strings("pattern", "^([a-z]+[0-9]?)*(a?){30}a{30}!$")),
        ("/pattern-unicode", strings("pattern", "^(\\p{L}+\\p{Nd}*)+$")),
        ("/pattern-inside", strings("pattern", "(x+x+)+y")),
        ("/email", strings("format", "email")),
        ("/date-time", strings("format", "date-time")),
        ("/uri", strings("format", "uri")),
        ("/hostname", strings("format", "hostname")),
        ("/ipv6", strings("format", "ipv6")),
        ("/regex", strings("format", "regex")),
        ("/uri-template", strings("format", "uri-template")),
        ("/json-pointer", strings("format", "json-pointer")),
        (
            "/content",
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "contentMediaType": "application/json"}),
        ),
        (
            "/names",
            json!({"patternProperties": {"^(a+)+$": {}, "^a*$": {}, "b$": {}}, "additionalProperties": false}),
        ),
        ("/deep", json!({"items": {"$ref": "#"}, "type": ["array", "integer"], "unevaluatedItems": false})),
        ("/tangled", tangled()),
        ("/alternatives", alternatives()),
    ]
}

/// A schema that is held against each part of a value in several ways, through itself.
fn tangled() -> Value {
    let again = json!({"$ref": "#"});
    json!({
        "anyOf": [
            {"type": "array", "items": again, "minItems": 2},
            {"type": "array", "items": again, "maxItems": 1, "contains": {"const": 0}},
            {"allOf": [{"type": "array"}, {"items": again}, {"items": {"anyOf": [again, {"type": "string"}]}}]},
            {"const": 1}
        ]
    })
}

/// Alternatives of alternatives, without an end to the value's part in them.
fn alternatives() -> Value {
    let mut schema = json!({"type": "array", "items": {"const": 1}});
    for _ in 0..6 {
        schema = json!({"anyOf": [{"allOf": [schema, {"maxItems": 0}]}, schema]});
    }
    schema
}
