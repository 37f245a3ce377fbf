//! A limit, compiled.

use crate::config::{Distributed, KeySource, OnMissing};
use crate::key::{Key, Request};
use crate::quota::Quota;
use filter_core::address::Ranges;
use filter_core::effect::RuleName;
use filter_core::policy::{Mode, hex};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A limit.
pub(crate) struct Limit {
    pub(crate) name: RuleName,
    pub(crate) sources: Vec<KeySource>,
    pub(crate) on_missing: OnMissing,
    /// Addresses whose requests pass uncounted.
    pub(crate) unlimited: Ranges,
    pub(crate) allowance: Arc<Allowance>,
    /// What is allowed to certain keys instead. `None`: they pass uncounted.
    pub(crate) others: BTreeMap<Vec<u8>, Option<Arc<Allowance>>>,
    pub(crate) mode: Mode,
    pub(crate) distributed: Option<Distributed>,
}

/// How much is allowed, and what this is called where it is counted.
pub(crate) struct Allowance {
    pub(crate) quota: Quota,
    /// Tells this from what any other limit, or this one with other numbers, counts on this gateway.
    pub(crate) identity: Vec<u8>,
    /// The same for Redis, behind the limit's name: 16 hexadecimal digits. What counts otherwise is counted elsewhere.
    pub(crate) digest: String,
    /// What this gateway allows while it counts alone; of a distributed limit.
    pub(crate) alone: Option<Alone>,
}

/// What a gateway allows while it counts alone.
pub(crate) struct Alone {
    pub(crate) quota: Quota,
    pub(crate) identity: Vec<u8>,
}

impl Allowance {
    /// What is counted by it.
    pub(crate) fn quotas(&self) -> impl Iterator<Item = &Quota> {
        std::iter::once(&self.quota).chain(self.alone.iter().map(|alone| &alone.quota))
    }

    /// `gateways`: how many there are, where the limit is distributed.
    pub(crate) fn new(name: &str, sources: &[KeySource], quota: Quota, gateways: Option<u32>) -> Self {
        let sources: String = sources.iter().map(|source| format!(" {source}")).collect();
        let text = |quota: &Quota, alone: &str| {
            format!(
                "{} {} {} {}{sources}{alone}",
                quota.algorithm(),
                quota.requests(),
                quota.per_micros(),
                quota.burst()
            )
        };
        let identity = |text: &str| [name.as_bytes(), b"\0", text.as_bytes()].concat();
        let own = text(&quota, "");
        let mut digest = hex(&Sha256::digest(own.as_bytes()));
        digest.truncate(16);
        let alone = gateways.map(|gateways| {
            let quota = quota.divided(gateways);
            Alone { quota, identity: identity(&text(&quota, " alone")) }
        });
        Self { quota, identity: identity(&own), digest, alone }
    }
}

/// What a limit has to say about a request.
pub(crate) enum Demand {
    /// Nothing: it passes uncounted.
    Nothing,
    /// It lacks a part of the key and is refused.
    Incomplete,
    /// It is to be counted under this key.
    Count(Vec<u8>, Arc<Allowance>),
}

impl Limit {
    pub(crate) fn demand(&self, request: &Request<'_>) -> Demand {
        // R5.
        let unlimited = || request.client().is_some_and(|client| self.unlimited.holds(client));
        if !self.unlimited.is_empty() && unlimited() {
            return Demand::Nothing;
        }
        let key = Key::of(&self.sources, request);
        // R6. What can be read in two ways is not missing: it must not pass uncounted for being there twice.
        match self.on_missing {
            OnMissing::Skip if key.incomplete && !key.ambiguous => return Demand::Nothing,
            OnMissing::Deny if key.incomplete || key.ambiguous => return Demand::Incomplete,
            _ => {}
        }
        match self.others.get(&key.bytes) {
            Some(None) => Demand::Nothing,
            Some(Some(other)) => Demand::Count(key.bytes, other.clone()),
            None => Demand::Count(key.bytes, self.allowance.clone()),
        }
    }
}

impl Limit {
    /// Everything that is counted by it.
    pub(crate) fn allowances(&self) -> impl Iterator<Item = &Allowance> {
        let others = self.others.values().flatten();
        std::iter::once(&self.allowance).chain(others).map(AsRef::as_ref)
    }
}
