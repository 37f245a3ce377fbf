//! The configuration as written.

use crate::subject::Subject;
use filter_core::address::ClientAddress;
use filter_core::client::LogClient;
use filter_core::config::{At, FromTree, NonEmpty, SecretRef, Shape, Tree, Version};
use filter_core::http::{HeaderName, Method};
use filter_core::matcher::{Match, Matched, Rules};
use filter_core::policy::Mode;
use filter_core::redis::RedisConfig;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// The configuration of idempotency.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter refuses or only reports. In `shadow` keys are remembered as ever, and no head is held back.
        mode: Mode = "enforce",
        /// Rules. The one that matches best applies, the first on ties; a request without one passes untouched.
        rules: Rules<RuleConfig>,
        /// Header that carries the key.
        header: HeaderName = "idempotency-key",
        /// Shortest key, in characters.
        min_length: NonZeroU64 = 1,
        /// Longest key, in characters, at most 1024.
        max_length: NonZeroU64 = 255,
        /// Whose a key is: the same key of another subject is another key. Left out: all clients share their keys.
        subject: Option<Subject>,
        /// How the address of a client is found.
        client_address: ClientAddress = {},
        /// Largest body of a request with a key, in bytes, at most 16777216. Envoy's own buffer limit (1 MiB unless configured) comes first on HTTP/1.
        max_body: NonZeroU64 = 1048576,
        /// Whether the head of a request with a key waits for its body and for Redis, so that the upstream is not contacted before. Needs `allow_on_headers_stop_iteration: true` on the filter in Envoy (1.35 or later).
        hold_headers: bool = true,
        /// How long a key is in flight at most: longer than the upstream may take to answer. At most `"24h"`.
        in_flight_ttl: Duration = "60s",
        /// Statuses of the upstream's answers that free the key, 300 to 499: with them it says that it did nothing and is to be asked again. 5xx always do.
        free_statuses: Vec<Status> = [408, 425, 429],
        /// What becomes of the key when the client leaves before there is an answer.
        on_client_lost: OnClientLost = "keep",
        /// What happens to a request with a key while Redis cannot be asked.
        on_error: OnError = "deny",
        /// What stands for keys, subjects and requests in Redis and, with `log_client: hmac`, in logs: HMAC-SHA-256 by this secret, the same on all gateways, at least 16 bytes.
        key_secret: SecretRef,
        /// Redis, where keys are remembered.
        redis: RedisConfig,
        /// How much of a key a log line shows.
        log_client: LogClient = "masked",
    }
}

config_enum! {
    /// What becomes of a key whose client left before there was an answer.
    pub enum OnClientLost {
        /// It stays in flight until `in_flight_ttl` is over: the upstream may be doing what was asked.
        Keep = "keep",
        /// It is free at once: the upstream gives up what nobody waits for.
        Free = "free",
    }
}

config_enum! {
    /// What happens while Redis cannot be asked.
    pub enum OnError {
        /// Refuse with 503.
        Deny = "deny",
        /// Let it pass, whether it came before or not.
        Allow = "allow",
    }
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about. Methods are never part of it.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Methods, case-sensitive. A request with another one passes untouched.
        methods: NonEmpty<Method> = ["POST", "PATCH"],
        /// Whether a request must have a key. One without passes untouched otherwise.
        required: bool = false,
        /// How long a key is remembered once its request was answered, at most 31 days.
        ttl: Duration = "24h",
    }
}

impl Matched for RuleConfig {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

/// A status that is no failure of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u16);

impl FromTree for Status {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Number(number) = tree else { return at.expected("a status", tree) };
        let status = number.as_u64().and_then(|number| u16::try_from(number).ok());
        let status = status.filter(|status| (300..500).contains(status));
        if status.is_none() {
            at.error("must be 300 to 499");
        }
        status.map(Self)
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "status, 300 to 499",
            schema: r#"{"type": "integer", "minimum": 300, "maximum": 499}"#,
        }
    }
}
