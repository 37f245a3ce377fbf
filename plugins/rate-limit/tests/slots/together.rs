//! Several limits at once: all pass, or nothing is counted.

use crate::world::{NOW, World, bucket, claim};
use filter_core::policy::Timestamp;
use filter_core::store::{Conflict, Expect, SharedStore};
use rate_limit::Algorithm;
use rate_limit::quota::Quota;
use rate_limit::slots::Taken;
use std::cell::Cell;
use std::time::Duration;

#[test]
fn what_one_limit_refuses_is_counted_by_none() {
    let world = World::new(64);
    let (tight, wide) = (bucket(1, 3600, 0), bucket(1, 3600, 9));
    let (first, second) = (world.spot("tight", "client"), world.spot("wide", "client"));
    for claims in [[(first, &tight, 1), (second, &wide, 1)], [(second, &wide, 1), (first, &tight, 1)]] {
        world.take(&claims);
    }
    // One of two requests passed, so the wide limit has nine of ten left.
    assert_eq!(world.take(&[(second, &wide, 9)]), Some(true));
    assert_eq!(world.take(&[(second, &wide, 1)]), Some(false));
}

#[test]
fn all_that_refuse_are_told_of() {
    let world = World::new(64);
    let quota = bucket(1, 3600, 0);
    let spots: Vec<_> = ["a", "b", "c"].iter().map(|limit| world.spot(limit, "client")).collect();
    assert_eq!(world.take(&[(spots[0], &quota, 1)]), Some(true));
    assert_eq!(world.take(&[(spots[2], &quota, 1)]), Some(true));
    let claims: Vec<_> = spots.iter().map(|spot| claim(*spot, &quota, 1)).collect();
    let (Taken::Refused(refused), 0) = world.table.take(&claims, NOW, &world.store) else { panic!() };
    assert_eq!(refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(world.take(&[(spots[1], &quota, 1)]), Some(true));
}

#[test]
fn a_fixed_window_counts_what_it_refuses_itself_alone() {
    let world = World::new(64);
    let window = |requests| {
        Quota::new(Algorithm::FixedWindow, requests, Duration::from_secs(3600), 0).expect("a quota")
    };
    let (tight, wide) = (window(3), window(10));
    let (first, second) = (world.spot("tight", "client"), world.spot("wide", "client"));
    assert_eq!(world.take(&[(first, &tight, 2), (second, &wide, 2)]), Some(true));
    // Two of three are counted: of two more one would fit, but they were counted, too.
    assert_eq!(world.take(&[(first, &tight, 2), (second, &wide, 2)]), Some(false));
    assert_eq!(world.take(&[(first, &tight, 1)]), Some(false));
    assert_eq!(world.take(&[(second, &wide, 8)]), Some(true));
}

#[test]
fn workers_at_once_count_both_limits_alike() {
    let world = World::new(64);
    let (tight, wide) = (bucket(500, 3600, 499), bucket(1000, 3600, 999));
    let (first, second) = (world.spot("tight", "client"), world.spot("wide", "client"));
    let passed = world.workers(4, |world| {
        (0..400).filter(|_| world.take(&[(second, &wide, 1), (first, &tight, 1)]) == Some(true)).count()
    });
    assert_eq!(passed, 500);
    assert_eq!(world.take(&[(second, &wide, 500)]), Some(true));
    assert_eq!(world.take(&[(second, &wide, 1)]), Some(false));
}

/// Between the look and the change another worker takes the last request of the second limit.
struct Raced<'w> {
    world: &'w World,
    changes: Cell<usize>,
    other: &'w dyn Fn(),
}

impl SharedStore for Raced<'_> {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.world.store.get(key)
    }

    fn cas(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        if self.changes.replace(self.changes.get() + 1) == 0 {
            (self.other)();
        }
        self.world.store.cas(key, value, expect)
    }
}

#[test]
fn what_turns_into_a_refusal_is_given_back() {
    let world = World::new(64);
    let (wide, tight) = (bucket(1, 3600, 9), bucket(1, 3600, 0));
    let (first, second) = (world.spot("wide", "client"), world.spot("tight", "client"));
    let other = || assert_eq!(world.take(&[(second, &tight, 1)]), Some(true));
    let raced = Raced { world: &world, changes: Cell::new(0), other: &other };
    let claims = [claim(first, &wide, 1), claim(second, &tight, 1)];
    let (taken, _) = world.table.take(&claims, NOW, &raced);
    assert!(
        matches!(&taken, Taken::Refused(refused) if refused.len() == 1 && refused[0].0 == 1),
        "{taken:?}"
    );
    assert_eq!(world.take(&[(first, &wide, 10)]), Some(true));
}

/// A clock that was set back leaves a bucket empty, not closed for as long as the step: also where another limit refuses.
#[test]
fn a_clock_that_was_set_back_closes_no_bucket() {
    let world = World::new(64);
    let (one, two) = (bucket(10, 1, 20), bucket(1, 1, 5));
    let (first, second) = (world.spot("one", "client"), world.spot("two", "client"));
    let claims = [(first, &one, 1), (second, &two, 1)];
    assert_eq!(world.take(&claims), Some(true));
    let back = Timestamp(NOW.0 - 3_600_000_000);
    assert_eq!(world.take_at(&claims, back).0, Some(false));
    assert_eq!(world.take_at(&claims, Timestamp(back.0 + 1_000_000)).0, Some(true));
}
