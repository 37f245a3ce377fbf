//! What is logged, and what an answer says.

use crate::world::{Seen, World};
use serde_json::{Value, json};

const HOME: &str = "203.0.113.7";

fn note(log_client: &str) -> String {
    let mut world = World::new(json!({ "log_client": log_client }));
    for _ in 0..4 {
        world.fails(HOME, "Alice.Miller");
    }
    let line: Value = serde_json::from_str(world.logs.last().unwrap()).unwrap();
    assert_eq!(line["rule"], "login");
    assert_eq!(line["reason"], "login.locked");
    assert!(!world.logs.concat().contains("guess"));
    line["note"].as_str().unwrap().to_owned()
}

#[test]
fn how_much_of_a_user_a_line_shows() {
    assert_eq!(note("masked"), "user al***, client 203.0.113.0, wait 60 s");
    assert_eq!(note("full"), "user alice.miller, client 203.0.113.7, wait 60 s");
    let hmac = note("hmac");
    let words: Vec<&str> = hmac.split([' ', ',']).collect();
    assert_eq!((words[1].len(), words[4].len()), (16, 16), "{hmac}");
    assert!(!hmac.contains("alice") && !hmac.contains("203"), "{hmac}");
}

#[test]
fn refusals_differ_in_nothing_but_the_time() {
    let mut answers = Vec::new();
    // The pair is locked.
    let mut world = World::new(json!({}));
    for _ in 0..4 {
        world.fails(HOME, "alice");
    }
    answers.push(world.answer_seen());
    // The bucket of pair, user, address.
    for limits in [
        json!({ "pair": { "rate": "1r/m", "burst": 0 } }),
        json!({ "username": { "rate": "1r/m", "burst": 0 } }),
        json!({ "address": { "rate": "1r/m", "burst": 0 } }),
    ] {
        let mut world = World::new(json!({ "limits": limits, "lock": { "enabled": false } }));
        assert_eq!(world.fails(HOME, "alice"), Seen::Passed);
        assert_ne!(world.fails(HOME, "alice"), Seen::Passed);
        answers.push(world.answer_seen());
    }
    let body = r#"{"type":"urn:portcullis:login.limited","title":"Too many attempts","status":429}"#;
    let headers = [("retry-after", "60"), ("content-type", "application/problem+json")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    for answer in answers {
        assert_eq!(answer, (429, headers.clone(), body.to_owned()));
    }
}

#[test]
fn filter_state_says_which_limit_it_was() {
    let mut world = World::new(json!({}));
    for _ in 0..4 {
        world.fails(HOME, "alice");
    }
    let state = |name: &str| {
        let key = format!("portcullis.edge.{name}");
        world
            .last
            .exports
            .iter()
            .find(|(own, _)| *own == key)
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    assert_eq!(state("decision").as_deref(), Some("deny"));
    assert_eq!(state("reason").as_deref(), Some("login.locked"));
}
