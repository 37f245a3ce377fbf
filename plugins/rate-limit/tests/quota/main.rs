//! Quotas beside the definitions of their algorithms, and what holds of each at any time.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not there fails the test"
)]

mod clock;
mod properties;
mod reference;
mod world;

use filter_core::policy::Timestamp;
use rate_limit::Algorithm;
use rate_limit::quota::{Decision, Quota, QuotaError};
use std::time::Duration;
use world::{Bucket, START};

fn quota(algorithm: Algorithm, requests: u32, per: u64, burst: u32) -> Quota {
    Quota::new(algorithm, requests, Duration::from_secs(per), burst).expect("a quota")
}

#[test]
fn a_rate_and_a_burst_mean_what_nginx_means_by_them() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::LeakyBucket] {
        let mut bucket = Bucket::new(quota(algorithm, 10, 1, 20));
        assert_eq!(bucket.passed(30), 21, "{algorithm:?}");
        bucket.advance(500_000);
        assert_eq!(bucket.passed(30), 5, "{algorithm:?}");
        let mut bucket = Bucket::new(quota(algorithm, 10, 1, 0));
        assert_eq!(bucket.passed(5), 1, "{algorithm:?}");
        bucket.advance(99_999);
        assert_eq!(bucket.passed(1), 0, "{algorithm:?}");
        bucket.advance(1);
        assert_eq!(bucket.passed(5), 1, "{algorithm:?}");
    }
}

/// Whatever the rate, it is not rounded: a day of asking at every opportunity passes exactly what is allowed.
#[test]
fn no_rate_is_rounded() {
    for (requests, per) in [(1, 60), (3, 1), (7, 3600), (1_000_000, 1), (999_983, 1), (1, 86_400)] {
        // One more than is needed at once: an answer at a whole µs comes a part of one late.
        let quota = quota(Algorithm::TokenBucket, requests, per, 1);
        let mut bucket = Bucket::new(quota);
        let (start, mut passed) = (bucket.now, 0_u64);
        for _ in 0..100_000 {
            let decision = bucket.take(1);
            passed += u64::from(decision.granted);
            bucket.advance(decision.retry_us);
        }
        // The next one passes at the first µs at which that many are due.
        let due = |n: u64| (u128::from(n) * u128::from(per) * 1_000_000).div_ceil(u128::from(requests));
        let last = loop {
            let decision = bucket.take(1);
            if decision.granted == 1 {
                passed += 1;
                break bucket.now - start;
            }
            bucket.advance(decision.retry_us);
        };
        assert_eq!(u128::from(last), due(passed - 2), "{requests} in {per} s");
    }
}

#[test]
fn a_window_passes_its_requests_and_no_more() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let mut bucket = Bucket::new(quota(algorithm, 5, 60, 0));
        assert_eq!(bucket.passed(9), 5, "{algorithm:?}");
        bucket.advance(59_999_999);
        assert_eq!(bucket.passed(9), 0, "{algorithm:?}");
        bucket.advance(1);
        // Of the sliding window all five are still less than a window ago.
        let expected = if algorithm == Algorithm::FixedWindow { 5 } else { 0 };
        assert_eq!(bucket.passed(9), expected, "{algorithm:?}");
    }
}

#[test]
fn a_sliding_window_forgets_evenly() {
    let mut bucket = Bucket::new(quota(Algorithm::SlidingWindow, 10, 10, 0));
    assert_eq!(bucket.passed(20), 10);
    bucket.advance(10_000_000);
    for second in 1..=10 {
        bucket.advance(999_999);
        assert_eq!(bucket.passed(3), 0, "second {second}");
        bucket.advance(1);
        assert_eq!(bucket.passed(3), 1, "second {second}");
    }
}

#[test]
fn fixed_windows_count_what_they_refuse_and_no_other_algorithm_does() {
    for (algorithm, expected) in [
        (Algorithm::FixedWindow, 0),
        (Algorithm::SlidingWindow, 1),
        (Algorithm::TokenBucket, 1),
        (Algorithm::LeakyBucket, 1),
    ] {
        let burst = if matches!(algorithm, Algorithm::TokenBucket | Algorithm::LeakyBucket) { 4 } else { 0 };
        let mut bucket = Bucket::new(quota(algorithm, 5, 60, burst));
        assert_eq!(bucket.passed(4), 4);
        assert_eq!(bucket.take(2).granted, 0);
        assert_eq!(bucket.take(1).granted, expected, "{algorithm:?}");
    }
}

#[test]
fn what_never_fits_says_so() {
    for (algorithm, burst) in [
        (Algorithm::FixedWindow, 0),
        (Algorithm::SlidingWindow, 0),
        (Algorithm::TokenBucket, 4),
        (Algorithm::LeakyBucket, 4),
    ] {
        let quota = quota(algorithm, 5, 60, burst);
        let (decision, _) = quota.take(None, Timestamp(START), 6);
        assert_eq!((decision.granted, decision.retry_us), (0, u64::MAX), "{algorithm:?}");
        let (decision, _) = quota.take(None, Timestamp(START), 5);
        assert_eq!((decision.granted, decision.remaining), (5, 0), "{algorithm:?}");
    }
}

#[test]
fn a_part_of_what_is_wanted_is_granted() {
    let mut bucket = Bucket::new(quota(Algorithm::TokenBucket, 10, 1, 9));
    let Decision { granted, remaining, retry_us, .. } = bucket.grant(25);
    assert_eq!((granted, remaining, retry_us), (10, 0, 100_000));
    bucket.advance(250_000);
    let Decision { granted, retry_us, .. } = bucket.grant(25);
    assert_eq!((granted, retry_us), (2, 50_000));
    assert_eq!(bucket.grant(0).granted, 0);
}

#[test]
fn divided_among_gateways_at_least_one_is_left() {
    let divided = |requests, burst, by| {
        let one = quota(Algorithm::TokenBucket, requests, 1, burst).divided(by);
        (one.requests(), one.burst())
    };
    assert_eq!(divided(10, 20, 1), (10, 20));
    assert_eq!(divided(10, 20, 3), (3, 6));
    assert_eq!(divided(10, 20, 100), (1, 0));
    assert_eq!(divided(10, 20, 0), (10, 20));
}

#[test]
fn numbers_that_cannot_be_counted_are_refused() {
    use Algorithm::{FixedWindow, LeakyBucket, SlidingWindow, TokenBucket};
    let new = |algorithm, requests, per, burst| {
        Quota::new(algorithm, requests, Duration::from_millis(per), burst).err()
    };
    for algorithm in [TokenBucket, LeakyBucket, SlidingWindow, FixedWindow] {
        assert_eq!(new(algorithm, 0, 1000, 0), Some(QuotaError::NoRequests));
        assert_eq!(new(algorithm, 1, 999, 0), Some(QuotaError::Per));
        assert_eq!(new(algorithm, 1, 31 * 86_400_000 + 1, 0), Some(QuotaError::Per));
    }
    for algorithm in [SlidingWindow, FixedWindow] {
        assert_eq!(new(algorithm, 1, 1000, 1), Some(QuotaError::Burst));
    }
    assert_eq!(new(LeakyBucket, 10, 3_600_000, 0), Some(QuotaError::LeakyUnit));
    assert_eq!(new(LeakyBucket, 10, 2000, 0), Some(QuotaError::LeakyUnit));
    assert_eq!(new(LeakyBucket, 10, 60_000, 7), None);
    assert_eq!(new(TokenBucket, 1, 86_400_000, 52_000), None);
    assert_eq!(new(TokenBucket, 1, 86_400_000, 53_000), Some(QuotaError::TooFine));
    assert_eq!(new(SlidingWindow, u32::MAX, 86_400_000, 0), Some(QuotaError::TooFine));
    assert_eq!(new(FixedWindow, u32::MAX, 31 * 86_400_000, 0), None);
}
