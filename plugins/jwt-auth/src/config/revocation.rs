//! The deny-list of revoked tokens, as written.

use filter_core::config::NonEmpty;
use filter_core::redis::RedisConfig;
use filter_core::{config_enum, config_struct};
use std::time::Duration;

config_struct! {
    /// The deny-list of revoked tokens, in Redis.
    pub struct RevocationConfig {
        /// How it is asked.
        mode: RevocationMode,
        /// What is looked up.
        by: NonEmpty<RevocationBy> = ["jti", "sub", "sid"],
        /// Where it is.
        redis: RedisConfig,
        /// What happens to a token of which nothing can be learnt.
        on_error: OnError = "deny",
        /// `check`: how long an answer serves, at most `"60s"`: a revocation takes so long at most.
        ttl: Duration = "5s",
        /// `sync`: how often the list is fetched.
        interval: Duration = "2s",
        /// `sync`: how old the list may be before nothing can be learnt from it.
        max_age: Duration = "30s",
    }
}

config_enum! {
    /// How the deny-list is asked.
    pub enum RevocationMode {
        /// About each token, with a cache: the request waits.
        Check = "check",
        /// As a whole, ever again: no request waits.
        Sync = "sync",
    }
}

config_enum! {
    /// What is looked up.
    pub enum RevocationBy {
        /// The token, by `jti`.
        Jti = "jti",
        /// All tokens of a subject that were issued before.
        Sub = "sub",
        /// All tokens of a session that were issued before.
        Sid = "sid",
    }
}

config_enum! {
    /// What happens to a token of which nothing can be learnt.
    pub enum OnError {
        /// 503.
        Deny = "deny",
        /// It passes, and a counter counts it.
        Allow = "allow",
    }
}
