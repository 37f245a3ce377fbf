//! What one worker has been given of the limits that all gateways share: a few requests in advance, spent without asking.
//!
//! Pure bookkeeping without I/O: it says what is to be asked of Redis, and is told what came of it. A worker holds what it
//! used of a key in the last 100 ms, and asks for more when half of that is left: 50 to 100 ms of its own use, at most a
//! quarter of `burst`. What Redis gives beyond what requests wait for is a share of what it has left
//! ([`SHARE`](crate::script::SHARE)), so that near the limit nothing lies with a worker that does not need it.
//!
//! A key is asked about once at a time. Requests that find nothing wait for that answer, and the next question is for as
//! many as wait.

mod entry;
mod meter;
mod terms;

pub use terms::{Ask, Heard, Spend, Terms, Who};

use entry::{Entry, Flight};
use filter_core::policy::Timestamp;
use filter_core::redis::BackendError;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long a refusal is remembered at most, in µs: whoever is let off in Redis need not wait for the end of a day.
pub(crate) const REMEMBERED: u64 = 10_000_000;
/// Keys that are surely remembered; up to twice as many may be.
const KEYS: usize = 5_000;
/// Most keys that are asked about at once. Half of those remembered: making room is then never for one key alone.
const FLIGHTS: usize = KEYS / 2;
/// How long a key must not have been used until what was given for it goes back, in µs.
const IDLE: u64 = 300_000;
/// Most keys whose rest is given back at one tick: each is a call of its own.
const REFUNDS: usize = 64;

/// Everything a worker holds, by a number for each key, with what else is known of it.
#[derive(Debug)]
pub struct Leases<T> {
    /// Used since they changed places.
    young: BTreeMap<u64, Entry<T>>,
    /// Used before, and not since.
    old: BTreeMap<u64, Entry<T>>,
    /// Questions under way.
    flights: usize,
}

impl<T> Default for Leases<T> {
    fn default() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new(), flights: 0 }
    }
}

/// What lies unused and is to be given back.
#[derive(Debug)]
pub struct Back<T> {
    /// The key's number.
    pub key: u64,
    /// How much.
    pub count: u32,
    /// What else is known of the key.
    pub about: Rc<T>,
}

impl<T> Leases<T> {
    /// How long a request of this cost is refused without asking, as [`Spend::Denied`].
    #[must_use]
    pub fn denies(&self, key: u64, now: Timestamp, cost: u32) -> Option<Spend> {
        let entry = self.young.get(&key).or_else(|| self.old.get(&key))?;
        let short = cost.checked_sub(entry.held(now.0)).filter(|short| *short > 0)?;
        entry.denied(now.0, short, Who::Fresh)
    }

    /// Lets a request of this cost pass, or says what it has to wait for.
    pub fn spend(
        &mut self,
        key: u64,
        terms: &Terms,
        now: Timestamp,
        cost: u32,
        who: Who,
        about: impl FnOnce() -> T,
    ) -> Spend {
        let now = now.0;
        let full = self.flights >= FLIGHTS;
        let Some(entry) = self.entry(key, terms, about) else { return Spend::Overflow };
        entry.look(now);
        entry.seen = now;
        if who == Who::Woken {
            entry.woken = entry.woken.saturating_sub(cost);
        }
        let Some(short) = cost.checked_sub(entry.tokens).filter(|short| *short > 0) else {
            entry.tokens = entry.tokens.saturating_sub(cost);
            entry.used.add(now, cost);
            return Spend::Granted { remaining: entry.left(), reset_us: entry.reset(now) };
        };
        if let Some(denied) = entry.denied(now, short, who) {
            return denied;
        }
        if let Some(flight) = &mut entry.flight {
            flight.waiting = flight.waiting.saturating_add(cost);
            return Spend::Join;
        }
        match (who, entry.failed) {
            (Who::Woken, Some(error)) => return Spend::Failed(error),
            _ => entry.failed = None,
        }
        if full {
            return Spend::Overflow;
        }
        let need = short.saturating_add(entry.woken).min(terms.capacity).max(short);
        let want = need.max(entry.target(now));
        entry.flight = Some(Flight { sent: now, waiting: cost, least: short });
        self.flights = self.flights.saturating_add(1);
        Spend::Refill(Ask { least: short, need, want })
    }

    /// What is to be asked so that the next request need not wait. Afterwards as with [`Spend::Refill`].
    pub fn prefetch(&mut self, key: u64, now: Timestamp) -> Option<Ask> {
        let entry = self.young.get_mut(&key).filter(|_| self.flights < FLIGHTS)?;
        let want = entry.lacks(now.0)?;
        entry.flight = Some(Flight { sent: now.0, waiting: 0, least: 1 });
        self.flights = self.flights.saturating_add(1);
        Some(Ask { least: 0, need: 0, want })
    }

    /// What else is known of a key.
    #[must_use]
    pub fn about(&self, key: u64) -> Option<&Rc<T>> {
        let entry = self.young.get(&key).or_else(|| self.old.get(&key))?;
        Some(&entry.about)
    }

    /// The question is sent once more. Whoever waited is woken for nothing, and comes again.
    pub fn again(&mut self, key: u64) {
        if let Some(flight) = self.known(key).and_then(|entry| entry.flight.as_mut()) {
            flight.waiting = 0;
        }
    }

    /// Redis answered. Whoever waited comes again as [`Who::Woken`].
    pub fn heard(&mut self, key: u64, heard: Heard, now: Timestamp) {
        // What was given for a key that is not remembered any more is lost.
        if let Some(entry) = self.known(key) {
            let landed = entry.heard(heard, now.0);
            self.flights = self.flights.saturating_sub(usize::from(landed));
        }
    }

    /// Nothing could be learnt. Whoever waited comes again, and is told.
    pub fn failed(&mut self, key: u64, error: BackendError) {
        if let Some(entry) = self.known(key) {
            let flight = entry.flight.take();
            let landed = flight.is_some();
            entry.woken = flight.map_or(0, |flight| flight.waiting);
            entry.failed = Some(error);
            self.flights = self.flights.saturating_sub(usize::from(landed));
        }
    }

    /// A request that passed is refused for another reason: what it spent is there for the next.
    pub fn give_back(&mut self, key: u64, cost: u32) {
        if let Some(entry) = self.known(key) {
            entry.tokens = entry.tokens.saturating_add(cost);
        }
    }

    /// A request that waited is gone.
    pub fn forget(&mut self, key: u64, cost: u32) {
        if let Some(entry) = self.known(key) {
            match &mut entry.flight {
                Some(flight) => flight.waiting = flight.waiting.saturating_sub(cost),
                None => entry.woken = entry.woken.saturating_sub(cost),
            }
        }
    }

    /// What lies here unused and is to be given back to Redis. What says nothing any more is forgotten.
    pub fn idle(&mut self, now: Timestamp) -> Vec<Back<T>> {
        let mut back = Vec::new();
        for entries in [&mut self.young, &mut self.old] {
            entries.retain(|key, entry| {
                entry.look(now.0);
                if entry.is_idle(now.0, IDLE) && entry.tokens > 0 && back.len() < REFUNDS {
                    let count = entry.unused(now.0);
                    entry.tokens = 0;
                    if count > 0 {
                        back.push(Back { key: *key, count, about: entry.about.clone() });
                    }
                }
                entry.says_something(now.0, IDLE)
            });
        }
        back
    }

    /// How many requests may pass without asking, of all keys.
    #[must_use]
    pub fn held(&self) -> u32 {
        let entries = self.young.values().chain(self.old.values());
        entries.fold(0, |held, entry| held.saturating_add(entry.tokens))
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&mut self, key: u64) -> Option<&mut Entry<T>> {
        match self.young.get_mut(&key) {
            Some(entry) => Some(entry),
            None => self.old.get_mut(&key),
        }
    }

    /// The entry of a key, among those used last. `None`: there is no room.
    fn entry(&mut self, key: u64, terms: &Terms, about: impl FnOnce() -> T) -> Option<&mut Entry<T>> {
        if !self.young.contains_key(&key) {
            if self.flights >= FLIGHTS && !self.old.contains_key(&key) {
                return None;
            }
            if self.young.len() >= KEYS {
                self.age();
            }
            let entry = self.old.remove(&key).unwrap_or_else(|| Entry::new(*terms, about()));
            self.young.insert(key, entry);
        }
        self.young.get_mut(&key)
    }

    /// Forgets what was not used since the last time, but for what somebody waits for.
    fn age(&mut self) {
        let mut waited_for = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        waited_for.retain(|_, entry| entry.flight.is_some());
        self.young = waited_for;
    }
}
