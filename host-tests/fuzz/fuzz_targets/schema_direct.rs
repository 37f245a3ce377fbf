//! A pass over the text and the engine: whatever the schema and the document, where the pass says anything it says the
//! same, and nothing panics.
//!
//! The first byte of the input chooses the dialect, and whether the schema is one that is known to have a plan; that
//! or the text up to the first NUL is the schema, and what follows the document.

#![no_main]

use filter_core::config::{At, Tree as Written};
use libfuzzer_sys::fuzz_target;
use schema_guard::direct::Verdict;
use schema_guard::engine::{Draft, Options, Sources, Validator};
use schema_guard::json::{Limits, Tree};
use schema_guard::schema::{Fault, Schema};
use std::cell::RefCell;
use std::sync::OnceLock;

const LIMITS: Limits =
    Limits { depth: 32, values: 5_000, members: 500, items: 1_000, name: 500, string: 5_000, number: 500 };

const DRAFTS: [Draft; 5] =
    [Draft::Draft4, Draft::Draft6, Draft::Draft7, Draft::Draft201909, Draft::Draft202012];

/// With a plan in every dialect.
const KNOWN: [&str; 3] = [
    include_str!("../../../plugins/schema-guard/tests/shared/user.schema.json"),
    r##"{"definitions":{"tree":{"type":["object","null"],"properties":{"v":{"type":["integer","string"],"maxLength":3,
        "multipleOf":0.1},"c":{"type":"array","items":{"$ref":"#/definitions/tree"},"maxItems":3}},"required":["v"]}},
        "allOf":[{"$ref":"#/definitions/tree"}]}"##,
    r#"{"oneOf":[{"type":"array","uniqueItems":true,"items":{"enum":[1,"a",null,[1],{"a":1}]}},{"not":{"type":"array"},
        "patternProperties":{"^a":{"type":"number"},"b$":{"minLength":2}},"minProperties":1,"anyOf":[{"maximum":10},
        {"pattern":"^[a-z]+$"}]}]}"#,
];

struct Both {
    schema: Schema,
    engine: Validator,
}

fn sources(draft: Draft) -> &'static Sources {
    static SOURCES: OnceLock<Vec<Sources>> = OnceLock::new();
    let all = SOURCES.get_or_init(|| {
        let errors = RefCell::default();
        let options = |draft| Options { draft, assert_formats: true, allow_unknown: true };
        DRAFTS.into_iter().map(|draft| Sources::none(&options(draft), &At::root(&errors)).unwrap()).collect()
    });
    &all[DRAFTS.iter().position(|one| *one == draft).unwrap()]
}

fn both(schema: &Written, draft: Draft) -> Option<Both> {
    let errors = RefCell::default();
    let at = At::root(&errors);
    let schema_of_both = Schema::compile(schema, sources(draft), &at)?;
    Some(Both { schema: schema_of_both, engine: Validator::compile(schema, sources(draft), &at)? })
}

fn known() -> &'static Vec<Both> {
    static ALL: OnceLock<Vec<Both>> = OnceLock::new();
    ALL.get_or_init(|| {
        let written = |text| serde_json::from_str::<Written>(text).unwrap();
        DRAFTS.into_iter().flat_map(|draft| KNOWN.map(|text| both(&written(text), draft).unwrap())).collect()
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let choice = usize::from(choice);
    if choice < 128 {
        let both = &known()[choice % known().len()];
        assert!(hold(both, rest).is_some(), "no plan");
        return;
    }
    let Some(end) = rest.iter().position(|byte| *byte == 0) else { return };
    let Ok(schema) = serde_json::from_slice::<Written>(&rest[..end]) else { return };
    if let Some(both) = both(&schema, DRAFTS[choice % DRAFTS.len()]) {
        hold(&both, &rest[end + 1..]);
    }
});

/// What the pass says of a document, once it is seen that the engine says the same.
fn hold(both: &Both, text: &[u8]) -> Option<Verdict> {
    let direct = both.schema.check_directly(text, &LIMITS);
    let engine = Tree::read(text, &LIMITS).is_ok_and(|tree| both.engine.is_valid(&tree));
    match direct {
        Some(Verdict::Valid) => assert!(engine, "the engine refuses it"),
        Some(Verdict::Invalid) => assert!(!engine, "the engine takes it"),
        Some(Verdict::Open) | None => {}
    }
    let whole = both.schema.check(text, &LIMITS, 10);
    assert_eq!(whole.is_ok(), engine);
    assert!(whole != Err(Fault::Invalid(Vec::new())), "nothing to say of it");
    direct
}
