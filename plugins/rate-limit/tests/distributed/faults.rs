//! Redis cannot be asked, in every way there is.

use crate::redis::Fault;
use crate::world::{Seen, World, one};
use filter_core::redis::BackendError;
use filter_core::task::Failure;
use rate_limit::algorithm::Algorithm;
use rate_limit::quota::Quota;
use serde_json::json;
use std::time::Duration;
use testkit::TestCx;

/// What goes wrong, and what it is called.
const FAULTS: &[(Fault, BackendError)] = &[
    (Fault::Failure(Failure::NotSent), BackendError::NotSent),
    (Fault::Failure(Failure::Incomplete), BackendError::Incomplete),
    (Fault::Failure(Failure::TooLarge), BackendError::TooLarge),
    (Fault::Failure(Failure::Deadline), BackendError::Timeout),
    (Fault::Status(503), BackendError::Unreachable),
    (Fault::Status(504), BackendError::Timeout),
    (Fault::Status(401), BackendError::Denied),
    (Fault::Status(403), BackendError::Denied),
    (Fault::Status(500), BackendError::Status),
    (Fault::Status(200), BackendError::Malformed),
    (Fault::Body("{\"EVALSHA\":{}}"), BackendError::Malformed),
    (Fault::Body("{\"EVALSHA\":null}"), BackendError::Malformed),
    (Fault::Body("{\"EVALSHA\":[1,1,0,0]}"), BackendError::Nonce),
    (Fault::Body("{\"EVALSHA\":[1.5]}"), BackendError::Malformed),
    (Fault::Nonce, BackendError::Nonce),
    (Fault::Numbers(&[]), BackendError::Malformed),
    (Fault::Numbers(&[1, 1, 0]), BackendError::Malformed),
    (Fault::Numbers(&[1, 1, 0, 0, 0]), BackendError::Malformed),
    (Fault::Numbers(&[1, -1, 0, 0]), BackendError::Malformed),
    (Fault::Numbers(&[1, 1, -1, 0]), BackendError::Malformed),
    (Fault::Numbers(&[1, i64::MAX, 0, 0]), BackendError::Malformed),
    (Fault::Error("LOADING Redis is loading the dataset in memory"), BackendError::Loading),
    (Fault::Error("OOM command not allowed when used memory > 'maxmemory'."), BackendError::OutOfMemory),
    (Fault::Error("ERR max number of clients reached"), BackendError::MaxClients),
    (Fault::Error("READONLY You can't write against a read only replica."), BackendError::ReadOnly),
    (Fault::Error("BUSY Redis is busy running a script."), BackendError::Busy),
    (Fault::Error("NOPERM User has no permissions"), BackendError::Denied),
    (Fault::Error("NOSCRIPT No matching script. Please use EVAL."), BackendError::NoScript),
    (Fault::Error("WRONGTYPE Operation against a key holding the wrong kind of value"), BackendError::Redis),
];

fn world(mode: &str, on_error: &str) -> World {
    one(json!({ "mode": mode, "on_error": on_error }))
}

#[test]
fn the_configuration_decides() {
    for mode in ["lease", "exact"] {
        for (fault, error) in FAULTS {
            let name = format!("backend_error_{error}");
            // Two gateways: each lets pass half of what both do, 5 in a second and 2 more at once.
            let mut alone = world(mode, "local");
            alone.redis.fault = Some(*fault);
            assert_eq!(alone.passing(10, "alice"), 3, "{mode} {fault:?}");
            assert_eq!(alone.last_refusal(), (429, "rate.limited"), "{mode} {fault:?}");
            assert!(alone.counter(&name) >= 5, "{mode} {fault:?} {:?}", alone.counters);
            assert_eq!(alone.counter("counted_alone"), 10, "{mode} {fault:?}");

            let mut open = world(mode, "allow");
            open.redis.fault = Some(*fault);
            assert_eq!(open.passing(10, "alice"), 10, "{mode} {fault:?}");
            assert_eq!(open.counter("uncounted"), 10, "{mode} {fault:?}");

            let mut closed = world(mode, "deny");
            closed.redis.fault = Some(*fault);
            assert_eq!(closed.passing(10, "alice"), 0, "{mode} {fault:?}");
            assert_eq!(closed.last_refusal(), (503, "rate.unavailable"), "{mode} {fault:?}");
            assert_eq!(closed.answered_with("retry-after").as_deref(), Some("1"));
            assert_eq!(closed.counter("denied_reason=rate.unavailable"), 10, "{mode} {fault:?}");
        }
    }
}

#[test]
fn a_call_that_is_not_sent_keeps_nobody_waiting() {
    for mode in ["lease", "exact"] {
        for (on_error, status) in [("local", 200), ("allow", 200), ("deny", 503)] {
            let mut world = world(mode, on_error);
            world.cx.refuse_call_outs(true);
            assert_eq!(world.begin("alice").status(), status, "{mode} {on_error}");
            world.cx.refuse_call_outs(false);
            assert_eq!(world.send("alice"), Seen::Passed, "{mode} {on_error}");
        }
    }
}

/// No nonce, and no secret for the table either: nobody can count.
#[test]
fn without_random_bytes_nothing_is_sent() {
    for mode in ["lease", "exact"] {
        for (on_error, status) in [("local", 503), ("allow", 200), ("deny", 503)] {
            let world = world(mode, on_error);
            let config = crate::world::config(
                vec![crate::world::limit("one", 10, 4, json!({ "mode": mode, "on_error": on_error }))],
                json!({}),
            );
            let mut world = World::with(TestCx::default().without_random(), &config, world.redis);
            assert_eq!(world.begin("alice").status(), status, "{mode} {on_error}");
            assert_eq!(world.cx.dialled(), []);
        }
    }
}

#[test]
fn a_redis_that_fails_is_left_alone_and_then_tried_again() {
    for mode in ["lease", "exact"] {
        let mut world = world(mode, "allow");
        world.redis.fault = Some(Fault::Status(503));
        assert_eq!(world.passing(100, "alice"), 100);
        assert_eq!(world.redis.seen.len(), 5, "{mode}");
        assert_eq!(world.counter("backend_error_circuit_open"), 95, "{mode}");
        // Nobody waits while the circuit is open.
        assert_eq!(world.begin("bob"), Seen::Passed);
        world.redis.fault = None;
        world.cx.advance(Duration::from_millis(250));
        assert_eq!(world.passing(10, "carol"), 5, "{mode}");
    }
}

/// One line for the first, one for those of the next ten seconds.
#[test]
fn the_log_says_so_now_and_then() {
    let mut world = world("exact", "allow");
    world.redis.fault = Some(Fault::Status(504));
    let _ = world.passing(100, "alice");
    assert_eq!(world.logs, ["edge: Redis could not be asked: timeout"]);
    world.cx.advance(Duration::from_secs(11));
    let _ = world.passing(100, "alice");
    assert_eq!(
        world.logs[1..],
        ["edge: Redis could not be asked: timeout; 99 other failures since the last such line"]
    );
}

#[test]
fn whoever_waits_together_fails_together() {
    let mut world = world("lease", "deny");
    world.redis.fault = Some(Fault::Status(504));
    let waiting: Vec<Seen> = (0..20).map(|_| world.begin("alice")).collect();
    assert!(waiting.iter().all(|seen| matches!(seen, Seen::Waits(_))), "{waiting:?}");
    let ended = world.settle();
    assert_eq!(ended.len(), 20);
    assert!(ended.iter().all(|(_, seen)| seen.status() == 503), "{ended:?}");
    assert_eq!(world.redis.seen.len(), 1, "nobody asks again for the same");
}

/// What was given before serves until it is used up.
#[test]
fn what_was_taken_ahead_serves_while_redis_is_away() {
    let mut world = World::new(
        &crate::world::config(
            vec![crate::world::limit("one", 1000, 400, json!({ "on_error": "deny" }))],
            json!({}),
        ),
        crate::redis::Redis::default().limit("one", crate::world::bucket(1000, 400)),
    );
    for _ in 0..300 {
        world.cx.advance(Duration::from_millis(2));
        let _ = world.send("alice");
    }
    world.redis.fault = Some(Fault::Status(504));
    let passed = world.passing(100, "alice");
    assert!((10..=50).contains(&passed), "{passed}");
}

/// And no longer than `lease_ttl`; of a window never beyond its end.
#[test]
fn what_was_taken_ahead_ends() {
    for (algorithm, ttl, serves, ends) in [
        ("token_bucket", "1s", 990, 1001),
        ("token_bucket", "100ms", 99, 101),
        ("fixed_window", "10s", 490, 501),
    ] {
        let mut limit =
            crate::world::limit("one", 1000, 400, json!({ "on_error": "deny", "lease_ttl": ttl }));
        limit["algorithm"] = algorithm.into();
        let quota = if algorithm == "fixed_window" {
            limit.as_object_mut().unwrap().remove("burst");
            Quota::new(Algorithm::FixedWindow, 1000, Duration::from_secs(1), 0).unwrap()
        } else {
            crate::world::bucket(1000, 400)
        };
        for (after, status) in [(serves, 200), (ends, 503)] {
            let config = crate::world::config(vec![limit.clone()], json!({}));
            let mut world = World::new(&config, crate::redis::Redis::default().limit("one", quota));
            // The first requests come in the middle of a window.
            world.cx.advance(Duration::from_millis(300));
            for _ in 0..100 {
                world.cx.advance(Duration::from_millis(2));
                let _ = world.send("alice");
            }
            // Until nothing more is asked for: the last answer is of now.
            for _ in 0..100 {
                if matches!(world.begin("alice"), Seen::Waits(_)) || !world.settle().is_empty() {
                    break;
                }
            }
            let _ = world.settle();
            world.redis.fault = Some(Fault::Status(504));
            world.cx.advance(Duration::from_millis(after));
            assert_eq!(world.send("alice").status(), status, "{algorithm} {ttl} {after}");
        }
    }
}

/// Numbers that no script of ours answers keep nobody out for ever, let nobody wait for ever, and give nothing away.
#[test]
fn numbers_of_another_redis_do_no_harm() {
    // Refused until the end of days.
    let mut world = world("lease", "allow");
    world.redis.fault = Some(Fault::Numbers(&[0, 0, i64::MAX, i64::MAX]));
    assert_eq!(world.send("alice").status(), 429);
    world.redis.fault = None;
    world.cx.advance(Duration::from_millis(501));
    assert_eq!(world.send("alice"), Seen::Passed, "no longer than a bucket takes to be empty");
    // Given without an end.
    let mut world = one(json!({}));
    world.redis.fault = Some(Fault::Numbers(&[4_000_000_000, 0, 0, 0]));
    assert_eq!(world.send("alice"), Seen::Passed);
    world.redis.fault = Some(Fault::Status(504));
    assert!(matches!(world.begin("alice"), Seen::Waits(_)), "one was asked for, and used");
    // Nothing, and come again at once.
    let mut world = one(json!({ "on_error": "deny" }));
    world.redis.fault = Some(Fault::Numbers(&[0, 5, 0, 0]));
    assert_eq!(world.send("alice").status(), 503);
    assert!(world.redis.seen.len() <= 33, "{}", world.redis.seen.len());
    world.redis.fault = None;
    assert_eq!(world.send("alice"), Seen::Passed);
}

impl World {
    fn last_refusal(&self) -> (u16, &str) {
        let filter_core::filter::Flow::Reply(reply) = &self.last.flow else { panic!("{:?}", self.last) };
        (reply.status, reply.details.trim_start_matches("portcullis_"))
    }
}
