//! What holds of every quota, whatever is asked of it and whenever.

use crate::reference::Reference;
use crate::world::{Bucket, START};
use filter_core::policy::Timestamp;
use proptest::prelude::*;
use rate_limit::Algorithm;
use rate_limit::quota::{Quota, Record};
use std::time::Duration;

fn quotas() -> impl Strategy<Value = Quota> {
    let seconds = prop_oneof![Just(1_u64), Just(7), Just(30), Just(60), Just(3600), Just(86_400)];
    let requests = prop_oneof![1_u32..20, 1_u32..3000, Just(1_000_000)];
    let bucket = (requests.clone(), seconds.clone(), 0_u32..30).prop_map(|(requests, per, burst)| {
        Quota::new(Algorithm::TokenBucket, requests, Duration::from_secs(per), burst)
    });
    let leaky = (requests.clone(), prop_oneof![Just(1_u64), Just(60)], 0_u32..30).prop_map(
        |(requests, per, burst)| {
            Quota::new(Algorithm::LeakyBucket, requests, Duration::from_secs(per), burst)
        },
    );
    let window = (requests, seconds, any::<bool>()).prop_map(|(requests, per, fixed)| {
        let algorithm = if fixed { Algorithm::FixedWindow } else { Algorithm::SlidingWindow };
        Quota::new(algorithm, requests, Duration::from_secs(per), 0)
    });
    prop_oneof![bucket, leaky, window].prop_filter_map("too fine", Result::ok)
}

/// How long after the last request, in thousandths of the time that one is worth, and how many at once.
fn events() -> impl Strategy<Value = Vec<(u64, u32)>> {
    let wait = prop_oneof![3 => Just(0_u64), 4 => 0_u64..3000, 1 => 0_u64..100_000];
    prop::collection::vec((wait, prop_oneof![8 => Just(1_u32), 1 => 2_u32..5]), 1..150)
}

/// In µs.
fn worth(quota: &Quota, thousandths: u64) -> u64 {
    let one = quota.per_micros() / u64::from(quota.requests()).max(1);
    one.saturating_mul(thousandths) / 1000
}

/// After some requests.
fn used(quota: Quota, events: &[(u64, u32)]) -> Bucket {
    let mut bucket = Bucket::new(quota);
    for (wait, cost) in events {
        bucket.advance(worth(&quota, *wait));
        bucket.take(*cost);
    }
    bucket
}

/// All that can be seen of a bucket for a while.
fn future(mut bucket: Bucket) -> Vec<(u32, u32, u64)> {
    (0_u64..40)
        .map(|step| {
            bucket.advance(worth(&bucket.quota, step * 100));
            let decision = bucket.take(1);
            (decision.granted, decision.remaining, decision.retry_us)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_is_that_of_the_definition(quota in quotas(), events in events()) {
        let (mut bucket, mut reference) = (Bucket::new(quota), Reference::new(quota));
        for (wait, cost) in events {
            bucket.advance(worth(&quota, wait));
            let decision = bucket.take(cost);
            let expected = reference.take(bucket.now, cost);
            prop_assert_eq!(decision.granted == cost, expected, "{:?} at {}: {:?}", quota, bucket.now, decision);
        }
    }

    /// nginx alone says what happens when the clock steps back.
    #[test]
    fn leaky_buckets_are_nginxs_when_the_clock_steps(
        requests in 1_u32..100,
        burst in 0_u32..10,
        steps in prop::collection::vec(-100_000_i64..3000, 1..150),
    ) {
        let quota = Quota::new(Algorithm::LeakyBucket, requests, Duration::from_secs(1), burst).expect("a quota");
        let (mut bucket, mut reference) = (Bucket::new(quota), Reference::new(quota));
        for step in steps {
            bucket.now = bucket.now.saturating_add_signed(step * 1000);
            prop_assert_eq!(bucket.take(1).granted == 1, reference.take(bucket.now, 1));
        }
    }

    #[test]
    fn what_is_left_passes_and_no_more(quota in quotas(), events in events()) {
        let mut bucket = used(quota, &events);
        let remaining = bucket.grant(0).remaining;
        prop_assert!(remaining <= quota.capacity());
        if remaining > 0 {
            prop_assert_eq!(bucket.clone().take(remaining).granted, remaining);
        }
        prop_assert_eq!(bucket.take(remaining.saturating_add(1)).granted, 0);
    }

    /// Coming back when told so succeeds, and coming back a moment earlier does not.
    #[test]
    fn the_time_to_come_back_is_exact(quota in quotas(), events in events(), cost in 1_u32..4) {
        let mut bucket = used(quota, &events);
        let cost = cost.min(quota.capacity());
        let remaining = bucket.grant(0).remaining;
        bucket.grant(remaining);
        // What a fixed window refuses counts: look without asking.
        let (decision, _) = quota.take(bucket.record, Timestamp(bucket.now), cost);
        prop_assert_eq!(decision.granted, 0);
        let millis = matches!(quota.algorithm(), Algorithm::LeakyBucket | Algorithm::SlidingWindow);
        // Where time is counted in ms an answer between two counts from the earlier one.
        let earlier = if millis { 1001 } else { 1 };
        if let Some(early) = decision.retry_us.checked_sub(earlier) {
            let (decision, _) = quota.take(bucket.record, Timestamp(bucket.now + early), cost);
            prop_assert_eq!(decision.granted, 0);
        }
        bucket.advance(decision.retry_us);
        prop_assert_eq!(bucket.take(cost).granted, cost, "{:?}: {:?}", quota, decision);
    }

    /// Then, and when the record is stale, nobody can tell that there was anybody.
    #[test]
    fn after_the_reset_everything_is_forgotten(quota in quotas(), events in events()) {
        let mut bucket = used(quota, &events);
        let reset = bucket.grant(0).reset_us;
        prop_assert!(reset <= quota.longest());
        bucket.advance(reset);
        let record = bucket.record.expect("a record");
        prop_assert!(quota.stale_at(record).0 <= bucket.now.max(START + quota.longest()));
        let fresh = Bucket { record: None, ..bucket };
        prop_assert_eq!(future(bucket), future(fresh));
    }

    #[test]
    fn a_stale_record_means_the_same_as_none(quota in quotas(), events in events(), late in 0_u64..2000) {
        let mut bucket = used(quota, &events);
        let stale = quota.stale_at(bucket.record.expect("a record")).0;
        prop_assert!(stale <= bucket.now + quota.longest());
        bucket.now = bucket.now.max(stale) + late;
        let fresh = Bucket { record: None, ..bucket };
        prop_assert_eq!(future(bucket), future(fresh));
    }

    #[test]
    fn to_grant_many_is_to_take_one_at_a_time(quota in quotas(), events in events(), want in 0_u32..60) {
        let bucket = used(quota, &events);
        let (mut once, mut each) = (bucket.clone(), bucket);
        let granted = once.grant(want).granted;
        // What is refused must not count, as it does in a fixed window.
        let mut taken = 0;
        while taken < want && each.grant(0).remaining > 0 {
            taken += each.take(1).granted;
        }
        prop_assert_eq!(granted, taken);
        prop_assert_eq!(future(once), future(each));
    }

    #[test]
    fn to_take_and_to_give_back_is_nothing(quota in quotas(), events in events(), cost in 1_u32..5) {
        let bucket = used(quota, &events);
        let mut other = bucket.clone();
        prop_assume!(other.take(cost).granted == cost);
        other.refund(cost);
        prop_assert_eq!(future(other), future(bucket));
    }

    /// What is given back late, or twice, never makes more room than there is.
    #[test]
    fn giving_back_makes_no_room_beyond_the_limit(quota in quotas(), events in events(), back in 0_u32..5000) {
        let mut bucket = used(quota, &events);
        bucket.advance(worth(&quota, u64::from(back) % 777));
        bucket.refund(back);
        prop_assert!(bucket.grant(0).remaining <= quota.capacity());
        prop_assert!(bucket.grant(u32::MAX).granted <= quota.capacity());
    }

    /// A record is whatever the store holds, and the clock shows whatever it shows.
    #[test]
    fn junk_does_no_harm(quota in quotas(), junk: [u64; 2], near: [u32; 2], now: u64, cost: u32) {
        let near = [START.wrapping_add(u64::from(near[0])), u64::from(near[1])];
        for record in [junk, near, [near[0], junk[1]], [u64::MAX; 2], [0; 2]] {
            for now in [now, START, 0, u64::MAX] {
                let now = Timestamp(now);
                let (decision, after) = quota.take(Some(Record(record)), now, cost);
                prop_assert!(decision.granted == 0 || decision.granted == cost);
                prop_assert!(decision.remaining <= quota.capacity());
                prop_assert!(decision.granted <= quota.capacity());
                let (decision, _) = quota.grant(Some(after), now, cost);
                prop_assert!(decision.granted <= quota.capacity());
                let _ = (quota.refund(after, now, cost), quota.stale_at(after), quota.stale_at(Record(record)));
            }
        }
    }
}
