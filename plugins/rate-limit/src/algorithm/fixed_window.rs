//! Windows that begin at multiples of their length since 1970. Refused requests count, as INCR counts them.

use super::Meter;
use crate::quota::{Quota, Record};
use filter_core::policy::Timestamp;

/// A window now, in µs.
pub(crate) struct FixedWindow {
    now: u64,
    start: u64,
    count: u64,
}

impl FixedWindow {
    fn ends_in(&self, quota: &Quota) -> u64 {
        self.start.saturating_add(quota.per_micros()).saturating_sub(self.now)
    }
}

impl Meter for FixedWindow {
    fn read(quota: &Quota, record: Option<Record>, now: Timestamp) -> Self {
        let (now, per) = (now.0, quota.per_micros().max(1));
        let current = now.saturating_sub(now % per);
        let Record([start, count]) = record.unwrap_or_default();
        // The next window is one that a worker with a later clock began; beyond that the clock was set back.
        let counts = start == current || start == current.saturating_add(per);
        let (start, count) = if counts { (start, count) } else { (current, 0) };
        Self { now, start, count }
    }

    fn room(&self, quota: &Quota) -> u64 {
        u64::from(quota.requests()).saturating_sub(self.count)
    }

    fn charge(&mut self, _: &Quota, requests: u64) {
        self.count = self.count.saturating_add(requests);
    }

    fn refused(&mut self, quota: &Quota, requests: u64) -> bool {
        self.charge(quota, requests);
        true
    }

    fn give_back(&mut self, _: &Quota, requests: u64) {
        self.count = self.count.saturating_sub(requests);
    }

    fn retry(&self, quota: &Quota, _: u64) -> u64 {
        self.ends_in(quota)
    }

    fn reset(&self, quota: &Quota) -> u64 {
        self.ends_in(quota)
    }

    fn excess(&self, quota: &Quota, requests: u64) -> u64 {
        let count = self.count.saturating_add(requests);
        count.saturating_sub(u64::from(quota.requests())).saturating_mul(1000)
    }

    fn record(&self) -> Record {
        Record([self.start, self.count])
    }

    fn stale_at(quota: &Quota, Record([start, _]): Record) -> Timestamp {
        Timestamp(start.saturating_add(quota.per_micros()))
    }
}
