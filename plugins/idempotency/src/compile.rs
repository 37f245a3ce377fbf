//! From the configuration as written to the policy.

use crate::config::{Config, RuleConfig};
use crate::key::Lengths;
use crate::policy::Idempotency;
use crate::rule::Rule;
use crate::script::Scripts;
use filter_core::client::KeySecret;
use filter_core::config::{At, Env};
use filter_core::http::Method;
use filter_core::matcher::Rules;
use filter_core::policy::{Mode, Policy as _};
use filter_core::redis::Redis;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

/// Longest key that may be allowed, in characters.
const MAX_LENGTH: u64 = 1024;
/// Largest body that may be allowed, in bytes: HTTP/2 knows no limit of Envoy's below that.
const MAX_BODY: u64 = 16 * 1024 * 1024;
const MAX_IN_FLIGHT: Duration = Duration::from_secs(86_400);
const MAX_TTL: Duration = Duration::from_secs(31 * 86_400);

/// `None`: errors were reported.
pub(crate) fn policy(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Idempotency> {
    let mut sound = true;
    let mut refuse = |key: &str, message: String| {
        at.key(key).error(message);
        sound = false;
    };
    let (min, max) = (config.min_length, config.max_length);
    if max.get() > MAX_LENGTH {
        refuse("max_length", format!("at most {MAX_LENGTH}"));
    } else if min > max {
        refuse("min_length", format!("above max_length, which is {max}"));
    }
    if config.max_body.get() > MAX_BODY {
        refuse("max_body", format!("at most {MAX_BODY}"));
    }
    if config.in_flight_ttl > MAX_IN_FLIGHT {
        refuse("in_flight_ttl", "at most \"24h\"".to_owned());
    }
    if config.in_flight_ttl < Duration::from_secs(1) {
        refuse("in_flight_ttl", "at least \"1s\": no upstream answers within less for sure".to_owned());
    }
    let secret_at = at.key("key_secret");
    let secret = config.key_secret.resolve(env, &secret_at);
    let secret = secret.and_then(|secret| KeySecret::new(&secret, &secret_at));
    let redis = Redis::compile(config.redis, env, &at.key("redis"));
    let rules = rules(config.rules, config.mode, config.in_flight_ttl, at);
    let length = |length: NonZeroU64| usize::try_from(length.get()).unwrap_or(usize::MAX);
    let (secret, redis, rules) = (secret?, redis?, rules?);
    sound.then(|| Idempotency {
        mode: config.mode,
        rules,
        header: config.header,
        lengths: Lengths { min: length(min), max: length(max) },
        subject: config.subject,
        trusted_hops: config.client_address.trusted_hops.map(NonZeroU64::get),
        max_body: config.max_body.get(),
        hold_headers: config.hold_headers,
        in_flight_ttl: config.in_flight_ttl,
        free_statuses: config.free_statuses.iter().map(|status| status.0).collect(),
        on_client_lost: config.on_client_lost,
        on_error: config.on_error,
        secret,
        redis,
        scripts: Scripts::default(),
        log_client: config.log_client,
        instance: Idempotency::NAME.to_owned(),
    })
}

fn rules(
    configs: Rules<RuleConfig>,
    mode: Mode,
    in_flight: Duration,
    at: &At<'_>,
) -> Option<Rules<Arc<Rule>>> {
    let list = at.key("rules");
    if configs.iter().next().is_none() {
        list.error("must not be empty: the filter would do nothing");
        return None;
    }
    configs.compile(|i, rule| {
        let at = list.index(i);
        let methods = methods(rule.methods.0, &at.key("methods"));
        let wrong = if rule.ttl > MAX_TTL {
            Some("at most 31 days (\"744h\")")
        } else if rule.ttl < in_flight {
            Some("shorter than in_flight_ttl: a request that was answered would be forgotten first")
        } else {
            None
        };
        if let Some(message) = wrong {
            at.key("ttl").error(message);
        }
        let (name, matcher, mode) = (rule.name.into(), rule.r#match, mode.and(rule.mode));
        let (required, ttl, methods) = (rule.required, rule.ttl, methods?);
        wrong.is_none().then(|| Arc::new(Rule { name, matcher, mode, methods, required, ttl }))
    })
}

fn methods(methods: Vec<Method>, at: &At<'_>) -> Option<Vec<Method>> {
    let mut sound = true;
    for (i, method) in methods.iter().enumerate() {
        let message = if *method == Method::CONNECT {
            "a tunnel has no body that ends"
        } else if methods.iter().take(i).any(|earlier| earlier == method) {
            "the method is named twice"
        } else {
            continue;
        };
        at.index(i).error(message);
        sound = false;
    }
    sound.then_some(methods)
}
