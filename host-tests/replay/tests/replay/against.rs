//! Two configurations, and what changes between them.

use std::fmt::Write as _;

use crate::run::{POLICY, Scratch, portcullis};
use serde_json::{Value, json};

/// Requests that anybody may send, with three changes of an order among them.
fn traffic(scratch: &Scratch, count: usize, changes: [usize; 3]) -> String {
    let mut text = String::new();
    for index in 0..count {
        let method = if changes.contains(&index) { "PUT" } else { "GET" };
        writeln!(text, "{{\"id\":\"r{index}\",\"method\":\"{method}\",\"path\":\"/orders/{index}\"}}")
            .unwrap();
    }
    scratch.write("t.jsonl", &text)
}

#[test]
fn a_rollout_that_breaks_three_of_ten_thousand_requests_shows_these_three() {
    let scratch = Scratch::new();
    let traffic = traffic(&scratch, 10_000, [17, 4_242, 9_999]);
    let against =
        scratch.policy("new.yaml", "[\"GET\", \"PUT\", \"PATCH\", \"DELETE\"]", "[\"GET\", \"PATCH\"]");
    let (out, junit) = (scratch.path("r.jsonl"), scratch.path("junit.xml"));
    let ran = portcullis(&[
        "replay",
        "--config",
        POLICY,
        "--against",
        &against,
        "--traffic",
        &traffic,
        "--out",
        &out,
        "--junit",
        &junit,
    ]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let (_, shown) = ran.stdout.split_once("\n\n").unwrap();
    let change = "verdict: pass 200, against: deny 405 method.not_allowed by request-policy";
    let wanted: String = [17, 4_242, 9_999]
        .map(|index| format!("{traffic}:{} PUT /orders/{index} (r{index})\n  {change}\n\n", index + 1))
        .concat();
    assert_eq!(
        shown,
        format!("{wanted}10000 requests: 10000 pass, 0 deny, 0 error; 3 changed or not as expected\n")
    );
    let lines = scratch.lines("r.jsonl");
    let changed: Vec<&Value> = lines.iter().filter(|line| line["against"].is_object()).collect();
    assert_eq!(changed.len(), 3);
    assert_eq!(changed[1]["id"], "r4242");
    assert_eq!(
        changed[1]["against"],
        json!({
            "verdict": "deny", "status": 405, "denied_by": "request-policy", "reason": "method.not_allowed"
        })
    );
    assert_eq!(scratch.read("junit.xml").matches("<failure ").count(), 3);
}

#[test]
fn only_strict_looks_beyond_the_verdict() {
    let scratch = Scratch::new();
    let traffic = traffic(&scratch, 2, [0; 3]);
    let against =
        scratch.policy("new.yaml", "\"remove\": [\"x-internal-trace\"]", "\"remove\": [\"x-frame-options\"]");
    let arguments = ["replay", "--config", POLICY, "--against", &against, "--traffic", &traffic];
    let ran = portcullis(&arguments);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.ends_with("; 0 changed or not as expected\n"), "{}", ran.stdout);
    let ran = portcullis(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("  headers.x-frame-options: \"DENY\", against: absent\n"), "{}", ran.stdout);
}

#[test]
fn strict_alone_is_a_wrong_use() {
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", "-", "--strict"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--against"), "{}", ran.stderr);
}
