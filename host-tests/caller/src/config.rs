//! What a caller is told to do.

use filter_core::config::Version;
use filter_core::redis::RedisConfig;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// What is called, and what becomes of a request meanwhile and afterwards.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// An HTTP service.
        http: Option<Http>,
        /// Redis; each request of its own.
        redis: Option<RedisConfig>,
        /// Whether Redis is left alone after failures, as it is everywhere else. Without, a drill that has most calls
        /// fail is not over before the breaker lets enough of them through.
        breaker: bool = true,
        /// Who shares a call-out.
        share: Share = "own",
        /// How long the outcome of a shared call-out serves later requests.
        keep: Duration = "1s",
        /// How many call-outs a request makes, one after the other.
        calls: NonZeroU64 = 1,
        /// When a request calls.
        at: Moment = "headers",
        /// Whether a request whose answer is there awaits its body.
        then_body: bool = false,
        /// Whether the headers wait for the body.
        hold_headers: bool = false,
        /// What happens without an answer.
        on_failure: OnFailure = "deny",
        /// Whether every tick makes a shared call-out that nobody waits for.
        refresh: bool = false,
        /// Whether every request counts in the shared store.
        count: bool = false,
    }
}

config_struct! {
    /// An HTTP service.
    pub struct Http {
        /// Name of Envoy's cluster.
        cluster: String,
        /// Path of the call.
        path: String = "/",
        /// How long it may take.
        timeout: Duration = "50ms",
        /// Most bytes of the answer.
        max_reply: NonZeroU64 = 65536,
    }
}

config_enum! {
    /// Who shares a call-out.
    pub enum Share {
        /// Nobody.
        Own = "own",
        /// The requests of a worker.
        Worker = "worker",
        /// The requests of all workers.
        Gateway = "gateway",
    }
}

config_enum! {
    /// When a request calls.
    pub enum Moment {
        /// Before its body.
        Headers = "headers",
        /// With its whole body.
        Body = "body",
    }
}

config_enum! {
    /// What happens without an answer.
    pub enum OnFailure {
        /// 503.
        Deny = "deny",
        /// The request goes on.
        Allow = "allow",
    }
}
