//! Random sequences, event for event.

use crate::lab::Lab;
use crate::reference;
use filter_core::policy::{Timestamp, micros};
use rate_limit::algorithm::Algorithm;
use rate_limit::exact::{Answer, lease_question, question, read, read_lease, refund_question};
use rate_limit::lease::Ask;
use rate_limit::quota::{Quota, Record};
use rate_limit::script::Action;
use std::time::Duration;

const SECOND: u64 = 1_000_000;
/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600 * SECOND;

/// The output function of SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn number(&mut self, end: u32) -> u32 {
        self.below(u64::from(end)) as u32
    }

    /// Some time later, mostly in the order of what one request takes; now and then the clock steps back.
    fn later(&mut self, now: u64, quota: &Quota) -> u64 {
        let per = micros(quota.per());
        let one = (per / u64::from(quota.requests())).max(1);
        let later = match self.below(200) {
            0..60 => now,
            60..100 => now + self.below(one),
            100..140 => now + self.below(one * 3),
            140..150 => now + one,
            150..170 => now + self.below(per),
            170..180 => now + self.below(per * 3),
            180..190 => now + self.below(1000),
            190..198 => now - self.below(per / 2),
            _ => now - self.below(180 * SECOND),
        };
        // Beyond 2255 µs since 1970 are no exact doubles.
        if (START / 2..START * 2).contains(&later) { later } else { START }
    }
}

fn quotas(algorithm: Algorithm) -> Vec<Quota> {
    let quota = |requests, seconds, burst| {
        Quota::new(algorithm, requests, Duration::from_secs(seconds), burst).unwrap()
    };
    match algorithm {
        Algorithm::TokenBucket => vec![
            quota(10, 1, 20),
            quota(1, 60, 0),
            quota(7, 1, 3),
            quota(1_000_000, 1, 1000),
            quota(33, 86_400, 10),
            quota(4_294_967_295, 1, 0),
            quota(1, 31 * 86_400, 1600),
        ],
        Algorithm::LeakyBucket => vec![
            quota(10, 1, 20),
            quota(1, 60, 0),
            quota(7, 60, 3),
            quota(1000, 1, 1000),
            quota(1_000_000, 1, 4_000_000_000),
        ],
        Algorithm::SlidingWindow | Algorithm::FixedWindow => {
            vec![
                quota(10, 1, 0),
                quota(5, 60, 0),
                quota(1, 1, 0),
                quota(1_000_000, 1, 0),
                quota(77, 86_400, 0),
            ]
        }
    }
}

/// How the scripts write a record.
fn written(quota: &Quota, Record([a, b]): Record) -> String {
    match quota.algorithm() {
        Algorithm::SlidingWindow => format!("{a}:{}:{}", b >> 32, b & u64::from(u32::MAX)),
        _ => format!("{a}:{b}:0"),
    }
}

/// So many events for each quota, over two keys.
async fn agrees(algorithm: Algorithm) {
    let events = 3000_u32;
    let mut lab = Lab::start().await;
    let mut granted = 0_u64;
    for (number, quota) in quotas(algorithm).iter().enumerate() {
        let mut random = Random(number as u64);
        let mut now = START + random.below(100 * SECOND);
        let mut records: [Option<Record>; 2] = [None; 2];
        for event in 0..events {
            now = random.later(now, quota);
            let time = Timestamp(now);
            let which = random.below(2) as usize;
            let keys = [format!("portcullis:rl:{number}:{which}")];
            let before = records[which];
            let most = quota.capacity().min(40);
            match random.below(10) {
                0..5 => {
                    let dear = random.below(4) == 0;
                    let cost = 1 + random.number(if dear { most } else { 1 });
                    let (decision, after) = quota.take(before, time, cost);
                    let fits = decision.granted == cost;
                    if fits || after != before.unwrap_or_default() {
                        records[which] = Some(after);
                    }
                    let values = lab.ask(Action::Take, &keys, question(cost, [quota].into_iter()), now).await;
                    let expected = Answer {
                        fits,
                        remaining: decision.remaining,
                        retry_us: decision.retry_us,
                        reset_us: decision.reset_us,
                    };
                    assert_eq!(
                        read(&values, 1).unwrap(),
                        [expected],
                        "{quota:?} {event} {before:?} {now} {cost}"
                    );
                    granted += u64::from(fits);
                }
                5..8 => {
                    let least = random.number(most.min(4));
                    let need = least + random.number(5);
                    let ask = Ask { least, need, want: need + random.number(most) };
                    let (expected, after) = reference::lease(quota, before, time, ask);
                    records[which] = after;
                    let values = lab.ask(Action::Lease, &keys, lease_question(ask, quota), now).await;
                    assert_eq!(
                        read_lease(&values, ask).unwrap(),
                        expected,
                        "{quota:?} {event} {before:?} {now} {ask:?}"
                    );
                    granted += u64::from(expected.granted);
                }
                _ => {
                    let back = random.number(4);
                    records[which] = reference::refund(quota, before, time, back);
                    let values = lab.ask(Action::Refund, &keys, refund_question(back, quota), now).await;
                    assert_eq!(values, []);
                }
            }
            let kept = records[which].map(|record| written(quota, record));
            assert_eq!(lab.kept(&keys[0]).await, kept, "{quota:?} {event} {before:?} {now}");
        }
    }
    assert!(granted > u64::from(events), "{granted}");
    println!("{algorithm:?}: {} quotas, {events} events each, {granted} granted", quotas(algorithm).len());
}

#[tokio::test]
async fn token_bucket() {
    agrees(Algorithm::TokenBucket).await;
}

#[tokio::test]
async fn leaky_bucket() {
    agrees(Algorithm::LeakyBucket).await;
}

#[tokio::test]
async fn sliding_window() {
    agrees(Algorithm::SlidingWindow).await;
}

#[tokio::test]
async fn fixed_window() {
    agrees(Algorithm::FixedWindow).await;
}

/// All limits of a request let it pass, or none counts it; windows that count refusals count their own.
#[tokio::test]
async fn all_or_none() {
    let mut lab = Lab::start().await;
    let quota =
        |algorithm, requests, burst| Quota::new(algorithm, requests, Duration::from_secs(1), burst).unwrap();
    let quotas = [
        quota(Algorithm::TokenBucket, 10, 20),
        quota(Algorithm::LeakyBucket, 12, 15),
        quota(Algorithm::SlidingWindow, 11, 0),
        quota(Algorithm::FixedWindow, 11, 0),
    ];
    let keys: Vec<String> = (0..4).map(|i| format!("portcullis:rl:{{tag}}:{i}")).collect();
    let mut records: [Option<Record>; 4] = [None; 4];
    let (mut random, mut now, mut passed) = (Random(9), START, 0);
    for event in 0..10_000 {
        now += random.below(SECOND / 5);
        let (time, cost) = (Timestamp(now), 1 + random.number(3));
        let decisions: Vec<_> =
            quotas.iter().zip(records).map(|(quota, record)| quota.take(record, time, cost)).collect();
        let passes = decisions.iter().all(|(decision, _)| decision.granted == cost);
        passed += u32::from(passes);
        let mut expected = Vec::new();
        for (i, (decision, after)) in decisions.into_iter().enumerate() {
            let fits = decision.granted == cost;
            if passes || (!fits && after != records[i].unwrap_or_default()) {
                records[i] = Some(after);
            }
            let (now_there, _) = quotas[i].grant(records[i], time, 0);
            expected.push(Answer {
                fits,
                remaining: now_there.remaining,
                retry_us: decision.retry_us,
                reset_us: now_there.reset_us,
            });
        }
        let values = lab.ask(Action::Take, &keys, question(cost, quotas.iter()), now).await;
        assert_eq!(read(&values, 4).unwrap(), expected, "{event}");
    }
    assert!((500..9500).contains(&passed), "{passed}");
}
