//! The sliding-window counter: this window's requests, and the last one's by the part of it that is less than a window
//! ago. In ms, aligned as [`FixedWindow`](super::FixedWindow); refused requests do not count.

use super::Meter;
use crate::quota::{Quota, Record};
use filter_core::policy::Timestamp;

/// Two windows now.
pub(crate) struct SlidingWindow {
    /// In µs.
    now: u64,
    /// Of this window, in ms.
    start: u64,
    /// How far into it, in ms.
    into: u64,
    before: u64,
    count: u64,
}

fn limit(quota: &Quota) -> u64 {
    u64::from(quota.requests()).saturating_mul(quota.per_millis())
}

impl SlidingWindow {
    /// Requests times ms.
    fn used(&self, quota: &Quota) -> u64 {
        let left = quota.per_millis().saturating_sub(self.into);
        self.before.saturating_mul(left).saturating_add(self.count.saturating_mul(quota.per_millis()))
    }

    /// µs until the ms of this number in this window begins.
    fn until(&self, ms: u64) -> u64 {
        self.start.saturating_add(ms).saturating_mul(1000).saturating_sub(self.now)
    }
}

impl Meter for SlidingWindow {
    fn read(quota: &Quota, record: Option<Record>, now: Timestamp) -> Self {
        let (millis, per, most) = (now.0 / 1000, quota.per_millis().max(1), u64::from(quota.requests()));
        let into = millis % per;
        let current = millis.saturating_sub(into);
        let fresh = Self { now: now.0, start: current, into, before: 0, count: 0 };
        let Record([start, counts]) = record.unwrap_or_default();
        let (before, count) = (counts >> 32, counts & u64::from(u32::MAX));
        if before > most || count > most {
            return fresh;
        }
        match start {
            _ if start == current => Self { before, count, ..fresh },
            _ if start.saturating_add(per) == current => Self { before: count, ..fresh },
            // The next window is one that a worker with a later clock began; beyond that the clock was set back.
            _ if start == current.saturating_add(per) => Self { start, into: 0, before, count, ..fresh },
            _ => fresh,
        }
    }

    fn room(&self, quota: &Quota) -> u64 {
        limit(quota).saturating_sub(self.used(quota)).checked_div(quota.per_millis()).unwrap_or(0)
    }

    fn charge(&mut self, _: &Quota, requests: u64) {
        self.count = self.count.saturating_add(requests);
    }

    fn give_back(&mut self, _: &Quota, requests: u64) {
        let rest = requests.saturating_sub(self.count);
        self.count = self.count.saturating_sub(requests);
        self.before = self.before.saturating_sub(rest);
    }

    fn retry(&self, quota: &Quota, requests: u64) -> u64 {
        let (per, limit) = (quota.per_millis(), limit(quota));
        // The part of the last window that may still count.
        let free = limit.checked_sub(self.count.saturating_add(requests).saturating_mul(per));
        match free {
            Some(free) => {
                let left = free.checked_div(self.before).unwrap_or(per).min(per);
                self.until(per.saturating_sub(left))
            }
            // In the next window this one is the last.
            None => {
                let free = limit.saturating_sub(requests.saturating_mul(per));
                let left = free.checked_div(self.count).unwrap_or(per).min(per);
                self.until(per.saturating_mul(2).saturating_sub(left))
            }
        }
    }

    fn reset(&self, quota: &Quota) -> u64 {
        let per = quota.per_millis();
        match (self.before, self.count) {
            (0, 0) => 0,
            (_, 0) => self.until(per),
            _ => self.until(per.saturating_mul(2)),
        }
    }

    fn excess(&self, quota: &Quota, requests: u64) -> u64 {
        let used = self.used(quota).saturating_add(requests.saturating_mul(quota.per_millis()));
        let over = u128::from(used.saturating_sub(limit(quota)));
        u64::try_from(over.saturating_mul(1000) / u128::from(quota.per_millis().max(1))).unwrap_or(u64::MAX)
    }

    fn record(&self) -> Record {
        Record([self.start, (self.before << 32) | self.count])
    }

    fn stale_at(quota: &Quota, Record([start, _]): Record) -> Timestamp {
        let windows = quota.per_millis().saturating_mul(2);
        Timestamp(start.saturating_add(windows).saturating_mul(1000))
    }
}
