//! How much is allowed.

use crate::lock::Lock;
use crate::who::Kind;
use rate_limit::quota::Quota;

/// How much is allowed, compiled.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of an address.
    pub address: Quota,
    /// As a user, from addresses from which that user never logged in.
    pub username: Quota,
    /// As a user from one address.
    pub pair: Quota,
    /// How many bits of an IPv4 address count.
    pub ipv4_prefix: u32,
    /// How many bits of an IPv6 address count.
    pub ipv6_prefix: u32,
    /// What follows failures that use up a limit.
    pub lock: Option<Lock>,
    /// How long a success is remembered, in µs.
    pub known_for: u64,
}

impl Limits {
    /// How much of a kind.
    #[must_use]
    pub fn quota(&self, kind: Kind) -> &Quota {
        match kind {
            Kind::Address => &self.address,
            Kind::Username => &self.username,
            Kind::Pair => &self.pair,
        }
    }

    /// What one of so many gateways allows while each counts alone.
    #[must_use]
    pub fn divided(&self, by: u32) -> Self {
        let [address, username, pair] =
            [self.address, self.username, self.pair].map(|quota| quota.divided(by));
        Self { address, username, pair, ..self.clone() }
    }

    /// In how many µs at most what was counted is forgotten.
    #[must_use]
    pub fn longest(&self) -> u64 {
        [self.address, self.username, self.pair].iter().map(Quota::longest).max().unwrap_or(0)
    }
}
