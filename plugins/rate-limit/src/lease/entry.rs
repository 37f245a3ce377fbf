//! One key.

use super::meter::Meter;
use super::{Heard, REMEMBERED, Spend, Terms, Who};
use crate::script::SHARE;
use filter_core::redis::BackendError;
use std::rc::Rc;

/// What a worker knows of a key. Times in µs.
#[derive(Debug)]
pub struct Entry<T> {
    /// What else is known of it.
    pub about: Rc<T>,
    terms: Terms,
    /// Requests that may pass without asking.
    pub tokens: u32,
    /// How many there were when the last were given.
    level: u32,
    /// When the last were given, and for how long.
    given: u64,
    valid: u64,
    /// When Redis last answered, what it had left then, and how long until it had all again.
    told: u64,
    remaining: u32,
    reset: u64,
    denied: Option<Denied>,
    /// A question under way.
    pub flight: Option<Flight>,
    /// What they lack who were woken and have not come yet.
    pub woken: u32,
    /// What came of the last question, if nothing did.
    pub failed: Option<BackendError>,
    /// What passed.
    pub used: Meter,
    /// When somebody last asked.
    pub seen: u64,
}

/// A question under way.
#[derive(Debug)]
pub struct Flight {
    /// When it was sent.
    pub sent: u64,
    /// The cost of all who wait for it.
    pub waiting: u32,
    /// What it asked for at least.
    pub least: u32,
}

/// A refusal that is remembered.
#[derive(Debug, Clone, Copy)]
struct Denied {
    at: u64,
    retry: u64,
    /// Of so much or more; a cheaper request may find enough.
    least: u32,
}

impl<T> Entry<T> {
    pub fn new(terms: Terms, about: T) -> Self {
        Self {
            about: Rc::new(about),
            terms,
            tokens: 0,
            level: 0,
            given: 0,
            valid: 0,
            told: 0,
            remaining: 0,
            reset: 0,
            denied: None,
            flight: None,
            woken: 0,
            failed: None,
            used: Meter::default(),
            seen: 0,
        }
    }

    /// What may pass without asking.
    pub fn held(&self, now: u64) -> u32 {
        if lasts(self.given, self.valid, now) { self.tokens } else { 0 }
    }

    /// Drops what has ended. A time before that of the last answer is of a clock that stepped back.
    pub fn look(&mut self, now: u64) {
        self.tokens = self.held(now);
    }

    /// Whether a request that lacks so much is refused without asking. One that waited for the answer that said so is, however
    /// long that took: it would wait on and on.
    pub fn denied(&self, now: u64, short: u32, who: Who) -> Option<Spend> {
        let denied = self.denied.filter(|denied| short >= denied.least)?;
        (who == Who::Woken || lasts(denied.at, denied.retry.min(REMEMBERED), now)).then(|| Spend::Denied {
            remaining: self.left(),
            retry_us: denied.at.saturating_add(denied.retry).saturating_sub(now).max(1),
            reset_us: self.reset(now),
        })
    }

    /// What is left, here and there.
    pub fn left(&self) -> u32 {
        self.tokens.saturating_add(self.remaining)
    }

    /// How long until all is there again.
    pub fn reset(&self, now: u64) -> u64 {
        self.told.saturating_add(self.reset).saturating_sub(now).min(self.reset)
    }

    /// How many to hold: what passed in the last 100 ms.
    pub fn target(&mut self, now: u64) -> u32 {
        self.used.lately(now).min(self.terms.most)
    }

    /// How many to ask for in advance. `None`: there are enough, they were asked for, or Redis would give none.
    pub fn lacks(&mut self, now: u64) -> Option<u32> {
        let hopeless = self.failed.is_some() || self.denied(now, 1, Who::Fresh).is_some();
        if self.flight.is_some() || hopeless || self.remaining < SHARE || self.tokens > self.level / 2 {
            return None;
        }
        let target = self.target(now);
        // One at a time is asked for when it is needed.
        target.checked_sub(self.tokens).filter(|lacking| *lacking > 0 && target > 1)
    }

    /// Takes an answer in. `true`: it was one to a question.
    pub fn heard(&mut self, heard: Heard, now: u64) -> bool {
        let flight = self.flight.take();
        let landed = flight.is_some();
        let (sent, least) = flight.as_ref().map_or((now, 1), |flight| (flight.sent, flight.least));
        self.woken = flight.map_or(0, |flight| flight.waiting);
        self.failed = None;
        self.look(now);
        self.tokens = self.tokens.saturating_add(heard.granted);
        self.level = self.tokens;
        if heard.granted > 0 {
            let ttl = self.terms.ttl;
            self.given = now;
            self.valid = if self.terms.windowed { ttl.min(heard.reset_us) } else { ttl };
        }
        self.told = now;
        self.remaining = heard.remaining;
        self.reset = heard.reset_us;
        // The next question is as long on its way as this one was: sent then, it is there when there is enough.
        self.denied = (heard.retry_us > 0).then_some(Denied { at: sent, retry: heard.retry_us, least });
        landed
    }

    /// What to give back of what was not used: of buckets what has not flown off since, for that is there again anyway.
    pub fn unused(&self, now: u64) -> u32 {
        let flown = self.terms.flow.map_or(0, |(requests, per)| {
            let gone = u128::from(now.saturating_sub(self.given));
            let flown = gone.saturating_mul(u128::from(requests)).checked_div(u128::from(per));
            flown.and_then(|flown| u32::try_from(flown).ok()).unwrap_or(u32::MAX)
        });
        self.tokens.saturating_sub(flown)
    }

    /// Whether nobody used it for so long, and nobody waits.
    pub fn is_idle(&self, now: u64, idle: u64) -> bool {
        self.flight.is_none() && !lasts(self.seen.max(self.told), idle, now)
    }

    /// Whether there is a reason to remember it.
    pub fn says_something(&self, now: u64, idle: u64) -> bool {
        let denies = self.denied.is_some_and(|denied| lasts(denied.at, denied.retry.min(REMEMBERED), now));
        self.tokens > 0 || denies || !self.is_idle(now, idle)
    }
}

/// Whether what began then and takes so long is under way.
fn lasts(began: u64, takes: u64, now: u64) -> bool {
    now.checked_sub(began).is_some_and(|gone| gone < takes)
}
