//! What is only reported.

use crate::world::{Seen, World, config};
use serde_json::json;
use testkit::TestCx;

const HOME: &str = "203.0.113.7";

fn reported(world: &World) -> u32 {
    world.counters.iter().filter(|(name, _)| name.starts_with("shadowed")).map(|(_, count)| count).sum()
}

#[test]
fn the_plugin_in_shadow_refuses_nothing() {
    let mut world = World::new(json!({ "mode": "shadow" }));
    for _ in 0..10 {
        assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
    }
    assert_eq!(reported(&world), 7);
    assert_eq!(world.counter("failures"), 3);
    assert_eq!(world.posts("nonsense"), Seen::Passed);
    assert_eq!(world.counter("shadowed_reason=login.malformed"), 1);
}

#[test]
fn a_rule_in_shadow_counts_with_the_others() {
    let mut config = config(json!({ "lock": { "enabled": false } }));
    config["rules"][0]["mode"] = json!("shadow");
    let mut world = World::with(TestCx::default(), &config);
    for _ in 0..5 {
        assert_eq!(world.fails("192.0.2.1", "alice"), Seen::Passed);
    }
    assert_eq!(reported(&world), 2);
    assert_eq!(world.form("username=alice").1.reason(), "login.pair");
}

#[test]
fn nothing_is_held_where_nothing_is_refused() {
    use filter_core::policy::Policy as _;
    let world = World::new(json!({ "mode": "shadow" }));
    assert!(!world.filter.policy().unwrap().hold_headers());
    assert!(World::new(json!({})).filter.policy().unwrap().hold_headers());
    assert!(!World::new(json!({ "hold_headers": false })).filter.policy().unwrap().hold_headers());
    let basic = json!({ "name": "a", "match": {}, "username": { "basic": {} } });
    assert!(!World::new(json!({ "rules": [basic] })).filter.policy().unwrap().hold_headers());
}
