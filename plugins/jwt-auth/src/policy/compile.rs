//! The configuration, compiled.

use super::JwtAuth;
use crate::answer::Challenges;
use crate::config::{Config, RuleConfig};
use crate::provider::{Provider, Together};
use crate::rule::{Rule, demands, groups};
use filter_core::config::{At, Env};
use filter_core::matcher::Match;
use std::sync::Arc;

pub(super) fn policy(config: Config, env: &dyn Env, at: &At<'_>) -> Option<JwtAuth> {
    let mut together = Together::default();
    let list = at.key("providers");
    let mut names: Vec<String> = Vec::new();
    let mut providers = Vec::new();
    let mut sound = true;
    for (i, provider) in config.providers.0.into_iter().enumerate() {
        let at = list.index(i);
        if let Some(earlier) = names.iter().position(|name| *name == provider.name.0) {
            at.key("name").error(format!("the same name as {}[{earlier}]", list.label()));
            sound = false;
        }
        names.push(provider.name.0.clone());
        match Provider::compile(provider, config.crypto, &mut together, env, &at) {
            Some(provider) => providers.push(provider),
            None => sound = false,
        }
    }
    let challenges = Challenges::new(&config.realm);
    if challenges.is_none() {
        at.key("realm").error("must be printable ASCII without quotes and backslashes");
    }
    if !sound {
        return None;
    }
    let rules = at.key("rules");
    let rules = config.rules.compile(|i, rule| {
        let at = rules.index(i);
        let RuleConfig { name, r#match, mode, require, optional, scopes, claims } = rule;
        let groups = groups(require.as_ref(), &providers, &at);
        let demands = demands(scopes, claims, &at);
        let (groups, demands) = (groups?, demands?);
        Some(Arc::new(Rule { name: Some(name.into()), matcher: r#match, mode, groups, optional, demands }))
    });
    let default = {
        let at = at.key("default");
        let rule = config.default;
        let groups = groups(rule.require.as_ref(), &providers, &at);
        let demands = demands(rule.scopes, rule.claims, &at);
        let matcher = Match { hosts: None, path: None, headers: None };
        let (groups, demands) = (groups?, demands?);
        Arc::new(Rule { name: None, matcher, mode: rule.mode, groups, optional: rule.optional, demands })
    };
    let entries = usize::try_from(config.cache.entries.get()).unwrap_or(usize::MAX);
    let guarded = providers.iter().flat_map(Provider::guarded).cloned().collect();
    Some(JwtAuth {
        mode: config.mode,
        providers,
        sources: together.sources,
        lists: together.lists,
        breakers: together.breakers,
        rules: rules?,
        default,
        pass_preflight: config.pass_preflight,
        challenges: challenges?,
        crypto: config.crypto,
        cache_entries: if config.cache.enabled { entries } else { 0 },
        cache_bytes: usize::try_from(config.cache.bytes.get()).unwrap_or(usize::MAX),
        guarded,
    })
}
