//! A limit: how much, of whom, and who counts.

use super::{KeySource, Rate};
use crate::algorithm::Algorithm;
use filter_core::config::{At, FromTree, NonEmpty, Shape, Tree};
use filter_core::policy::Mode;
use filter_core::{config_enum, config_struct};
use std::time::Duration;

config_struct! {
    /// A limit.
    pub struct LimitConfig {
        /// Name of the limit, unique. Clients, log lines and keys in Redis carry it.
        name: LimitName,
        /// How requests are counted.
        algorithm: Algorithm = "token_bucket",
        /// How many requests in which time. A time is 1 s to 31 days.
        rate: Rate,
        /// How many more than one may come at once, of buckets. `rate` and `burst` mean what nginx means by `limit_req … burst=… nodelay`.
        burst: Option<Count>,
        /// What requests are told apart by, all of it together. `[]`: all requests are counted together.
        key: Vec<KeySource> = [],
        /// What happens to a request that lacks a part of the key.
        on_missing: OnMissing = "shared",
        /// Whose requests pass uncounted: values of the key, which then has one part; of `address` also ranges.
        unlimited: Vec<String> = [],
        /// Whose rate is another.
        overrides: Vec<Override> = [],
        /// Whether this limit's refusals are carried out.
        mode: Mode = "enforce",
        /// Whether all gateways count together, in Redis. Left out: each alone.
        distributed: Option<Distributed>,
    }
}

config_struct! {
    /// Another rate for one key.
    pub struct Override {
        /// A value for each part of the key, in its order.
        key: NonEmpty<String>,
        /// Instead of the limit's rate.
        rate: Rate,
        /// Instead of the limit's burst. Left out: none.
        burst: Option<Count>,
    }
}

config_enum! {
    /// What happens to a request that lacks a part of the key.
    pub enum OnMissing {
        /// The limit is not asked.
        Skip = "skip",
        /// All that lack it are counted together.
        Shared = "shared",
        /// It is refused with 400.
        Deny = "deny",
    }
}

config_struct! {
    /// How gateways count together.
    pub struct Distributed {
        /// How Redis is asked.
        mode: DistributedMode = "lease",
        /// What happens while it cannot be.
        on_error: OnError = "local",
        /// `lease`: how long requests that were taken ahead may be used, at most `"60s"`.
        lease_ttl: Duration = "1s",
    }
}

config_enum! {
    /// How Redis is asked.
    pub enum DistributedMode {
        /// For several requests at once, ahead: hardly a request waits.
        Lease = "lease",
        /// For each request, which waits.
        Exact = "exact",
    }
}

config_enum! {
    /// What happens while Redis cannot be asked.
    pub enum OnError {
        /// Each gateway counts alone, with its part of the limit: `rate` and `burst` divided by `gateways`.
        Local = "local",
        /// The limit is not asked.
        Allow = "allow",
        /// 503.
        Deny = "deny",
    }
}

/// A number of requests, which may be 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u32);

impl FromTree for Count {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Number(number) = tree else { return at.expected("an integer", tree) };
        let read = number.as_u64().and_then(|number| u32::try_from(number).ok());
        if read.is_none() {
            at.error("must be an integer from 0 to 4294967295");
        }
        read.map(Self)
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "integer",
            schema: r#"{"type": "integer", "minimum": 0, "maximum": 4294967295}"#,
        }
    }
}

/// Name of a limit: letters, digits, `-`, `_` and `.`, at most 64. It stands between quotes in headers and between colons
/// in keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitName(pub String);

impl FromTree for LimitName {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let name = String::read(tree, at)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.len() > 64 || !name.bytes().all(plain) {
            at.error("a name has 1 to 64 letters, digits, -, _ and .");
            return None;
        }
        Some(Self(name))
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "name: letters, digits, `-`, `_`, `.`",
            schema: r#"{"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}"#,
        }
    }
}
