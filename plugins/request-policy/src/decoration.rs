//! What every answer carries (R9) and loses (R10).

mod changes;
mod fate;

pub(crate) use changes::is_framing;

use crate::config::{Conditional, SecurityHeaders};
use crate::name_set::NameSet;
use crate::presets;
use crate::status::{self, StatusPattern};
use changes::{Changes, Put};
use fate::{Fate, Found};
use filter_core::config::{At, NonEmpty};
use filter_core::effect::HeaderOp;
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::media::{MediaRange, MediaType};
use filter_core::message::Headers;

/// The compiled lists.
#[derive(Debug)]
pub(crate) struct Decoration {
    base: Changes,
    when: Vec<(Condition, Changes)>,
}

impl Decoration {
    /// `None`: an error was reported below `at`.
    pub(crate) fn compile(config: SecurityHeaders, at: &At<'_>) -> Option<Self> {
        let SecurityHeaders { preset, set, if_absent, append, remove, when } = config;
        let own = Changes::read([set, if_absent, append], remove, at);
        let at = at.key("when");
        let when: Vec<_> =
            when.into_iter().enumerate().map(|(i, config)| conditional(config, &at.index(i))).collect();
        let own = own?;
        // What the operator says of a header replaces what the preset does with it.
        let mut puts: Vec<Put> = presets::headers(preset)
            .iter()
            .map(|(name, value, how)| {
                Put::new(HeaderName::from_static(name), HeaderValue::from_static(value), *how)
            })
            .filter(|put| !own.mentions(&put.name))
            .collect();
        puts.extend(own.puts);
        let leaks = presets::leaks(preset).map(HeaderName::from_static);
        let leaks = leaks.filter(|name| !puts.iter().any(|put| put.name == *name));
        let remove = NameSet::new(leaks.chain(own.remove.iter().cloned()).collect());
        Some(Self { base: Changes { puts, remove }, when: when.into_iter().collect::<Option<_>>()? })
    }

    /// Appends the operations for one answer, as few as give it what it shall have. Where `headers` is empty the host
    /// could not hand them over: everything is done unseen, and no condition on status or media type holds.
    pub(crate) fn operations(&self, headers: &Headers, tls: bool, operations: &mut Vec<HeaderOp>) {
        let active: Vec<&Changes> = if self.when.is_empty() { Vec::new() } else { self.active(headers) };
        operations.reserve(self.base.puts.len());
        self.base.removals(headers, operations);
        // What a condition has a say in is settled below, all lists together.
        let deferred = |name: &HeaderName| active.iter().any(|changes| changes.mentions(name));
        for put in self.base.puts.iter().filter(|put| !deferred(&put.name)) {
            let found = Found::of(headers, &put.name);
            let mut fate = Fate::default();
            fate.put(put, &found, tls);
            fate.settle(&put.name, &found, operations);
        }
        for (i, changes) in active.iter().enumerate() {
            let earlier = active.get(..i).unwrap_or_default();
            let not_yet = |name: &&HeaderName| !earlier.iter().any(|other| other.mentions(name));
            for name in changes.names().filter(not_yet) {
                let found = Found::of(headers, name);
                let mut fate = Fate::default();
                for changes in std::iter::once(&self.base).chain(active.iter().copied()) {
                    changes.apply(name, &found, tls, &mut fate);
                }
                fate.settle(name, &found, operations);
            }
        }
    }

    fn active(&self, headers: &Headers) -> Vec<&Changes> {
        let status = status::of(headers);
        let content_type = headers.first("content-type").and_then(MediaType::parse);
        let content_type = content_type.as_ref().map(|given| given.essence.as_ref());
        let holds = |condition: &Condition| condition.holds(status, content_type);
        self.when.iter().filter(|(condition, _)| holds(condition)).map(|(_, changes)| changes).collect()
    }
}

fn conditional(config: Conditional, at: &At<'_>) -> Option<(Condition, Changes)> {
    let Conditional { statuses, content_types, set, if_absent, append, remove } = config;
    let changes = Changes::read([set, if_absent, append], remove, at)?;
    Some((Condition { statuses, content_types }, changes))
}

/// Which answers a change is for.
#[derive(Debug)]
struct Condition {
    statuses: Option<NonEmpty<StatusPattern>>,
    content_types: Option<NonEmpty<MediaRange>>,
}

impl Condition {
    /// What an answer does not say is in no list.
    fn holds(&self, status: Option<u16>, content_type: Option<&str>) -> bool {
        let status = self.statuses.as_ref().is_none_or(|list| {
            status.is_some_and(|status| list.0.iter().any(|pattern| pattern.matches(status)))
        });
        status
            && self.content_types.as_ref().is_none_or(|list| {
                content_type.is_some_and(|given| list.0.iter().any(|range| range.matches(given)))
            })
    }
}
