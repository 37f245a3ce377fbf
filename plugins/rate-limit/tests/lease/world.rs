//! Workers that share a limit: virtual time, and nothing moves but by it.

use super::reference;
use filter_core::policy::Timestamp;
use rate_limit::lease::{Ask, Heard, Leases, Spend, Terms, Who};
use rate_limit::quota::{Quota, Record};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Between two ticks of a worker, in µs.
const TICK: u64 = 500_000;
/// Of the only key.
const KEY: u64 = 1;
/// 2026-01-01T00:00:00Z.
pub const START: u64 = 1_767_225_600_000_000;

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub requests: u32,
    pub admitted: u32,
    /// By one bucket for all.
    pub ideal: u32,
    /// Refused, and one bucket would not have.
    pub wrongly_refused: u32,
    /// Calls to Redis.
    pub calls: u32,
    /// Requests that waited.
    pub waited: u32,
    /// How often one request waited at most.
    pub awaits: u32,
    /// Most that lay with workers at once.
    pub held: u32,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Request(usize),
    /// Redis is asked.
    Asked {
        worker: usize,
        ask: (u32, u32, u32),
    },
    Told {
        worker: usize,
        heard: (u32, u32, u64, u64),
    },
    Refund(u32),
    Tick(usize),
}

/// A request that waits.
struct Waiting {
    index: usize,
    awaits: u32,
}

struct Worker {
    leases: Leases<()>,
    waiting: Vec<Waiting>,
}

pub struct World {
    /// From a worker to Redis and back, in µs.
    latency: u64,
    quota: Quota,
    terms: Terms,
    record: Option<Record>,
    workers: Vec<Worker>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    next: u64,
    passed: Vec<bool>,
    figures: Figures,
}

/// What a worker may hold by default.
pub fn terms(quota: &Quota) -> Terms {
    Terms::new(quota, 1_000_000)
}

impl World {
    /// Lets these requests come: when, in µs from the start, in order, and on which worker.
    pub fn run(quota: Quota, workers: usize, latency: u64, arrivals: &[(u64, usize)]) -> Figures {
        let worker = || Worker { leases: Leases::default(), waiting: Vec::new() };
        let mut world = Self {
            latency,
            quota,
            terms: terms(&quota),
            record: None,
            workers: (0..workers).map(|_| worker()).collect(),
            events: BinaryHeap::new(),
            next: 0,
            passed: vec![false; arrivals.len()],
            figures: Figures { requests: u32::try_from(arrivals.len()).unwrap(), ..Figures::default() },
        };
        let end = arrivals.last().unwrap().0 + 5_000_000;
        for (index, (at, _)) in arrivals.iter().enumerate() {
            world.at(START + at, Event::Request(index));
        }
        for worker in 0..workers {
            // They do not tick together.
            let first = TICK * (worker as u64 + 1) / workers as u64;
            for tick in 0..end / TICK {
                world.at(START + first + tick * TICK, Event::Tick(worker));
            }
        }
        while let Some(Reverse((now, _, event))) = world.events.pop() {
            world.happens(now, event, arrivals);
        }
        world.judge(arrivals)
    }

    fn at(&mut self, when: u64, event: Event) {
        self.next += 1;
        self.events.push(Reverse((when, self.next, event)));
    }

    fn happens(&mut self, now: u64, event: Event, arrivals: &[(u64, usize)]) {
        let time = Timestamp(now);
        match event {
            Event::Request(index) => self.spend(now, arrivals[index].1, Waiting { index, awaits: 0 }),
            Event::Asked { worker, ask: (least, need, want) } => {
                let (heard, record) =
                    reference::lease(&self.quota, self.record, time, Ask { least, need, want });
                self.record = record;
                let heard = (heard.granted, heard.remaining, heard.retry_us, heard.reset_us);
                self.at(now + self.latency / 2, Event::Told { worker, heard });
            }
            Event::Told { worker, heard: (granted, remaining, retry_us, reset_us) } => {
                let heard = Heard { granted, remaining, retry_us, reset_us };
                self.workers[worker].leases.heard(KEY, heard, time);
                for waiting in std::mem::take(&mut self.workers[worker].waiting) {
                    self.spend(now, worker, waiting);
                }
                let held = self.workers.iter().map(|worker| worker.leases.held()).sum();
                self.figures.held = self.figures.held.max(held);
            }
            Event::Refund(back) => {
                self.record = reference::refund(&self.quota, self.record, time, back);
            }
            Event::Tick(worker) => {
                for back in self.workers[worker].leases.idle(time) {
                    self.figures.calls += 1;
                    self.at(now + self.latency / 2, Event::Refund(back.count));
                }
            }
        }
    }

    fn spend(&mut self, now: u64, worker: usize, mut waiting: Waiting) {
        let who = if waiting.awaits == 0 { Who::Fresh } else { Who::Woken };
        let leases = &mut self.workers[worker].leases;
        let spent = leases.spend(KEY, &self.terms, Timestamp(now), 1, who, || ());
        match spent {
            Spend::Granted { .. } => {
                self.passed[waiting.index] = true;
                if let Some(ask) = leases.prefetch(KEY, Timestamp(now)) {
                    self.ask(now, worker, ask);
                }
            }
            Spend::Denied { .. } => {}
            Spend::Refill(_) | Spend::Join => {
                self.figures.waited += u32::from(waiting.awaits == 0);
                waiting.awaits += 1;
                self.figures.awaits = self.figures.awaits.max(waiting.awaits);
                self.workers[worker].waiting.push(waiting);
                if let Spend::Refill(ask) = spent {
                    self.ask(now, worker, ask);
                }
            }
            Spend::Failed(_) | Spend::Overflow => panic!("{spent:?}"),
        }
    }

    fn ask(&mut self, now: u64, worker: usize, Ask { least, need, want }: Ask) {
        self.figures.calls += 1;
        self.at(now + self.latency / 2, Event::Asked { worker, ask: (least, need, want) });
    }

    fn judge(mut self, arrivals: &[(u64, usize)]) -> Figures {
        assert!(self.workers.iter().all(|worker| worker.waiting.is_empty()), "nobody waits for ever");
        let mut record = None;
        for ((at, _), passed) in arrivals.iter().zip(&self.passed) {
            let (decision, after) = self.quota.take(record, Timestamp(START + at), 1);
            record = Some(after);
            let ideal = decision.granted == 1;
            self.figures.ideal += u32::from(ideal);
            self.figures.admitted += u32::from(*passed);
            self.figures.wrongly_refused += u32::from(ideal && !passed);
        }
        self.figures
    }
}
