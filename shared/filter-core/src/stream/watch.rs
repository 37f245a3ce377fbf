//! A copy of an answer's body, gathered while the answer passes unhindered, for a policy that only looks
//! ([`crate::effect::ResponseStep::watch`]).

use super::{FetchBody, Stream};
use crate::effect::{Effects, Metric};
use crate::filter::{Filter, Flow, Host, Outcome};
use crate::message::ResponseHead;
use crate::policy::{Policy, Watched};

/// Most bytes gathered at once on one worker, in all streams: the linear memory of a module grows and never shrinks. Beyond
/// it an answer counts as too large, and in the metric `watch_skipped`.
const MOST: u64 = 4 * 1024 * 1024;

/// What has been gathered.
#[derive(Debug)]
pub(super) struct Watch {
    limit: u64,
    gathered: Vec<u8>,
    /// There is more than was gathered; nothing is kept.
    too_large: bool,
    /// There was no room on this worker.
    skipped: bool,
}

impl<P: Policy> Stream<P> {
    /// Begins to gather at most `limit` bytes of an answer, or tells the policy where none follow.
    pub(super) fn watch(
        &mut self,
        filter: &mut Filter<P>,
        limit: u64,
        head: &ResponseHead<'_>,
        host: &dyn Host,
    ) -> Effects {
        let announced = head.headers.content_length().unwrap_or_default();
        self.watch =
            Some(Watch { limit, gathered: Vec::new(), too_large: announced > limit, skipped: false });
        if head.end_of_stream {
            // The length that the answer to HEAD tells is not its own.
            self.watch = Some(Watch { limit, gathered: Vec::new(), too_large: false, skipped: false });
            return self.watched(filter, host);
        }
        Effects::default()
    }

    /// Bytes of an answer's body pass. `size`: the new ones, which `body` hands over.
    pub fn response_body(
        &mut self,
        filter: &mut Filter<P>,
        size: usize,
        end_of_stream: bool,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        if !P::WATCHES {
            return Outcome::flow(Flow::Continue);
        }
        self.gather(filter, size, body);
        let effects = if end_of_stream { self.watched(filter, host) } else { Effects::default() };
        self.report(filter, effects, Flow::Continue, host)
    }

    fn gather(&mut self, filter: &mut Filter<P>, size: usize, body: FetchBody<'_>) {
        let Some(watch) = self.watch.as_mut().filter(|watch| !watch.too_large && size > 0) else { return };
        let new = u64::try_from(size).unwrap_or(u64::MAX);
        let have = u64::try_from(watch.gathered.len()).unwrap_or(u64::MAX);
        let fits = have.saturating_add(new) <= watch.limit;
        let room = filter.watched.saturating_add(new) <= MOST;
        // A host that hands over something else than it counted shows no answer.
        let bytes = if fits && room { body().filter(|bytes| bytes.len() == size) } else { None };
        match bytes {
            Some(bytes) => {
                watch.gathered.extend(bytes);
                filter.watched = filter.watched.saturating_add(new);
            }
            None => {
                watch.gathered = Vec::new();
                watch.too_large = true;
                watch.skipped = fits && !room;
                filter.watched = filter.watched.saturating_sub(have);
            }
        }
    }

    /// The answer is at its end: the policy hears of it, once. Nothing it wants can change the answer any more.
    pub(super) fn watched(&mut self, filter: &mut Filter<P>, host: &dyn Host) -> Effects {
        let Some(watch) = self.unwatch(filter) else { return Effects::default() };
        let Some(policy) = &filter.policy else { return Effects::default() };
        let body = if watch.too_large { Watched::TooLarge } else { Watched::Whole(&watch.gathered) };
        let mut effects = policy.on_response_body(&mut filter.state, &mut self.data, body, host);
        effects.headers.clear();
        if watch.skipped {
            effects.metrics.push(Metric { what: "watch_skipped", reason: None });
        }
        effects
    }

    /// Gathers no longer, and gives back what was counted.
    pub(super) fn unwatch(&mut self, filter: &mut Filter<P>) -> Option<Watch> {
        let watch = self.watch.take()?;
        let have = u64::try_from(watch.gathered.len()).unwrap_or(u64::MAX);
        filter.watched = filter.watched.saturating_sub(have);
        Some(watch)
    }
}
