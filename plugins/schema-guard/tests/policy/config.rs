//! What is wrong with a configuration, each with its place.

use super::{config, plain};
use serde_json::{Value, json};

fn errors(config: &str) -> Vec<String> {
    let errors = filter_core::config::load::<schema_guard::SchemaGuard>(config.as_bytes(), &()).err();
    errors.map(|errors| errors.to_string().lines().map(str::to_owned).collect()).unwrap_or_default()
}

#[test]
fn a_plain_configuration_is_sound() {
    assert_eq!(errors(&plain()), [""; 0]);
}

#[test]
fn limits_have_a_least_and_a_most() {
    let names = ["body", "depth", "values", "members", "items", "name", "string", "number"];
    for name in names {
        let config = config(json!({"limits": {name: 0}}), json!({}));
        assert_eq!(errors(&config), [format!("limits.{name}: must be an integer of at least 1")]);
    }
    for (name, most) in [("body", 16_777_216), ("depth", 256)] {
        let of = |value: u64| errors(&config(json!({"limits": {name: value}}), json!({})));
        assert_eq!(of(most + 1), [format!("limits.{name}: at most {most}")]);
        assert_eq!(of(most), [""; 0]);
    }
    for (value, expected) in [(0, "must be an integer of at least 1"), (101, "at most 100")] {
        assert_eq!(
            errors(&config(json!({"max_errors": value}), json!({}))),
            [format!("max_errors: {expected}")]
        );
    }
}

#[test]
fn an_operation_says_what_its_body_is() {
    let of = |body: Value| errors(&config(json!({}), json!({ "body": body })));
    let at = "rules[0].operations.POST.body";
    assert_eq!(of(json!({})), [format!("{at}.content: is required")]);
    assert_eq!(
        of(json!({"content": {}})),
        [format!("{at}.content: must not be empty; where there is to be no body leave `body` out")]
    );
    for content in [json!({}), json!({"skip": false}), json!({"skip": true, "schema": true})] {
        assert_eq!(
            of(json!({"content": {"a/b": content}})),
            [format!("{at}.content[\"a/b\"]: expected one of schema, and skip: true")]
        );
    }
    assert_eq!(
        of(json!({"content": {"a": {"skip": true}, "A/b": {"skip": true}, "a/B": {"skip": true}}})),
        [
            format!(
                "{at}.content.a: not a media type; expected as application/json, application/*+json, text/* or */*, \
                 without parameters"
            ),
            format!("{at}.content[\"a/B\"]: the key is given twice"),
        ]
    );
    assert_eq!(
        of(json!({"max_bytes": 1_048_577, "content": {"a/b": {"skip": true}}})),
        [format!("{at}.max_bytes: above limits.body, which is 1048576")]
    );
    assert_eq!(
        of(json!({"content": {"a/b": {"schema": null}, "a/c": {"schema": []}}})),
        [
            format!("{at}.content[\"a/b\"].schema: null is not a value; leave the key out"),
            format!(
                "{at}.content[\"a/c\"].schema: expected a JSON Schema: an object, true or false, got an array"
            ),
        ]
    );
}

#[test]
fn methods_are_known_or_said_to_be_others() {
    let of = |operations: &str| {
        errors(&format!(
            r#"{{"version": 1, "rules": [{{"name": "a", "match": {{}}, "operations": {operations}}}]}}"#
        ))
    };
    let at = "rules[0].operations";
    assert_eq!(of("{}"), [format!("{at}: must not be empty; leave the rule out")]);
    assert_eq!(of(r#"{"GET": {}, "extension:PURGE": {}}"#), [""; 0]);
    assert_eq!(
        of(
            r#"{"GTE": {}, "X": {}, "extension:get": {}, "extension:a b": {}, "extension:": {}, "GET": {}, "GET": {}}"#
        ),
        [
            format!(
                "{at}.GTE: unknown HTTP method; did you mean \"GET\"? An extension method is written extension:NAME"
            ),
            format!("{at}.X: unknown HTTP method. An extension method is written extension:NAME"),
            format!("{at}[\"extension:get\"]: not an extension method: write \"GET\""),
            format!("{at}[\"extension:a b\"]: not a method token (RFC 9110 section 9.1)"),
            format!("{at}[\"extension:\"]: not a method token (RFC 9110 section 9.1)"),
            format!("{at}.GET: the key is given twice"),
        ]
    );
    assert_eq!(
        of(r#"{"TRACE": {"body": {"content": {"*/*": {"skip": true}}}}}"#),
        [format!("{at}.TRACE.body: a TRACE request has no body")]
    );
}

#[test]
fn schemas_are_named_by_absolute_uris() {
    for uri in
        ["user.json", "", "/user", "https://example.com/a#b", "https://example.com/a#", "https://a b", "1a:b"]
    {
        let found = errors(&config(json!({"schemas": {uri: true}}), json!({})));
        assert_eq!(
            found,
            [format!(
                "schemas[{uri:?}]: not an absolute URI without a fragment; expected as https://example.com/user.json"
            )]
        );
    }
    let urn = json!({"schemas": {"urn:example:user": {"type": "string"}, "https://example.com/a": true}});
    assert_eq!(errors(&config(urn, json!({}))), [""; 0]);
}

#[test]
fn without_rules_there_is_nothing_to_guard() {
    assert_eq!(errors(r#"{"version": 1}"#), ["rules: is required"]);
}
