//! The configuration as written.

mod limits;
mod source;

pub use limits::{AlarmConfig, LimitsConfig, LockConfig};
pub use source::{Pointer, Source};

use filter_core::address::ClientAddress;
use filter_core::client::LogClient;
use filter_core::config::{NonEmpty, SecretRef, Version};
use filter_core::http::Method;
use filter_core::matcher::{HeaderMatch, Match, Matched, Rules};
use filter_core::policy::Mode;
use filter_core::redis::RedisConfig;
use filter_core::{config_enum, config_struct};
use rate_limit::config::{OnError, TableConfig};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// The configuration of login-guard.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter refuses or only reports. In `shadow` attempts are counted as ever, and what would have been refused passes uncounted.
        mode: Mode = "enforce",
        /// Where users log in. The rule that matches best applies, the first on ties; without one a request is not looked at.
        rules: Rules<RuleConfig>,
        /// Whether `Alice` and `alice` are two users to the API.
        case_sensitive: bool = false,
        /// How many attempts may fail, of all rules together.
        limits: LimitsConfig = {},
        /// How long nobody may try once a limit is used up by failures.
        lock: LockConfig = {},
        /// How long an address is known to be a user's after a success there, at most `"8760h"`.
        known_for: Duration = "720h",
        /// How the address of a client is found.
        client_address: ClientAddress = {},
        /// What stands for users and addresses in Redis and, with `log_client: hmac`, in logs: HMAC-SHA-256 by this secret, the same on all gateways, at least 16 bytes.
        key_secret: SecretRef,
        /// Redis, where all gateways count together. Left out: each counts alone.
        redis: Option<RedisConfig>,
        /// What happens while Redis cannot be asked.
        on_error: OnError = "local",
        /// How many gateways share the limits: `on_error: local` divides by it. At most 10000.
        gateways: NonZeroU64 = 1,
        /// Largest body of an attempt, in bytes, at most 1048576.
        max_body: NonZeroU64 = 16384,
        /// Whether the head of an attempt waits for its body, so that the API hears nothing of one that is refused. Needs `allow_on_headers_stop_iteration: true` on the filter in Envoy.
        hold_headers: bool = true,
        /// When so many attempts fail that somebody should look.
        alarm: AlarmConfig = {},
        /// How much of a client and of a user a log line shows.
        log_client: LogClient = "masked",
        /// Where this gateway counts, and what it remembers of locks and known addresses: three tables of this size.
        table: TableConfig = {},
    }
}

config_struct! {
    /// A place where users log in.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Methods of attempts; others pass unseen. `GET` stands for HEAD, too.
        methods: NonEmpty<Method> = ["POST"],
        /// Where the name of the user is. One place: two would be read differently by somebody.
        username: Source,
        /// Which answers of the upstream say that the attempt failed.
        failure: FailureConfig = {},
        /// What happens to an attempt without a name.
        on_missing: OnMissing = "deny",
    }
}

impl Matched for RuleConfig {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

config_struct! {
    /// Which answers say that an attempt failed: one of the two is enough.
    pub struct FailureConfig {
        /// Statuses, each 200 to 599.
        statuses: Vec<NonZeroU64> = [401, 403],
        /// A header of the answer, for an API that answers 200 or 302.
        header: Option<HeaderMatch>,
    }
}

config_enum! {
    /// What happens to an attempt without a name.
    pub enum OnMissing {
        /// It is refused with 400.
        Deny = "deny",
        /// It is counted by its address alone, as a refresh of a token on the same path.
        Address = "address",
    }
}
