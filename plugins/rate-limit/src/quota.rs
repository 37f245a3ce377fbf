//! How much is allowed, and the decision about one key.

use crate::algorithm::{Algorithm, FixedWindow, LeakyBucket, Meter, SlidingWindow, TokenBucket};
use filter_core::policy::{Timestamp, micros};
use std::fmt;
use std::time::Duration;

/// Shortest and longest time that a rate is counted over.
const PER: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(31 * 86_400);
/// No state exceeds this: numbers up to 2^53 are exact in the Lua of Redis, and a sum of two stays below.
pub const MAX_UNITS: u64 = 1 << 52;

/// How much is allowed, compiled: everything about it can be computed without overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    algorithm: Algorithm,
    requests: u32,
    per: Duration,
    burst: u32,
    weight: u64,
    drain: u64,
}

/// Why there is no such quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaError {
    /// Nothing would be allowed.
    NoRequests,
    /// The time is shorter than a second or longer than 31 days.
    Per,
    /// `burst` belongs to buckets.
    Burst,
    /// `leaky_bucket` counts as nginx does, which knows `r/s` and `r/m`.
    LeakyUnit,
    /// The numbers together are beyond what Redis computes exactly ([`MAX_UNITS`]).
    TooFine,
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRequests => "allows nothing",
            Self::Per => "the time must be 1 s to 31 days",
            Self::Burst => "belongs to token_bucket and leaky_bucket; a window has none",
            Self::LeakyUnit => "leaky_bucket counts as nginx does and knows r/s and r/m; use token_bucket",
            Self::TooFine => "rate and burst together are beyond what can be counted exactly",
        })
    }
}

impl std::error::Error for QuotaError {}

/// All the state of one key. What the numbers are is the algorithm's; zeros mean the same as no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record(pub [u64; 2]);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// How many requests may pass.
    pub granted: u32,
    /// How many more would pass now.
    pub remaining: u32,
    /// In how many µs what was not granted will be; of [`Quota::grant`] one more. 0: all was. `u64::MAX`: never.
    pub retry_us: u64,
    /// In how many µs everything is as if nobody had asked.
    pub reset_us: u64,
    /// How far above the rate this is, in thousandths of a request, as nginx logs it; what was refused included.
    pub excess_milli: u64,
}

impl Quota {
    /// `burst` is how many more than one may come at once; 0 for windows.
    ///
    /// # Errors
    /// What is wrong with the numbers.
    pub fn new(algorithm: Algorithm, requests: u32, per: Duration, burst: u32) -> Result<Self, QuotaError> {
        if requests == 0 {
            return Err(QuotaError::NoRequests);
        }
        if !PER.contains(&per) {
            return Err(QuotaError::Per);
        }
        let (rate, time) = (u64::from(requests), micros(per));
        let common = greatest_common_divisor(rate, time);
        let (weight, drain) =
            (time.checked_div(common).unwrap_or(time), rate.checked_div(common).unwrap_or(rate));
        let capacity = u64::from(burst).saturating_add(1);
        let (fits, units) = match algorithm {
            Algorithm::TokenBucket => (true, capacity.saturating_mul(weight).saturating_add(drain)),
            Algorithm::LeakyBucket if ![1, 60].map(Duration::from_secs).contains(&per) => {
                return Err(QuotaError::LeakyUnit);
            }
            Algorithm::LeakyBucket => (true, capacity.saturating_mul(1000)),
            Algorithm::SlidingWindow => (burst == 0, rate.saturating_mul(millis(per))),
            Algorithm::FixedWindow => (burst == 0, rate),
        };
        if !fits {
            return Err(QuotaError::Burst);
        }
        if units > MAX_UNITS {
            return Err(QuotaError::TooFine);
        }
        Ok(Self { algorithm, requests, per, burst, weight, drain })
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many requests…
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// … in which time.
    #[must_use]
    pub fn per(&self) -> Duration {
        self.per
    }

    /// How many more than one may come at once, of buckets.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Of `token_bucket`: what one request weighs, where [`Self::drain`] flows off in a µs. The two are the rate in lowest
    /// terms, so that no rate is rounded.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Of `token_bucket`: what flows off in a µs.
    #[must_use]
    pub fn drain(&self) -> u64 {
        self.drain
    }

    /// Of `leaky_bucket`: thousandths of a request per second, cut as nginx cuts them (`1r/m` is 16).
    #[must_use]
    pub fn milli_per_second(&self) -> u64 {
        u64::from(self.requests).saturating_mul(1000).checked_div(self.per.as_secs()).unwrap_or(0)
    }

    /// [`Self::per`] in ms.
    #[must_use]
    pub fn per_millis(&self) -> u64 {
        millis(self.per)
    }

    /// [`Self::per`] in µs.
    #[must_use]
    pub fn per_micros(&self) -> u64 {
        micros(self.per)
    }

    /// Most requests that can pass at once.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        match self.algorithm {
            Algorithm::TokenBucket | Algorithm::LeakyBucket => self.burst.saturating_add(1),
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.requests,
        }
    }

    /// In how many µs at most what was counted is forgotten.
    #[must_use]
    pub fn longest(&self) -> u64 {
        let requests = u64::from(self.capacity());
        match self.algorithm {
            Algorithm::TokenBucket => {
                requests.saturating_mul(self.weight).div_ceil(self.drain.max(1)).saturating_add(1)
            }
            // Cut to ms, and its rate to thousandths.
            Algorithm::LeakyBucket => {
                let millis = requests.saturating_mul(1_000_000).div_ceil(self.milli_per_second().max(1));
                millis.saturating_add(1).saturating_mul(1000)
            }
            // This window, the next, and one that another worker's clock began before ours.
            Algorithm::SlidingWindow | Algorithm::FixedWindow => self.per_micros().saturating_mul(3),
        }
    }

    /// The same for one of so many who each count alone: at least one request, and no burst that is not there.
    #[must_use]
    pub fn divided(&self, by: u32) -> Self {
        let by = by.max(1);
        let requests = self.requests.checked_div(by).unwrap_or(0).max(1);
        let burst = self.burst.checked_div(by).unwrap_or(0);
        // Fewer requests may weigh more in lowest terms; what cannot be counted is then counted without a burst.
        Self::new(self.algorithm, requests, self.per, burst)
            .or_else(|_| Self::new(self.algorithm, requests, self.per, 0))
            .unwrap_or(*self)
    }

    /// All of `cost` requests, or none. The record is the one to keep; where nothing changed it is the one given.
    #[must_use]
    pub fn take(&self, record: Option<Record>, now: Timestamp, cost: u32) -> (Decision, Record) {
        self.decide(record, now, cost, false)
    }

    /// As many of `want` requests as fit.
    #[must_use]
    pub fn grant(&self, record: Option<Record>, now: Timestamp, want: u32) -> (Decision, Record) {
        self.decide(record, now, want, true)
    }

    /// Takes back what was granted and not used.
    #[must_use]
    pub fn refund(&self, record: Record, now: Timestamp, cost: u32) -> Record {
        match self.algorithm {
            Algorithm::TokenBucket => self.refunded::<TokenBucket>(record, now, cost),
            Algorithm::LeakyBucket => self.refunded::<LeakyBucket>(record, now, cost),
            Algorithm::SlidingWindow => self.refunded::<SlidingWindow>(record, now, cost),
            Algorithm::FixedWindow => self.refunded::<FixedWindow>(record, now, cost),
        }
    }

    /// From when on a record means the same as none.
    #[must_use]
    pub fn stale_at(&self, record: Record) -> Timestamp {
        match self.algorithm {
            Algorithm::TokenBucket => TokenBucket::stale_at(self, record),
            Algorithm::LeakyBucket => LeakyBucket::stale_at(self, record),
            Algorithm::SlidingWindow => SlidingWindow::stale_at(self, record),
            Algorithm::FixedWindow => FixedWindow::stale_at(self, record),
        }
    }

    fn decide(&self, record: Option<Record>, now: Timestamp, want: u32, partial: bool) -> (Decision, Record) {
        match self.algorithm {
            Algorithm::TokenBucket => self.decided::<TokenBucket>(record, now, want, partial),
            Algorithm::LeakyBucket => self.decided::<LeakyBucket>(record, now, want, partial),
            Algorithm::SlidingWindow => self.decided::<SlidingWindow>(record, now, want, partial),
            Algorithm::FixedWindow => self.decided::<FixedWindow>(record, now, want, partial),
        }
    }

    fn decided<M: Meter>(
        &self,
        record: Option<Record>,
        now: Timestamp,
        want: u32,
        partial: bool,
    ) -> (Decision, Record) {
        let mut meter = M::read(self, record, now);
        let (room, wanted) = (meter.room(self), u64::from(want));
        let passes = partial || wanted <= room;
        let granted = if passes { wanted.min(room) } else { 0 };
        // Of what is granted in part the rest is not refused: nobody asked for it alone yet.
        let asked = if partial { 1 } else { wanted };
        let all = granted == wanted;
        let excess_milli = meter.excess(self, if all { wanted } else { granted.saturating_add(asked) });
        let changed = if granted > 0 {
            meter.charge(self, granted);
            true
        } else {
            (!passes && meter.refused(self, wanted)) || meter.corrected()
        };
        let retry_us = match asked {
            _ if all => 0,
            asked if asked > u64::from(self.capacity()) => u64::MAX,
            asked => meter.retry(self, asked),
        };
        let decision = Decision {
            granted: clamped(granted),
            remaining: clamped(meter.room(self)),
            retry_us,
            reset_us: meter.reset(self),
            excess_milli,
        };
        (decision, if changed { meter.record() } else { record.unwrap_or_default() })
    }

    fn refunded<M: Meter>(&self, record: Record, now: Timestamp, cost: u32) -> Record {
        let mut meter = M::read(self, Some(record), now);
        meter.give_back(self, u64::from(cost));
        meter.record()
    }
}

fn millis(per: Duration) -> u64 {
    u64::try_from(per.as_millis()).unwrap_or(u64::MAX)
}

fn clamped(requests: u64) -> u32 {
    u32::try_from(requests).unwrap_or(u32::MAX)
}

/// Euclid's; at least 1.
fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a.max(1)
}
