//! The deny-list of a provider, compiled.

use super::{Together, push};
use crate::config::{OnError, RevocationBy, RevocationConfig, RevocationMode};
use crate::revocation::{Check, Sync};
use filter_core::config::{At, Env};
use filter_core::keys::Claim;
use filter_core::redis::Redis;
use std::time::Duration;

/// An answer may not serve longer: so long does a revocation take at most.
const MAX_TTL: Duration = Duration::from_secs(60);

/// The deny-list of a provider.
pub struct Revocation {
    /// The claims that are looked up, in order.
    pub by: Vec<Claim>,
    /// What happens to a token of which nothing can be learnt.
    pub on_error: OnError,
    /// How it is asked.
    pub list: DenyList,
}

/// How a deny-list is asked.
pub enum DenyList {
    /// About each token.
    Check {
        /// Who asks.
        check: Check,
        /// How long an answer serves.
        ttl: Duration,
        /// Index of the circuit breaker.
        breaker: usize,
    },
    /// As a whole: index of the list.
    Sync(usize),
}

impl Revocation {
    /// Compiles one. `None`: an error was reported at or below `at`.
    pub fn compile(
        config: RevocationConfig,
        provider: &str,
        together: &mut Together,
        env: &dyn Env,
        at: &At<'_>,
    ) -> Option<Self> {
        let place = [config.redis.cluster.clone(), config.redis.path.clone()];
        let redis = Redis::compile(config.redis, env, &at.key("redis"))?;
        if config.ttl > MAX_TTL {
            at.key("ttl").error("at most \"60s\"");
            return None;
        }
        if config.max_age < config.interval {
            at.key("max_age").error("shorter than `interval`");
            return None;
        }
        let by = config.by.0.into_iter().map(|by| match by {
            RevocationBy::Jti => Claim::Jti,
            RevocationBy::Sub => Claim::Sub,
            RevocationBy::Sid => Claim::Sid,
        });
        let list = match config.mode {
            RevocationMode::Check => {
                let breaker = together.breakers;
                together.breakers = together.breakers.saturating_add(1);
                DenyList::Check { check: Check::new(redis), ttl: config.ttl, breaker }
            }
            RevocationMode::Sync => {
                let name = format!("revoked.{}", together.lists.len());
                let place = [place[0].as_str(), place[1].as_str()];
                let list = Sync::new(name.into(), provider, redis, &place, config.interval, config.max_age);
                let list = list.inspect_err(|error| at.error(error.to_string())).ok()?;
                DenyList::Sync(push(&mut together.lists, list))
            }
        };
        Some(Self { by: by.collect(), on_error: config.on_error, list })
    }
}
