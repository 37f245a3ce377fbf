//! Answers of the upstream: what is wrong with them is reported, and they pass.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test, or a helper of one, may stop at the first surprise"
)]

use filter_core::config::load;
use filter_core::filter::{Flow, Outcome};
use schema_guard::SchemaGuard;
use serde_json::{Value, json};
use testkit::{Exchange, TestCx, request, response};

fn config(responses: &Value) -> String {
    let config = json!({
        "version": 1,
        "limits": { "body": 100 },
        "rules": [{
            "name": "items",
            "match": { "path": { "exact": "/items" } },
            "operations": { "GET": { "responses": responses } }
        }]
    });
    config.to_string()
}

#[test]
fn what_is_wrong_in_the_configuration_is_said_at_its_place() {
    let json = json!({ "application/json": { "schema": true } });
    for (responses, expected) in [
        (json!({}), ": must not be empty; leave the key out"),
        (json!({ "600": {} }), ".600: not a status; expected as \"200\", \"2XX\" or \"default\""),
        (json!({ "2xx": {} }), ".2xx: not a status; expected as \"200\", \"2XX\" or \"default\""),
        (
            json!({ "200": { "content": { "text/csv": { "schema": true } } } }),
            ".200.content[\"text/csv\"].schema: only JSON answers are looked at; expected skip: true",
        ),
        (
            json!({ "200": { "content": { "text/csv": {} } } }),
            ".200.content[\"text/csv\"]: expected one of schema, and skip: true",
        ),
        (
            json!({ "200": { "content": { "application/json": { "schema": true, "skip": true } } } }),
            ".200.content[\"application/json\"]: expected one of schema, and skip: true",
        ),
        (
            json!({ "200": { "content": json }, "default": { "contents": json } }),
            ".default.contents: unknown key; did you mean \"content\"?",
        ),
    ] {
        let errors =
            load::<SchemaGuard>(config(&responses).as_bytes(), &()).err().map(|errors| errors.to_string());
        let expected = format!("rules[0].operations.GET.responses{expected}");
        assert_eq!(errors.as_deref(), Some(expected.as_str()), "{responses}");
    }
}

/// A filter that has let `GET /items`, or another method, pass and waits for the answer of the upstream.
fn asked(method: &str) -> Exchange<SchemaGuard> {
    let schema = json!({
        "type": "object",
        "properties": { "id": { "type": "integer" } },
        "additionalProperties": false
    });
    let responses = json!({ "200": { "content": { "application/json": { "schema": schema } } } });
    let mut exchange = Exchange::<SchemaGuard>::new(&config(&responses));
    exchange.cx = TestCx::default().property(&["response", "code_details"], "via_upstream");
    assert_eq!(exchange.request(request(method, "/items")).flow, Flow::Continue);
    exchange
}

/// Nothing, or what the log says of the report. The answer passes in any case.
fn reported(outcomes: &[Outcome]) -> Option<String> {
    assert!(outcomes.iter().all(|outcome| outcome.flow == Flow::Continue && outcome.headers.is_empty()));
    let shadow = |outcome: &&Outcome| {
        outcome.exports.iter().any(|(key, value)| key.ends_with(".shadow") && value == b"schema.response")
    };
    let told: Vec<&Outcome> = outcomes.iter().filter(shadow).collect();
    assert!(told.len() <= 1, "{told:?}");
    let logs: Vec<String> =
        outcomes.iter().flat_map(|outcome| &outcome.logs).map(|line| line.text.clone()).collect();
    assert_eq!(logs.len(), told.len(), "{logs:?}");
    logs.into_iter().next()
}

/// An answer of this status and media type, in parts of `size` bytes, ended by trailers or by its last part.
fn answered(kind: &str, body: &str, size: usize, trailers: bool) -> Option<String> {
    let mut exchange = asked("GET");
    let mut outcomes = vec![exchange.response(&response(200, &[("content-type", kind)]))];
    let mut parts = body.as_bytes().chunks(size).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none() && !trailers;
        outcomes.push(exchange.response_data(part, last));
    }
    if trailers {
        outcomes.push(exchange.response_trailers(&response(0, &[])));
    }
    outcomes.push(exchange.done());
    reported(&outcomes)
}

#[test]
fn a_wrong_answer_passes_and_is_reported_without_its_values() {
    for trailers in [false, true] {
        for size in [1, 7, 1000] {
            let json = |body: &str| answered("application/json", body, size, trailers);
            assert_eq!(json(r#"{"id": 1}"#), None);
            let wrong = json(r#"{"id": "private"}"#).unwrap();
            assert!(wrong.contains("status 200: schema.invalid") && wrong.contains("/id: type"), "{wrong}");
            assert!(wrong.contains("items") && !wrong.contains("private"), "{wrong}");
            let other = json(r#"{"private": 1}"#).unwrap();
            assert!(other.contains("additionalProperties") && !other.contains("private"), "{other}");
            let long = json(&format!("{{\"id\": {}}}", "1".repeat(100))).unwrap();
            assert!(long.contains("not looked at"), "{long}");
        }
    }
    let html = answered("text/html", "<p>", 1000, false).unwrap();
    assert!(html.contains("this media type is not declared"), "{html}");
}

#[test]
fn what_only_the_head_tells() {
    let head = |method: &str, status: u16| {
        let mut exchange = asked(method);
        let outcome = exchange.response_only(&response(status, &[("content-type", "application/json")]));
        reported(&[outcome, exchange.done()])
    };
    assert!(head("GET", 201).unwrap().contains("status 201: this status is not declared"));
    assert!(head("GET", 200).unwrap().contains("status 200: no body"));
    assert_eq!(head("HEAD", 200), None);
    assert_eq!(head("GET", 304), None);
}

#[test]
fn only_the_answers_of_the_upstream_are_looked_at() {
    let mut exchange = asked("GET");
    exchange.cx = TestCx::default().property(&["response", "code_details"], "upstream_reset");
    let outcome = exchange.response(&response(503, &[]));
    assert_eq!(reported(&[outcome, exchange.response_data(b"x", true), exchange.done()]), None);
}
