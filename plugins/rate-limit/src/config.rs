//! The configuration as written.

mod key;
mod limit;
mod rate;

pub use key::{KeySource, prefix};
pub use limit::{Count, Distributed, DistributedMode, LimitConfig, OnError, OnMissing, Override};
pub use rate::Rate;

use filter_core::address::ClientAddress;
use filter_core::client::LogClient;
use filter_core::config::{At, NonEmpty, SecretRef, Version};
use filter_core::matcher::{Match, Matched, Rules};
use filter_core::policy::Mode;
use filter_core::redis::RedisConfig;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// The configuration of rate-limit.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter refuses or only reports. In `shadow` requests are counted as ever.
        mode: Mode = "enforce",
        /// Limits, which rules name.
        limits: NonEmpty<LimitConfig>,
        /// Rules. The one that matches best applies, the first on ties.
        rules: Rules<RuleConfig> = [],
        /// What applies to a request that no rule matches.
        default: DefaultRule = {},
        /// How the address of a client is found.
        client_address: ClientAddress = {},
        /// What stands for a client's values in Redis and, with `log_client: hmac`, in logs: HMAC-SHA-256 by this secret, the same on all gateways, at least 16 bytes.
        key_secret: Option<SecretRef>,
        /// Redis, where `distributed` limits are counted.
        redis: Option<RedisConfig>,
        /// How many gateways share the distributed limits: `on_error: local` divides by it. At most 10000.
        gateways: NonZeroU64 = 1,
        /// Which headers tell a client how much is left.
        headers: LimitHeaders = "none",
        /// So much at most is added to `Retry-After`, at random, in whole seconds: clients that were refused together need not come back together. `"0s"` adds nothing; at most `"60s"`.
        retry_after_jitter: Jitter = "1s",
        /// How much of a client a log line shows.
        log_client: LogClient = "masked",
        /// Where limits are counted that are not shared.
        table: TableConfig = {},
    }
}

config_enum! {
    /// Which headers tell a client how much is left.
    pub enum LimitHeaders {
        /// None.
        None = "none",
        /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds), of the limit that has the least left.
        XRatelimit = "x_ratelimit",
        /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), of every limit.
        Ietf = "ietf",
        /// Both.
        Both = "both",
    }
}

config_struct! {
    /// The table in which a gateway counts. It is shared by all workers, and never grows beyond this.
    pub struct TableConfig {
        /// How many slots there are, of 8 keys each. At most 1048576.
        slots: NonZeroU64 = 8192,
    }
}

impl TableConfig {
    /// `None`: an error was reported below `at`.
    #[must_use]
    pub fn slots(&self, at: &At<'_>) -> Option<u32> {
        at_most(self.slots, MAX_SLOTS, &at.key("slots"))
    }
}

/// Most gateways that share what is counted.
pub const MAX_GATEWAYS: u32 = 10_000;
const MAX_SLOTS: u32 = 1 << 20;

/// A number that has an upper bound. `None`: an error was reported.
#[must_use]
pub fn at_most(number: NonZeroU64, most: u32, at: &At<'_>) -> Option<u32> {
    let read = u32::try_from(number.get()).ok().filter(|number| *number <= most);
    if read.is_none() {
        at.error(format!("at most {most}"));
    }
    read
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Limits by name, all of which must let the request pass. `[]`: it passes uncounted.
        limits: Vec<String>,
        /// How many requests one counts as.
        cost: NonZeroU64 = 1,
    }
}

impl Matched for RuleConfig {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

config_struct! {
    /// What applies without a matching rule.
    pub struct DefaultRule {
        /// Whether refusals are carried out where no rule matches.
        mode: Mode = "enforce",
        /// Limits by name, all of which must let the request pass. `[]`: it passes uncounted.
        limits: Vec<String> = [],
        /// How many requests one counts as.
        cost: NonZeroU64 = 1,
    }
}

/// A time that may be none.
#[derive(Debug, Clone, Copy)]
pub struct Jitter(pub Duration);

impl filter_core::config::FromTree for Jitter {
    fn read(tree: &filter_core::config::Tree, at: &filter_core::config::At<'_>) -> Option<Self> {
        if matches!(tree, filter_core::config::Tree::String(text) if text == "0s") {
            return Some(Self(Duration::ZERO));
        }
        let jitter = Duration::read(tree, at)?;
        if jitter > Duration::from_secs(60) || jitter.subsec_nanos() != 0 {
            at.error("must be whole seconds, at most \"60s\"");
            return None;
        }
        Some(Self(jitter))
    }

    fn shape() -> filter_core::config::Shape {
        Duration::shape()
    }
}
