//! The arithmetic of nginx (`ngx_http_limit_req_lookup` in `ngx_http_limit_req_module.c`): time in ms, requests in
//! thousandths, rounded where it rounds.
//!
//! nginx keeps the excess, which is 0 after the first request; here it is the level, one request more, so that an empty
//! bucket is 0.

use super::Meter;
use crate::quota::{Quota, Record};
use filter_core::policy::Timestamp;

/// A thousandth of a request is 1.
const REQUEST: u64 = 1000;
/// So far ahead, in ms, the time of a record is a race between workers; beyond, the clock was set back.
const SET_BACK: u64 = 60_000;

/// A bucket now.
pub(crate) struct LeakyBucket {
    /// In ms.
    now: u64,
    /// Of the last change, in ms.
    last: u64,
    /// What counts as passed since, in ms.
    passed: u64,
    /// At that change.
    level: u64,
}

fn brim(quota: &Quota) -> u64 {
    u64::from(quota.burst()).saturating_add(1).saturating_mul(REQUEST)
}

/// What flows off in so many ms.
fn drained(quota: &Quota, millis: u64) -> u64 {
    quota.milli_per_second().saturating_mul(millis) / 1000
}

/// In how many ms so much flows off.
fn flows_off(quota: &Quota, level: u64) -> u64 {
    level.saturating_mul(1000).div_ceil(quota.milli_per_second().max(1))
}

impl LeakyBucket {
    fn now(&self, quota: &Quota) -> u64 {
        self.level.saturating_sub(drained(quota, self.passed))
    }

    /// In how many µs the level of the last change has come down to this.
    fn down_to(&self, quota: &Quota, level: u64) -> u64 {
        let over = self.level.saturating_sub(level);
        if over == 0 {
            return 0;
        }
        let at = self.last.saturating_add(flows_off(quota, over));
        at.saturating_sub(self.now).max(1).saturating_mul(1000)
    }
}

impl Meter for LeakyBucket {
    fn read(quota: &Quota, record: Option<Record>, now: Timestamp) -> Self {
        let now = now.0 / 1000;
        let Record([last, level]) = record.unwrap_or_default();
        // More than fits is junk.
        let (last, level) = if level > brim(quota) || level == 0 { (now, 0) } else { (last, level) };
        let passed = match now.checked_sub(last) {
            Some(passed) => passed,
            None => u64::from(last.saturating_sub(now) > SET_BACK),
        };
        Self { now, last, passed, level }
    }

    fn room(&self, quota: &Quota) -> u64 {
        brim(quota).saturating_sub(self.now(quota)) / REQUEST
    }

    fn charge(&mut self, quota: &Quota, requests: u64) {
        self.level = self.now(quota).saturating_add(requests.saturating_mul(REQUEST));
        if self.passed > 0 {
            self.last = self.now;
            self.passed = 0;
        }
    }

    fn give_back(&mut self, _: &Quota, requests: u64) {
        self.level = self.level.saturating_sub(requests.saturating_mul(REQUEST));
    }

    fn retry(&self, quota: &Quota, requests: u64) -> u64 {
        self.down_to(quota, brim(quota).saturating_sub(requests.saturating_mul(REQUEST)))
    }

    fn reset(&self, quota: &Quota) -> u64 {
        self.down_to(quota, 0)
    }

    fn excess(&self, quota: &Quota, requests: u64) -> u64 {
        self.now(quota).saturating_add(requests.saturating_mul(REQUEST)).saturating_sub(REQUEST)
    }

    fn record(&self) -> Record {
        Record([self.last, self.level])
    }

    fn stale_at(quota: &Quota, Record([last, level]): Record) -> Timestamp {
        Timestamp(last.saturating_add(flows_off(quota, level)).saturating_mul(1000))
    }
}
