//! The table of a gateway: many workers, many keys, and whatever is in the store.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not there fails the test"
)]

mod full;
mod together;
mod world;

use filter_core::policy::Timestamp;
use proptest::prelude::*;
use rate_limit::slots::{ENTRIES, Table, Taken};
use testkit::TestCx;
use world::{NOW, Store, World, bucket};

#[test]
fn every_worker_hashes_with_the_same_secret() {
    let cx = TestCx::default();
    let table = Table::new("a", 64, 1);
    let seed = table.seed(&cx).expect("a seed");
    assert_eq!(table.seed(&cx), Some(seed));
    assert_ne!(Table::new("b", 64, 1).seed(&cx), Some(seed));
    let (one, other) = (table.spot(&seed, b"l", b"k"), table.spot(&seed, b"l", b"k2"));
    assert_ne!(one, other);
    // What ends the name of a limit begins no key.
    assert_ne!(table.spot(&seed, b"lk", b""), table.spot(&seed, b"l", b"k"));
    assert_eq!(Table::new("a", 64, 1).seed(&TestCx::default().without_random()), None);
}

#[test]
fn one_key_is_counted_by_all_workers_together() {
    let world = World::new(1024);
    let quota = bucket(1000, 3600, 999);
    let spot = world.spot("limit", "victim");
    let granted: usize = world
        .workers(4, |world| (0..1000).filter(|_| world.take(&[(spot, &quota, 1)]) == Some(true)).count());
    assert_eq!(granted, 1000);
}

#[test]
fn keys_limits_and_instances_are_counted_apart() {
    let world = World::new(1024);
    let quota = bucket(1, 3600, 0);
    for (limit, key) in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")] {
        let spot = world.spot(limit, key);
        assert_eq!(world.take(&[(spot, &quota, 1)]), Some(true), "{limit} {key}");
        assert_eq!(world.take(&[(spot, &quota, 1)]), Some(false), "{limit} {key}");
    }
    let mut other = world.table.clone();
    other.rename("other");
    let spot = world.spot("a", "x");
    let claims = [world::claim(spot, &quota, 1)];
    assert!(matches!(other.take(&claims, NOW, &world.store).0, Taken::Granted(_)));
}

/// A million clients fill no memory, and cost none of those who are there the count of theirs.
#[test]
fn a_million_keys_take_no_more_memory_and_reset_nobody() {
    let world = World::new(1024);
    let quota = bucket(10, 3600, 9);
    let victim = world.spot("limit", "victim");
    for _ in 0..10 {
        assert_eq!(world.take(&[(victim, &quota, 1)]), Some(true));
    }
    for number in 0..1_000_000 {
        let spot = world.spot("limit", &number.to_string());
        world.take(&[(spot, &quota, 1)]);
        if number % 100_000 == 0 {
            assert_eq!(world.take(&[(victim, &quota, 1)]), Some(false));
        }
    }
    assert_eq!(world.take(&[(victim, &quota, 1)]), Some(false));
    let (keys, bytes) = world.store.size();
    assert_eq!(keys, 1024);
    // The form, eight of their own, one for all others of this limit.
    assert_eq!(bytes, 1024 * (2 + 32 * (ENTRIES + 1)));
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let world = World::new(16);
    let quota = bucket(1, 3600, 4);
    let spot = world.spot("limit", "client");
    assert_eq!(world.take(&[(spot, &quota, 5)]), Some(true));
    assert_eq!(world.take(&[(spot, &quota, 1)]), Some(false));
    assert!(world.table.refund(&world::claim(spot, &quota, 2), NOW, &world.store));
    assert_eq!(world.take(&[(spot, &quota, 2)]), Some(true));
    assert_eq!(world.take(&[(spot, &quota, 1)]), Some(false));
    // Of one who is not there nothing is kept.
    let stranger = world.spot("limit", "stranger");
    let (_, before) = world.store.size();
    assert!(world.table.refund(&world::claim(stranger, &quota, 2), NOW, &world.store));
    assert_eq!(world.store.size().1, before);
}

#[test]
fn where_others_are_quicker_every_time_nobody_is_counted() {
    let world = World { store: Store::that_loses(usize::MAX), ..World::new(16) };
    let quota = bucket(1, 3600, 4);
    let spot = world.spot("limit", "client");
    assert_eq!(world.take(&[(spot, &quota, 1)]), None);
    assert_eq!(world.store.size(), (0, 0));
    let world = World { store: Store::that_loses(63), ..World::new(16) };
    assert_eq!(world.take(&[(spot, &quota, 1)]), Some(true));
}

proptest! {
    /// Whoever else writes into the store: it reads as nothing, and is written over.
    #[test]
    fn junk_reads_as_nothing(junk in prop::collection::vec(any::<u8>(), 0..2400), form: bool, owns in 0_u8..12) {
        let mut junk = junk;
        if form && junk.len() > 1 {
            (junk[0], junk[1]) = (1, owns);
        }
        let world = World::new(1);
        let quota = bucket(10, 1, 9);
        let spot = world.spot("limit", "client");
        world.store.set(&world.slot(0), &junk);
        for _ in 0..12 {
            world.take(&[(spot, &quota, 1)]);
        }
        // Entries that look live leave no room, and the last one is shared: counted it is.
        let most = world.store.size().1;
        prop_assert!(most <= 2 + 32 * (ENTRIES + rate_limit::slots::SHARED));
        let later = Timestamp(NOW.0 + 60_000_000);
        let claims = [world::claim(spot, &quota, 1)];
        prop_assert!(matches!(world.table.take(&claims, later, &world.store).0, Taken::Granted(_)));
    }
}
