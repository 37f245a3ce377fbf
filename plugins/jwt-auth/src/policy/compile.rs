//! The configuration, compiled.

use super::JwtAuth;
use crate::answer::Challenges;
use crate::config::{Config, Require, RuleConfig};
use crate::provider::{Provider, Together};
use crate::rule::{Rule, asks, demands, groups};
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
    let default_groups = groups(config.default.require.as_ref(), &providers, &at.key("default"));
    let rules = at.key("rules");
    let rules = config.rules.compile(|i, rule| {
        let at = rules.index(i);
        let RuleConfig { name, r#match, mode, require, optional, scopes, any_scope, claims } = rule;
        let groups = match &require {
            Some(_) => groups(require.as_ref(), &providers, &at),
            // Else a route would be open, or not, by what is written elsewhere.
            None if config.default.require == Some(Require::Nobody) => {
                at.key("require")
                    .error("left out, and `default` asks for nobody's tokens: say whose, or \"none\"");
                None
            }
            None => default_groups.clone(),
        };
        let demands = demands(scopes, any_scope, claims, &at);
        let (groups, demands) = (groups?, demands?);
        asks(&groups, &demands, &at)?;
        Some(Arc::new(Rule { name: Some(name.into()), matcher: r#match, mode, groups, optional, demands }))
    });
    let default = {
        let at = at.key("default");
        let rule = config.default;
        let demands = demands(rule.scopes, rule.any_scope, rule.claims, &at);
        let matcher = Match { hosts: None, path: None, headers: None };
        let (groups, demands) = (default_groups?, demands?);
        asks(&groups, &demands, &at)?;
        Arc::new(Rule { name: None, matcher, mode: rule.mode, groups, optional: rule.optional, demands })
    };
    let rules = rules?;
    let every = rules.iter().chain(std::iter::once(&default));
    let mut asked: Vec<String> = every.flat_map(|rule| rule.demands.names()).map(str::to_owned).collect();
    asked.push("iss".to_owned());
    asked.sort_unstable();
    asked.dedup();
    let entries = usize::try_from(config.cache.entries.get()).unwrap_or(usize::MAX);
    let guarded = providers.iter().flat_map(Provider::guarded).cloned().collect();
    Some(JwtAuth {
        mode: config.mode,
        providers,
        sources: together.sources,
        lists: together.lists,
        breakers: together.breakers,
        rules,
        default,
        pass_preflight: config.pass_preflight,
        challenges: challenges?,
        crypto: config.crypto,
        cache_entries: if config.cache.enabled { entries } else { 0 },
        cache_bytes: usize::try_from(config.cache.bytes.get()).unwrap_or(usize::MAX),
        asked,
        guarded,
    })
}
