//! One key, its record, and a clock.

use filter_core::policy::Timestamp;
use rate_limit::quota::{Decision, Quota, Record};

/// A multiple of every window used here.
pub const START: u64 = 1_799_971_200_000_000;

/// One key.
#[derive(Clone)]
pub struct Bucket {
    pub quota: Quota,
    pub record: Option<Record>,
    /// In µs.
    pub now: u64,
}

impl Bucket {
    pub fn new(quota: Quota) -> Self {
        Self { quota, record: None, now: START }
    }

    pub fn advance(&mut self, micros: u64) {
        self.now += micros;
    }

    pub fn take(&mut self, cost: u32) -> Decision {
        let (decision, record) = self.quota.take(self.record, Timestamp(self.now), cost);
        self.record = Some(record);
        decision
    }

    pub fn grant(&mut self, want: u32) -> Decision {
        let (decision, record) = self.quota.grant(self.record, Timestamp(self.now), want);
        self.record = Some(record);
        decision
    }

    pub fn refund(&mut self, cost: u32) {
        self.record = self.record.map(|record| self.quota.refund(record, Timestamp(self.now), cost));
    }

    /// How many of so many requests pass.
    pub fn passed(&mut self, requests: u32) -> u32 {
        (0..requests).map(|_| self.take(1).granted).sum()
    }
}
