//! Redis: what it is asked, what its answers do, and what happens without them.

use crate::world::{Seen, World, no_answer, reply};
use serde_json::{Value, json};

const HOME: &str = "203.0.113.7";

fn world(on_error: &str) -> World {
    World::new(json!({ "redis": { "cluster": "redis" }, "on_error": on_error, "gateways": 3 }))
}

/// An attempt that Redis answers so.
fn tries(world: &mut World, values: &Value) -> (u32, Seen) {
    let (id, seen) = world.tries(HOME, "alice");
    assert_eq!(seen, Seen::Waits);
    let seen = world.redis(id, values);
    (id, seen)
}

#[test]
fn one_call_for_an_attempt_and_one_for_its_answer() {
    let mut world = world("deny");
    let (id, seen) = tries(&mut world, &json!([0, 0, 0, 0, 0]));
    assert_eq!(seen, Seen::Passed);
    assert_eq!(world.cx.dialled().len(), 0);
    world.answer(id, 401);
    world.redis(id, &json!([1, 0]));
    assert_eq!((world.counter("locked"), world.counter("backend_calls")), (1, 2));
    let (id, _) = tries(&mut world, &json!([0, 0, 0, 0, 0]));
    world.answer(id, 200);
    world.redis(id, &json!([0, 1]));
    assert_eq!(world.counter("known_created"), 1);
    let (id, _) = tries(&mut world, &json!([1, 0, 0, 0, 0]));
    world.answer(id, 500);
    world.redis(id, &json!([0, 0]));
    assert_eq!((world.counter("refunded"), world.counter("known_created")), (1, 1));
}

#[test]
fn what_redis_refuses() {
    for (values, reason, wait) in [
        (json!([0, 30_000_000, 0, 0, 0]), "login.locked", 30),
        (json!([0, 30_000_000, 0, 60_000_000, 0]), "login.locked", 60),
        (json!([0, 0, 1, 0, 0]), "login.address", 1),
        (json!([0, 0, 0, 1_000_001, 0]), "login.pair", 2),
        (json!([0, 0, 0, 2_000_000, 3_000_000]), "login.username", 3),
        (json!([1, 0, 0, 2_000_000, 0]), "login.pair", 2),
    ] {
        let mut world = world("deny");
        let (_, seen) = tries(&mut world, &values);
        assert_eq!(seen, Seen::Refused(429, reason.to_owned(), Some(wait)), "{values}");
        assert_eq!(world.cx.dialled().len(), 0);
    }
}

#[test]
fn answers_that_are_none_of_ours() {
    for values in [
        json!([]),
        json!([0, 0, 0, 0]),
        json!([0, 0, 0, 0, 0, 0]),
        json!([2, 0, 0, 0, 0]),
        json!([0, -1, 0, 0, 0]),
        json!([0, 900_000_001, 0, 0, 0]),
        json!([0, 0, 0, 0, 600_000_000_000_u64]),
        json!([1, 0, 0, 0, 5]),
        json!([0, 0, "0", 0, 0]),
        json!("OOM command not allowed"),
    ] {
        let mut world = world("deny");
        let (_, seen) = tries(&mut world, &values);
        assert_eq!(seen, Seen::Refused(503, "login.unavailable".to_owned(), Some(1)), "{values}");
    }
}

#[test]
fn a_script_that_redis_does_not_know_is_sent_whole() {
    let mut world = world("deny");
    let (id, seen) = tries(&mut world, &json!("NOSCRIPT No matching script. Please use EVAL."));
    assert_eq!(seen, Seen::Waits);
    assert_eq!(world.redis(id, &json!([0, 0, 0, 0, 0])), Seen::Passed);
    world.answer(id, 401);
    world.redis(id, &json!("NOSCRIPT No matching script. Please use EVAL."));
    world.redis(id, &json!([1, 0]));
    assert_eq!(world.counter("locked"), 1);
}

#[test]
fn nothing_is_told_where_nothing_comes_of_it() {
    let mut world = World::new(json!({ "redis": { "cluster": "redis" }, "lock": { "enabled": false } }));
    let (id, _) = tries(&mut world, &json!([0, 0, 0, 0, 0]));
    world.answer(id, 401);
    assert_eq!(world.cx.dialled().len(), 0);
}

#[test]
fn without_redis_a_gateway_has_its_part() {
    let mut world = world("local");
    // A third of burst 2 is none; a third of a rate at least one.
    let (id, _) = world.tries(HOME, "alice");
    assert_eq!(world.redis_fails(id, no_answer()), Seen::Passed);
    world.answer(id, 401);
    let (id, _) = world.tries(HOME, "alice");
    let seen = world.redis_fails(id, Ok(reply(503, "")));
    assert_eq!(seen, Seen::Refused(429, "login.locked".to_owned(), Some(60)));
    assert_eq!(world.counter("counted_alone"), 2);
}

#[test]
fn without_redis_nobody_counts_where_that_is_said() {
    let mut world = world("allow");
    for _ in 0..20 {
        let (id, seen) = world.tries(HOME, "alice");
        let seen = if seen == Seen::Waits { world.redis_fails(id, no_answer()) } else { seen };
        assert_eq!(seen, Seen::Passed);
        world.answer(id, 401);
        assert_eq!(world.cx.dialled().len(), 0);
    }
    assert_eq!(world.counter("uncounted"), 20);
    assert!(world.counter("backend_error_circuit_open") > 10);
}

#[test]
fn without_redis_a_gateway_knows_whom_it_has_seen() {
    let mut world = world("local");
    let (id, _) = tries(&mut world, &json!([0, 0, 0, 0, 0]));
    world.answer(id, 200);
    world.redis(id, &json!([0, 1]));
    world.cx.refuse_call_outs(true);
    for i in 0..20 {
        let (id, seen) = world.tries(&format!("192.0.2.{i}"), "alice");
        if seen == Seen::Passed {
            world.answer(id, 401);
        }
    }
    assert_eq!(world.tries("192.0.2.99", "alice").1.reason(), "login.locked");
    assert_eq!(world.tries(HOME, "alice").1, Seen::Passed);
}

#[test]
fn whoever_leaves_while_redis_is_asked_stays_charged() {
    let mut world = world("deny");
    let (id, seen) = world.tries(HOME, "alice");
    assert_eq!(seen, Seen::Waits);
    world.leaves(id);
    let asked = world.cx.dialled();
    assert_eq!(asked.len(), 1, "nothing is taken back");
}

#[test]
fn redis_hears_nothing_of_who_it_is() {
    let mut world = world("deny");
    world.tries(HOME, "alice");
    let (_, call) = world.cx.dialled().remove(0);
    let body = String::from_utf8(call.body).unwrap();
    assert!(!body.contains("alice") && !body.contains("203.0.113"), "{body}");
    let keys: Vec<&str> = body.split('/').skip(3).take(6).collect();
    for key in &keys {
        // Braces are encoded.
        assert!(
            key.starts_with("portcullis:rl:%7Blogin:edge%7D:")
                || key.starts_with("portcullis:rl:%7blogin:edge%7d:"),
            "{key}"
        );
    }
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), 6, "{keys:?}");
}
