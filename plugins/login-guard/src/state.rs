//! What a worker holds.

use filter_core::redis::{Breaker, Complaints, Query};
use rate_limit::slots::Seed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a worker holds.
#[derive(Default)]
pub struct State {
    /// What keys of the tables are hashed with, once it was needed.
    pub(crate) seed: Option<Seed>,
    pub(crate) breaker: Breaker,
    pub(crate) complaints: Complaints,
    /// What is being settled in Redis, by number: as many as call-outs are under way.
    pub(crate) settling: BTreeMap<u64, (Arc<str>, Query)>,
    /// The number of the next.
    pub(crate) next: u64,
}
