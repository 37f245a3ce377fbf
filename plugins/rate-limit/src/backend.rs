//! Redis as this filter asks it, and what a worker knows of what it asked.

use crate::exact::Refusals;
use crate::lease::{Ask, Leases};
use crate::limit::Allowance;
use crate::rule::Rule;
use crate::script::Scripts;
use filter_core::redis::{Breaker, Complaints, Query, Redis};
use filter_core::task::{CallOut, Key, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Redis, and what is asked there.
pub(crate) struct Backend {
    pub(crate) redis: Redis,
    pub(crate) scripts: Scripts,
    /// What the keys of limits that are asked about in one call have in common, by name of the limit.
    tags: BTreeMap<Arc<str>, Arc<str>>,
}

impl Backend {
    pub(crate) fn new<'r>(redis: Redis, rules: impl Iterator<Item = &'r Arc<Rule>>) -> Self {
        Self { redis, scripts: Scripts::default(), tags: tags(rules) }
    }

    /// What the key of a limit has in common with those that are asked about with it.
    pub(crate) fn tag(&self, limit: &str) -> Option<&str> {
        self.tags.get(limit).map(AsRef::as_ref)
    }
}

/// Rules that ask several limits in one call bind these together, and so what each of them is bound to by another rule.
fn tags<'r>(rules: impl Iterator<Item = &'r Arc<Rule>>) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut groups: Vec<BTreeSet<Arc<str>>> = Vec::new();
    for rule in rules {
        let exact = rule.limits.iter().filter(|limit| limit.is_exact());
        let mut group: BTreeSet<Arc<str>> = exact.map(|limit| limit.name.clone()).collect();
        if group.len() > 1 {
            let (bound, others) = groups.into_iter().partition(|other| !other.is_disjoint(&group));
            groups = others;
            let bound: Vec<BTreeSet<Arc<str>>> = bound;
            group.extend(bound.into_iter().flatten());
            groups.push(group);
        }
    }
    let tagged = |group: BTreeSet<Arc<str>>| {
        let tag = group.first().cloned();
        group.into_iter().filter_map(move |name| Some((name, tag.clone()?)))
    };
    groups.into_iter().flat_map(tagged).collect()
}

/// Who holds requests in advance.
pub(crate) struct Lessee {
    /// In Redis.
    pub(crate) key: String,
    pub(crate) allowance: Arc<Allowance>,
}

/// A question for requests in advance that is under way.
pub(crate) struct Call {
    pub(crate) name: Arc<str>,
    pub(crate) query: Query,
    pub(crate) call: CallOut,
    /// What it asks for: no more is believed to be given.
    pub(crate) ask: Ask,
}

impl Call {
    /// What is to be sent, or joined.
    pub(crate) fn task(&self) -> Task {
        Task { key: Key::Worker(self.name.clone()), call: self.call.clone() }
    }
}

/// What a worker knows.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) leases: Leases<Lessee>,
    pub(crate) refusals: Refusals,
    pub(crate) breaker: Breaker,
    /// Questions for requests in advance, by the number of the key.
    pub(crate) calls: BTreeMap<u64, Call>,
    /// What is being given back, likewise.
    pub(crate) backs: BTreeMap<u64, (Arc<str>, Query)>,
    pub(crate) complaints: Complaints,
}
