//! R9 to R13: whether there is a body, how large it is, and how it comes.

use super::{BAD, GOOD, Seen, asked, config, in_parts, plain, post, sent};
use filter_core::filter::Flow;
use schema_guard::SchemaGuard;
use serde_json::json;
use testkit::{Exchange, request};

/// What the head alone came to.
fn head_flow(seen: &Seen) -> &Flow {
    &seen.outcomes[0].flow
}

#[test]
fn r9_a_body_that_must_be_there_is_missed_however_it_is_left_out() {
    let whole = asked(&plain(), post());
    assert_eq!(whole.verdict(), "400 schema.body_missing");
    for head in [
        post(),
        post().header("content-length", "0"),
        request("POST", "/users").header("content-length", "0"),
    ] {
        for trailers in [false, true] {
            let seen = in_parts(&plain(), head.clone(), b"", 1, trailers);
            assert_eq!(seen.verdict(), "400 schema.body_missing", "{trailers}");
            // Nothing has gone upstream meanwhile.
            assert_eq!(*head_flow(&seen), Flow::Pause);
        }
    }
    let optional = config(
        json!({}),
        json!({"body": {"required": false, "content": {"application/json": {"schema": super::user()}}}}),
    );
    assert_eq!(asked(&optional, request("POST", "/users")).verdict(), "pass");
    for trailers in [false, true] {
        assert_eq!(in_parts(&optional, post(), b"", 1, trailers).verdict(), "pass");
    }
    assert_eq!(sent(&optional, post(), BAD).verdict(), "422 schema.invalid");
    // White space is a body, and no JSON.
    assert_eq!(sent(&optional, post(), " ").verdict(), "400 schema.malformed");
}

#[test]
fn r9_a_body_that_nobody_expects_does_not_pass() {
    for method in ["GET", "HEAD"] {
        let head = request(method, "/users");
        assert_eq!(asked(&plain(), head.clone()).verdict(), "pass");
        // Announced: refused at once.
        let seen = sent(&plain(), head.clone().header("content-length", "1"), "x");
        assert_eq!((seen.verdict().as_str(), seen.outcomes.len()), ("400 schema.body_unexpected", 1));
        for trailers in [false, true] {
            for part in [1, 7, 1000] {
                let seen = in_parts(&plain(), head.clone(), b"{\"a\": 1}", part, trailers);
                assert_eq!(seen.verdict(), "400 schema.body_unexpected");
                assert_eq!(*head_flow(&seen), Flow::Pause);
            }
            // An empty one is none.
            assert_eq!(in_parts(&plain(), head.clone(), b"", 1, trailers).verdict(), "pass");
            let head = head.clone().header("content-length", "0");
            assert_eq!(in_parts(&plain(), head.clone(), b"", 1, trailers).verdict(), "pass");
            // A length that is no truth.
            let seen = in_parts(&plain(), head, b"x", 1, trailers);
            assert_eq!(seen.verdict(), "400 schema.body_unexpected");
        }
    }
}

#[test]
fn r11_a_body_is_judged_as_a_whole_however_it_comes() {
    for (body, expected) in [
        (GOOD, "pass"),
        (BAD, "422 schema.invalid"),
        ("{", "400 schema.malformed"),
        (r#"{"user_id": 1, "user_id": 1, "email": "a@example.com"}"#, "400 schema.duplicate"),
        ("[]", "422 schema.invalid"),
        ("1", "422 schema.invalid"),
        ("null", "422 schema.invalid"),
    ] {
        for trailers in [false, true] {
            for part in [1, 7, 1000] {
                for hold in [true, false] {
                    let config = config(json!({"hold_headers": hold}), json!({}));
                    let seen = in_parts(&config, post(), body.as_bytes(), part, trailers);
                    assert_eq!(seen.verdict(), expected, "{body} {part} {trailers} {hold}");
                    let flow = if hold { Flow::Pause } else { Flow::Continue };
                    assert_eq!(*head_flow(&seen), flow);
                    // Only the end lets anything go.
                    let rest = &seen.outcomes[1..seen.outcomes.len() - 1];
                    assert!(rest.iter().all(|outcome| outcome.flow == Flow::Pause), "{body} {part}");
                }
            }
        }
    }
}

#[test]
fn r11_too_large_is_told_by_the_length_first_and_then_by_what_comes() {
    let exactly = GOOD.len();
    let of = |most: usize| config(json!({"limits": {"body": most}}), json!({}));
    assert_eq!(sent(&of(exactly), post(), GOOD).verdict(), "pass");
    let seen = sent(&of(exactly - 1), post().header("content-length", exactly.to_string()), GOOD);
    assert_eq!((seen.verdict().as_str(), seen.outcomes.len()), ("413 size.body", 1));
    for part in [1, 7, 1000] {
        assert_eq!(
            in_parts(&of(exactly - 1), post(), GOOD.as_bytes(), part, true).verdict(),
            "413 size.body"
        );
    }
    // The length lies.
    let seen = sent(&of(exactly - 1), post().header("content-length", "1"), GOOD);
    assert_eq!(seen.verdict(), "413 size.body");
    // An operation's own limit.
    let own = config(
        json!({}),
        json!({"body": {"max_bytes": exactly - 1, "content": {"application/json": {"schema": super::user()}}}}),
    );
    assert_eq!(sent(&own, post(), GOOD).verdict(), "413 size.body");
    assert_eq!(sent(&own, post(), "1").verdict(), "422 schema.invalid");
}

#[test]
fn r11_what_is_skipped_passes_as_it_comes_and_is_counted() {
    let body = json!({"body": {"max_bytes": 8, "content": {"text/csv": {"skip": true}}}});
    let config = config(json!({}), body);
    let head = request("POST", "/users").header("content-type", "text/csv; charset=latin1");
    for part in [1, 7, 1000] {
        for trailers in [false, true] {
            let seen = in_parts(&config, head.clone(), b"\xff,b,c,d", part, trailers);
            assert_eq!(seen.verdict(), "pass");
            assert!(seen.outcomes.iter().all(|outcome| outcome.flow == Flow::Continue));
            assert_eq!(
                in_parts(&config, head.clone(), b"a,b,c,d,e", part, trailers).verdict(),
                "413 size.body"
            );
        }
    }
    let announced = head.header("content-length", "9");
    assert_eq!(sent(&config, announced, "a,b,c,d,e").verdict(), "413 size.body");
}

#[test]
fn a_body_that_the_host_does_not_hand_over_does_not_pass() {
    let mut exchange = Exchange::<SchemaGuard>::new(&plain());
    assert_eq!(exchange.request_head(post()).flow, Flow::Pause);
    let outcome = exchange.data(GOOD.len(), true, None);
    assert_eq!(Seen { outcomes: vec![outcome] }.verdict(), "503 policy.phase");
}

#[test]
fn r13_limits_hold_with_their_names_in_the_log_and_no_number_in_the_answer() {
    let small =
        json!({"depth": 2, "values": 6, "members": 3, "items": 3, "name": 3, "string": 4, "number": 3});
    let anything = json!({"body": {"content": {"application/json": {"schema": true}}}});
    let config = config(json!({ "limits": small }), anything);
    for (body, limit, detail) in [
        ("[[[1]]]", "depth", "the body is nested too deeply"),
        ("[[1,1],[1,1]]", "values", "the body has too many values"),
        (r#"{"a":1,"b":1,"c":1,"d":1}"#, "members", "an object has too many members"),
        ("[1,1,1,1]", "items", "an array has too many elements"),
        (r#"{"abcd":1}"#, "name", "the name of a member is too long"),
        (r#""abcde""#, "string", "a string is too long"),
        ("1234", "number", "a number is too long"),
    ] {
        let seen = sent(&config, post(), body);
        assert_eq!(seen.verdict(), "400 schema.limit", "{body}");
        assert_eq!(seen.problem()["detail"], detail);
        assert_eq!(seen.line()["note"], format!("limits.{limit}"));
    }
    for body in ["[[1]]", "[1,1,1]", r#"{"a":1,"b":1,"c":1}"#, r#"{"abc":"abcd"}"#, "123"] {
        assert_eq!(sent(&config, post(), body).verdict(), "pass", "{body}");
    }
}
