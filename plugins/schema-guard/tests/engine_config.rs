//! What is wrong with a schema, and where in the configuration.

#![allow(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

use filter_core::config::{At, Tree as Schema};
use schema_guard::engine::{Draft, Options, Sources, Validator};
use schema_guard::json::{Limits, Tree};
use std::cell::RefCell;

/// The errors of a schema at `schema`, with these beside it at `schemas`, as `path: message`.
fn errors(schema: &str, schemas: &[(&str, &str)], options: &Options) -> Vec<String> {
    let tree: Schema = serde_json::from_str(schema).expect(schema);
    let schemas: Vec<(&str, Schema)> =
        schemas.iter().map(|(uri, text)| (*uri, serde_json::from_str(text).expect(text))).collect();
    let errors = RefCell::new(Vec::new());
    let root = At::root(&errors);
    let sources =
        Sources::compile(schemas.iter().map(|(uri, tree)| (*uri, tree)), options, &root.key("schemas"));
    let compiled = sources.and_then(|sources| Validator::compile(&tree, &sources, &root.key("schema")));
    let errors = errors.borrow();
    assert_eq!(compiled.is_some(), errors.is_empty(), "{schema}: {errors:?}");
    errors.iter().map(|error| format!("{}: {}", error.path, error.message)).collect()
}

fn options() -> Options {
    Options { draft: Draft::Draft202012, assert_formats: true, allow_unknown: false }
}

fn alone(schema: &str) -> Vec<String> {
    errors(schema, &[], &options())
}

#[track_caller]
fn assert_starts(errors: &[String], expected: &[&str]) {
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{errors:#?}\n{expected}");
    }
}

#[test]
fn every_error_has_its_place() {
    for (schema, expected) in [
        (r#"{"properties": {"x": {"type": "strnig"}}}"#, "schema.properties.x.type: not a schema"),
        (r#"{"minimum": "1"}"#, "schema.minimum: not a schema"),
        (
            r#"{"items": {"maxLenght": 1}}"#,
            "schema.items.maxLenght: not a keyword of draft 2020-12; did you mean \"maxLength\"?",
        ),
        (
            r#"{"items": {"nullable": true}}"#,
            "schema.items.nullable: not a keyword of draft 2020-12: it is OpenAPI 3.0's",
        ),
        (
            r#"{"definitions": {}}"#,
            "schema.definitions: not a keyword of draft 2020-12: it is \"$defs\" there",
        ),
        (r#"{"discriminator": {}}"#, "schema.discriminator: not a keyword"),
        (r#"{"whatever": {}}"#, "schema.whatever: not a keyword of draft 2020-12: remove it"),
        (
            r#"{"$schema": "http://json-schema.org/draft-03/schema#"}"#,
            "schema[\"$schema\"]: \"http://json-schema.org/draft-03/schema#\" is no dialect",
        ),
        (
            r#"{"properties": {"x": {"$schema": "https://example.com/no"}}}"#,
            "schema.properties.x[\"$schema\"]: \"https://example.com/no\" is no dialect",
        ),
        (
            r#"{"allOf": [{"$ref": "https://example.com/user.json"}]}"#,
            "schema.allOf[0][\"$ref\"]: refers to https://example.com/user.json, which is not among",
        ),
        (
            r#"{"allOf": [{"$ref": "https://example.com/user.json#/a"}]}"#,
            "schema.allOf[0][\"$ref\"]: refers to https://example.com/user.json, which is not among",
        ),
        (r##"{"allOf": [{"$ref": "#/$defs/a"}]}"##, "schema.allOf[0][\"$ref\"]: refers to nothing"),
        (r##"{"allOf": [{"$ref": "#a"}]}"##, "schema.allOf[0][\"$ref\"]: refers to nothing"),
        (r##"{"allOf": [{"$dynamicRef": "#a"}]}"##, "schema.allOf[0][\"$dynamicRef\"]: refers to nothing"),
        (
            r##"{"$ref": "#/$defs", "$defs": {"a": {"$ref": "#/$defs/a/const"}, "b": true}}"##,
            "schema[\"$defs\"].a[\"$ref\"]: refers to nothing",
        ),
        (
            r#"{"properties": {"x": {"pattern": "^(?=a)"}}}"#,
            "schema.properties.x.pattern: a regular expression that cannot be matched in linear time",
        ),
        (
            r#"{"pattern": "(a)\\1"}"#,
            "schema.pattern: a regular expression that cannot be matched in linear time",
        ),
        (r#"{"pattern": "("}"#, "schema.pattern: "),
        (
            r#"{"patternProperties": {"(?!a)": true}}"#,
            "schema.patternProperties[\"(?!a)\"]: a regular expression that cannot",
        ),
        (
            r#"{"pattern": "^(\\p{L}{1000}){1000}$"}"#,
            "schema.pattern: a regular expression whose program is larger",
        ),
        (r#"{"format": "emial"}"#, "schema.format: not a format"),
        (r##"{"$ref": "#"}"##, "schema: refers to itself without looking"),
        (
            r##"{"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}"##,
            "schema[\"$defs\"].",
        ),
        (r#"{"properties": {"a": {"$ref": ""}}}"#, "schema.properties.a[\"$ref\"]: an empty reference"),
        (r#"{"$id": "https://example.com/a#b"}"#, "schema[\"$id\"]: "),
        (r#"{"$id": "http://[", "type": "string"}"#, "schema[\"$id\"]: not a URI reference"),
        (r#"{"allOf": [{"$ref": "http://["}]}"#, "schema"),
    ] {
        let errors = alone(schema);
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{schema}: {errors:#?}");
    }
}

#[test]
fn a_name_twice_is_an_error() {
    assert_eq!(
        alone(r#"{"items": {"type": "string", "type": "null"}}"#),
        ["schema.items.type: the key is given twice"]
    );
}

#[test]
fn names_are_no_keywords() {
    let schema = r#"{
        "properties": {"pattern": true, "maxLenght": {"type": "string"}, "$ref": {"const": {"nullable": 1}}},
        "$defs": {"nullable": true}, "default": {"nullable": 1}, "examples": [{"nullable": 1}],
        "enum": [{"nullable": 1}], "x-own": {"nullable": 1}, "$comment": "c", "title": "t", "description": "d",
        "deprecated": true, "readOnly": true
    }"#;
    assert_eq!(alone(schema), [""; 0]);
}

#[test]
fn dialects_have_keywords_of_their_own() {
    let in_draft = |draft, schema: &str| errors(schema, &[], &Options { draft, ..options() });
    for (draft, good, bad) in [
        (
            Draft::Draft4,
            r#"{"id": "http://example.com/a", "definitions": {}, "dependencies": {"a": ["b"]}}"#,
            r#"{"const": 1}"#,
        ),
        (
            Draft::Draft6,
            r#"{"const": 1, "contains": true, "propertyNames": true, "examples": []}"#,
            r#"{"if": true}"#,
        ),
        (Draft::Draft7, r#"{"if": true, "then": true, "else": true, "readOnly": true}"#, r#"{"$defs": {}}"#),
        (
            Draft::Draft201909,
            r##"{"$defs": {}, "$recursiveAnchor": true, "items": [true], "additionalItems": false}"##,
            r#"{"prefixItems": []}"#,
        ),
        (
            Draft::Draft202012,
            r#"{"prefixItems": [true], "items": false, "$dynamicAnchor": "a"}"#,
            r#"{"additionalItems": true}"#,
        ),
    ] {
        assert_eq!(in_draft(draft, good), [""; 0], "{draft:?}");
        assert_eq!(in_draft(draft, bad).len(), 1, "{draft:?}");
        let lenient = Options { draft, allow_unknown: true, ..options() };
        assert_eq!(errors(r#"{"whatever": 1, "format": "emial"}"#, &[], &lenient), [""; 0]);
    }
    let beside = r##"{"properties": {"a": {"$ref": "#/definitions/a", "title": "t", "maxLength": 1}}, "definitions": {"a": true}}"##;
    assert_starts(
        &in_draft(Draft::Draft7, beside),
        &["schema.properties.a.maxLength: is ignored beside \"$ref\" in draft 7"],
    );
}

#[test]
fn schemas_refer_to_each_other_by_uri() {
    let user = r##"{"$id": "https://example.com/user.json", "type": "object", "properties": {"next": {"$ref": "#"}, "id": {"$ref": "id.json#/$defs/id"}}}"##;
    let id = r#"{"$defs": {"id": {"type": "integer"}}}"#;
    let both = [("https://example.com/user.json", user), ("https://example.com/id.json", id)];
    assert_eq!(errors(r#"{"items": {"$ref": "https://example.com/user.json"}}"#, &both, &options()), [""; 0]);
    assert_starts(
        &errors("true", &[("https://example.com/user.json", user)], &options()),
        &[
            "schemas[\"https://example.com/user.json\"].properties.id[\"$ref\"]: refers to https://example.com/id.json, which",
        ],
    );
    let wrong = [("https://example.com/a", r#"{"properties": {"x": {"type": "strnig"}}}"#)];
    assert_starts(
        &errors("true", &wrong, &options()),
        &["schemas[\"https://example.com/a\"].properties.x.type: not a schema"],
    );
    let cycle = [
        ("https://example.com/a", r#"{"$ref": "b"}"#),
        ("https://example.com/b", r#"{"allOf": [{"$ref": "a"}]}"#),
    ];
    assert_eq!(errors("true", &cycle, &options()).len(), 1);
}

#[test]
fn a_schema_of_its_own_dialect_is_held_to_it() {
    let old =
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": true}"#;
    let text = r#"{"$ref": "https://example.com/old"}"#;
    assert_eq!(errors(text, &[("https://example.com/old", old)], &options()), [""; 0]);
    // An embedded one as well.
    let inside = format!(
        r##"{{"$ref": "#/$defs/old", "$defs": {{"old": {}}}}}"##,
        old.replace("\"maximum\"", "\"id\": \"https://example.com/o\", \"maximum\"")
    );
    assert_eq!(alone(&inside), [""; 0]);
}

#[test]
fn a_metaschema_may_be_among_the_schemas() {
    let meta = r##"{
        "$id": "https://example.com/meta", "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true, "https://json-schema.org/draft/2020-12/vocab/applicator": true},
        "$dynamicAnchor": "meta", "allOf": [{"$ref": "https://json-schema.org/draft/2020-12/meta/core"}, {"$ref": "https://json-schema.org/draft/2020-12/meta/applicator"}]
    }"##;
    let text = r#"{"$schema": "https://example.com/meta", "properties": {"a": {"minimum": 5}}}"#;
    assert_eq!(errors(text, &[("https://example.com/meta", meta)], &options()), [""; 0]);
    let required = meta.replace(
        "\"https://json-schema.org/draft/2020-12/vocab/core\": true",
        "\"https://example.com/vocab\": true",
    );
    assert_eq!(errors(text, &[("https://example.com/meta", &required)], &options()).len(), 1);
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |levels: usize| format!("{}true{}", r#"{"items": "#.repeat(levels), "}".repeat(levels));
    assert_eq!(alone(&deep(40)), [""; 0]);
    assert!(alone(&deep(60)).iter().any(|error| error.contains("more than 48 schemas inside each other")));
    // Twice as often with every step: 2^20 times.
    let steps: Vec<_> = (0..20)
        .map(|step| {
            format!(
                r##""d{step}": {{"allOf": [{{"$ref": "#/$defs/d{next}"}}, {{"$ref": "#/$defs/d{next}"}}]}}"##,
                next = step + 1
            )
        })
        .collect();
    let text = format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d20": true}}}}"##, steps.join(","));
    assert!(alone(&text).iter().any(|error| error.contains("schemas to one value")), "{:?}", alone(&text));
    // A long chain of references, each of which leads to the next.
    let steps: Vec<_> =
        (0..200).map(|step| format!(r##""d{step}": {{"$ref": "#/$defs/d{}"}}"##, step + 1)).collect();
    let text = format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{}, "d200": true}}}}"##, steps.join(","));
    assert!(alone(&text).iter().any(|error| error.contains("within each other")), "{:?}", alone(&text));
}

/// A schema that the walk does not look at is still held against documents: what is there is found as well.
#[test]
fn references_into_places_without_schemas_are_followed() {
    let lenient = Options { allow_unknown: true, ..options() };
    let text =
        r##"{"$ref": "#/components/schemas/a", "components": {"schemas": {"a": {"pattern": "(?=x)"}}}}"##;
    assert_starts(
        &errors(text, &[], &lenient),
        &["schema.components.schemas.a.pattern: a regular expression that cannot"],
    );
    let shared = r#"{"components": {"a": {"items": {"$ref": "https://example.com/gone"}}}}"#;
    let text = r#"{"$ref": "https://example.com/s#/components/a"}"#;
    let found = errors(text, &[("https://example.com/s", shared)], &lenient);
    assert!(found.iter().any(|error| error.contains("https://example.com/gone")), "{found:?}");
}

#[test]
fn a_shared_schema_goes_by_its_key_and_by_its_id() {
    let next = ("https://example.com/own/next", r#"{"type": "string"}"#);
    let of = |schema| [("https://example.com/key", schema), next];
    let by = |uri: &str| format!(r#"{{"$ref": "{uri}"}}"#);
    let absolute =
        r#"{"$id": "https://example.com/own/id", "items": {"$ref": "https://example.com/own/next"}}"#;
    for uri in ["https://example.com/key", "https://example.com/own/id"] {
        assert_eq!(errors(&by(uri), &of(absolute), &options()), [""; 0], "{uri}");
    }
    // What a relative reference is relative to is the name by which the engine came.
    let relative = of(r#"{"$id": "https://example.com/own/id", "items": {"$ref": "next"}}"#);
    assert_eq!(errors(&by("https://example.com/own/id"), &relative, &options()), [""; 0]);
    assert!(
        errors(&by("https://example.com/key"), &relative, &options())[0].contains("https://example.com/next")
    );
}

#[test]
fn a_reference_reaches_all_of_its_target() {
    let tree: Schema = serde_json::from_str(r#"{"$ref": "https://example.com/a#/$defs/x"}"#).expect("JSON");
    let shared: Schema =
        serde_json::from_str(r##"{"$defs": {"x": {"items": {"$ref": "#/$defs/y"}}, "y": {"minimum": 5}}}"##)
            .expect("JSON");
    let errors = RefCell::new(Vec::new());
    let at = At::root(&errors);
    let sources = Sources::compile([("https://example.com/a", &shared)], &options(), &at).expect("sources");
    let validator = Validator::compile(&tree, &sources, &at).expect("a schema");
    let limits = Limits { depth: 9, values: 9, members: 9, items: 9, name: 9, string: 9, number: 9 };
    for (text, valid) in [("[5]", true), ("[4]", false)] {
        let tree = Tree::read(text.as_bytes(), &limits).expect("JSON");
        assert_eq!(validator.is_valid(&tree), valid, "{text}");
    }
    assert!(
        sources
            .get("https://example.com/a")
            .is_some_and(|(tree, draft)| *tree == shared && draft == Draft::Draft202012)
    );
}
