//! Where a gateway counts attempts alone: buckets, locks and known pairs in the shared store.
//!
//! The buckets are rate-limit's table. Locks and marks are notes in tables of their own: one may be dropped where a slot is
//! full, and then the buckets alone speak, or the limit of the username applies again.

use crate::limits::Limits;
use crate::who::{Kind, Who};
use filter_core::policy::{Cx, Timestamp};
use filter_core::store::SharedStore;
use rate_limit::quota::{Quota, Record};
use rate_limit::slots::{Claim, Seed, Spot, Table, Taken};

/// In µs: a clock that steps back by less makes nobody a stranger.
const DAY: u64 = 86_400_000_000;

/// The tables of one instance of the plugin.
#[derive(Debug, Clone)]
pub struct Ledger {
    buckets: Table,
    locks: Table,
    known: Table,
}

/// When and by what something is counted.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// What keys are hashed with.
    pub seed: Seed,
    /// How much is allowed.
    pub limits: &'a Limits,
    /// The time.
    pub now: Timestamp,
    /// Where.
    pub store: &'a dyn SharedStore,
}

/// What an attempt has to wait for, in µs; 0: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waits {
    /// The pair has succeeded before: what is allowed to the user was not asked.
    pub known: bool,
    /// A lock of the pair or of the user.
    pub lock: u64,
    /// The limit of the address.
    pub address: u64,
    /// Of the pair.
    pub pair: u64,
    /// Of the user.
    pub username: u64,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It failed: it stays charged, and where that used up a limit a lock begins.
    Failure,
    /// It succeeded: nothing stays charged, and the pair is known.
    Success,
    /// Nothing was learnt of a password: nothing stays charged.
    Nothing,
}

/// What that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// How many locks began.
    pub locked: u64,
    /// The pair succeeded for the first time.
    pub new: bool,
}

impl Waits {
    /// How long until it may pass, in µs. 0: it passes.
    #[must_use]
    pub fn longest(&self) -> u64 {
        [self.lock, self.address, self.pair, self.username].into_iter().max().unwrap_or(0)
    }
}

impl Ledger {
    /// The tables of this instance, each with so many slots. `alone`: what is allowed while others cannot be asked.
    #[must_use]
    pub fn new(instance: &str, slots: u32, limits: &Limits, alone: &Limits) -> Self {
        let locks = limits.lock.map_or(0, |lock| lock.longest.saturating_mul(2));
        let longest = limits.longest().max(alone.longest());
        Self {
            buckets: Table::of("login-guard", instance, slots, longest),
            locks: Table::of("login-guard-locks", instance, slots, locks),
            known: Table::of("login-guard-known", instance, slots, limits.known_for.saturating_add(DAY)),
        }
    }

    /// Makes them those of another instance.
    pub fn rename(&mut self, instance: &str) {
        for table in [&mut self.buckets, &mut self.locks, &mut self.known] {
            table.rename(instance);
        }
    }

    /// What keys are hashed with.
    #[must_use]
    pub fn seed(&self, cx: &dyn Cx) -> Option<Seed> {
        self.buckets.seed(cx)
    }

    /// Charges an attempt where it passes all that applies, and nothing else. `None`: there is no room, or other workers were
    /// quicker every time. Also: how many entries were shared with other newcomers.
    #[must_use]
    pub fn attempt(&self, who: &Who, desk: Desk<'_>) -> Option<(Waits, u64)> {
        let Desk { limits, now, store, .. } = desk;
        let named = who.user.is_some();
        let known = named && self.known.noted(self.note_of(who, Kind::Pair, desk), now, store).is_some();
        let mut waits = Waits { known, ..Waits::default() };
        if let Some(lock) = limits.lock.filter(|_| named) {
            let rest = |kind| {
                let noted = self.locks.noted(self.note_of(who, kind, desk), now, store);
                noted.map_or(0, |record| lock.rest(record, now))
            };
            waits.lock = rest(Kind::Pair);
            if !known {
                waits.lock = waits.lock.max(rest(Kind::Username));
            }
        }
        let kinds = charged(named, known);
        let claims: Vec<Claim<'_>> = kinds.iter().map(|kind| self.claim(who, *kind, desk)).collect();
        if waits.lock > 0 {
            for (kind, claim) in kinds.iter().zip(&claims) {
                waits.set(*kind, self.buckets.look(claim, now, store)?.retry_us);
            }
            return Some((waits, 0));
        }
        match self.buckets.take(&claims, now, store) {
            (Taken::Granted(_), sharing) => Some((waits, sharing)),
            (Taken::Refused(refused), _) => {
                for (index, decision) in refused {
                    waits.set(*kinds.get(index)?, decision.retry_us);
                }
                Some((waits, 0))
            }
            (Taken::Busy, _) => None,
        }
    }

    /// Settles an attempt that was charged. `known`: as it was then.
    pub fn settle(&self, who: &Who, known: bool, outcome: Outcome, desk: Desk<'_>) -> Settled {
        let Desk { limits, now, store, .. } = desk;
        let mut settled = Settled::default();
        let kinds = charged(who.user.is_some(), known);
        if outcome == Outcome::Failure {
            let Some(lock) = limits.lock else { return settled };
            for kind in kinds.iter().filter(|kind| **kind != Kind::Address) {
                let full = self.buckets.look(&self.claim(who, *kind, desk), now, store);
                if full.is_some_and(|decision| decision.granted == 0) {
                    let mut began = false;
                    let spot = self.note_of(who, *kind, desk);
                    let kept = self.locks.note(spot, now, store, |record| {
                        let next = lock.next(record, now);
                        began = next.is_some();
                        next
                    });
                    settled.locked = settled.locked.saturating_add(u64::from(kept && began));
                }
            }
            return settled;
        }
        for kind in kinds {
            self.buckets.refund(&self.claim(who, *kind, desk), now, store);
        }
        if outcome == Outcome::Success && who.can_be_known() {
            settled.new = self.remember(who, desk);
            let spot = self.note_of(who, Kind::Pair, desk);
            let over = |record: Option<Record>| record.map(|_| (Record::default(), Timestamp(0)));
            self.locks.note(spot, now, store, over);
        }
        settled
    }

    /// Remembers that a pair has succeeded. `true`: for the first time.
    pub fn remember(&self, who: &Who, desk: Desk<'_>) -> bool {
        let Desk { limits, now, store, .. } = desk;
        let mut new = false;
        let until = Timestamp(now.0.saturating_add(limits.known_for));
        let spot = self.note_of(who, Kind::Pair, desk);
        let kept = self.known.note(spot, now, store, |record| {
            new = record.is_none();
            Some((Record([1, 0]), until))
        });
        kept && new
    }

    fn claim<'q>(&self, who: &Who, kind: Kind, desk: Desk<'q>) -> Claim<'q> {
        let quota = desk.limits.quota(kind);
        let spot =
            self.buckets.spot(&desk.seed, identity(kind, quota).as_bytes(), &who.key(kind, desk.limits));
        Claim { spot, quota, cost: 1 }
    }

    /// Notes go by the same keys; they outlive other numbers.
    fn note_of(&self, who: &Who, kind: Kind, desk: Desk<'_>) -> Spot {
        self.known.spot(&desk.seed, b"", &who.key(kind, desk.limits))
    }
}

impl Waits {
    fn set(&mut self, kind: Kind, wait: u64) {
        *match kind {
            Kind::Address => &mut self.address,
            Kind::Username => &mut self.username,
            Kind::Pair => &mut self.pair,
        } = wait;
    }
}

/// What an attempt is charged to. The limit of a user does not apply where it has logged in before: an attack from elsewhere
/// refuses nobody at home.
#[must_use]
pub fn charged(named: bool, known: bool) -> &'static [Kind] {
    match (named, known) {
        (false, _) => &[Kind::Address],
        (true, true) => &[Kind::Address, Kind::Pair],
        (true, false) => &[Kind::Address, Kind::Pair, Kind::Username],
    }
}

/// What tells what is counted from anything else: other numbers are counted elsewhere.
#[must_use]
pub fn identity(kind: Kind, quota: &Quota) -> String {
    format!("{} {} {} {}", kind.as_str(), quota.requests(), quota.per_micros(), quota.burst())
}
