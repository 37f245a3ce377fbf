//! What Redis could not be told.

use crate::redis::{Fault, Redis};
use crate::world::{Gateway, Seen, config, refused};
use idempotency::script::Action;
use serde_json::json;
use std::time::Duration;

fn gateway() -> Gateway {
    Gateway::new(&config(json!({ "in_flight_ttl": "10m" })))
}

/// Time passes, tick by tick, as a worker's.
fn ticks(gateway: &mut Gateway, redis: &mut Redis, count: usize) {
    for _ in 0..count {
        gateway.cx.advance(Duration::from_millis(500));
        gateway.tick();
        gateway.settle(redis);
    }
}

#[test]
fn it_is_said_again_once_redis_is_back() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    let (id, _) = gateway.send("k", &mut redis);
    redis.fault = Some(Fault::Refused);
    gateway.answers(id, 200);
    gateway.settle(&mut redis);
    ticks(&mut gateway, &mut redis, 20);
    assert_eq!(redis.state(), Some(false));
    redis.fault = None;
    ticks(&mut gateway, &mut redis, 20);
    assert_eq!(redis.state(), Some(true));
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
    assert_eq!(gateway.counter("unsettled"), 0);
}

#[test]
fn a_word_whose_answer_was_lost_may_be_said_twice() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    let (done, _) = gateway.send("k", &mut redis);
    let (failed, _) = gateway.send("l", &mut redis);
    redis.fault = Some(Fault::Lost);
    gateway.answers(done, 200);
    gateway.answers(failed, 500);
    gateway.settle(&mut redis);
    redis.fault = None;
    // Meanwhile somebody else has the key that was freed.
    let (_, seen) = gateway.send("l", &mut redis);
    assert_eq!(seen, Seen::Passed);
    ticks(&mut gateway, &mut redis, 4);
    assert_eq!((redis.calls(Action::Complete), redis.calls(Action::Free)), (2, 2));
    assert_eq!(gateway.send("k", &mut redis).1, refused("completed"));
    assert_eq!(gateway.send("l", &mut redis).1, refused("in_flight"));
}

#[test]
fn it_is_given_up_after_ten_times() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    let (id, _) = gateway.send("k", &mut redis);
    redis.fault = Some(Fault::Refused);
    gateway.answers(id, 200);
    gateway.settle(&mut redis);
    // 1, 2, 4, 8 ticks, and then 16 each time: the ninth pause ends at the 95th.
    ticks(&mut gateway, &mut redis, 94);
    assert_eq!(gateway.counter("unsettled"), 0);
    ticks(&mut gateway, &mut redis, 1);
    assert_eq!(gateway.counter("unsettled"), 1);
    redis.fault = None;
    ticks(&mut gateway, &mut redis, 100);
    assert_eq!(redis.state(), Some(false));
}

#[test]
fn nothing_is_sent_for_words_that_were_heard() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    for status in [200, 500] {
        let (id, _) = gateway.send(&status.to_string(), &mut redis);
        gateway.answers(id, status);
        gateway.settle(&mut redis);
    }
    let before = redis.seen.len();
    ticks(&mut gateway, &mut redis, 100);
    assert_eq!(redis.seen.len(), before);
}

#[test]
fn of_too_many_words_the_last_are_lost_and_counted() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    let ids: Vec<u32> = (0..10_001).map(|i| gateway.send(&i.to_string(), &mut redis).0).collect();
    redis.fault = Some(Fault::Refused);
    for id in ids {
        gateway.answers(id, 200);
    }
    gateway.settle(&mut redis);
    assert_eq!(gateway.counter("unsettled"), 1);
    // A hundred at a tick.
    redis.fault = None;
    let before = redis.seen.len();
    gateway.cx.advance(Duration::from_secs(60));
    gateway.tick();
    gateway.settle(&mut redis);
    assert!(redis.seen.len() - before <= 100, "{}", redis.seen.len() - before);
}

#[test]
fn while_the_circuit_is_open_nobody_waits() {
    let (mut gateway, mut redis) = (gateway(), Redis::default());
    redis.fault = Some(Fault::Refused);
    for _ in 0..5 {
        assert_eq!(gateway.send("k", &mut redis).1, refused("unavailable"));
    }
    let before = redis.seen.len();
    assert_eq!(gateway.begin("k").1, refused("unavailable"));
    assert_eq!(redis.seen.len(), before);
    assert_eq!(gateway.counter("backend_error_circuit_open"), 1);
    redis.fault = None;
    gateway.cx.advance(Duration::from_millis(250));
    assert_eq!(gateway.send("k", &mut redis).1, Seen::Passed);
}
