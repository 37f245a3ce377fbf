//! What is only reported.

use crate::world::{Gate, config, from, per_address, refused, with};
use filter_core::filter::{Flow, Outcome};
use serde_json::{Value, json};

fn one(name: &str, mode: &str) -> Value {
    json!({ "name": name, "rate": "1r/h", "mode": mode, "key": [{ "address": {} }] })
}

fn state(outcome: &Outcome, what: &str) -> Option<String> {
    let key = format!("portcullis.rate-limit.{what}");
    let found = outcome.exports.iter().find(|(other, _)| *other == key);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

fn is_reported(gate: &mut Gate) {
    assert!(gate.passes(from("192.0.2.1")));
    let outcome = gate.ask(from("192.0.2.1"));
    assert_eq!(outcome.flow, Flow::Continue);
    assert_eq!(state(&outcome, "shadow").as_deref(), Some("rate.limited"));
    assert_eq!(state(&outcome, "decision").as_deref(), Some("shadow"));
    assert_eq!(state(&outcome, "limit"), None);
    assert_eq!(outcome.counters, ["portcullis_rate_limit_shadowed_instance=rate-limit_reason=rate.limited"]);
    assert!(outcome.logs[0].text.contains("limiting requests"), "{:?}", outcome.logs);
}

#[test]
fn of_a_limit_a_rule_and_the_plugin() {
    is_reported(&mut Gate::new(&config(json!([one("a", "shadow")]))));
    is_reported(&mut Gate::new(&with(config(json!([one("a", "enforce")])), "mode", json!("shadow"))));
    let default = json!({ "limits": ["a"], "mode": "shadow" });
    is_reported(&mut Gate::new(&with(config(json!([one("a", "enforce")])), "default", default)));
}

#[test]
fn a_limit_in_shadow_counts_what_the_others_let_pass() {
    let mut gate = Gate::new(&config(json!([
        { "name": "loose", "rate": "3r/h", "burst": 2, "mode": "shadow", "key": [{ "address": {} }] },
        { "name": "tight", "rate": "1r/s", "key": [{ "address": {} }] },
    ])));
    for _ in 0..3 {
        let outcome = gate.ask(from("192.0.2.1"));
        assert_eq!((outcome.flow, outcome.counters.len()), (Flow::Continue, 0));
        assert_eq!(refused(&gate.ask(from("192.0.2.1"))).body["violated-policies"], json!(["tight"]));
        gate.advance(1000);
    }
    let outcome = gate.ask(from("192.0.2.1"));
    assert_eq!(outcome.flow, Flow::Continue);
    assert_eq!(state(&outcome, "shadow").as_deref(), Some("rate.limited"));
}

#[test]
fn what_only_is_reported_is_in_no_header() {
    let limits = json!([one("a", "enforce"), one("b", "shadow")]);
    let mut gate = Gate::new(&with(config(limits), "headers", json!("ietf")));
    assert!(gate.passes(from("192.0.2.1")));
    let headers = gate.answered();
    assert_eq!(headers.first("ratelimit"), Some(b"\"a\";r=0;t=3600".as_slice()));
}

#[test]
fn a_missing_key_is_reported_too() {
    let mut limit = one("a", "shadow");
    limit["key"] = json!([{ "header": "x-api-key" }]);
    limit["on_missing"] = json!("deny");
    let mut gate = Gate::new(&config(json!([limit])));
    let outcome = gate.ask(from("192.0.2.1"));
    assert_eq!(outcome.flow, Flow::Continue);
    assert_eq!(state(&outcome, "shadow").as_deref(), Some("rate.key_missing"));
}

#[test]
fn without_a_configuration_nothing_passes_whatever_the_mode_was() {
    let mut gate = Gate::new(&with(per_address(), "mode", json!("shadow")));
    assert!(gate.0.configure("rate-limit", "{}", &()).is_err());
    assert_eq!(refused(&gate.ask(from("192.0.2.1"))).status, 503);
}
