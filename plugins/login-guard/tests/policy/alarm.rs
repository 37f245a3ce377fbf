//! The alarm.

use crate::world::World;
use serde_json::json;

fn world() -> World {
    World::new(json!({
        "alarm": { "ratio": 40, "attempts": 10, "window": "1m" },
        "limits": { "address": { "rate": "100r/s", "burst": 1000 } },
    }))
}

fn alarms(world: &World) -> Vec<&String> {
    world.logs.iter().filter(|line| line.contains("alarm")).collect()
}

#[test]
fn many_failures_are_said_once_in_a_window() {
    let mut world = world();
    for i in 0..6 {
        world.succeeds("192.0.2.1", &format!("good{i}"));
    }
    for i in 0..3 {
        world.fails("192.0.2.1", &format!("bad{i}"));
    }
    assert_eq!(alarms(&world).len(), 0);
    world.fails("192.0.2.1", "bad3");
    assert_eq!(alarms(&world), ["edge: alarm: 4 of 10 attempts to log in failed within 60 s"]);
    for i in 4..50 {
        world.fails("192.0.2.1", &format!("bad{i}"));
    }
    assert_eq!(alarms(&world).len(), 1);
    assert_eq!(world.counter("alarm"), 1);
    world.later(60);
    for i in 50..60 {
        world.fails("192.0.2.1", &format!("bad{i}"));
    }
    assert_eq!(alarms(&world).len(), 2);
}

#[test]
fn few_failures_among_many_attempts_are_none() {
    let mut world = world();
    for i in 0..100 {
        world.succeeds("192.0.2.1", &format!("good{i}"));
        if i % 2 == 0 {
            world.fails("192.0.2.1", &format!("bad{i}"));
        }
    }
    assert_eq!(alarms(&world).len(), 0);
}

#[test]
fn what_says_nothing_of_a_password_counts_for_nothing() {
    let mut world = world();
    for i in 0..100 {
        world.gets("192.0.2.1", &format!("user{i}"), 500);
    }
    assert_eq!(alarms(&world).len(), 0);
}
