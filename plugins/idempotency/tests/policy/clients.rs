//! Clients that leave before there is an answer, and answers that come late.

use crate::redis::{Fault, Redis};
use crate::world::{Gateway, Seen, config, refused};
use idempotency::script::Action;
use serde_json::json;
use std::time::Duration;

#[test]
fn whoever_leaves_while_redis_is_asked_has_asked_for_nothing() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (id, seen) = gateway.begin("k");
    assert_eq!(seen, Seen::Waits);
    gateway.leaves(id);
    gateway.settle(&mut redis);
    assert_eq!(redis.seen, [Action::Claim, Action::Free]);
    assert_eq!(redis.state(), None);
    assert_eq!(gateway.counter("freed"), 1);
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}

#[test]
fn a_duplicate_that_leaves_takes_nothing_from_the_first() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
    let (id, _) = gateway.begin("k");
    gateway.leaves(id);
    gateway.settle(&mut redis);
    assert_eq!(redis.calls(Action::Free), 0);
    assert_eq!(gateway.send("k", &mut redis).1, refused("in_flight"));
}

#[test]
fn whoever_leaves_later_leaves_the_key_in_flight() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (id, seen) = gateway.send("k", &mut redis);
    assert_eq!(seen, Seen::Passed);
    gateway.leaves(id);
    gateway.settle(&mut redis);
    assert_eq!(gateway.counter("kept"), 1);
    gateway.cx.advance(Duration::from_secs(59));
    assert_eq!(gateway.send("k", &mut redis).1, refused("in_flight"));
    gateway.cx.advance(Duration::from_secs(1));
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}

#[test]
fn or_frees_it_where_the_configuration_says_so() {
    let (mut gateway, mut redis) =
        (Gateway::new(&config(json!({ "on_client_lost": "free" }))), Redis::default());
    let (id, _) = gateway.send("k", &mut redis);
    gateway.leaves(id);
    gateway.settle(&mut redis);
    assert_eq!((gateway.counter("kept"), gateway.counter("freed")), (0, 1));
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}

#[test]
fn an_answer_after_the_end_of_the_claim_completes_the_key() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (id, _) = gateway.send("k", &mut redis);
    gateway.cx.advance(Duration::from_secs(61));
    gateway.answers(id, 200);
    gateway.settle(&mut redis);
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
}

/// The first took longer than it may, the second is on its way: a failure of the first must not let a third pass.
#[test]
fn a_late_failure_frees_no_later_claim() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (first, _) = gateway.send("k", &mut redis);
    gateway.cx.advance(Duration::from_secs(61));
    let (second, seen) = gateway.send("k", &mut redis);
    assert_eq!(seen, Seen::Passed);
    gateway.answers(first, 500);
    gateway.settle(&mut redis);
    assert_eq!(gateway.send("k", &mut redis).1, refused("in_flight"));
    gateway.answers(second, 200);
    gateway.settle(&mut redis);
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
}

/// Nobody knows whether it was done once by the first; it was, and that counts.
#[test]
fn a_late_success_counts_whoever_is_on_the_way() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (first, _) = gateway.send("k", &mut redis);
    gateway.cx.advance(Duration::from_secs(61));
    let (second, _) = gateway.send("k", &mut redis);
    gateway.answers(first, 200);
    gateway.answers(second, 500);
    gateway.settle(&mut redis);
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
}

#[test]
fn a_completed_key_is_remembered_for_its_ttl() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    let (id, _) = gateway.send("k", &mut redis);
    gateway.answers(id, 200);
    gateway.settle(&mut redis);
    gateway.cx.advance(Duration::from_secs(3599));
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
    gateway.cx.advance(Duration::from_secs(1));
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}

/// Redis did remember it: that record is like one of a request on its way.
#[test]
fn a_claim_whose_answer_was_lost_blocks_until_it_ends() {
    let (mut gateway, mut redis) = (Gateway::new(&config(json!({}))), Redis::default());
    redis.fault = Some(Fault::Lost);
    assert_eq!(gateway.send("k", &mut redis).1, refused("unavailable"));
    redis.fault = None;
    assert_eq!(gateway.send("k", &mut redis).1, refused("in_flight"));
    gateway.cx.advance(Duration::from_secs(60));
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}

#[test]
fn without_redis_and_with_allow_it_is_completed_afterwards() {
    for fault in [Fault::Refused, Fault::Lost] {
        let (mut gateway, mut redis) =
            (Gateway::new(&config(json!({ "on_error": "allow" }))), Redis::default());
        redis.fault = Some(fault);
        let (id, seen) = gateway.send("k", &mut redis);
        assert_eq!(seen, Seen::Passed);
        assert_eq!(gateway.counter("unchecked"), 1);
        redis.fault = None;
        gateway.answers(id, 200);
        gateway.settle(&mut redis);
        assert_eq!(gateway.send("k", &mut redis).1, refused("completed"), "{fault:?}");
    }
}
