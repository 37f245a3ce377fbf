//! Limits, rules and what requests cost.

use crate::world::{Gate, config, from, per_address, refused, with};
use serde_json::json;
use testkit::request;

#[test]
fn a_burst_and_then_the_rate() {
    let mut gate = Gate::new(&per_address());
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 21);
    gate.advance(500);
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 5);
    assert_eq!(gate.passed(30, &from("192.0.2.2")), 21);
}

#[test]
fn every_algorithm_counts() {
    for (algorithm, burst) in
        [("token_bucket", true), ("leaky_bucket", true), ("sliding_window", false), ("fixed_window", false)]
    {
        let mut limit = json!({ "name": "all", "algorithm": algorithm, "rate": "10r/m" });
        if burst {
            limit["burst"] = json!(9);
        }
        let mut gate = Gate::new(&config(json!([limit])));
        assert_eq!(gate.passed(15, &from("192.0.2.1")), 10, "{algorithm}");
        gate.advance(120_000);
        assert_eq!(gate.passed(15, &from("192.0.2.1")), 10, "{algorithm}");
    }
}

#[test]
fn all_limits_must_let_a_request_pass_and_what_one_refuses_none_counts() {
    let mut gate = Gate::new(&config(json!([
        { "name": "second", "rate": "1r/s", "burst": 1, "key": [{ "address": {} }] },
        { "name": "hour", "rate": "5r/h", "burst": 4, "key": [{ "address": {} }] },
    ])));
    let mut passed = 0;
    for _ in 0..10 {
        passed += gate.passed(5, &from("192.0.2.1"));
        gate.advance(1000);
    }
    assert_eq!(passed, 5);
    let refusal = refused(&gate.ask(from("192.0.2.1")));
    assert_eq!(refusal.body["violated-policies"], json!(["hour"]));
}

#[test]
fn rules_have_limits_of_their_own() {
    let config = json!({
        "version": 1,
        "limits": [
            { "name": "login", "rate": "2r/m", "burst": 1 },
            { "name": "api", "rate": "4r/m", "burst": 3 },
        ],
        "rules": [
            { "name": "health", "match": { "path": { "exact": "/health" } }, "limits": [] },
            { "name": "login", "match": { "path": { "exact": "/login" } }, "limits": ["login", "api"] },
            { "name": "report", "match": { "path": { "exact": "/report" } }, "limits": ["api"], "cost": 2 },
        ],
        "default": { "limits": ["api"] },
    });
    let mut gate = Gate::new(&config);
    assert_eq!(gate.passed(9, &request("GET", "/health")), 9);
    assert_eq!(gate.passed(9, &request("POST", "/login")), 2);
    // Two of the four are left.
    assert_eq!(gate.passed(9, &request("GET", "/report")), 1);
    assert_eq!(gate.passed(9, &request("GET", "/")), 0);
    assert_eq!(gate.passed(9, &request("GET", "/health")), 9);
}

#[test]
fn without_a_limit_everything_passes_and_nothing_is_kept() {
    let mut config = per_address();
    config["rules"] =
        json!([{ "name": "x", "match": { "path": { "exact": "/x" } }, "limits": ["per-address"] }]);
    config["default"] = json!({});
    let mut gate = Gate::new(&config);
    assert_eq!(gate.passed(100, &from("192.0.2.1")), 100);
}

/// What has two readings has two rules.
#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused() {
    let mut gate = Gate::new(&per_address());
    for (path, reason) in [("/a/../login", "path.ambiguous"), ("/%zz", "path.malformed")] {
        let refusal = refused(&gate.ask(request("GET", path)));
        assert_eq!((refusal.status, refusal.details), (400, format!("portcullis_{reason}")));
    }
    let refusal = refused(&gate.ask(request("GET", "/").authority("a@b")));
    assert_eq!((refusal.status, refusal.details.as_str()), (400, "portcullis_header.host"));
    let mut gate = Gate::new(&with(per_address(), "mode", json!("shadow")));
    assert!(gate.passes(request("GET", "/a/../login")));
}

#[test]
fn an_override_has_its_own_rate_and_the_unlimited_none() {
    let limit = json!({
        "name": "key", "rate": "2r/m", "burst": 1, "key": [{ "header": "x-api-key" }],
        "overrides": [{ "key": ["gold"], "rate": "6r/m", "burst": 5 }, { "key": ["none"], "rate": "1r/m" }],
        "unlimited": ["internal"],
    });
    let mut gate = Gate::new(&config(json!([limit])));
    let with_key = |key: &str| request("GET", "/").header("x-api-key", key);
    for (key, expected) in [("gold", 6), ("none", 1), ("other", 2), ("GOLD", 2), ("internal", 50)] {
        assert_eq!(gate.passed(50, &with_key(key)), expected, "{key}");
    }
}

#[test]
fn addresses_may_pass_uncounted_and_have_rates_of_their_own() {
    let limit = json!({
        "name": "ip", "rate": "2r/m", "burst": 1, "key": [{ "address": { "ipv4_prefix": 24 } }],
        "overrides": [{ "key": ["203.0.113.0"], "rate": "4r/m", "burst": 3 }],
        "unlimited": ["10.0.0.0/8", "2001:db8:1::/48"],
    });
    let mut gate = Gate::new(&config(json!([limit])));
    for (address, expected) in
        [("10.1.2.3", 9), ("2001:db8:1::7", 9), ("2001:db8:2::7", 2), ("203.0.113.9", 4), ("192.0.2.1", 2)]
    {
        assert_eq!(gate.passed(9, &from(address)), expected, "{address}");
    }
}

#[test]
fn an_update_of_the_configuration_resets_nobody() {
    let mut gate = Gate::new(&per_address());
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 21);
    let again = with(per_address(), "headers", json!("ietf")).to_string();
    gate.0.configure("rate-limit", &again, &()).expect("a configuration");
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 0);
    // Another rate is another limit, and so is that of another instance.
    let mut other = per_address();
    other["limits"][0]["burst"] = json!(4);
    gate.0.configure("rate-limit", &other.to_string(), &()).expect("a configuration");
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 5);
    gate.0.configure("another", &again, &()).expect("a configuration");
    assert_eq!(gate.passed(30, &from("192.0.2.1")), 21);
}
