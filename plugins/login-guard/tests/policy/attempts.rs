//! Charging and settling.

use crate::world::{Seen, World};
use filter_core::message::Headers;
use serde_json::json;
use testkit::{request, response};

const HOME: &str = "203.0.113.7";
const AWAY: &str = "198.51.100.9";

/// Without locks, which have tests of their own.
fn world() -> World {
    World::new(json!({ "lock": { "enabled": false } }))
}

#[test]
fn three_failures_of_a_pair_pass_and_the_fourth_waits_for_the_bucket() {
    let mut world = world();
    for _ in 0..3 {
        assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
    }
    assert_eq!(world.fails(HOME, "alice"), Seen::Refused(429, "login.pair".to_owned(), Some(60)));
    assert_eq!(world.fails(HOME, "bob"), Seen::Passed);
    world.later(59);
    assert_eq!(world.fails(HOME, "alice").wait(), 1);
    world.later(1);
    assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
    assert_eq!((world.counter("attempts"), world.counter("failures")), (5, 5));
}

#[test]
fn what_is_refused_is_not_charged() {
    let mut world = world();
    for _ in 0..3 {
        world.fails(HOME, "alice");
    }
    for _ in 0..100 {
        assert_eq!(world.fails(HOME, "alice").wait(), 60);
    }
    // The address had ten.
    for user in 0..7 {
        assert_eq!(world.fails(HOME, &format!("user{user}")), Seen::Passed);
    }
    assert_eq!(world.fails(HOME, "bob").reason(), "login.address");
}

#[test]
fn a_success_costs_nothing() {
    let mut world = world();
    for _ in 0..100 {
        assert_eq!(world.succeeds(HOME, "alice"), Seen::Passed);
    }
    assert_eq!(world.counter("successes"), 100);
    assert_eq!(world.counter("known_created"), 1);
}

#[test]
fn a_success_takes_back_itself_and_no_failure() {
    let mut world = world();
    world.fails(HOME, "alice");
    world.fails(HOME, "alice");
    world.succeeds(HOME, "alice");
    assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
    assert_eq!(world.fails(HOME, "alice").reason(), "login.pair");
}

#[test]
fn what_says_nothing_of_a_password_costs_nothing() {
    for status in [400, 404, 409, 422, 429, 500, 502, 503] {
        let mut world = world();
        for _ in 0..20 {
            assert_eq!(world.gets(HOME, "alice", status), Seen::Passed, "{status}");
        }
        assert_eq!((world.counter("refunded"), world.counter("failures")), (20, 0), "{status}");
        // Nor is the pair known: a success is one of the API's.
        assert_eq!(world.counter("known_created"), 0, "{status}");
    }
}

#[test]
fn what_the_api_did_not_say_is_no_failure_and_no_success() {
    for (status, details) in
        [(401, "portcullis_jwt.missing"), (403, "rbac_access_denied"), (200, "direct_response")]
    {
        let mut world = world();
        for _ in 0..20 {
            let (id, seen) = world.tries(HOME, "alice");
            assert_eq!(seen, Seen::Passed, "{details}");
            world.local_answer(id, status, details);
        }
        assert_eq!((world.counter("refunded"), world.counter("known_created")), (20, 0), "{details}");
    }
}

#[test]
fn whoever_hangs_up_has_tried() {
    let mut world = world();
    for _ in 0..3 {
        let (id, seen) = world.tries(HOME, "alice");
        assert_eq!(seen, Seen::Passed);
        world.leaves(id);
    }
    assert_eq!(world.tries(HOME, "alice").1.reason(), "login.pair");
}

#[test]
fn an_answer_that_nobody_can_read_is_a_failure() {
    let mut world = world();
    for _ in 0..3 {
        let (id, _) = world.tries(HOME, "alice");
        world.answers(id, &Headers::default());
    }
    assert_eq!(world.tries(HOME, "alice").1.reason(), "login.pair");
}

#[test]
fn attempts_are_charged_before_their_answers_are_known() {
    let mut world = world();
    let sent: Vec<_> = (0..1000).map(|_| world.tries(HOME, "alice")).collect();
    let passed: Vec<u32> = sent.iter().filter(|(_, seen)| *seen == Seen::Passed).map(|(id, _)| *id).collect();
    assert_eq!(passed.len(), 3);
    for id in passed {
        world.answer(id, 401);
    }
    assert_eq!(world.tries(HOME, "alice").1.reason(), "login.pair");
}

#[test]
fn a_user_is_tried_from_many_addresses_so_often_and_no_more() {
    let mut world = world();
    let passed = (0..250).filter(|i| world.fails(&format!("192.0.2.{i}"), "alice") == Seen::Passed).count();
    assert_eq!(passed, 6);
    assert_eq!(world.fails("198.51.100.1", "alice").reason(), "login.username");
    assert_eq!(world.fails("198.51.100.1", "bob"), Seen::Passed);
}

#[test]
fn an_attack_from_elsewhere_refuses_nobody_at_home() {
    let mut world = World::new(json!({}));
    assert_eq!(world.succeeds(HOME, "alice"), Seen::Passed);
    for round in 0..50 {
        for i in 0..50 {
            world.fails(&format!("192.0.2.{i}"), "alice");
        }
        assert_eq!(world.succeeds(HOME, "alice"), Seen::Passed, "{round}");
        world.later(7);
    }
    // Elsewhere the user is refused with the attacker.
    assert_eq!(world.succeeds(AWAY, "alice").reason(), "login.locked");
}

#[test]
fn a_known_address_is_forgotten_in_the_end() {
    let mut world = World::new(json!({ "known_for": "1h", "lock": { "enabled": false } }));
    world.succeeds(HOME, "alice");
    world.later(3599);
    for i in 0..6 {
        world.fails(&format!("192.0.2.{i}"), "alice");
    }
    assert_eq!(world.tries(HOME, "alice").1, Seen::Passed);
    world.later(1);
    assert_eq!(world.tries(HOME, "alice").1.reason(), "login.username");
}

#[test]
fn a_known_address_has_the_limit_of_its_pair_all_the_same() {
    let mut world = world();
    world.succeeds(HOME, "alice");
    for _ in 0..3 {
        assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
    }
    assert_eq!(world.fails(HOME, "alice").reason(), "login.pair");
    // Its failures are no failures of the user elsewhere.
    for i in 0..6 {
        assert_eq!(world.fails(&format!("192.0.2.{i}"), "alice"), Seen::Passed);
    }
}

#[test]
fn nobody_is_known_at_an_address_that_the_host_does_not_say() {
    let mut world = world();
    let attempt = |world: &mut World| {
        let head = request("POST", "/login").header("content-type", "application/json");
        world.send(head, Some(br#"{"user":"alice"}"#))
    };
    let (id, seen) = attempt(&mut world);
    assert_eq!(seen, Seen::Passed);
    world.answer(id, 200);
    assert_eq!(world.counter("known_created"), 0);
    for i in 0..6 {
        world.fails(&format!("192.0.2.{i}"), "alice");
    }
    assert_eq!(attempt(&mut world).1.reason(), "login.username");
}

#[test]
fn the_failures_of_all_rules_count_together() {
    let mut world = world();
    world.fails("192.0.2.1", "alice");
    let (id, _) = world.form("grant_type=password&username=Alice&password=x");
    world.answer(id, 401);
    let (id, _) = world.basic(b"ALICE:x");
    world.answer(id, 401);
    assert_eq!(world.fails("192.0.2.1", "alice").reason(), "login.pair");
}

#[test]
fn a_rule_says_what_a_failure_is() {
    let mut world = world();
    for _ in 0..3 {
        let (id, seen) = world.form("username=alice");
        assert_eq!(seen, Seen::Passed);
        world.answer(id, 400);
    }
    assert_eq!(world.form("username=alice").1.reason(), "login.pair");
}

#[test]
fn a_header_may_say_it() {
    let rule = json!({
        "name": "page", "match": {}, "username": { "form": "u" },
        "failure": { "statuses": [], "header": { "name": "location", "exact": "/login?error" } },
    });
    let mut world = World::new(json!({ "rules": [rule], "lock": { "enabled": false } }));
    let attempt = |world: &mut World| {
        let head = request("POST", "/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", HOME);
        world.send(head, Some(b"u=alice"))
    };
    for _ in 0..20 {
        let (id, seen) = attempt(&mut world);
        assert_eq!(seen, Seen::Passed);
        world.answers(id, &response(302, &[("location", "/")]));
    }
    for _ in 0..3 {
        let (id, seen) = attempt(&mut world);
        assert_eq!(seen, Seen::Passed);
        world.answers(id, &response(302, &[("location", "/login?error")]));
    }
    assert_eq!(attempt(&mut world).1.reason(), "login.pair");
    assert_eq!((world.counter("successes"), world.counter("failures")), (20, 3));
}

#[test]
fn what_no_rule_is_about_passes_unseen() {
    let mut world = world();
    for (method, path) in [("POST", "/other"), ("GET", "/login"), ("OPTIONS", "/login"), ("POST", "/basic")] {
        for _ in 0..50 {
            let head = request(method, path).header("x-forwarded-for", HOME);
            let (id, seen) = world.send(head, None);
            assert_eq!(seen, Seen::Passed, "{method} {path}");
            world.answer(id, 401);
        }
    }
    assert_eq!(world.counters.len(), 0);
}

#[test]
fn head_is_what_get_is() {
    let mut world = world();
    for _ in 0..3 {
        let head = request("HEAD", "/basic")
            .header("authorization", "Basic YWxpY2U6eA==")
            .header("x-forwarded-for", HOME);
        let (id, seen) = world.send(head, None);
        assert_eq!(seen, Seen::Passed);
        world.answer(id, 401);
    }
    assert_eq!(world.fails(HOME, "alice").reason(), "login.pair");
}
