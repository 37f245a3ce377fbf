//! The pass over the text against the engine: wherever the pass says anything, it says the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use filter_core::config::{At, Tree as Written};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use schema_guard::direct::Verdict;
use schema_guard::engine::{Draft, Options, Sources, Validator};
use schema_guard::json::{Limits, Tree};
use schema_guard::schema::{Fault, Schema};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

const LIMITS: Limits =
    Limits { depth: 64, values: 65536, members: 1000, items: 10000, name: 256, string: 10000, number: 64 };

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
    let schema = json!({
        "type": "object",
        "properties": {"user_id": {"type": "integer", "minimum": 1}, "email": {"type": "string", "format": "email"}},
        "required": ["user_id", "email"],
        "additionalProperties": false,
    });
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

/// Schemas of a dialect, of the keywords that the pass knows and a few others.
fn schemas(draft: Draft) -> BoxedStrategy<Value> {
    let values = select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.5),
        json!("a"),
        json!(""),
        json!("ab"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"a": 1}),
        json!({"a": [1.0], "b": null}),
    ]);
    let types = ["null", "boolean", "integer", "number", "string", "array", "object"];
    let small = 0..4_u64;
    let numbers = select(vec![json!(0), json!(1), json!(2), json!(-1), json!(0.5), json!(1.5), json!(1e3)]);
    let divisors = select(vec![json!(1), json!(2), json!(0.5), json!(0.1)]);
    let names = || prop::collection::btree_set(select(vec!["a", "b", "ab", "x"]), 1..3);
    let definitions = if draft <= Draft::Draft7 { "definitions" } else { "$defs" };
    let draft4 = draft == Draft::Draft4;
    let plain = prop_oneof![
        4 => select(types.to_vec()).prop_map(|name| ("type", json!(name))),
        1 => prop::sample::subsequence(types.to_vec(), 1..4).prop_map(|names| ("type", json!(names))),
        1 => prop::collection::vec(values.clone(), 1..4).prop_map(|mut values| {
            values.dedup();
            ("enum", Value::Array(values))
        }),
        1 => values.prop_map(move |value| if draft4 { ("enum", json!([value])) } else { ("const", value) }),
        1 => (select(vec!["minimum", "maximum"]), numbers.clone()),
        1 => (select(vec!["exclusiveMinimum", "exclusiveMaximum"]), numbers)
            .prop_map(move |(name, number)| if draft4 { ("minimum", number) } else { (name, number) }),
        1 => divisors.prop_map(|divisor| ("multipleOf", divisor)),
        2 => (select(vec!["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]), small)
            .prop_map(|(name, count)| (name, json!(count))),
        1 => select(vec!["^a", "b$", "a|x", "^[^@]+$", "^x-"]).prop_map(|pattern| ("pattern", json!(pattern))),
        1 => select(vec!["email", "ipv4", "date-time", "uri"]).prop_map(|format| ("format", json!(format))),
        2 => names().prop_map(|names| ("required", json!(names))),
        1 => Just(("uniqueItems", json!(true))),
        1 => (select(vec!["a", "b"]), names()).prop_map(move |(name, names)| {
            (if draft <= Draft::Draft7 { "dependencies" } else { "dependentRequired" }, json!({name: names}))
        }),
        1 => select(vec!["a", "b"]).prop_map(move |name| ("$ref", json!(format!("#/{definitions}/{name}")))),
    ];
    let leaf = prop::collection::vec(plain.clone(), 0..4).prop_map(object);
    let schema = leaf.prop_recursive(4, 24, 3, move |inner| {
        let one = || inner.clone();
        let some = || prop::collection::vec(inner.clone(), 1..3).prop_map(Value::Array);
        let named = |names: Vec<&'static str>| {
            prop::collection::btree_map(select(names), inner.clone(), 1..3).prop_map(|map| json!(map))
        };
        let with_flag = prop_oneof![any::<bool>().prop_map(Value::Bool), one()];
        let holding = prop_oneof![
            4 => named(vec!["a", "b", "ab", "x"]).prop_map(|map| ("properties", map)),
            1 => named(vec!["^a", "b$", "^x-"]).prop_map(|map| ("patternProperties", map)),
            2 => with_flag.clone().prop_map(|value| ("additionalProperties", value)),
            1 => one().prop_map(move |value| if draft4 { ("not", value) } else { ("propertyNames", value) }),
            2 => one().prop_map(|value| ("items", value)),
            1 => some().prop_map(move |values| (if draft >= Draft::Draft202012 { "prefixItems" } else { "items" }, values)),
            1 => with_flag.prop_map(move |value| {
                (if draft >= Draft::Draft202012 { "additionalProperties" } else { "additionalItems" }, value)
            }),
            1 => some().prop_map(|values| ("allOf", values)),
            1 => some().prop_map(|values| ("anyOf", values)),
            1 => some().prop_map(|values| ("oneOf", values)),
            1 => one().prop_map(|value| ("not", value)),
            1 => (select(vec!["if", "then", "else"]), one())
                .prop_map(move |(name, value)| if draft < Draft::Draft7 { ("not", value) } else { (name, value) }),
        ];
        (prop::collection::vec(plain.clone(), 0..2), prop::collection::vec(holding, 1..4))
            .prop_map(|(plain, holding)| object(plain.into_iter().chain(holding).collect()))
    });
    (schema.clone(), schema.clone(), schema)
        .prop_map(move |(mut root, a, b)| {
            // Beside a reference in the root nothing would be allowed.
            if draft <= Draft::Draft7 && root.get("$ref").is_some() {
                root = json!({"allOf": [root]});
            }
            root[definitions] = json!({"a": a, "b": b});
            root
        })
        .boxed()
}

fn object(members: Vec<(&str, Value)>) -> Value {
    let reference = members.iter().find(|(name, _)| *name == "$ref").cloned();
    // Up to draft 7 it must be alone; later it may be.
    let members = reference.map_or(members, |reference| vec![reference]);
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Documents that such schemas have something to say of, most of them with each name once.
fn documents() -> BoxedStrategy<String> {
    let leaf = select(vec![
        "null",
        "true",
        "false",
        "0",
        "1",
        "1.0",
        "-1",
        "0.5",
        "15e-1",
        "2",
        "1000",
        "1e400",
        "0.30",
        "\"\"",
        "\"a\"",
        "\"ab\"",
        "\"\\u0061b\"",
        "\"x\"",
        "\"a@x.org\"",
        "\"a@-x.org\"",
        "\"10.0.0.1\"",
        "\"2026-01-01T00:00:00Z\"",
        "\"http://x/\"",
        "\"é\u{1F600}\"",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = select(vec!["a", "b", "ab", "x", "x-1", "\\u0061", "c"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
    .boxed()
}

#[test]
fn the_pass_agrees_with_the_engine() {
    for draft in DRAFTS {
        let (refused, planned) = (Cell::new(0), Cell::new(0));
        let (valid, invalid) = (Cell::new(0), Cell::new(0));
        let count = |cell: &Cell<usize>| cell.set(cell.get() + 1);
        let mut runner = TestRunner::new(Config::with_cases(300));
        let cases = (schemas(draft), prop::collection::vec(documents(), 12));
        runner
            .run(&cases, |(schema, documents)| {
                let Some(both) = Both::of(&schema, draft) else {
                    count(&refused);
                    return Ok(());
                };
                let verdicts: Vec<_> = documents.iter().map(|document| both.verdict(document)).collect();
                count(if verdicts[0].is_some() { &planned } else { &refused });
                verdicts.iter().for_each(|verdict| match verdict {
                    Some(Verdict::Valid) => count(&valid),
                    Some(Verdict::Invalid) => count(&invalid),
                    _ => {}
                });
                Ok(())
            })
            .unwrap();
        println!(
            "{draft:?}: {} schemas with a plan, {} not; {} documents valid, {} not",
            planned.get(),
            refused.get(),
            valid.get(),
            invalid.get()
        );
        assert!(planned.get() > 150 && valid.get() > 300 && invalid.get() > 300, "too few that say anything");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// What is taken for an address without asking the engine.
    #[test]
    fn addresses_are_what_the_engine_takes_for_them(
        text in "[a-z0-9A-Z.+_ \"é-]{0,8}@?[a-z0-9A-Z.é@-]{0,10}(\\.(com|c|1|xn--p1ai|[a-z0-9-]{0,3}))?",
    ) {
        thread_local! {
            static EMAIL: Both = both(&json!({"format": "email"}), Draft::Draft202012);
        }
        EMAIL.with(|email| email.verdict(&Value::from(text).to_string()));
    }
}
