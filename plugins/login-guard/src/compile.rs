//! From the configuration as written to the policy.

use crate::alarm::Alarm;
use crate::backend::Backend;
use crate::config::{AlarmConfig, Config, FailureConfig, LimitsConfig, LockConfig, RuleConfig, Source};
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::lock::Lock;
use crate::policy::LoginGuard;
use crate::rule::{Failure, Rule};
use filter_core::client::KeySecret;
use filter_core::config::{At, Env};
use filter_core::policy::{Mode, Policy as _, micros};
use filter_core::redis::Redis;
use rate_limit::algorithm::Algorithm;
use rate_limit::config::{Count, MAX_GATEWAYS, Rate, at_most, prefix};
use rate_limit::quota::{Quota, QuotaError};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

const MAX_BODY: u32 = 1024 * 1024;
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// `None`: errors were reported.
pub(crate) fn policy(config: Config, env: &dyn Env, at: &At<'_>) -> Option<LoginGuard> {
    let list = at.key("rules");
    let empty = config.rules.iter().next().is_none();
    if empty {
        list.error("must not be empty: nothing would be looked at");
    }
    let mode = config.mode;
    let rules = config.rules.compile(|i, rule| self::rule(rule, mode, &list.index(i)));
    let lock = lock(&config.lock, &at.key("lock"));
    let known_for = at_most_long(config.known_for, YEAR, "\"8760h\"", &at.key("known_for"));
    let limits = limits(&config.limits, lock, known_for, &at.key("limits"));
    let gateways = at_most(config.gateways, MAX_GATEWAYS, &at.key("gateways"));
    let max_body = at_most(config.max_body, MAX_BODY, &at.key("max_body"));
    let alarm = alarm(&config.alarm, &at.key("alarm"));
    let slots = config.table.slots(&at.key("table"));
    let secret = {
        let at = at.key("key_secret");
        config.key_secret.resolve(env, &at).and_then(|secret| KeySecret::new(&secret, &at))
    };
    let redis = match config.redis {
        Some(redis) => Redis::compile(redis, env, &at.key("redis")).map(Some),
        None => Some(None),
    };
    let (rules, limits, gateways, slots) = (rules?, limits?, gateways?, slots?);
    let (max_body, alarm, secret, redis) = (max_body?, alarm?, secret?, redis?);
    let reads_bodies = rules.iter().any(|rule| rule.source != Source::Basic);
    let alone = limits.divided(gateways);
    let ledger = Ledger::new(LoginGuard::NAME, slots, &limits, &alone);
    (!empty).then(|| LoginGuard {
        mode,
        rules,
        case_sensitive: config.case_sensitive,
        limits,
        alone,
        ledger,
        trusted_hops: config.client_address.trusted_hops.map(NonZeroU64::get),
        secret,
        backend: redis.map(Backend::new),
        on_error: config.on_error,
        max_body: u64::from(max_body),
        reads_bodies,
        hold_headers: config.hold_headers,
        alarm,
        log_client: config.log_client,
        instance: LoginGuard::NAME.to_owned(),
    })
}

fn rule(config: RuleConfig, mode: Mode, at: &At<'_>) -> Option<Arc<Rule>> {
    let FailureConfig { statuses, header } = config.failure;
    let place = at.key("failure");
    let list = place.key("statuses");
    let mut sound = true;
    if statuses.is_empty() && header.is_none() {
        place.error("no answer would be a failure: name statuses, or a header");
        sound = false;
    }
    let read = statuses.iter().enumerate().map(|(i, status)| {
        let status = u16::try_from(status.get()).ok().filter(|status| (200..=599).contains(status));
        if status.is_none() {
            list.index(i).error("must be a status from 200 to 599");
        }
        status
    });
    let statuses = read.collect::<Vec<_>>().into_iter().collect::<Option<Vec<u16>>>()?;
    sound.then(|| {
        Arc::new(Rule {
            name: config.name.into(),
            matcher: config.r#match,
            mode: mode.and(config.mode),
            methods: config.methods.0,
            source: config.username,
            failure: Failure { statuses, header },
            on_missing: config.on_missing,
        })
    })
}

fn limits(
    config: &LimitsConfig,
    lock: Option<Option<Lock>>,
    known_for: Option<u64>,
    at: &At<'_>,
) -> Option<Limits> {
    let quota = |rate: Rate, Count(burst): Count, name: &str| {
        let made = Quota::new(Algorithm::TokenBucket, rate.requests, rate.per, burst);
        if let Err(error) = &made {
            at.key(name)
                .key(if *error == QuotaError::Burst { "burst" } else { "rate" })
                .error(error.to_string());
        }
        made.ok()
    };
    let LimitsConfig { address, username, pair } = config;
    let own = quota(address.rate, address.burst, "address");
    let (username, pair) =
        (quota(username.rate, username.burst, "username"), quota(pair.rate, pair.burst, "pair"));
    let place = at.key("address");
    let ipv4_prefix = prefix("ipv4_prefix", address.ipv4_prefix, 32, &place);
    let ipv6_prefix = prefix("ipv6_prefix", address.ipv6_prefix, 128, &place);
    Some(Limits {
        address: own?,
        username: username?,
        pair: pair?,
        ipv4_prefix: ipv4_prefix?,
        ipv6_prefix: ipv6_prefix?,
        lock: lock?,
        known_for: known_for?,
    })
}

fn lock(config: &LockConfig, at: &At<'_>) -> Option<Option<Lock>> {
    let longest = at_most_long(config.max, DAY, "\"24h\"", &at.key("max"))?;
    let first = micros(config.first);
    if first > longest {
        at.key("first").error("longer than `max`");
        return None;
    }
    Some(config.enabled.then_some(Lock { first, longest }))
}

fn alarm(config: &AlarmConfig, at: &At<'_>) -> Option<Alarm> {
    let ratio = at_most(config.ratio, 100, &at.key("ratio"));
    let window = at_most_long(config.window, DAY, "\"24h\"", &at.key("window"));
    if config.window < Duration::from_secs(1) {
        at.key("window").error("at least \"1s\"");
        return None;
    }
    Some(Alarm { ratio: u64::from(ratio?), attempts: config.attempts.get(), window: window? })
}

/// In µs. `None`: an error was reported.
fn at_most_long(time: Duration, most: Duration, written: &str, at: &At<'_>) -> Option<u64> {
    if time > most {
        at.error(format!("at most {written}"));
        return None;
    }
    Some(micros(time))
}
