//! The shared store's compare-and-swap, and the names an operator meets.

use filter_core::denial::Reason;
use filter_core::effect::Metric;
use filter_core::names;
use filter_core::store::{Conflict, Expect, MemoryStore, SharedStore as _};

#[test]
fn a_value_is_created_once() {
    let store = MemoryStore::default();
    assert_eq!(store.get("k"), None);
    assert_eq!(store.cas("k", b"1", Expect::Absent), Ok(()));
    assert_eq!(store.cas("k", b"2", Expect::Absent), Err(Conflict));
    assert_eq!(store.get("k").map(|(value, _)| value), Some(b"1".to_vec()));
}

#[test]
fn only_the_version_that_was_read_can_be_replaced() {
    let store = MemoryStore::default();
    assert_eq!(store.cas("k", b"x", Expect::Version(1)), Err(Conflict), "nothing to replace");
    store.cas("k", b"1", Expect::Absent).unwrap();
    let (_, read) = store.get("k").unwrap();
    assert_eq!(store.cas("k", b"2", Expect::Version(read)), Ok(()));
    assert_eq!(store.cas("k", b"3", Expect::Version(read)), Err(Conflict), "somebody was quicker");
    let (value, newer) = store.get("k").unwrap();
    assert_eq!(value, b"2");
    assert_ne!(newer, read);
    assert_eq!(store.cas("k", b"3", Expect::Version(newer)), Ok(()));
}

#[test]
fn keys_do_not_share_versions() {
    let store = MemoryStore::default();
    store.cas("a", b"1", Expect::Absent).unwrap();
    assert_eq!(store.cas("b", b"1", Expect::Absent), Ok(()));
    assert_eq!(store.get("a"), store.get("b"));
}

#[test]
fn of_many_workers_that_count_none_is_lost() {
    let store = MemoryStore::default();
    let count = || loop {
        let (value, expect) = match store.get("n") {
            Some((bytes, version)) => (bytes.first().copied().unwrap_or(0), Expect::Version(version)),
            None => (0, Expect::Absent),
        };
        if store.cas("n", &[value + 1], expect).is_ok() {
            return;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| count()));
        }
    });
    assert_eq!(store.get("n").map(|(value, _)| value), Some(vec![200]));
}

#[test]
fn a_conflict_says_what_happened() {
    assert_eq!(Conflict.to_string(), "the shared value was changed meanwhile");
}

#[test]
fn a_metric_name_can_be_taken_apart_again() {
    let cases: &[(&str, Option<Reason>, &str)] = &[
        ("edge", None, "portcullis_request_policy_denied_instance=edge"),
        (
            "edge",
            Some(Reason::MethodNotAllowed),
            "portcullis_request_policy_denied_instance=edge_reason=method.not_allowed",
        ),
        ("eu-1.edge", None, "portcullis_request_policy_denied_instance=eu-1.edge"),
        // Would end the instance's part of the name, or Envoy's.
        ("my_edge", None, "portcullis_request_policy_denied_instance=my-edge"),
        ("a_reason=b", None, "portcullis_request_policy_denied_instance=a-reason-b"),
        ("a b\n:é", None, "portcullis_request_policy_denied_instance=a-b---"),
        ("", None, "portcullis_request_policy_denied_instance="),
    ];
    for (instance, reason, expected) in cases {
        let metric = Metric { what: "denied", reason: *reason };
        assert_eq!(names::metric("request-policy", instance, metric), *expected);
    }
}

#[test]
fn filter_state_is_named_after_the_instance() {
    assert_eq!(names::state("edge", "decision"), "portcullis.edge.decision");
}
