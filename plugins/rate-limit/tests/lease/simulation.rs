//! Four workers of two gateways, Redis a millisecond away, default settings. Every test prints what it measured.

use crate::arrivals::{Random, even, poisson};
use crate::world::{Figures, World, terms};
use rate_limit::algorithm::Algorithm;
use rate_limit::quota::Quota;
use std::time::Duration;

const WORKERS: u64 = 4;
/// In µs, there and back.
const LATENCY: u64 = 1000;

fn bucket(per_second: u32, burst: u32) -> Quota {
    Quota::new(Algorithm::TokenBucket, per_second, Duration::from_secs(1), burst).unwrap()
}

fn run(what: &str, quota: Quota, arrivals: &[(u64, usize)]) -> Figures {
    let figures = World::run(quota, WORKERS as usize, LATENCY, arrivals);
    println!(
        "{what:<40} requests {:>6}, one bucket admits {:>6}, here {:>6}, wrongly refused {:.3} %, calls a request {:.3}, \
         waited {:.1} %, at most {} times, held {}",
        figures.requests,
        figures.ideal,
        figures.admitted,
        wrongly(&figures),
        f64::from(figures.calls) / f64::from(figures.requests),
        100.0 * f64::from(figures.waited) / f64::from(figures.requests),
        figures.awaits,
        figures.held,
    );
    // So often a request may be woken in vain before it is told that nothing can be learnt.
    assert!(figures.awaits < 16, "{figures:?}");
    figures
}

/// In percent of all requests.
fn wrongly(figures: &Figures) -> f64 {
    100.0 * f64::from(figures.wrongly_refused) / f64::from(figures.requests)
}

#[test]
fn whoever_asks_too_much_gets_what_one_bucket_would_give() {
    for burst in [0, 10, 20, 100] {
        for load in [150, 400, 4000] {
            let what = format!("{load}/s for 10 s, 100r/s burst {burst}");
            let figures = run(&what, bucket(100, burst), &even(load, load * 10, WORKERS, 1));
            let off = figures.admitted.abs_diff(figures.ideal);
            assert!(off * 50 <= figures.ideal, "{figures:?}");
        }
    }
}

#[test]
fn windows_are_shared_as_exactly() {
    for algorithm in [Algorithm::SlidingWindow, Algorithm::FixedWindow] {
        let quota = Quota::new(algorithm, 100, Duration::from_secs(1), 0).unwrap();
        let figures = run(&format!("400/s for 10 s, {algorithm:?}"), quota, &even(400, 4000, WORKERS, 2));
        assert!(figures.admitted.abs_diff(figures.ideal) * 50 <= figures.ideal, "{figures:?}");
    }
    let quota = Quota::new(Algorithm::LeakyBucket, 100, Duration::from_secs(1), 20).unwrap();
    let figures = run("400/s for 10 s, LeakyBucket", quota, &even(400, 4000, WORKERS, 2));
    assert!(figures.admitted.abs_diff(figures.ideal) * 50 <= figures.ideal, "{figures:?}");
}

#[test]
fn whoever_keeps_to_the_limit_is_hardly_ever_refused() {
    for burst in [10, 20] {
        let figures = run(
            &format!("90 % evenly, 100r/s burst {burst}"),
            bucket(100, burst),
            &even(90, 7200, WORKERS, 3),
        );
        assert_eq!(figures.admitted, figures.requests);
        for seed in 0..10 {
            let arrivals = poisson(90, 7200, WORKERS, 10 + seed);
            let figures =
                run(&format!("90 % at random, 100r/s burst {burst}"), bucket(100, burst), &arrivals);
            assert!(wrongly(&figures) <= 0.5, "{figures:?}");
        }
    }
    for seed in 0..10 {
        let arrivals = poisson(900, 18_000, WORKERS, 30 + seed);
        let figures = run("90 % at random, 1000r/s burst 10", bucket(1000, 10), &arrivals);
        assert!(wrongly(&figures) <= 0.5, "{figures:?}");
    }
}

#[test]
fn more_workers_and_a_slower_redis_change_little() {
    for (workers, latency) in [(2, 1000), (8, 1000), (8, 3000), (16, 5000)] {
        let (mut worst, mut sum) = (0.0_f64, 0.0);
        for seed in 0..10 {
            let arrivals = poisson(90, 7200, workers, 70 + seed);
            let figures = World::run(bucket(100, 10), workers as usize, latency, &arrivals);
            worst = worst.max(wrongly(&figures));
            sum += wrongly(&figures);
        }
        println!(
            "90 % at random, 100r/s burst 10, {workers} workers, {latency} µs: wrongly refused {:.3} % on average, {worst:.3} % at most",
            sum / 10.0
        );
        assert!(worst <= 0.5, "{worst}");
    }
}

/// What lies with the workers comes on top of a bucket that is full again: a quarter of `burst` each at most.
#[test]
fn a_burst_finds_what_lies_with_the_workers_at_most() {
    for burst in [10, 20, 100] {
        let quota = bucket(100, burst);
        let (mut most, mut sum) = (0, 0);
        for seed in 0..20 {
            let mut arrivals = poisson(80, 240, WORKERS, 50 + seed);
            let before = World::run(quota, WORKERS as usize, LATENCY, &arrivals);
            let end = arrivals.last().unwrap().0;
            let mut random = Random(seed);
            arrivals.extend((0..u64::from(burst + 1) * 4).map(|i| (end + i, random.below(WORKERS) as usize)));
            let after = World::run(quota, WORKERS as usize, LATENCY, &arrivals);
            let above = |figures: &Figures| i64::from(figures.admitted) - i64::from(figures.ideal);
            let excess = above(&after) - above(&before);
            most = most.max(excess);
            sum += excess;
        }
        let bound = i64::from(terms(&quota).most) * WORKERS as i64;
        println!(
            "a burst of {} at 80 % load, 100r/s burst {burst}: above one bucket at most {most}, {:.1} on average, bound {bound}",
            (burst + 1) * 4,
            sum as f64 / 20.0
        );
        // What flows off while the burst asks: a few ms.
        assert!(most <= bound + 1, "{most}");
    }
}

#[test]
fn many_requests_cost_few_calls() {
    let figures = run("5000/s, 10000r/s burst 1000", bucket(10_000, 1000), &even(5000, 50_000, WORKERS, 4));
    assert_eq!(figures.admitted, figures.requests);
    assert!(figures.calls * 20 < figures.requests, "{figures:?}");
    assert!(figures.waited * 200 < figures.requests, "{figures:?}");
}
