//! Slots that are full.

use crate::world::{NOW, World, bucket};
use filter_core::policy::Timestamp;
use rate_limit::slots::ENTRIES;

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000)
}

#[test]
fn nobody_who_is_counted_is_put_out() {
    let world = World::new(1);
    let quota = bucket(2, 3600, 1);
    let spot = |name: &str| world.spot("limit", name);
    let residents: Vec<String> = (0..ENTRIES).map(|number| format!("resident {number}")).collect();
    for resident in &residents {
        assert_eq!(world.take_at(&[(spot(resident), &quota, 2)], NOW), (Some(true), 0));
    }
    // Newcomers share one entry, however many they are.
    assert_eq!(world.take_at(&[(spot("one"), &quota, 1)], NOW), (Some(true), 1));
    assert_eq!(world.take_at(&[(spot("two"), &quota, 1)], NOW), (Some(true), 1));
    for number in 0..1000 {
        assert_eq!(world.take_at(&[(spot(&format!("more {number}")), &quota, 1)], NOW), (Some(false), 0));
    }
    for resident in &residents {
        assert_eq!(world.take(&[(spot(resident), &quota, 1)]), Some(false), "{resident}");
    }
    // Another limit has another entry for its newcomers.
    assert_eq!(world.take_at(&[(world.spot("other", "one"), &quota, 2)], NOW), (Some(true), 1));
    assert_eq!(world.take_at(&[(world.spot("other", "two"), &quota, 1)], NOW), (Some(false), 0));
}

#[test]
fn whoever_is_forgotten_makes_room() {
    let world = World::new(1);
    let (short, long) = (bucket(1, 1, 0), bucket(1, 3600, 0));
    for number in 0..ENTRIES {
        let quota = if number == 0 { &short } else { &long };
        let spot = world.spot("limit", &format!("resident {number}"));
        assert_eq!(world.take_at(&[(spot, quota, 1)], NOW), (Some(true), 0));
    }
    let (one, two) = (world.spot("limit", "one"), world.spot("limit", "two"));
    assert_eq!(world.take_at(&[(one, &long, 1)], later(1)), (Some(true), 0));
    assert_eq!(world.take_at(&[(two, &long, 1)], later(1)), (Some(true), 1));
    assert_eq!(world.take_at(&[(one, &long, 1)], later(2)), (Some(false), 0));
}

/// Entries that would last longer than anything that is counted were written by a clock that was wrong.
#[test]
fn a_clock_that_was_ahead_does_not_fill_slots_for_good() {
    let world = World::new(1);
    let quota = bucket(1, 3600, 0);
    let far = Timestamp(NOW.0 + 1000 * 86_400_000_000);
    for number in 0..ENTRIES {
        let spot = world.spot("limit", &format!("resident {number}"));
        assert_eq!(world.take_at(&[(spot, &quota, 1)], far), (Some(true), 0));
    }
    let newcomer = world.spot("limit", "newcomer");
    assert_eq!(world.take_at(&[(newcomer, &quota, 1)], NOW), (Some(true), 0));
}

/// Entries of limits that another configuration had make no others wait for room beyond what is bounded.
#[test]
fn there_is_an_end_to_what_is_shared() {
    let world = World::new(1);
    let quota = bucket(1, 3600, 0);
    for number in 0..ENTRIES + rate_limit::slots::SHARED {
        let spot = world.spot(&format!("limit {number}"), "client");
        assert_eq!(world.take(&[(spot, &quota, 1)]), Some(true));
    }
    assert_eq!(world.take(&[(world.spot("one more", "client"), &quota, 1)]), None);
    assert_eq!(world.store.size().1, 2 + 32 * (ENTRIES + rate_limit::slots::SHARED));
    let (later, _) = world.take_at(&[(world.spot("one more", "client"), &quota, 1)], later(3600));
    assert_eq!(later, Some(true));
}
