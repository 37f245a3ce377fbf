//! Whatever happens, no more guesses fail than limit and burst allow.

use crate::world::{Seen, World};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// What a client does.
#[derive(Debug, Clone)]
enum Event {
    Try {
        address: u8,
        user: u8,
    },
    /// The answer to the oldest attempt that has none.
    Answer(u16),
    /// Its client leaves.
    Leave,
    Later(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..6_u8, 0..4_u8).prop_map(|(address, user)| Event::Try { address, user }),
        5 => prop_oneof![6 => Just(401_u16), 2 => Just(200), 1 => Just(500)].prop_map(Event::Answer),
        1 => Just(Event::Leave),
        1 => (0..40_u64).prop_map(Event::Later),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn failures_are_within_every_limit(events in prop::collection::vec(event(), 1..400), locks: bool) {
        let mut world = World::new(json!({
            "limits": {
                "address": { "rate": "6r/m", "burst": 5 },
                "username": { "rate": "3r/m", "burst": 4 },
                "pair": { "rate": "1r/m", "burst": 2 },
            },
            "lock": { "enabled": locks, "first": "5s", "max": "60s" },
        }));
        let mut open: Vec<(u32, u8, u8)> = Vec::new();
        let mut seconds = 0_u64;
        // Of pairs that never succeeded the failures of the user count, too.
        let mut known = BTreeMap::new();
        let (mut by_address, mut by_user, mut by_pair) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for event in events {
            match event {
                Event::Try { address, user } => {
                    let (id, seen) = world.tries(&format!("192.0.2.{address}"), &format!("user{user}"));
                    if seen == Seen::Passed {
                        open.push((id, address, user));
                    }
                }
                Event::Later(by) => {
                    seconds += by;
                    world.later(by);
                }
                Event::Answer(_) | Event::Leave if open.is_empty() => {}
                Event::Answer(status) => {
                    let (id, address, user) = open.remove(0);
                    world.answer(id, status);
                    if status == 200 {
                        known.insert((address, user), ());
                    }
                    if status == 401 {
                        *by_address.entry(address).or_insert(0_u64) += 1;
                        *by_pair.entry((address, user)).or_insert(0_u64) += 1;
                        if !known.contains_key(&(address, user)) {
                            *by_user.entry(user).or_insert(0_u64) += 1;
                        }
                    }
                }
                Event::Leave => {
                    let (id, ..) = open.remove(0);
                    world.leaves(id);
                }
            }
        }
        for failures in by_address.values() {
            prop_assert!(*failures <= 6 + seconds / 10 + 1, "{failures} in {seconds} s");
        }
        for failures in by_user.values() {
            prop_assert!(*failures <= 5 + seconds / 20 + 1, "{failures} in {seconds} s");
        }
        for failures in by_pair.values() {
            prop_assert!(*failures <= 3 + seconds / 60 + 1, "{failures} in {seconds} s");
        }
    }

    /// Whatever a client sends, there is an answer and no more.
    #[test]
    fn no_body_stops_the_filter(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut world = World::new(json!({}));
        let text = String::from_utf8_lossy(&body).into_owned();
        world.posts(&text);
        world.form(&text);
        world.basic(&body);
    }
}
