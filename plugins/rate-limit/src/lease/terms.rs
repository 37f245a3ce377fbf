//! What a worker may hold, what it asks, and what it is told.

use crate::algorithm::Algorithm;
use crate::quota::Quota;
use filter_core::redis::BackendError;

/// What a worker may hold of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Most that it holds without a request that waits: a quarter of `burst`, at least 1.
    pub most: u32,
    /// Most that can pass at once: no question is for more.
    pub capacity: u32,
    /// How long it may hold them, in µs.
    pub ttl: u64,
    /// Whether what was given ends with the window it was counted in.
    pub windowed: bool,
    /// Of buckets: how many requests flow off in how many µs.
    pub flow: Option<(u32, u64)>,
}

impl Terms {
    /// Of a quota, for so many µs.
    #[must_use]
    pub fn new(quota: &Quota, ttl: u64) -> Self {
        let (capacity, algorithm) = (quota.capacity(), quota.algorithm());
        Self {
            most: (capacity.saturating_sub(1) / 4).max(1),
            capacity,
            ttl,
            windowed: algorithm == Algorithm::FixedWindow,
            flow: algorithm.is_bucket().then(|| (quota.requests(), quota.per_micros())),
        }
    }
}

/// A question about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// What the request that asks lacks. Less is of no use. 0: nobody waits.
    pub least: u32,
    /// What all lack that wait.
    pub need: u32,
    /// That, and what is wanted in advance.
    pub want: u32,
}

/// An answer of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// What was given.
    pub granted: u32,
    /// What is left there.
    pub remaining: u32,
    /// How long until there is as much again as was lacking at least; 0: there is.
    pub retry_us: u64,
    /// How long until all is there again. With windows: until this one ends.
    pub reset_us: u64,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// It passes.
    Granted {
        /// What is left, here and as Redis last said.
        remaining: u32,
        /// How long until all is there again, in µs.
        reset_us: u64,
    },
    /// It does not, for so long.
    Denied {
        /// What is left all the same: it was too dear.
        remaining: u32,
        /// In µs, at least 1.
        retry_us: u64,
        /// How long until all is there again, in µs.
        reset_us: u64,
    },
    /// It waits: this is to be asked, and then told to [`Leases::heard`](super::Leases::heard) or
    /// [`Leases::failed`](super::Leases::failed).
    Refill(Ask),
    /// It waits for the answer to what was asked before.
    Join,
    /// It waited, and nothing could be learnt.
    Failed(BackendError),
    /// Too many keys are asked about at once.
    Overflow,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A request that comes.
    Fresh,
    /// One that waited and was woken.
    Woken,
}
