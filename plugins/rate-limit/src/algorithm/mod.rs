//! The algorithms: what the state of one key means at a time, and what becomes of it. Pure integer arithmetic, so that the
//! scripts that run in Redis can agree with it event for event.

mod fixed_window;
mod leaky_bucket;
mod sliding_window;
mod token_bucket;

pub(crate) use fixed_window::FixedWindow;
pub(crate) use leaky_bucket::LeakyBucket;
pub(crate) use sliding_window::SlidingWindow;
pub(crate) use token_bucket::TokenBucket;

use crate::quota::{Quota, Record};
use filter_core::config_enum;
use filter_core::policy::Timestamp;
use std::fmt;

config_enum! {
    /// How requests are counted.
    pub enum Algorithm {
        /// GCRA, in µs and exact at every rate: `burst` + 1 at once, then evenly.
        TokenBucket = "token_bucket",
        /// The integer arithmetic of nginx's `limit_req … nodelay`, in ms and thousandths of a request. Knows `r/s` and `r/m`.
        LeakyBucket = "leaky_bucket",
        /// Two windows, the earlier one weighted by how much of it is less than a window ago.
        SlidingWindow = "sliding_window",
        /// Windows that begin at multiples of their length since 1970, as INCR and EXPIRE count: refused requests count, too,
        /// and around the end of a window twice as many may pass.
        FixedWindow = "fixed_window",
    }
}

/// As the configuration has it.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenBucket => "token_bucket",
            Self::LeakyBucket => "leaky_bucket",
            Self::SlidingWindow => "sliding_window",
            Self::FixedWindow => "fixed_window",
        })
    }
}

impl Algorithm {
    /// Whether it has a burst, and what was counted flows off.
    #[must_use]
    pub fn is_bucket(self) -> bool {
        matches!(self, Self::TokenBucket | Self::LeakyBucket)
    }
}

/// The state of one key, read at a time.
pub(crate) trait Meter: Sized {
    /// What a record means now. One that the algorithm did not write, or that is over, is as none.
    fn read(quota: &Quota, record: Option<Record>, now: Timestamp) -> Self;

    /// How many requests fit now.
    fn room(&self, quota: &Quota) -> u64;

    /// Counts so many, which fit.
    fn charge(&mut self, quota: &Quota, requests: u64);

    /// Counts what was refused. `true`: that changed the state.
    fn refused(&mut self, _quota: &Quota, _requests: u64) -> bool {
        false
    }

    /// Whether the record is to be replaced although nothing was counted.
    fn corrected(&self) -> bool {
        false
    }

    /// Takes so many back.
    fn give_back(&mut self, quota: &Quota, requests: u64);

    /// In how many µs so many will fit, at most [`Quota::capacity`].
    fn retry(&self, quota: &Quota, requests: u64) -> u64;

    /// In how many µs all is forgotten.
    fn reset(&self, quota: &Quota) -> u64;

    /// By how much so many more would be above the rate, in thousandths of a request.
    fn excess(&self, quota: &Quota, requests: u64) -> u64;

    /// What is to be kept.
    fn record(&self) -> Record;

    /// From when on a record means the same as none.
    fn stale_at(quota: &Quota, record: Record) -> Timestamp;
}
