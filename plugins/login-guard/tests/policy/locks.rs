//! Locks: how long nobody may try once failures used up a limit.

use crate::world::{Seen, World};
use serde_json::json;

const HOME: &str = "203.0.113.7";

/// Buckets that have room again after two seconds, so that locks alone speak.
fn world() -> World {
    World::new(json!({
        "limits": {
            "address": { "rate": "100r/s", "burst": 1000 },
            "username": { "rate": "1r/s", "burst": 3 },
            "pair": { "rate": "1r/s", "burst": 1 },
        },
        "lock": { "first": "30s", "max": "2m" },
    }))
}

/// Fails until a lock begins; how long it lasts.
fn lock(world: &mut World, address: &str, user: &str) -> u64 {
    for _ in 0..10 {
        if let Seen::Refused(_, reason, wait) = world.fails(address, user) {
            assert_eq!(reason, "login.locked");
            return wait.unwrap();
        }
    }
    panic!("no lock")
}

#[test]
fn each_lock_is_twice_as_long_as_the_last_up_to_the_longest() {
    let mut world = world();
    for expected in [30, 60, 120, 120, 120] {
        assert_eq!(lock(&mut world, HOME, "alice"), expected);
        world.later(expected - 1);
        assert_eq!(world.fails(HOME, "alice").wait(), 1);
        world.later(1);
    }
    assert_eq!(world.counter("locked"), 5);
}

#[test]
fn locks_are_forgotten_so_long_after_the_last_one() {
    let mut world = world();
    assert_eq!(lock(&mut world, HOME, "alice"), 30);
    world.later(30 + 119);
    assert_eq!(lock(&mut world, HOME, "alice"), 60);
    world.later(60 + 120);
    assert_eq!(lock(&mut world, HOME, "alice"), 30);
}

#[test]
fn refused_attempts_do_not_prolong_a_lock() {
    let mut world = world();
    assert_eq!(lock(&mut world, HOME, "alice"), 30);
    for left in (1..30).rev() {
        world.later(1);
        assert_eq!(world.fails(HOME, "alice"), Seen::Refused(429, "login.locked".to_owned(), Some(left)));
    }
    world.later(1);
    assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
}

#[test]
fn of_several_failures_at_once_the_first_is_enough() {
    let mut world = world();
    let sent = [world.tries(HOME, "alice").0, world.tries(HOME, "alice").0];
    for id in sent {
        world.answer(id, 401);
    }
    assert_eq!(world.counter("locked"), 1);
    assert_eq!(world.fails(HOME, "alice").wait(), 30);
}

#[test]
fn a_user_is_locked_where_it_is_not_known() {
    let mut world = world();
    world.succeeds(HOME, "alice");
    for i in 0..4 {
        assert_eq!(world.fails(&format!("192.0.2.{i}"), "alice"), Seen::Passed);
    }
    assert_eq!(world.fails("192.0.2.9", "alice"), Seen::Refused(429, "login.locked".to_owned(), Some(30)));
    assert_eq!(world.fails("192.0.2.9", "bob"), Seen::Passed);
    assert_eq!(world.succeeds(HOME, "alice"), Seen::Passed);
}

#[test]
fn an_address_alone_is_never_locked() {
    let mut world = World::new(json!({ "limits": { "address": { "rate": "1r/s", "burst": 1 } } }));
    world.fails(HOME, "alice");
    world.fails(HOME, "bob");
    assert_eq!(world.fails(HOME, "carol"), Seen::Refused(429, "login.address".to_owned(), Some(1)));
    assert_eq!(world.counter("locked"), 0);
}

#[test]
fn a_success_ends_the_lock_of_its_pair() {
    let mut world = world();
    let (wrong, right) = (world.tries(HOME, "alice").0, world.tries(HOME, "alice").0);
    world.answer(wrong, 401);
    assert_eq!(world.tries(HOME, "alice").1.reason(), "login.locked");
    world.answer(right, 200);
    assert_eq!(world.succeeds(HOME, "alice"), Seen::Passed);
}

#[test]
fn whoever_is_locked_waits_for_the_bucket_too() {
    let mut world = World::new(json!({}));
    for _ in 0..3 {
        world.fails(HOME, "alice");
    }
    // The lock lasts 30 s, the bucket has room in 60.
    assert_eq!(world.fails(HOME, "alice"), Seen::Refused(429, "login.locked".to_owned(), Some(60)));
}

#[test]
fn a_clock_that_steps_back_locks_nobody_for_as_long_as_the_step() {
    let mut world = world();
    assert_eq!(lock(&mut world, HOME, "alice"), 30);
    world.cx.step_back(std::time::Duration::from_secs(86_400));
    let passed = (0..30).filter(|_| {
        world.later(1);
        world.fails(HOME, "alice") == Seen::Passed
    });
    assert!(passed.count() > 0);
}
