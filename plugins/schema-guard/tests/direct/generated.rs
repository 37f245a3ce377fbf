//! Schemas and documents that nobody thought of.

use super::{Both, DRAFTS, both};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use schema_guard::direct::Verdict;
use schema_guard::engine::Draft;
use serde_json::{Value, json};
use std::cell::Cell;

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
