//! Which rule applies to a request: the best match wins, the first on ties.

use crate::config::{At, FromTree, Shape, Tree};
use crate::config_struct;
use crate::message::Headers;
use http::{HeaderName, HeaderValue};

mod host;
mod path;

pub use host::{HostPattern, canonical as canonical_host};
pub use path::PathPattern;

config_struct! {
    /// What a rule is about. Every condition given must hold; none given matches everything.
    pub struct Match {
        /// Hosts, one of which must be the request's: `api.example.com`, or `*.example.com` for exactly one more label. Ports are ignored.
        hosts: Vec<HostPattern> = [],
        /// The canonical path (see "Paths").
        path: Option<PathPattern>,
        /// Header conditions, all of which must hold.
        headers: Vec<HeaderMatch> = [],
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
    /// Whether and how well this matches. `host` and `path` are canonical; `path` is `None` for CONNECT.
    #[must_use]
    pub fn test(&self, host: &str, path: Option<&str>, headers: &Headers) -> Option<Summary> {
        let host = if self.hosts.is_empty() {
            host::Rank::default()
        } else {
            self.hosts.iter().filter_map(|pattern| pattern.test(host)).max()?
        };
        let path = match &self.path {
            Some(pattern) => pattern.test(path?)?,
            None => path::Rank::default(),
        };
        self.headers.iter().all(|condition| condition.test(headers)).then_some(Summary {
            host,
            path,
            headers: self.headers.len(),
        })
    }

    /// The single matches this stands for, one per host, as comparable text.
    fn identities(&self) -> Vec<String> {
        let mut headers: Vec<String> = self.headers.iter().map(|h| format!("{h:?}")).collect();
        headers.sort_unstable();
        let path = self.path.as_ref().map(ToString::to_string).unwrap_or_default();
        let rest = format!("{path} {headers:?}");
        if self.hosts.is_empty() {
            return vec![rest];
        }
        self.hosts.iter().map(|host| format!("{host} {rest}")).collect()
    }
}

impl HeaderMatch {
    fn test(&self, headers: &Headers) -> bool {
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
            if let Some(summary) = rule.matcher().test(host, path, headers)
                && best.as_ref().is_none_or(|(so_far, _)| summary > *so_far)
            {
                best = Some((summary, rule));
            }
        }
        best.map(|(_, rule)| rule)
    }
}

impl<R> Rules<R> {
    /// Turns every rule into another form.
    pub fn map<S>(self, f: impl FnMut(R) -> S) -> Rules<S> {
        Rules(self.0.into_iter().map(f).collect())
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
        Shape::List(Box::new(R::shape()))
    }
}

fn unique_names(items: &[Tree], at: &At<'_>) -> bool {
    let names: Vec<Option<&Tree>> = items.iter().map(|item| item.member("name")).collect();
    let mut unique = true;
    for (i, name) in names.iter().enumerate() {
        if let Some(earlier) =
            name.and_then(|name| names.iter().take(i).position(|other| *other == Some(name)))
        {
            at.index(i).key("name").error(format!("the same name as {}[{earlier}]", at.label()));
            unique = false;
        }
    }
    unique
}

fn unique_matches(items: &[Tree], at: &At<'_>) -> bool {
    let silent = std::cell::RefCell::new(Vec::new());
    let matches: Vec<Vec<String>> = items
        .iter()
        .map(|item| match item.member("match") {
            Some(tree) => Match::read(tree, &At::root(&silent)).map(|m| m.identities()).unwrap_or_default(),
            None => Vec::new(),
        })
        .collect();
    let mut unique = true;
    for (i, own) in matches.iter().enumerate() {
        let same = |other: &Vec<String>| own.iter().any(|identity| other.contains(identity));
        if let Some(earlier) = matches.iter().take(i).position(same) {
            at.index(i).key("match").error(format!("the same match as {}[{earlier}]", at.label()));
            unique = false;
        }
    }
    unique
}
