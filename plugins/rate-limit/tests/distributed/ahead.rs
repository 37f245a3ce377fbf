//! Requests taken ahead.

use crate::redis::Redis;
use crate::world::{Seen, World, bucket, config, limit, one};
use rate_limit::algorithm::Algorithm;
use rate_limit::quota::Quota;
use rate_limit::script::Action;
use serde_json::json;
use std::time::Duration;

#[test]
fn as_many_pass_as_one_bucket_lets_pass() {
    let mut world = one(json!({}));
    assert_eq!(world.passing(10, "alice"), 5);
    assert_eq!(world.answered_with("retry-after").as_deref(), Some("1"));
    assert_eq!(world.body()["violated-policies"], json!(["one"]));
    assert_eq!(world.passing(10, "bob"), 5, "another client has a bucket of its own");
    world.cx.advance(Duration::from_millis(100));
    assert_eq!(world.passing(10, "alice"), 1);
}

/// What a client sent is nowhere in a call.
#[test]
fn keys_name_the_limit_and_hide_the_client() {
    let mut world = one(json!({}));
    assert!(matches!(world.begin("alice@example.com"), Seen::Waits(_)));
    let calls = world.cx.dialled();
    let [(_, call)] = calls.as_slice() else { panic!("{calls:?}") };
    let body = String::from_utf8(call.body.clone()).unwrap();
    assert!(!body.contains("alice"), "{body}");
    let key = body.split('/').nth(3).unwrap();
    let parts: Vec<&str> = key.split(':').collect();
    let ["portcullis", "rl", "edge", "one", digest, client] = parts.as_slice() else { panic!("{key}") };
    assert!((digest.len(), client.len()) == (16, 32), "{key}");
}

#[test]
fn whoever_waits_shares_a_call_and_the_next_is_for_all() {
    let mut world = World::new(
        &config(vec![limit("one", 10, 40, json!({}))], json!({})),
        Redis::default().limit("one", bucket(10, 40)),
    );
    assert_eq!(world.send("alice"), Seen::Passed);
    world.cx.advance(Duration::from_secs(10));
    world.redis.seen.clear();
    for _ in 0..8 {
        assert!(matches!(world.begin("alice"), Seen::Waits(_)));
    }
    let ended = world.settle();
    assert_eq!(ended.len(), 8);
    assert!(ended.iter().all(|(_, seen)| *seen == Seen::Passed), "{ended:?}");
    let calls = world.redis.calls(Action::Lease);
    assert_eq!(calls, 3, "one for the first, one for the others, one in advance");
}

#[test]
fn who_finds_something_does_not_wait() {
    let mut world = World::new(
        &config(vec![limit("one", 1000, 400, json!({}))], json!({})),
        Redis::default().limit("one", bucket(1000, 400)),
    );
    let (mut waited, count) = (0, 1000);
    for _ in 0..count {
        world.cx.advance(Duration::from_millis(2));
        match world.begin("alice") {
            Seen::Passed => {}
            Seen::Waits(_) => waited += 1,
            seen => panic!("{seen:?}"),
        }
        let _ = world.settle();
    }
    assert!(waited < 10, "{waited}");
    assert!(world.redis.calls(Action::Lease) < count / 10, "{}", world.redis.calls(Action::Lease));
    assert_eq!(world.counter("backend_calls") as usize, world.redis.calls(Action::Lease) - 1);
}

#[test]
fn a_refusal_is_remembered_until_it_is_over() {
    for mode in ["lease", "exact"] {
        let mut world = one(json!({ "mode": mode }));
        assert_eq!(world.passing(6, "alice"), 5);
        world.redis.seen.clear();
        let before = world.counter("denied_again");
        for _ in 0..50 {
            assert_eq!(world.begin("alice"), Seen::Refused(429, "rate.limited".to_owned()));
        }
        assert_eq!(world.redis.seen.len(), 0, "{mode}");
        assert_eq!(world.counter("denied_again"), before + 50, "{mode}");
        world.cx.advance(Duration::from_millis(100));
        assert_eq!(world.passing(2, "alice"), 1, "{mode}");
        // A clock that steps back does not make it last longer.
        assert_eq!(world.begin("alice").status(), 429, "{mode}");
        world.cx.step_back(Duration::from_secs(3600));
        assert!(matches!(world.begin("alice"), Seen::Waits(_)), "{mode}");
    }
}

/// Whoever is let off in Redis is not kept out for the rest of the day.
#[test]
fn a_refusal_is_looked_at_again_after_ten_seconds() {
    for mode in ["lease", "exact"] {
        let mut daily = limit("one", 1, 0, json!({ "mode": mode }));
        daily["rate"] = "1r/d".into();
        let day = Duration::from_secs(86_400);
        let quota = Quota::new(Algorithm::TokenBucket, 1, day, 0).unwrap();
        let mut world = World::new(&config(vec![daily], json!({})), Redis::default().limit("one", quota));
        assert_eq!(world.passing(3, "alice"), 1);
        assert_eq!(world.answered_with("retry-after").as_deref(), Some("86400"), "{mode}");
        world.redis.restart();
        world.cx.advance(Duration::from_millis(9_999));
        assert_eq!(world.begin("alice").status(), 429, "{mode}");
        world.cx.advance(Duration::from_millis(1));
        assert_eq!(world.passing(3, "alice"), 1, "{mode}");
    }
}

#[test]
fn a_script_that_redis_forgot_is_sent_whole_and_nobody_is_refused_for_it() {
    for (mode, action) in [("lease", Action::Lease), ("exact", Action::Take)] {
        let mut world = one(json!({ "mode": mode }));
        for _ in 0..3 {
            assert!(matches!(world.begin("alice"), Seen::Waits(_)));
        }
        assert!(world.settle().iter().all(|(_, seen)| *seen == Seen::Passed), "{mode}");
        assert_eq!(world.send("bob"), Seen::Passed);
        let whole =
            |world: &World| world.redis.seen.iter().filter(|(_, command, _)| command == "EVAL").count();
        let before = whole(&world);
        assert!(before >= 1 && world.redis.calls(action) > before, "{mode}");
        world.redis.restart();
        assert_eq!(world.send("carol"), Seen::Passed);
        assert_eq!(whole(&world), before + 1, "{mode}");
    }
}

#[test]
fn what_lies_unused_goes_back() {
    let mut world = World::new(
        &config(vec![limit("one", 10, 400, json!({}))], json!({})),
        Redis::default().limit("one", bucket(10, 400)),
    );
    // 100 at once: some are taken ahead.
    for _ in 0..100 {
        let _ = world.begin("alice");
    }
    let _ = world.settle();
    assert_eq!(world.passing(60, "alice"), 60);
    world.cx.advance(Duration::from_millis(400));
    world.tick();
    let _ = world.settle();
    assert!(world.redis.calls(Action::Refund) >= 1);
    // 401 and what 0.4 s bring, as from one bucket; but what might have flown off meanwhile does not go back as well.
    assert_eq!(world.passing(400, "alice"), 401 + 4 - 160 - 4);
}

/// A gateway is two workers here.
#[test]
fn workers_share_a_limit() {
    let config = config(vec![limit("one", 10, 20, json!({}))], json!({}));
    let mut first = World::new(&config, Redis::default().limit("one", bucket(10, 20)));
    let mut second = World::new(&config, Redis::default());
    let mut passed = 0;
    for _ in 0..30 {
        passed += u32::from(first.send("alice") == Seen::Passed);
        std::mem::swap(&mut first.redis, &mut second.redis);
        passed += u32::from(second.send("alice") == Seen::Passed);
        std::mem::swap(&mut first.redis, &mut second.redis);
    }
    assert_eq!(passed, 21);
}

#[test]
fn whoever_leaves_while_waiting_has_used_nothing() {
    let mut local = limit("local", 1, 0, json!({}));
    local.as_object_mut().unwrap().remove("distributed");
    let mut world = World::new(
        &config(vec![local, limit("one", 10, 4, json!({}))], json!({})),
        Redis::default().limit("one", bucket(10, 4)),
    );
    let Seen::Waits(id) = world.begin("alice") else { panic!("it waits") };
    assert_eq!(world.begin("alice").status(), 429, "the local limit is used up while it waits");
    world.leaves(id);
    let _ = world.settle();
    world.redis.seen.clear();
    // It finds what was given for the other.
    assert_eq!(world.begin("alice"), Seen::Passed);
    assert_eq!(world.redis.calls(Action::Lease), 0);
}

#[test]
fn what_a_refused_request_spent_is_there_for_the_next() {
    let second = json!({
        "name": "two", "rate": "1r/s", "key": [{ "path": {} }], "distributed": {},
    });
    let mut world = World::new(
        &config(vec![limit("one", 10, 4, json!({})), second], json!({})),
        Redis::default().limit("one", bucket(10, 4)).limit("two", bucket(1, 0)),
    );
    assert_eq!(world.send("alice"), Seen::Passed);
    // Refused by the second limit alone, the same number of times as the first would let pass.
    for _ in 0..10 {
        assert_eq!(world.send("alice").status(), 429);
        assert_eq!(world.body()["violated-policies"], json!(["two"]));
    }
    let mut passed = 0;
    for path in ["/a", "/b", "/c", "/d", "/e", "/f"] {
        let seen = match world.path(path, "alice") {
            Seen::Waits(_) => world.settle().remove(0).1,
            seen => seen,
        };
        passed += u32::from(seen == Seen::Passed);
    }
    assert_eq!(passed, 4);
}

#[test]
fn in_shadow_it_only_reports() {
    for (mode, action) in [("lease", Action::Lease), ("exact", Action::Take)] {
        let mut one = limit("one", 10, 4, json!({ "mode": mode }));
        one["mode"] = "shadow".into();
        let mut world =
            World::new(&config(vec![one], json!({})), Redis::default().limit("one", bucket(10, 4)));
        assert_eq!(world.passing(10, "alice"), 10);
        assert_eq!(world.counter("shadowed_reason=rate.limited"), 5, "{mode}");
        assert!(world.redis.calls(action) > 0);
    }
}
