//! R10: what a body says it is.

use super::{BAD, GOOD, config, plain, post, sent};
use proptest::prelude::*;
use serde_json::json;
use testkit::request;

fn with_type(value: impl AsRef<[u8]>) -> testkit::RequestBuilder {
    request("POST", "/users").header("content-type", value)
}

#[test]
fn r10_json_is_what_the_operation_names_in_utf_8() {
    for value in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; version=2; charset=utf-8",
    ] {
        assert_eq!(sent(&plain(), with_type(value), GOOD).verdict(), "pass", "{value}");
        assert_eq!(sent(&plain(), with_type(value), BAD).verdict(), "422 schema.invalid", "{value}");
    }
    for value in [
        "",
        "text/plain",
        "text/json",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "application/json; charset=utf8",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-8; charset=utf-8",
        "application/json charset=utf-8",
        "application/json; charset",
        "json",
    ] {
        let seen = sent(&plain(), with_type(value), GOOD);
        assert_eq!(seen.verdict(), "415 media.type", "{value}");
        assert_eq!(seen.header("accept").as_deref(), Some("application/json"), "{value}");
        assert_eq!(seen.outcomes.len(), 1, "the body is not waited for");
    }
    let seen = sent(&plain(), request("POST", "/users"), GOOD);
    assert_eq!(seen.verdict(), "415 media.missing");
    assert_eq!(seen.header("accept").as_deref(), Some("application/json"));
}

#[test]
fn r10_two_media_types_are_refused_in_two_fields_and_joined() {
    for head in [
        post().header("content-type", "application/json"),
        post().header("content-type", "text/csv"),
        with_type("application/json,text/csv"),
        with_type("application/json, application/json"),
        with_type("application/json; charset=utf-8, text/csv"),
        with_type("text/csv; a=\"b\",application/json"),
    ] {
        let seen = sent(&plain(), head, GOOD);
        assert_eq!((seen.verdict().as_str(), seen.outcomes.len()), ("400 header.duplicate", 1));
    }
    // One with a comma in it is one.
    assert_eq!(sent(&plain(), with_type("application/json; a=\"b,c\""), GOOD).verdict(), "pass");
}

#[test]
fn r10_a_coded_body_is_not_looked_into_and_does_not_pass() {
    for value in
        ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "gzip,identity", "x", "aws-chunked"]
    {
        let seen = sent(&plain(), post().header("content-encoding", value), GOOD);
        assert_eq!(seen.verdict(), "415 media.encoding", "{value}");
        assert_eq!(seen.header("accept-encoding").as_deref(), Some("identity"));
        assert_eq!(seen.header("accept"), None);
    }
    let two = post().header("content-encoding", "identity").header("content-encoding", "gzip");
    assert_eq!(sent(&plain(), two, GOOD).verdict(), "415 media.encoding");
    for value in ["identity", "Identity", "", "identity, identity", " identity ,"] {
        assert_eq!(
            sent(&plain(), post().header("content-encoding", value), GOOD).verdict(),
            "pass",
            "{value}"
        );
    }
    // Nor does what would pass unseen.
    let skip = config(json!({}), json!({"body": {"content": {"*/*": {"skip": true}}}}));
    assert_eq!(sent(&skip, post().header("content-encoding", "gzip"), "x").verdict(), "415 media.encoding");
}

#[test]
fn r10_the_most_specific_range_applies_whatever_the_order() {
    let number = |least: u32| json!({"schema": {"const": least}});
    let body = json!({"body": {"content": {
        "*/*": {"skip": true},
        "application/*": {"skip": true},
        "application/*+json": number(1),
        "application/*+ld+json": number(2),
        "application/a+json": number(3),
        "text/json": number(4),
    }}});
    let config = config(json!({}), body);
    for (value, body) in [
        ("application/b+json", "1"),
        ("application/x+ld+json", "2"),
        ("application/a+json", "3"),
        ("text/json", "4"),
    ] {
        assert_eq!(sent(&config, with_type(value), body).verdict(), "pass", "{value}");
        assert_eq!(sent(&config, with_type(value), "5").verdict(), "422 schema.invalid", "{value}");
    }
    for value in ["application/xml", "text/csv"] {
        assert_eq!(sent(&config, with_type(value), "<a/>").verdict(), "pass", "{value}");
    }
}

#[test]
fn r10_a_type_that_says_nothing_of_how_a_body_is_written_has_no_schema() {
    for (range, sound) in [
        ("application/json", true),
        ("application/*+json", true),
        ("text/plain", true),
        ("application/x-www-form-urlencoded", true),
        ("application/*", false),
        ("*/*", false),
        ("application/*+xml", false),
    ] {
        let config = config(json!({}), json!({"body": {"content": {range: {"schema": true}}}}));
        let loaded = filter_core::config::load::<schema_guard::SchemaGuard>(config.as_bytes(), &());
        assert_eq!(loaded.is_ok(), sound, "{range}");
    }
}

#[test]
fn r10_a_request_without_a_body_needs_no_type() {
    let optional = json!({"body": {"required": false, "content": {"application/json": {"schema": true}}}});
    let config = config(json!({}), optional);
    for head in [
        request("POST", "/users"),
        with_type("nonsense").header("content-encoding", "gzip"),
        post().header("content-type", "a/b"),
    ] {
        assert_eq!(super::asked(&config, head.clone()).verdict(), "pass");
        assert_eq!(sent(&config, head.header("content-length", "0"), "").verdict(), "pass");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn arbitrary_heads_and_bodies_are_decided(
        content_type: Vec<u8>,
        encoding in prop::option::of(any::<Vec<u8>>()),
        body: Vec<u8>,
    ) {
        let head = with_type(&content_type);
        let head = encoding.iter().fold(head, |head, value| head.header("content-encoding", value));
        let verdict = sent(&plain(), head, &body).verdict();
        prop_assert!(verdict != "pass", "{}", verdict);
        let verdict = sent(&plain(), post(), &body).verdict();
        prop_assert!(
            ["400 schema.malformed", "400 schema.body_missing", "422 schema.invalid", "400 schema.limit"]
                .contains(&verdict.as_str()),
            "{}", verdict
        );
    }
}
