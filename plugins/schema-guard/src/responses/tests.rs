//! What is said of an answer.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use crate::engine::{Draft, Options};
use filter_core::config::{FromTree as _, Tree};
use filter_core::denial::Members;
use std::cell::RefCell;

const LIMITS: Limits =
    Limits { depth: 3, values: 100, members: 100, items: 100, name: 100, string: 100, number: 100 };

fn compiled(text: &str) -> Responses {
    let options = Options { draft: Draft::Draft202012, assert_formats: true, allow_unknown: false };
    let errors = RefCell::new(Vec::new());
    let at = At::root(&errors);
    let tree: Tree = serde_json::from_str(text).unwrap();
    let sources = Sources::none(&options, &at).unwrap();
    let compiled = Map::read(&tree, &at).and_then(|map| Responses::compile(map, &sources, 1000, &at));
    compiled.unwrap_or_else(|| panic!("{:?}", errors.borrow()))
}

fn declared() -> Responses {
    compiled(
        r#"{
            "default": { "content": { "application/problem+json": { "schema": true } } },
            "4XX": { "content": { "application/*+json": { "schema": { "required": ["title"] } }, "text/html": { "skip": true } } },
            "404": {},
            "2XX": { "content": { "application/json": { "schema": { "type": "object", "properties": { "id": { "type": "integer" } } } } } }
        }"#,
    )
}

/// `pass`, or the note of the report; `watch` leads to the verdict on `body`.
fn said(responses: &Responses, method: &str, fields: &[(&str, &str)], body: Option<&str>) -> String {
    let headers = Headers::from_pairs(fields.iter().copied());
    let head = ResponseHead { headers: &headers, end_of_stream: body.is_none() };
    let denial = match responses.pick(method.as_bytes(), &head) {
        What::Pass => return "pass".to_owned(),
        What::Report(denial) => *denial,
        What::Watch(expected) => match expected.check(body.unwrap_or_default().as_bytes(), &LIMITS, 10) {
            None => return "checked".to_owned(),
            Some(denial) => denial,
        },
    };
    assert_eq!(denial.reason, Reason::SchemaResponse);
    let violations: Vec<String> = match &denial.members {
        Members::Violations { list, .. } => list.iter().map(|one| format!(" [{one}]")).collect(),
        _ => Vec::new(),
    };
    denial.note.unwrap() + &violations.concat()
}

#[test]
fn the_closest_entry_is_about_a_status() {
    let responses = declared();
    let said = |status: &str, kind: &str, body: &str| {
        said(&responses, "GET", &[(":status", status), ("content-type", kind)], Some(body))
    };
    assert_eq!(said("200", "application/json", r#"{"id": 1}"#), "checked");
    assert_eq!(said("201", "Application/JSON; charset=UTF-8", r#"{"id": 1}"#), "checked");
    assert_eq!(said("200", "application/json", r#"{"id": "1"}"#), "status 200: schema.invalid [/id: type]");
    assert_eq!(said("422", "application/problem+json", r#"{"title": 1}"#), "checked");
    assert_eq!(
        said("422", "application/problem+json", "{}"),
        "status 422: schema.invalid [/title: required]"
    );
    assert_eq!(said("422", "text/html", "<p>"), "pass");
    assert_eq!(said("404", "application/problem+json", "{}"), "status 404: a body, and none is declared");
    assert_eq!(said("503", "application/problem+json", "{}"), "checked");
    let only = compiled(r#"{ "200": {} }"#);
    assert_eq!(
        super::tests::said(&only, "GET", &[(":status", "201")], None),
        "status 201: this status is not declared"
    );
}

#[test]
fn a_body_is_looked_at_where_it_can_be() {
    let responses = declared();
    let json = ("content-type", "application/json");
    let ok = (":status", "200");
    for (fields, body, expected) in [
        (vec![ok], Some("{}"), "status 200: no Content-Type"),
        (vec![ok, json, json], Some("{}"), "status 200: two values of Content-Type"),
        (
            vec![ok, ("content-type", "application/json, text/html")],
            Some("{}"),
            "status 200: two values of Content-Type",
        ),
        (vec![ok, ("content-type", "json")], Some("{}"), "status 200: a malformed Content-Type"),
        (vec![ok, ("content-type", "text/html")], Some("{}"), "status 200: this media type is not declared"),
        (
            vec![ok, ("content-type", "application/json; charset=latin1")],
            Some("{}"),
            "status 200: a charset other than utf-8",
        ),
        (
            vec![ok, json, ("content-encoding", "gzip")],
            Some("{}"),
            "status 200: not looked at: it has a content coding",
        ),
        (vec![ok, json, ("content-encoding", "identity")], Some("{}"), "checked"),
        (vec![ok, json], Some(""), "status 200: no body"),
        (vec![ok, json], None, "status 200: no body"),
        (vec![ok, json], Some("{"), "status 200: schema.malformed: the text ends too early, at byte 1"),
        (
            vec![ok, json],
            Some(r#"{"id":1,"id":1}"#),
            "status 200: schema.duplicate: the second one at byte 8",
        ),
        (vec![ok, json], Some("[[[[]]]]"), "status 200: schema.limit: limits.depth"),
        (vec![json], Some("{}"), "no status"),
    ] {
        assert_eq!(said(&responses, "GET", &fields, body), expected, "{fields:?} {body:?}");
    }
}

#[test]
fn what_has_no_body_is_not_asked_for_one() {
    let responses = declared();
    let json = ("content-type", "application/json");
    assert_eq!(said(&responses, "HEAD", &[(":status", "200"), json], None), "pass");
    assert_eq!(said(&responses, "GET", &[(":status", "204")], None), "pass");
    assert_eq!(said(&responses, "GET", &[(":status", "304"), json], None), "pass");
    assert_eq!(said(&responses, "GET", &[(":status", "404")], None), "pass");
}
