//! R15 to R17: what a client and an operator learn of a refusal.

use super::{BAD, GOOD, asked, config, merge, plain, post, sent};
use serde_json::{Value, json};
use testkit::request;

#[test]
fn r15_the_answer_names_places_and_keywords_and_no_value() {
    let seen = sent(&plain(), post(), r#"{"user_id": 0, "email": "geheim", "geheim": "geheim"}"#);
    assert_eq!(seen.verdict(), "422 schema.invalid");
    assert_eq!(seen.header("content-type").as_deref(), Some("application/problem+json"));
    let problem = seen.problem();
    assert_eq!(problem["type"], "urn:portcullis:schema.invalid");
    assert_eq!(problem["title"], "Invalid body");
    assert_eq!(problem["status"], 422);
    let mut errors: Vec<String> =
        problem["errors"].as_array().unwrap().iter().map(Value::to_string).collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            json!({"pointer": "#", "keyword": "additionalProperties"}).to_string(),
            json!({"pointer": "#/email", "keyword": "format"}).to_string(),
            json!({"pointer": "#/user_id", "keyword": "minimum"}).to_string(),
        ]
    );
    let line = seen.line();
    assert_eq!(line["reason"], "schema.invalid");
    assert_eq!(line["rule"], "users");
    assert_eq!(line["violations"].as_array().unwrap().len(), 3);
    assert!(!seen.body().contains("geheim") && !line.to_string().contains("geheim"));
    assert_eq!(seen.state("decision").as_deref(), Some("deny"));
    assert_eq!(seen.state("reason").as_deref(), Some("schema.invalid"));
}

#[test]
fn r15_terse_answers_say_nothing_that_the_log_does_not_say() {
    let seen = sent(&config(json!({"verbose": false}), json!({})), post(), BAD);
    assert_eq!(
        seen.problem(),
        json!({"type": "urn:portcullis:schema.invalid", "title": "Invalid body", "status": 422})
    );
    assert_eq!(seen.line()["violations"], json!(["/user_id: minimum"]));
}

/// An array of many bad elements, under the names of a long path.
fn many(whole: Value) -> (String, String) {
    let name = "n".repeat(200);
    let schema = json!({"properties": {&name: {"items": {"type": "integer"}}}});
    let config = config(whole, json!({"body": {"content": {"application/json": {"schema": schema}}}}));
    let body = json!({ &name: vec!["x"; 200] });
    (config, body.to_string())
}

#[test]
fn r15_answers_are_bounded_in_number_and_size() {
    for (most, least, bytes) in [(1, 1, 4096), (10, 10, 4096), (100, 12, 4096)] {
        let (config, body) = many(json!({"max_errors": most}));
        let seen = sent(&config, post(), body);
        assert_eq!(seen.verdict(), "422 schema.invalid");
        let count = seen.problem()["errors"].as_array().unwrap().len();
        assert!((least..=most).contains(&count), "{count} of {most}");
        assert!(seen.body().len() <= bytes);
        assert!(seen.line()["violations"].as_array().unwrap().len() <= 5);
    }
}

#[test]
fn r15_grpc_gets_its_status() {
    let head = request("POST", "/users").header("content-type", "application/grpc");
    let seen = sent(&plain(), head, GOOD);
    // 415 is INVALID_ARGUMENT.
    assert!(seen.outcomes.iter().any(|outcome| matches!(
        &outcome.flow,
        filter_core::filter::Flow::Reply(reply) if reply.grpc_status == Some(3) && reply.body == b"Unsupported media type"
    )));
}

#[test]
fn r16_in_shadow_everything_goes_on_and_is_reported() {
    let whole = config(json!({"mode": "shadow"}), json!({}));
    let mut of_rule: Value = serde_json::from_str(&plain()).unwrap();
    merge(&mut of_rule["rules"][0], json!({"mode": "shadow"}));
    for config in [whole, of_rule.to_string()] {
        for (head, body, reason) in [
            (post(), BAD, "schema.invalid"),
            (post(), "{", "schema.malformed"),
            (post(), r#"{"a":1,"a":1}"#, "schema.duplicate"),
            (post().header("content-encoding", "gzip"), GOOD, "media.encoding"),
            (post().header("content-type", "a/b"), GOOD, "header.duplicate"),
            (request("POST", "/users"), GOOD, "media.missing"),
            (request("POST", "/users").header("content-type", "a/b"), GOOD, "media.type"),
            (request("GET", "/users"), GOOD, "schema.body_unexpected"),
            (request("GET", "/users").header("content-length", "9"), GOOD, "schema.body_unexpected"),
        ] {
            assert_eq!(sent(&config, head, body).verdict(), format!("pass, shadow {reason}"));
        }
        assert_eq!(asked(&config, post()).verdict(), "pass, shadow schema.body_missing");
        assert_eq!(sent(&config, post(), GOOD).verdict(), "pass");
        let large = post().header("content-length", "99999999");
        assert_eq!(sent(&config, large, BAD).verdict(), "pass, shadow size.body");
    }
}

#[test]
fn r16_a_filter_in_shadow_holds_no_head() {
    let config = config(json!({"mode": "shadow", "hold_headers": true}), json!({}));
    let seen = sent(&config, post(), BAD);
    assert_eq!(seen.outcomes[0].flow, filter_core::filter::Flow::Continue);
    assert_eq!(seen.line()["violations"], json!(["/user_id: minimum"]));
    assert_eq!(seen.line()["event"], "shadow");
}
