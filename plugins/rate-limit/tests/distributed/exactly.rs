//! Limits that Redis counts for each request.

use crate::redis::Redis;
use crate::world::{Seen, World, bucket, config, limit, one};
use rate_limit::script::Action;
use serde_json::json;
use std::time::Duration;

#[test]
fn every_request_asks() {
    let mut world = one(json!({ "mode": "exact" }));
    assert_eq!(world.passing(10, "alice"), 5);
    assert_eq!(world.redis.calls(Action::Take), 7, "six, and the script once more");
    assert_eq!(world.redis.calls(Action::Lease), 0);
    world.cx.advance(Duration::from_millis(250));
    assert_eq!(world.passing(10, "alice"), 2);
}

#[test]
fn one_call_for_all_limits_which_all_count_or_none() {
    let exact = json!({ "mode": "exact" });
    let mut two = limit("two", 1, 1, exact.clone());
    two["key"] = json!([{ "path": {} }]);
    let mut world = World::new(
        &config(vec![limit("one", 10, 4, exact), two], json!({})),
        Redis::default().limit("one", bucket(10, 4)).limit("two", bucket(1, 1)),
    );
    assert_eq!(world.passing(10, "alice"), 2);
    assert_eq!(world.body()["violated-policies"], json!(["two"]));
    for (_, _, keys) in &world.redis.seen {
        assert_eq!(keys.len(), 2);
        assert!(keys.iter().all(|key| key.starts_with("portcullis:rl:{one}:")), "{keys:?}");
    }
    // The first limit counted the two that passed, and no other.
    let mut passed = 0;
    for path in ["/a", "/b", "/c", "/d"] {
        let Seen::Waits(_) = world.path(path, "alice") else { panic!("it waits") };
        passed += u32::from(world.settle().remove(0).1 == Seen::Passed);
    }
    assert_eq!(passed, 3);
    assert_eq!(world.body()["violated-policies"], json!(["one"]));
}

/// Else all of them would be on one node.
#[test]
fn limits_that_are_asked_alone_have_keys_without_a_tag() {
    let exact = json!({ "mode": "exact" });
    let rule = |name: &str, limits: &[&str]| json!({ "name": name, "match": { "path": { "exact": format!("/{name}") } }, "limits": limits });
    let limits = ["a", "b", "c", "d"].map(|name| limit(name, 10, 4, exact.clone())).to_vec();
    let further = json!({
        "rules": [rule("ab", &["a", "b"]), rule("bc", &["c", "b"]), rule("d", &["d"]), rule("a", &["a"])],
        "default": {},
    });
    let redis = ["a", "b", "c", "d"]
        .into_iter()
        .fold(Redis::default(), |redis, name| redis.limit(name, bucket(10, 4)));
    let mut world = World::new(&config(limits, further), redis);
    for (path, prefixes) in [
        ("/ab", vec!["portcullis:rl:{a}:edge:a:", "portcullis:rl:{a}:edge:b:"]),
        ("/bc", vec!["portcullis:rl:{a}:edge:c:", "portcullis:rl:{a}:edge:b:"]),
        ("/d", vec!["portcullis:rl:edge:d:"]),
        ("/a", vec!["portcullis:rl:{a}:edge:a:"]),
    ] {
        let _ = world.path(path, "alice");
        let _ = world.settle();
        let (_, _, keys) = world.redis.seen.last().unwrap();
        assert_eq!(keys.len(), prefixes.len(), "{path}");
        for (key, prefix) in keys.iter().zip(prefixes) {
            assert!(key.starts_with(prefix), "{key} {prefix}");
        }
    }
}

/// What Redis counted of it stays counted: nobody knows whether it was.
#[test]
fn whoever_leaves_while_waiting_is_not_told() {
    let mut world = one(json!({ "mode": "exact" }));
    let Seen::Waits(id) = world.begin("alice") else { panic!("it waits") };
    world.leaves(id);
    assert_eq!(world.settle(), []);
    assert_eq!(world.passing(5, "alice"), 5, "the script was not known yet, and nobody sent it again");
}

#[test]
fn both_kinds_in_one_request() {
    let mut two = limit("two", 10, 1, json!({ "mode": "exact" }));
    two["key"] = json!([]);
    let mut world = World::new(
        &config(vec![limit("one", 10, 4, json!({})), two], json!({})),
        Redis::default().limit("one", bucket(10, 4)).limit("two", bucket(10, 1)),
    );
    assert_eq!(world.passing(10, "alice"), 2);
    assert_eq!(world.body()["violated-policies"], json!(["two"]));
    world.cx.advance(Duration::from_secs(1));
    assert_eq!(world.passing(10, "bob"), 2);
    let state: Vec<_> = world.redis.seen.iter().map(|(action, ..)| *action).collect();
    assert!(state.contains(&Action::Lease) && state.contains(&Action::Take));
}
