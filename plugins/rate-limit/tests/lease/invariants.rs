//! Whatever comes in whatever order, with any answer and any clock: nothing is spent that was not given, and a key is asked
//! about once at a time.

use crate::arrivals::Random;
use filter_core::policy::Timestamp;
use filter_core::redis::BackendError;
use rate_limit::algorithm::Algorithm;
use rate_limit::lease::{Ask, Heard, Leases, Spend, Terms, Who};
use rate_limit::quota::Quota;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a worker and Redis would agree upon.
#[derive(Default)]
struct Model {
    leases: Leases<u64>,
    /// Under way, by key: what was asked.
    flights: BTreeMap<u64, Ask>,
    /// Requests that wait, by key: their costs.
    waiting: BTreeMap<u64, Vec<u32>>,
    /// Given and given back by requests, less what was spent and what went back.
    credit: u64,
    passed: u64,
}

impl Model {
    fn spend(&mut self, key: u64, terms: &Terms, now: u64, cost: u32, who: Who) {
        match self.leases.spend(key, terms, Timestamp(now), cost, who, || key) {
            Spend::Granted { .. } => {
                self.credit = self.credit.checked_sub(u64::from(cost)).expect("no more than was given");
                self.passed += 1;
                if let Some(ask) = self.leases.prefetch(key, Timestamp(now)) {
                    assert_eq!((ask.least, ask.need), (0, 0));
                    self.ask(key, terms, ask);
                }
            }
            Spend::Refill(ask) => {
                assert!(ask.least >= 1 && ask.least <= cost, "{ask:?}");
                self.waiting.entry(key).or_default().push(cost);
                self.ask(key, terms, ask);
            }
            Spend::Join => {
                assert!(self.flights.contains_key(&key), "somebody has asked");
                self.waiting.entry(key).or_default().push(cost);
            }
            Spend::Denied { retry_us, .. } => assert!(retry_us > 0),
            Spend::Failed(_) => assert_eq!(who, Who::Woken),
            Spend::Overflow => panic!("there is room"),
        }
    }

    fn ask(&mut self, key: u64, terms: &Terms, ask: Ask) {
        assert!(ask.need <= terms.capacity.max(ask.least), "{ask:?}");
        assert!(ask.want >= ask.need && ask.want <= ask.need.max(terms.most), "{ask:?}");
        assert!(self.flights.insert(key, ask).is_none(), "asked twice");
    }

    /// Everybody who waited comes again.
    fn wake(&mut self, key: u64, terms: &Terms, now: u64) {
        for cost in self.waiting.remove(&key).unwrap_or_default() {
            self.spend(key, terms, now, cost, Who::Woken);
        }
    }
}

#[test]
fn nothing_is_spent_that_was_not_given() {
    let mut passed = 0;
    for seed in 0..60 {
        let mut random = Random(seed);
        let algorithm =
            [Algorithm::TokenBucket, Algorithm::FixedWindow, Algorithm::SlidingWindow][seed as usize % 3];
        let burst = if algorithm == Algorithm::TokenBucket { 1 + random.below(200) as u32 } else { 0 };
        let quota = Quota::new(algorithm, 100, Duration::from_secs(1), burst).unwrap();
        let terms = Terms::new(&quota, 1 + random.below(2_000_000));
        let mut model = Model::default();
        let mut now = 1_767_225_600_000_000;
        for _ in 0..5000 {
            now = match random.below(100) {
                0 => now - random.below(3_000_000),
                1 => now + random.below(3_000_000),
                _ => now + random.below(5_000),
            };
            let key = random.below(3);
            match random.below(20) {
                0..10 => {
                    let cost = if random.below(4) == 0 { 1 + random.below(3) as u32 } else { 1 };
                    model.spend(key, &terms, now, cost, Who::Fresh);
                }
                10..16 => {
                    if let Some(ask) = model.flights.remove(&key) {
                        let granted = random.below(u64::from(ask.want) + 1) as u32;
                        let heard = Heard {
                            granted,
                            remaining: random.below(30) as u32,
                            retry_us: random.below(2) * random.below(30_000),
                            reset_us: random.below(1_000_000),
                        };
                        model.credit += u64::from(granted);
                        model.leases.heard(key, heard, Timestamp(now));
                        model.wake(key, &terms, now);
                    }
                }
                16 => {
                    if model.flights.remove(&key).is_some() {
                        model.leases.failed(key, BackendError::Timeout);
                        model.wake(key, &terms, now);
                    }
                }
                17 => {
                    // Somebody who waits leaves.
                    if let Some(cost) = model.waiting.get_mut(&key).and_then(Vec::pop) {
                        model.leases.forget(key, cost);
                    }
                }
                18 => {
                    // Somebody who passed was refused elsewhere.
                    if model.passed > 0 {
                        model.leases.give_back(key, 1);
                        model.credit += 1;
                        model.passed -= 1;
                    }
                }
                _ => {
                    for back in model.leases.idle(Timestamp(now)) {
                        assert_eq!(back.key, *back.about);
                        model.credit = model.credit.checked_sub(u64::from(back.count)).expect("it was given");
                    }
                }
            }
            assert!(u64::from(model.leases.held()) <= model.credit);
        }
        passed += model.passed;
    }
    assert!(passed > 10_000, "{passed}");
}
