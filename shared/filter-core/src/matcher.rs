//! Which rule applies to a request: the best match wins, the first on ties.

use crate::config::{At, FromTree, NonEmpty, Shape, Tree};
use crate::config_struct;
use crate::message::Headers;
use http::{HeaderName, HeaderValue};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

mod host;
mod path;

pub use host::{HostPattern, canonical as canonical_host};
pub use path::{FullMatch, PathPattern, Segment};

config_struct! {
    /// What a rule is about. Every condition given must hold; none given matches everything.
    pub struct Match {
        /// Hosts, one of which must be the request's: `api.example.com`, or `*.example.com` for exactly one more label. Ports are ignored.
        hosts: Option<NonEmpty<HostPattern>>,
        /// The canonical path (see "Paths").
        path: Option<PathPattern>,
        /// Header conditions, all of which must hold.
        headers: Option<NonEmpty<HeaderMatch>>,
    }
}

config_struct! {
    /// A condition on one header.
    pub struct HeaderMatch {
        /// Header name.
        name: HeaderName,
        /// A value that one of the header's values must equal, byte for byte. Left out: the header must be present.
        exact: Option<HeaderValue>,
    }
}

/// How well a rule matches: compared field by field, the larger wins. An exact host beats a wildcard beats
/// none; then an exact path, a template, a longer prefix, a regex; then more header conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Summary {
    host: host::Rank,
    path: path::Rank,
    headers: usize,
}

impl Match {
    /// Whether and how well this matches, if that is better than `than`. `host` and `path` are canonical;
    /// `path` is `None` for CONNECT. What a match is worth is known before its costly part is tried.
    fn better(
        &self,
        host: &str,
        path: Option<&str>,
        headers: &Headers,
        than: Option<Summary>,
    ) -> Option<Summary> {
        let host = match &self.hosts {
            Some(hosts) => hosts.0.iter().filter_map(|pattern| pattern.test(host)).max()?,
            None => host::Rank::default(),
        };
        let conditions = self.headers.as_ref().map(|headers| headers.0.as_slice()).unwrap_or_default();
        let rank = self.path.as_ref().map(PathPattern::rank).unwrap_or_default();
        let summary = Summary { host, path: rank, headers: conditions.len() };
        let wanted = than.is_none_or(|than| summary > than)
            && self.path.as_ref().is_none_or(|pattern| path.is_some_and(|path| pattern.test(path)))
            && conditions.iter().all(|condition| condition.test(headers));
        wanted.then_some(summary)
    }

    /// The single matches this stands for, one per host, as comparable text.
    fn identities(&self) -> Vec<String> {
        let conditions = self.headers.iter().flat_map(|headers| &headers.0);
        let mut headers: Vec<String> = conditions.map(|condition| format!("{condition:?}")).collect();
        headers.sort_unstable();
        let path = self.path.as_ref().map(ToString::to_string).unwrap_or_default();
        let rest = format!("{path} {headers:?}");
        match &self.hosts {
            Some(hosts) => hosts.0.iter().map(|host| format!("{host} {rest}")).collect(),
            None => vec![rest],
        }
    }
}

impl HeaderMatch {
    /// Whether the condition holds.
    #[must_use]
    pub fn test(&self, headers: &Headers) -> bool {
        let mut values = headers.all(self.name.as_str());
        match &self.exact {
            Some(exact) => values.any(|value| value == exact.as_bytes()),
            None => values.next().is_some(),
        }
    }
}

/// Something that has a name and a match.
pub trait Matched {
    /// The rule's match.
    fn matcher(&self) -> &Match;
}

impl<R: Matched> Matched for Arc<R> {
    fn matcher(&self) -> &Match {
        R::matcher(self)
    }
}

/// The rules of a policy, in order. Reading them refuses two rules with the same name or the same match, even
/// when other things are wrong with those rules.
#[derive(Debug, Clone)]
pub struct Rules<R>(Vec<R>);

impl<R: Matched> Rules<R> {
    /// The rule that matches best.
    #[must_use]
    pub fn best(&self, host: &str, path: Option<&str>, headers: &Headers) -> Option<&R> {
        let mut best: Option<(Summary, &R)> = None;
        for rule in &self.0 {
            let so_far = best.as_ref().map(|(summary, _)| *summary);
            if let Some(summary) = rule.matcher().better(host, path, headers, so_far) {
                best = Some((summary, rule));
            }
        }
        best.map(|(_, rule)| rule)
    }
}

impl<R> Rules<R> {
    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.iter()
    }

    /// Turns every rule, with its index, into another form. `None` where one could not be: the others are tried all
    /// the same, so that every error is found.
    pub fn compile<S>(self, mut f: impl FnMut(usize, R) -> Option<S>) -> Option<Rules<S>> {
        let compiled: Vec<Option<S>> = self.0.into_iter().enumerate().map(|(i, rule)| f(i, rule)).collect();
        compiled.into_iter().collect::<Option<_>>().map(Rules)
    }
}

/// More rules than this are a generated mistake; matching is linear in them.
const MAX_RULES: usize = 1000;

impl<R: FromTree> FromTree for Rules<R> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let rules = Vec::<R>::read(tree, at);
        let Tree::Array(items) = tree else { return None };
        if items.len() > MAX_RULES {
            at.error(format!("{} rules; at most {MAX_RULES} are accepted", items.len()));
            return None;
        }
        let unique = unique_names(items, at) & unique_matches(items, at);
        rules.filter(|_| unique).map(Self)
    }

    fn shape() -> Shape {
        Vec::<R>::shape()
    }
}

fn unique_names(items: &[Tree], at: &At<'_>) -> bool {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unique = true;
    for (i, item) in items.iter().enumerate() {
        let Some(Tree::String(name)) = item.member("name") else { continue };
        if let Some(earlier) = seen.get(name.as_str()) {
            at.index(i).key("name").error(format!("the same name as {}[{earlier}]", at.label()));
            unique = false;
        } else {
            seen.insert(name, i);
        }
    }
    unique
}

fn unique_matches(items: &[Tree], at: &At<'_>) -> bool {
    let silent = RefCell::new(Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut unique = true;
    for (i, item) in items.iter().enumerate() {
        let read = item.member("match").and_then(|tree| Match::read(tree, &At::root(&silent)));
        let identities = read.map(|m| m.identities()).unwrap_or_default();
        // A rule may name a host twice; that is not two rules.
        if let Some(earlier) = identities.iter().find_map(|identity| seen.get(identity)) {
            at.index(i).key("match").error(format!("the same match as {}[{earlier}]", at.label()));
            unique = false;
        }
        for identity in identities {
            seen.entry(identity).or_insert(i);
        }
    }
    unique
}
