//! What a client hears.

use crate::world::{Gate, config, from, per_address, refused, with};
use filter_core::filter::Flow;
use serde_json::{Value, json};
use testkit::{TestCx, request};

/// Without jitter: what it says is the same in every run.
fn steady(config: Value) -> Value {
    with(config, "retry_after_jitter", json!("0s"))
}

fn minute(burst: u32) -> Value {
    json!({ "name": "minute", "rate": "6r/m", "burst": burst, "key": [{ "address": {} }] })
}

#[test]
fn a_refusal_is_a_problem_of_a_registered_type() {
    let mut gate = Gate::new(&steady(per_address()));
    assert_eq!(gate.passed(21, &from("192.0.2.1")), 21);
    let outcome = gate.ask(from("192.0.2.1"));
    let Flow::Reply(reply) = &outcome.flow else { panic!("{outcome:?}") };
    assert_eq!(
        String::from_utf8_lossy(&reply.body),
        "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\"title\":\"Quota exceeded\",\
         \"status\":429,\"violated-policies\":[\"per-address\"]}"
    );
    let refusal = refused(&outcome);
    assert_eq!((refusal.status, refusal.details.as_str()), (429, "portcullis_rate.limited"));
    assert_eq!(refusal.headers["content-type"], "application/problem+json");
    // A tenth of a second, rounded up.
    assert_eq!(refusal.headers["retry-after"], "1");
    assert_eq!(refusal.headers.len(), 2, "{refusal:?}");
    let states: Vec<(String, String)> = outcome
        .exports
        .iter()
        .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    for (key, value) in [("decision", "deny"), ("reason", "rate.limited"), ("limit", "per-address")] {
        let expected = (format!("portcullis.rate-limit.{key}"), value.to_owned());
        assert!(states.contains(&expected), "{states:?}");
    }
    assert_eq!(outcome.counters, ["portcullis_rate_limit_denied_instance=rate-limit_reason=rate.limited"]);
}

#[test]
fn grpc_hears_resource_exhausted() {
    let mut gate = Gate::new(&steady(config(json!([minute(0)]))));
    let call = request("POST", "/s/M")
        .header("content-type", "application/grpc")
        .header("x-forwarded-for", "192.0.2.1");
    assert!(gate.passes(call.clone()));
    let outcome = gate.ask(call);
    let Flow::Reply(reply) = &outcome.flow else { panic!("{outcome:?}") };
    assert_eq!((reply.status, reply.grpc_status), (429, Some(8)));
    assert_eq!(refused(&outcome).headers["retry-after"], "10");
}

#[test]
fn retry_after_is_when_it_passes_and_not_earlier() {
    let mut gate = Gate::new(&steady(config(json!([
        minute(1),
        { "name": "hour", "algorithm": "fixed_window", "rate": "3r/h", "key": [{ "address": {} }] },
    ]))));
    assert_eq!(gate.passed(2, &from("192.0.2.1")), 2);
    let retry = |gate: &mut Gate| -> u64 {
        refused(&gate.ask(from("192.0.2.1"))).headers["retry-after"].parse().expect("seconds")
    };
    assert_eq!(retry(&mut gate), 10);
    gate.advance(3400);
    assert_eq!(retry(&mut gate), 7);
    gate.advance(6600);
    assert!(gate.passes(from("192.0.2.1")));
    // Both refuse now; the later one counts.
    assert_eq!(retry(&mut gate), 3590);
    gate.advance(3_590_000);
    assert!(gate.passes(from("192.0.2.1")));
}

#[test]
fn jitter_is_whole_seconds_up_to_what_is_said() {
    let mut gate = Gate::new(&with(config(json!([minute(0)])), "retry_after_jitter", json!("3s")));
    assert!(gate.passes(from("192.0.2.1")));
    let mut seen: Vec<u64> = (0..200)
        .map(|_| refused(&gate.ask(from("192.0.2.1"))).headers["retry-after"].parse().expect("seconds"))
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [10, 11, 12, 13]);
}

fn fields(gate: &mut Gate, head: &str) -> Vec<(String, String)> {
    let outcome = gate.ask(from(head));
    match outcome.flow {
        Flow::Continue => {
            let headers = gate.answered();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            headers.iter().filter(|(name, _)| *name != b":status").map(|(n, v)| (text(n), text(v))).collect()
        }
        _ => {
            let headers = refused(&outcome).headers.into_iter();
            headers.filter(|(name, _)| name.contains("ratelimit")).collect()
        }
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn no_header_says_how_much_is_left_unless_asked() {
    let mut gate = Gate::new(&config(json!([minute(1)])));
    assert_eq!(fields(&mut gate, "192.0.2.1"), []);
    assert_eq!(fields(&mut gate, "192.0.2.1"), []);
    assert_eq!(fields(&mut gate, "192.0.2.1"), []);
}

#[test]
fn the_headers_of_the_draft_name_every_limit() {
    let limits = json!([minute(1), { "name": "hour", "algorithm": "fixed_window", "rate": "3r/h" }]);
    let mut gate = Gate::new(&with(steady(config(limits)), "headers", json!("ietf")));
    let policy = ("ratelimit-policy", "\"minute\";q=6;w=60, \"hour\";q=3;w=3600");
    let expected = pairs(&[policy, ("ratelimit", "\"minute\";r=1;t=10, \"hour\";r=2;t=3600")]);
    assert_eq!(fields(&mut gate, "192.0.2.1"), expected);
    gate.advance(2500);
    let expected = pairs(&[policy, ("ratelimit", "\"minute\";r=0;t=18, \"hour\";r=1;t=3598")]);
    assert_eq!(fields(&mut gate, "192.0.2.1"), expected);
    // What is used up, and when it is not.
    let expected = pairs(&[("ratelimit", "\"minute\";r=0;t=8"), ("ratelimit-policy", "\"minute\";q=6;w=60")]);
    assert_eq!(fields(&mut gate, "192.0.2.1"), expected);
}

#[test]
fn the_older_headers_are_of_the_limit_that_has_the_least_left() {
    let limits = json!([minute(9), { "name": "hour", "algorithm": "fixed_window", "rate": "3r/h" }]);
    let mut gate = Gate::new(&with(steady(config(limits)), "headers", json!("x_ratelimit")));
    let expected = |limit, remaining, reset| {
        pairs(&[
            ("x-ratelimit-limit", limit),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ])
    };
    assert_eq!(fields(&mut gate, "192.0.2.1"), expected("3", "2", "3600"));
    assert_eq!(fields(&mut gate, "192.0.2.1"), expected("3", "1", "3600"));
    assert_eq!(fields(&mut gate, "192.0.2.2"), expected("3", "0", "3600"));
    assert_eq!(fields(&mut gate, "192.0.2.2"), expected("3", "0", "3600"));
}

#[test]
fn both_kinds_may_be_asked_for() {
    let mut gate = Gate::new(&with(config(json!([minute(1)])), "headers", json!("both")));
    let names: Vec<String> = fields(&mut gate, "192.0.2.1").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-policy", "ratelimit"]
    );
}

/// What the upstream says of limits of its own is not the gateway's.
#[test]
fn what_the_upstream_says_is_replaced() {
    let mut gate = Gate::new(&with(config(json!([minute(1)])), "headers", json!("x_ratelimit")));
    assert!(gate.passes(from("192.0.2.1")));
    let outcome = gate.0.response(&testkit::response(200, &[("x-ratelimit-limit", "999")]));
    let mut headers = testkit::response(200, &[("x-ratelimit-limit", "999")]);
    outcome.headers.iter().for_each(|operation| headers.apply(operation));
    assert_eq!(headers.all("x-ratelimit-limit").collect::<Vec<_>>(), [b"2"]);
}

#[test]
fn without_random_bytes_nobody_can_count() {
    let mut gate = Gate::new(&per_address());
    gate.0.cx = TestCx::default().without_random();
    let refusal = refused(&gate.ask(from("192.0.2.1")));
    assert_eq!((refusal.status, refusal.details.as_str()), (503, "portcullis_rate.unavailable"));
    assert_eq!(refusal.headers["retry-after"], "1");
    assert_eq!(refusal.body["type"], "urn:portcullis:rate.unavailable");
}
