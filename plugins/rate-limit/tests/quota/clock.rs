//! Clocks that step.

use crate::quota;
use crate::world::Bucket;
use rate_limit::Algorithm;

/// A token bucket is then at most empty: nobody waits for as long as the step.
#[test]
fn a_token_bucket_is_at_most_empty_after_the_clock_steps_back() {
    let mut bucket = Bucket::new(quota(Algorithm::TokenBucket, 10, 1, 20));
    assert_eq!(bucket.passed(3), 3);
    bucket.now -= 3_600_000_000;
    let decision = bucket.take(1);
    assert_eq!((decision.granted, decision.retry_us), (0, 100_000));
    bucket.advance(decision.retry_us);
    assert_eq!(bucket.passed(9), 1);
    bucket.advance(2_100_000);
    assert_eq!(bucket.passed(30), 21);
}

/// A step that two workers may differ by gives nothing away.
#[test]
fn nothing_is_gained_by_going_back_and_forth() {
    for (algorithm, burst) in [
        (Algorithm::TokenBucket, 20),
        (Algorithm::LeakyBucket, 20),
        (Algorithm::SlidingWindow, 0),
        (Algorithm::FixedWindow, 0),
    ] {
        let mut bucket = Bucket::new(quota(algorithm, 60, 60, burst));
        let most = bucket.quota.capacity();
        assert_eq!(bucket.passed(most), most);
        for _ in 0..100 {
            bucket.now -= 1000;
            assert_eq!(bucket.take(1).granted, 0, "{algorithm:?}");
            bucket.advance(1000);
            assert_eq!(bucket.take(1).granted, 0, "{algorithm:?}");
        }
    }
}

/// At the edge of two windows, too.
#[test]
fn a_worker_with_a_later_clock_does_not_reset_a_window() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let mut bucket = Bucket::new(quota(algorithm, 5, 60, 0));
        assert_eq!(bucket.passed(5), 5);
        bucket.now -= 1;
        assert_eq!(bucket.take(1).granted, 0, "{algorithm:?}");
    }
}

#[test]
fn windows_begin_anew_when_the_clock_was_set_back_by_more() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let mut bucket = Bucket::new(quota(algorithm, 5, 60, 0));
        assert_eq!(bucket.passed(5), 5);
        bucket.now -= 61_000_000;
        assert_eq!(bucket.take(1).granted, 1, "{algorithm:?}");
    }
}

#[test]
fn far_ahead_everything_is_forgotten() {
    for (algorithm, burst) in [
        (Algorithm::TokenBucket, 4),
        (Algorithm::LeakyBucket, 4),
        (Algorithm::SlidingWindow, 0),
        (Algorithm::FixedWindow, 0),
    ] {
        let mut bucket = Bucket::new(quota(algorithm, 5, 60, burst));
        assert_eq!(bucket.passed(9), 5);
        bucket.advance(100 * 365 * 86_400_000_000);
        assert_eq!(bucket.passed(9), 5, "{algorithm:?}");
    }
}
