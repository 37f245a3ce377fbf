//! Requests whose head is held for the body, until it is known that the host shows a body behind a held head.
//!
//! Envoy does so only where the filter has `allow_on_headers_stop_iteration: true`. Without, the body callback never comes,
//! and the request would hang until a timeout of Envoy's, which is five minutes. A filter cannot read the flag: it is known
//! to be there once a body or trailers came behind a held head. Until then a request that waits too long is refused;
//! afterwards a client that takes its time is Envoy's to judge.

use super::{Phase, Stream};
use crate::denial::{Denial, Reason};
use crate::effect::{Effects, Level, LogLine};
use crate::filter::{Filter, Host, Outcome};
use crate::policy::{Policy, Timestamp};
use crate::tasks::Waiter;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a head is held without a sight of what follows it. A client that has a body sends it with the head, so an
/// honest one needs less; and what calls a service waits for longer than this, so that it still reads the answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Most requests of a worker that are waited for; more are refused at once. There are no more than that before the first
/// body of all has come, unless somebody sends heads alone.
const MOST: usize = 100_000;

/// How often the log says what is wrong, in µs.
const SAID_EVERY: u64 = 60_000_000;

/// The requests of a worker that are waited for. Time is counted in ticks: the wall clock may be set meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// What comes behind a held head is shown.
    shown: bool,
    /// The tick at which each is overdue.
    waiting: BTreeMap<Waiter, u64>,
    ticks: u64,
    said: Option<Timestamp>,
}

impl Held {
    /// A head is held. `false`: there is no room to wait for one more.
    fn hold(&mut self, id: Waiter, period: Duration) -> bool {
        if self.shown {
            return true;
        }
        if self.waiting.len() >= MOST {
            return false;
        }
        // The first tick may come at once.
        let ticks = DEADLINE.as_nanos().div_ceil(period.as_nanos().max(1)).saturating_add(1);
        let due = self.ticks.saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX));
        self.waiting.insert(id, due);
        true
    }

    /// A body or trailers came behind a held head.
    fn show(&mut self) {
        self.shown = true;
        self.waiting = BTreeMap::new();
    }

    pub(crate) fn forget(&mut self, id: Waiter) {
        self.waiting.remove(&id);
    }

    pub(crate) fn tick(&mut self) {
        self.ticks = self.ticks.saturating_add(1);
    }

    /// One that is overdue; it is waited for no longer.
    pub(crate) fn next_overdue(&mut self) -> Option<Waiter> {
        let (id, _) = self.waiting.iter().find(|(_, due)| **due <= self.ticks)?;
        let id = *id;
        self.waiting.remove(&id);
        Some(id)
    }

    /// Whether the log is to say now what is wrong.
    fn says(&mut self, now: Timestamp) -> bool {
        let due = self.said.is_none_or(|said| now.0.abs_diff(said.0) >= SAID_EVERY);
        if due {
            self.said = Some(now);
        }
        due
    }
}

impl<P: Policy> Stream<P> {
    /// The head is held for a body of which nothing has been seen yet. `false`: too many are.
    pub(super) fn waits_for_body(&mut self, filter: &mut Filter<P>) -> bool {
        P::TICK.filter(|_| P::HOLDS).is_none_or(|period| filter.held.hold(self.id, period))
    }

    /// What comes behind the head is shown.
    pub(super) fn shown(&mut self, filter: &mut Filter<P>) {
        if P::HOLDS && self.holds_head {
            filter.held.show();
        }
    }

    /// Nothing of the body was shown for too long ([`Filter::next_overdue`]): the request is refused, or passes where
    /// refusals are only reported.
    pub fn overdue(&mut self, filter: &mut Filter<P>, host: &dyn Host) -> Outcome {
        let Phase::AwaitingBody { mode, .. } = self.phase else {
            return Outcome::flow(crate::filter::Flow::Pause);
        };
        let mut effects = Effects::default();
        let denial = match received(host) {
            // This is the client's doing, or an end without a body that was not shown either: no client may have the log
            // say that the gateway is wrong.
            Some(0) => Denial::new(Reason::BodyTimeout).note(
                "no byte of the body came; its end is not known on a worker that was shown no body yet",
            ),
            received => {
                if filter.held.says(host.now()) {
                    effects.logs.push(complaint(&filter.instance, received.is_some()));
                }
                Denial::new(Reason::PolicyHold)
            }
        };
        self.holds_head = false;
        self.refuse(filter, effects, mode, denial, host)
    }
}

/// Bytes of the body that have come to the gateway, whoever has seen them. `None`: the host does not say.
fn received(host: &dyn Host) -> Option<u64> {
    let size = |name: &str| {
        let bytes = host.property(&["request", name])?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    size("total_size")?.checked_sub(size("headers_bytes")?)
}

fn complaint(instance: &str, received: bool) -> LogLine {
    let found = match received {
        true => "came to the gateway and was not shown to this filter",
        false => "was not shown to this filter, if it came to the gateway",
    };
    let text = format!(
        "{instance}: hold_headers: the body of a request {found} within {} s; the request is refused. Without \
         `allow_on_headers_stop_iteration: true` on this filter (Envoy 1.35 or later) every request with a body ends so: set it, \
         or `hold_headers: false`. A filter in front that keeps bodies to itself for so long looks the same",
        DEADLINE.as_secs()
    );
    LogLine { level: Level::Critical, text }
}
