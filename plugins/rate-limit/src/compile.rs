//! From the configuration as written to the policy.

mod limit;

use crate::answer::{Answers, fits};
use crate::backend::Backend;
use crate::config::{Config, LimitConfig, MAX_GATEWAYS, at_most};
use crate::limit::{Allowance, Limit};
use crate::policy::RateLimit;
use crate::quota::Quota;
use crate::rule::Rule;
use crate::slots::Table;
use filter_core::client::{KeySecret, LogClient};
use filter_core::config::{At, Env};
use filter_core::matcher::Match;
use filter_core::policy::Policy as _;
use filter_core::redis::Redis;
use std::num::NonZeroU64;
use std::sync::Arc;

/// More limits than this are a mistake: a slot of the table has an entry to share for each.
const MAX_LIMITS: usize = crate::slots::SHARED;

/// `None`: errors were reported.
pub(crate) fn policy(config: Config, env: &dyn Env, at: &At<'_>) -> Option<RateLimit> {
    let gateways = at_most(config.gateways, MAX_GATEWAYS, &at.key("gateways"));
    let slots = config.table.slots(&at.key("table"));
    let limits = limits(config.limits.0, gateways.unwrap_or(1), at);
    let redis = match config.redis {
        Some(redis) => Redis::compile(redis, env, &at.key("redis")).map(Some),
        None => Some(None),
    };
    let secret = match config.key_secret {
        Some(secret) => {
            let at = at.key("key_secret");
            secret.resolve(env, &at).and_then(|secret| KeySecret::new(&secret, &at)).map(Some)
        }
        None => Some(None),
    };
    let (limits, redis, secret) = (limits?, redis?, secret?);
    let distributed = limits.iter().any(|limit| limit.distributed.is_some());
    let hashes = distributed || config.log_client == LogClient::Hmac;
    let mut sound = true;
    let mut demand = |key: &str, needed: bool, given: bool, why: &str, idle: &str| {
        if needed != given {
            at.key(key).error(if needed { why } else { idle });
            sound = false;
        }
    };
    demand(
        "redis",
        distributed,
        redis.is_some(),
        "is required: a limit is distributed",
        "no limit is distributed: nothing would be counted there",
    );
    demand(
        "key_secret",
        hashes,
        secret.is_some(),
        "is required: client values are written to Redis or the log as HMACs by it",
        "nothing is distributed and log_client is not hmac: nothing would use it",
    );
    let mut used = vec![false; limits.len()];
    let list = at.key("rules");
    let rules = config.rules.compile(|i, rule| {
        let at = list.index(i);
        let (limits, cost) = named(&rule.limits, rule.cost, &limits, &mut used, &at)?;
        let (name, matcher, mode) = (rule.name.into(), rule.r#match, config.mode.and(rule.mode));
        Some(Arc::new(Rule { name, matcher, mode, limits, cost }))
    });
    let default = named(&config.default.limits, config.default.cost, &limits, &mut used, &at.key("default"));
    // Where a name is misspelt that is the error.
    if rules.is_some() && default.is_some() {
        let unused = limits.iter().zip(&used).enumerate().filter(|(_, (_, used))| !**used);
        for (i, (limit, _)) in unused {
            at.key("limits").index(i).key("name").error(format!("no rule asks limit \"{}\"", limit.name));
            sound = false;
        }
    }
    let (limits_of_default, cost) = default?;
    let (name, matcher) = ("default".into(), Match { hosts: None, path: None, headers: None });
    let mode = config.mode.and(config.default.mode);
    let default = Arc::new(Rule { name, matcher, mode, limits: limits_of_default, cost });
    let (rules, slots) = (rules?, slots?);
    gateways?;
    let quotas = limits.iter().flat_map(|limit| limit.allowances()).flat_map(Allowance::quotas);
    let longest = quotas.map(Quota::longest).max().unwrap_or(0);
    let backend = redis.map(|redis| Backend::new(redis, rules.iter().chain([&default])));
    sound.then(|| RateLimit {
        mode: config.mode,
        rules,
        default,
        trusted_hops: config.client_address.trusted_hops.map(NonZeroU64::get),
        answers: Answers { headers: config.headers, jitter: config.retry_after_jitter.0 },
        log_client: config.log_client,
        secret,
        backend,
        instance: RateLimit::NAME.to_owned(),
        table: Table::new(RateLimit::NAME, slots, longest),
    })
}

fn limits(configs: Vec<LimitConfig>, gateways: u32, at: &At<'_>) -> Option<Vec<Arc<Limit>>> {
    let list = at.key("limits");
    if configs.len() > MAX_LIMITS {
        list.error(format!("{} limits; at most {MAX_LIMITS} are accepted", configs.len()));
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    let mut sound = true;
    let mut limits = Vec::new();
    for (i, config) in configs.into_iter().enumerate() {
        let at = list.index(i);
        if let Some(earlier) = names.iter().position(|name| *name == config.name.0) {
            at.key("name").error(format!("the same name as {}[{earlier}]", list.label()));
            sound = false;
        }
        names.push(config.name.0.clone());
        match limit::compile(config, gateways, &at) {
            Some(limit) => limits.push(Arc::new(limit)),
            None => sound = false,
        }
    }
    sound.then_some(limits)
}

/// The limits a rule names, and what a request costs there.
fn named(
    names: &[String],
    cost: NonZeroU64,
    limits: &[Arc<Limit>],
    used: &mut [bool],
    at: &At<'_>,
) -> Option<(Vec<Arc<Limit>>, u32)> {
    let list = at.key("limits");
    let mut sound = true;
    let mut found: Vec<Arc<Limit>> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let place = limits.iter().position(|limit| *limit.name == **name);
        let Some((limit, used)) = place.and_then(|place| limits.get(place).zip(used.get_mut(place))) else {
            list.index(i).error("no limit has this name");
            sound = false;
            continue;
        };
        *used = true;
        if found.iter().any(|other| Arc::ptr_eq(other, limit)) {
            list.index(i).error("the limit is named twice");
            sound = false;
        }
        found.push(limit.clone());
    }
    let place = at.key("cost");
    let cost = u32::try_from(cost.get()).unwrap_or(u32::MAX);
    for limit in &found {
        if let Some(why) = limit.allowances().find_map(|allowance| fits(allowance, cost).err()) {
            place.error(format!("limit \"{}\": {why}", limit.name));
            sound = false;
        }
    }
    sound.then_some((found, cost))
}
