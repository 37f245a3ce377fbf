//! Configurations that are refused. The words of those that ship are in `envoy-configs/bad/idempotency`.

use crate::world::{config, errors};
use serde_json::json;

#[test]
fn the_least_and_the_most_there_may_be() {
    assert_eq!(errors(&config(json!({}))), [""; 0]);
    let most = json!({
        "min_length": 1024, "max_length": 1024, "max_body": 16_777_216, "in_flight_ttl": "24h",
        "free_statuses": [300, 499],
        "rules": [{ "name": "a", "match": {}, "ttl": "744h", "methods": ["PUT", { "extension": "PURGE" }] }],
    });
    assert_eq!(errors(&config(most)), [""; 0]);
    assert_eq!(errors(&config(json!({ "free_statuses": [] }))), [""; 0]);
}

#[test]
fn what_is_beyond_is_refused_all_at_once() {
    let beyond = json!({
        "max_length": 1025, "max_body": 16_777_217, "in_flight_ttl": "25h",
        "rules": [{ "name": "a", "match": {}, "ttl": "745h" }, { "name": "b", "match": { "path": { "exact": "/b" } }, "ttl": "24h" }],
    });
    assert_eq!(
        errors(&config(beyond)),
        [
            "max_length: at most 1024",
            "max_body: at most 16777216",
            "in_flight_ttl: at most \"24h\"",
            "rules[0].ttl: at most 31 days (\"744h\")",
            "rules[1].ttl: shorter than in_flight_ttl: a request that was answered would be forgotten first",
        ]
    );
}

#[test]
fn a_status_is_none_of_success_and_none_of_failure() {
    for status in [json!(200), json!(299), json!(500), json!(-1), json!(404.5)] {
        let config = config(json!({ "free_statuses": [status] }));
        assert_eq!(errors(&config), ["free_statuses[0]: must be 300 to 499"], "{status}");
    }
    assert_eq!(
        errors(&config(json!({ "free_statuses": ["429"] }))),
        ["free_statuses[0]: expected a status, got a string"]
    );
}
