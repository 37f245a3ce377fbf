//! The pass over the text against the engine: wherever the pass says anything, it says the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod generated;

use filter_core::config::{At, Tree as Written};
use schema_guard::direct::Verdict;
use schema_guard::engine::{Draft, Options, Sources, Validator};
use schema_guard::json::{Limits, Tree};
use schema_guard::schema::{Fault, Schema};
use serde_json::{Value, json};
use std::cell::RefCell;

const LIMITS: Limits = Limits { string: 10_000, ..Limits::DEFAULT };

const DRAFTS: [Draft; 5] =
    [Draft::Draft4, Draft::Draft6, Draft::Draft7, Draft::Draft201909, Draft::Draft202012];

/// A schema compiled twice; `None` where it is an error.
struct Both {
    schema: Schema,
    engine: Validator,
}

impl Both {
    fn of(schema: &Value, draft: Draft) -> Option<Self> {
        let written: Written = serde_json::from_str(&schema.to_string()).unwrap();
        let errors = RefCell::default();
        let at = At::root(&errors);
        let sources =
            Sources::none(&Options { draft, assert_formats: true, allow_unknown: false }, &at).unwrap();
        let schema = Schema::compile(&written, &sources, &at)?;
        Some(Self { schema, engine: Validator::compile(&written, &sources, &at)? })
    }

    /// What the pass says, once it is seen that the engine says the same.
    fn verdict(&self, text: &str) -> Option<Verdict> {
        let direct = self.schema.check_directly(text.as_bytes(), &LIMITS);
        let engine = Tree::read(text.as_bytes(), &LIMITS).is_ok_and(|tree| self.engine.is_valid(&tree));
        match direct {
            Some(Verdict::Valid) => assert!(engine, "{text}: the engine refuses it"),
            Some(Verdict::Invalid) => assert!(!engine, "{text}: the engine takes it"),
            Some(Verdict::Open) | None => {}
        }
        let whole = self.schema.check(text.as_bytes(), &LIMITS, 10);
        assert_eq!(whole.is_ok(), engine, "{text}");
        assert!(whole != Err(Fault::Invalid(Vec::new())), "{text}: nothing to say of it");
        direct
    }
}

fn both(schema: &Value, draft: Draft) -> Both {
    Both::of(schema, draft).unwrap_or_else(|| panic!("{schema} in {draft:?}"))
}

/// Holds texts against a schema that has a plan.
fn held(schema: &Value, draft: Draft, valid: &[&str], invalid: &[&str]) {
    let both = both(schema, draft);
    for text in valid {
        assert_eq!(both.verdict(text), Some(Verdict::Valid), "{schema} {text}");
    }
    for text in invalid {
        assert_eq!(both.verdict(text), Some(Verdict::Invalid), "{schema} {text}");
    }
}

#[test]
fn a_user_is_what_the_schema_says() {
    let schema = serde_json::from_str(include_str!("../shared/user.schema.json")).unwrap();
    let valid = [
        r#"{"user_id":1,"email":"a@example.com"}"#,
        r#"{"email":"a.b+c@mail.example.com","user_id":1.0}"#,
        r#"{"user_id":9007199254740993,"email":"\"quoted\"@example.com"}"#,
        r#"{"user_id":1e400,"\u0065mail":"a@example.com"}"#,
    ];
    let invalid = [
        "[]",
        "{}",
        r#"{"user_id":1}"#,
        r#"{"user_id":0,"email":"a@example.com"}"#,
        r#"{"user_id":"1","email":"a@example.com"}"#,
        r#"{"user_id":1.5,"email":"a@example.com"}"#,
        r#"{"user_id":1,"email":"no"}"#,
        r#"{"user_id":1,"email":"a@example.com","x":1}"#,
        r#"{"user_id":1,"email":"a@example.com","\u0065mail":"a@example.com"}"#,
        r#"{"user_id":1,"email":"a@example.com"} x"#,
    ];
    for draft in DRAFTS {
        let (one, other): (&[&str], &[&str]) = (&valid[2..3], &invalid);
        held(&schema, draft, one, other);
    }
    for draft in &DRAFTS[1..] {
        held(&schema, *draft, &valid, &invalid);
    }
}

#[test]
fn numbers_are_exact() {
    let between = json!({"minimum": 9_007_199_254_740_993_u64, "maximum": 18_446_744_073_709_551_615_u64});
    held(
        &between,
        Draft::Draft202012,
        &["9007199254740993", "9007199254740993.0", "18446744073709551615", "1e19"],
        &["9007199254740992", "18446744073709551616", "1e400", "-1e400", "9007199254740992.9999"],
    );
    held(
        &json!({"multipleOf": 0.01, "exclusiveMinimum": 0.1}),
        Draft::Draft202012,
        &["19.99", "1e400", "0.11"],
        &["0.1", "0.10000000000000000001", "19.991", "1e-400"],
    );
    held(&json!({"minimum": 1, "exclusiveMinimum": true}), Draft::Draft4, &["1.1", "\"0\""], &["1", "1.0"]);
    held(&json!({"type": "integer"}), Draft::Draft4, &["1"], &["1.0", "1e2"]);
    held(
        &json!({"enum": [1, "1", null]}),
        Draft::Draft7,
        &["1.0", "10e-1", "\"1\"", "null"],
        &["true", "\"1.0\"", "[1]"],
    );
}

#[test]
fn names_that_no_schema_knows_may_not_come_twice() {
    for schema in
        [json!(true), json!({}), json!({"properties": {"a": {}}}), json!({"anyOf": [{"type": "object"}]})]
    {
        let distinct: Vec<String> = (0..50).map(|index| format!("\"n{index}\":{{\"a\":{index}}}")).collect();
        let distinct = format!("{{{}}}", distinct.join(","));
        held(
            &schema,
            Draft::Draft202012,
            &["{\"x\":1,\"y\":{\"x\":2}}", &distinct],
            &[
                "{\"x\":1,\"x\":1}",
                "{\"x\":1,\"\\u0078\":1}",
                "{\"y\":[{\"x\":1,\"x\":1}]}",
                &distinct.replace("\"n49\"", "\"n\\u0037\""),
            ],
        );
    }
}

#[test]
fn alternatives_are_read_once_more() {
    let schema = json!({
        "$defs": {
            "card": {"properties": {"kind": {"const": "card"}, "number": {"pattern": "^[0-9]{4}$"}}, "required": ["number"]},
            "bank": {"properties": {"kind": {"const": "bank"}, "iban": {"minLength": 3}}, "required": ["iban"]},
        },
        "type": "object",
        "properties": {"kind": {"enum": ["card", "bank"]}, "extra": {"type": "array", "uniqueItems": true}},
        "required": ["kind"],
        "oneOf": [{"$ref": "#/$defs/card"}, {"$ref": "#/$defs/bank"}],
        "not": {"required": ["number", "iban"]},
    });
    held(
        &schema,
        Draft::Draft202012,
        &[
            r#"{"kind":"card","number":"1234","extra":[1,"1",{"a":1},{"a":2}]}"#,
            r#"{"iban":"DE1","kind":"bank","other":{"deep":[1,2,{"a":null}]}}"#,
        ],
        &[
            r#"{"kind":"card","number":"12345"}"#,
            r#"{"kind":"card","iban":"DE1"}"#,
            r#"{"kind":"bank","iban":"DE1","number":"1"}"#,
            r#"{"kind":"card","number":"1234","extra":[1,1.0]}"#,
            r#"{"kind":"card","number":"1234","extra":[{"a":1,"b":2},{"b":2,"a":1e0}]}"#,
            r#"{"kind":"card","number":"1234","other":{"x":1,"x":2}}"#,
            r#"{"kind":"card","number":"1234","other":[}"#,
            r#"{"kind":"card","number":"1234"}]"#,
        ],
    );
}

#[test]
fn a_schema_that_contains_itself_is_followed() {
    let schema = json!({
        "definitions": {"tree": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "children": {"items": {"$ref": "#/definitions/tree"}}},
            "additionalProperties": false,
        }},
        "$ref": "#/definitions/tree",
    });
    let schema = json!({"definitions": schema["definitions"], "allOf": [{"$ref": "#/definitions/tree"}]});
    let nested =
        |depth: usize, leaf: &str| format!("{}{leaf}{}", "{\"children\":[".repeat(depth), "]}".repeat(depth));
    held(
        &schema,
        Draft::Draft7,
        &[&nested(30, "{\"value\":1}"), &nested(1, "")],
        &[&nested(30, "{\"value\":\"1\"}"), &nested(32, "{\"value\":1}"), &nested(3, "1")],
    );
}

#[test]
fn what_could_be_read_again_and_again_is_left_to_the_engine() {
    let branching = json!({
        "anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["b"]}, {"properties": {"a": {"$ref": "#"}}}],
    });
    let mut many = json!({"type": "integer"});
    for _ in 0..5 {
        many = json!({"anyOf": [{"properties": {"a": many}}, {"properties": {"a": many}}]});
    }
    for schema in [branching, many] {
        assert_eq!(both(&schema, Draft::Draft202012).verdict(r#"{"a":{"a":{"a":1}}}"#), None, "{schema}");
    }
}

#[test]
fn keywords_that_the_pass_does_not_know_are_left_to_the_engine() {
    let cases = [
        (json!({"contains": {"type": "integer"}}), "[1]"),
        (json!({"unevaluatedProperties": false}), "{}"),
        (json!({"dependentSchemas": {"a": {"required": ["b"]}}}), "{\"a\":1,\"b\":2}"),
        (json!({"$dynamicRef": "#a", "$defs": {"b": {"$dynamicAnchor": "a"}}}), "1"),
        (json!({"properties": {"a": {"items": {"contains": {}}}}}), "{\"a\":1}"),
    ];
    for (schema, text) in cases {
        assert_eq!(both(&schema, Draft::Draft202012).verdict(text), None, "{schema}");
    }
}
