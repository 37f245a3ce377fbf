//! GCRA (ITU-T I.371 Annex A, "virtual scheduling"): a record is the time at which the bucket is full again.
//!
//! Requests weigh [`Quota::weight`], and [`Quota::drain`] of that flows off in a µs, the rate in lowest terms: the time is
//! kept in µs and a fraction of `drain`, and no rate is rounded.

use super::Meter;
use crate::quota::{Quota, Record};
use filter_core::policy::Timestamp;

/// A bucket now.
pub(crate) struct TokenBucket {
    now: u64,
    /// What has not flown off.
    level: u64,
    drain: u64,
    /// More than fits was in the record.
    corrected: bool,
}

/// What fits into a bucket.
fn brim(quota: &Quota) -> u64 {
    u64::from(quota.burst()).saturating_add(1).saturating_mul(quota.weight())
}

fn weight(quota: &Quota, requests: u64) -> u64 {
    requests.saturating_mul(quota.weight())
}

impl TokenBucket {
    /// In how many µs so much flows off.
    fn flows_off(&self, level: u64) -> u64 {
        level.div_ceil(self.drain.max(1))
    }
}

impl Meter for TokenBucket {
    fn read(quota: &Quota, record: Option<Record>, now: Timestamp) -> Self {
        let (now, drain) = (now.0, quota.drain());
        let Record([full_at, fraction]) = record.unwrap_or_default();
        // Junk, or a fraction of another rate.
        let whole = if fraction < drain { full_at } else { 0 };
        let level = match whole.checked_sub(now) {
            Some(ahead) => ahead.saturating_mul(drain).saturating_add(fraction),
            None => 0,
        };
        // A clock that stepped back leaves nothing for a moment, and does not close the bucket for as long as the step.
        let (level, corrected) = (level.min(brim(quota)), level > brim(quota));
        Self { now, level, drain, corrected }
    }

    fn room(&self, quota: &Quota) -> u64 {
        brim(quota).saturating_sub(self.level).checked_div(quota.weight()).unwrap_or(0)
    }

    fn charge(&mut self, quota: &Quota, requests: u64) {
        self.level = self.level.saturating_add(weight(quota, requests));
    }

    fn corrected(&self) -> bool {
        // Else it would be cut to the same again and again, and nothing flow off.
        self.corrected
    }

    fn give_back(&mut self, quota: &Quota, requests: u64) {
        self.level = self.level.saturating_sub(weight(quota, requests));
    }

    fn retry(&self, quota: &Quota, requests: u64) -> u64 {
        let wanted = self.level.saturating_add(weight(quota, requests));
        self.flows_off(wanted.saturating_sub(brim(quota)))
    }

    fn reset(&self, _: &Quota) -> u64 {
        self.flows_off(self.level)
    }

    fn excess(&self, quota: &Quota, requests: u64) -> u64 {
        let level = self.level.saturating_add(weight(quota, requests)).saturating_sub(quota.weight());
        u64::try_from(u128::from(level).saturating_mul(1000) / u128::from(quota.weight().max(1)))
            .unwrap_or(u64::MAX)
    }

    fn record(&self) -> Record {
        let drain = self.drain.max(1);
        let (whole, fraction) = (self.level / drain, self.level % drain);
        Record([self.now.saturating_add(whole), fraction])
    }

    fn stale_at(_: &Quota, Record([full_at, fraction]): Record) -> Timestamp {
        Timestamp(full_at.saturating_add(u64::from(fraction > 0)))
    }
}
