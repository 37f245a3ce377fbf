//! The configuration, compiled.

use super::SchemaGuard;
use crate::config::{Config, Draft, Formats, LimitsConfig, UnknownKeywords};
use crate::engine::{self, Options, Sources};
use crate::json::Limits;
use crate::operation::Shared;
use crate::rule::Rule;
use filter_core::config::At;
use std::num::NonZeroU64;
use std::sync::Arc;

pub(super) fn policy(config: Config, at: &At<'_>) -> Option<SchemaGuard> {
    let limits = limits(&config.limits);
    let max_body = u64::try_from(config.limits.body.0).unwrap_or(u64::MAX);
    let options = Options {
        draft: dialect(config.draft),
        assert_formats: config.formats == Formats::Assert,
        allow_unknown: config.unknown_keywords == UnknownKeywords::Allow,
    };
    let schemas = config.schemas.0.iter().map(|(uri, schema)| (uri.0.as_str(), &schema.0));
    let sources = Sources::compile(schemas, &options, &at.key("schemas"))?;
    let shared = Shared { sources: &sources, max_body };
    let list = at.key("rules");
    let mut watches = false;
    let rules = config.rules.compile(|i, rule| {
        let rule = Rule::compile(rule, &shared, &list.index(i))?;
        watches |= rule.watches();
        Some(Arc::new(rule))
    });
    Some(SchemaGuard {
        mode: config.mode,
        hold_headers: config.hold_headers,
        unknown_routes: config.unknown_routes,
        pass_preflight: config.pass_preflight,
        terse: !config.verbose,
        max_errors: config.max_errors.0,
        rules: rules?,
        limits,
        max_body,
        watches,
    })
}

fn dialect(draft: Draft) -> engine::Draft {
    match draft {
        Draft::Four => engine::Draft::Draft4,
        Draft::Six => engine::Draft::Draft6,
        Draft::Seven => engine::Draft::Draft7,
        Draft::Nineteen => engine::Draft::Draft201909,
        Draft::Twenty => engine::Draft::Draft202012,
    }
}

fn limits(config: &LimitsConfig) -> Limits {
    let size = |limit: NonZeroU64| usize::try_from(limit.get()).unwrap_or(usize::MAX);
    Limits {
        depth: config.depth.0,
        values: size(config.values),
        members: size(config.members),
        items: size(config.items),
        name: size(config.name),
        string: size(config.string),
        number: size(config.number),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Limits, limits};
    use crate::config::LimitsConfig;
    use filter_core::config::{At, FromTree as _, Tree};
    use std::cell::RefCell;

    #[test]
    fn what_is_not_configured_is_the_default() {
        let errors = RefCell::default();
        let read = LimitsConfig::read(&Tree::Object(Vec::new()), &At::root(&errors)).unwrap();
        assert_eq!(limits(&read), Limits::DEFAULT);
    }
}
