//! What happens in a gateway: events go down the chain of filters, call-outs are answered, filters tick.

use filter_core::denial::LocalReply;
use filter_core::filter::{Flow, Outcome, Resumption};
use filter_core::message::RequestHead;
use filter_core::policy::Timestamp;

use super::Native;
use super::calls::{Answered, later};
use super::exchange::{Event, Exchange};

impl Native {
    /// Lets time pass while no request is under way.
    pub(super) fn pass(&mut self, until: Timestamp) {
        while self.next_at().is_some_and(|at| at <= until) {
            self.happen(None);
        }
        self.now = self.now.max(until);
    }

    /// The next tick, and whose.
    fn next_tick(&self) -> Option<(Timestamp, usize)> {
        self.slots.iter().filter_map(|slot| Some((slot.tick_at?, slot.index))).min()
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let tick = self.next_tick().map(|(at, _)| at);
        tick.into_iter().chain(self.calls.borrow().next_at()).min()
    }

    /// Lets the next thing happen, if there is one: a tick, or an answer to a call-out. What it means to the request
    /// under way may be a local reply.
    pub(super) fn happen(&mut self, exchange: Option<&mut Exchange<'_>>) -> Option<LocalReply> {
        let answer = self.calls.borrow().next_at();
        match self.next_tick().filter(|(at, _)| answer.is_none_or(|answer| *at <= answer)) {
            Some((at, index)) => {
                self.now = at;
                self.tick(index, exchange)
            }
            None => {
                let Answered { at, slot: index, token, result } = self.calls.get_mut().take()?;
                self.now = at;
                let (filter, world) = self.slots.get_mut(index)?.split(&self.calls, at, None);
                let resumption = filter.answered(token, result, &world)?;
                self.carry_out(index, resumption, exchange)
            }
        }
    }

    /// What the guest does at a tick: first it looks for call-outs that were lost, at last for heads held too long.
    fn tick(&mut self, index: usize, mut exchange: Option<&mut Exchange<'_>>) -> Option<LocalReply> {
        let slot = self.slots.get_mut(index)?;
        slot.tick_at = slot.filter.period().map(|period| later(self.now, period));
        let mut reply = None;
        loop {
            let (filter, world) = self.slots.get_mut(index)?.split(&self.calls, self.now, None);
            let Some(lost) = filter.next_lost(&world) else {
                // It has called whom it wants to; counters and log lines are not looked at.
                let _ = filter.tick(&world);
                break;
            };
            reply = reply.or(self.carry_out(index, lost, exchange.as_deref_mut()));
        }
        reply.or_else(|| self.expire(index, exchange?))
    }

    /// The request under way hears that its head has been held for too long, if it has.
    fn expire(&mut self, index: usize, exchange: &mut Exchange<'_>) -> Option<LocalReply> {
        let (filter, world) = self.slots.get_mut(index)?.split(&self.calls, self.now, Some(exchange.about()));
        let outcome = filter.overdue(&world)?;
        self.decide(index, outcome, exchange)
    }

    /// A request that waited goes on, waits on, or is answered.
    fn decide(&mut self, index: usize, outcome: Outcome, exchange: &mut Exchange<'_>) -> Option<LocalReply> {
        match self.perform(index, outcome, exchange)? {
            Flow::Pause => None,
            Flow::Reply(reply) => Some(reply),
            Flow::Continue => self.go_on(index, exchange),
        }
    }

    /// The policy has heard of it; now the request decides again, if it waited.
    fn carry_out(
        &mut self,
        index: usize,
        resumption: Resumption,
        exchange: Option<&mut Exchange<'_>>,
    ) -> Option<LocalReply> {
        let exchange = exchange.filter(|_| resumption.waiters.contains(&self.request))?;
        let slot = self.slots.get_mut(index)?;
        // Of a stream that is stopped there is no body to see.
        let (body, shown) = (slot.held.body.take(), !slot.stopped);
        let (filter, world) = slot.split(&self.calls, self.now, Some(exchange.about()));
        let outcome = filter.resume(&resumption.result, &mut || body.clone().filter(|_| shown), &world);
        slot.held.body = body;
        self.decide(index, outcome, exchange)
    }

    /// One event from filter `index` on; the local reply if one of them answers.
    pub(super) fn push(
        &mut self,
        index: usize,
        event: Event,
        exchange: &mut Exchange<'_>,
    ) -> Option<LocalReply> {
        let Some(slot) = self.slots.get_mut(index) else {
            exchange.arrive(event);
            return None;
        };
        let (head, end) = match &event {
            Event::Head { end } => (true, *end),
            Event::Data { end, .. } => (false, *end),
            Event::Trailers => (false, true),
        };
        let trailers = matches!(event, Event::Trailers);
        slot.held.push(event);
        if slot.stopped {
            return None;
        }
        let body = slot.held.body.take();
        let stops = head && !slot.spec.allow_on_headers_stop_iteration;
        (slot.started, slot.has_head) = (true, slot.has_head || head);
        let (filter, world) = slot.split(&self.calls, self.now, Some(exchange.about()));
        let outcome = if head {
            filter.request_headers(&RequestHead { headers: &exchange.map, end_of_stream: end }, &world)
        } else if trailers {
            filter.request_trailers(&mut || body.clone(), &world)
        } else {
            let size = body.as_ref().map_or(0, Vec::len);
            filter.request_body(size, end, &mut || body.clone(), &world)
        };
        slot.held.body = body;
        match self.perform(index, outcome, exchange)? {
            Flow::Pause => {
                self.slots.get_mut(index)?.stopped = stops;
                None
            }
            Flow::Reply(reply) => Some(reply),
            Flow::Continue => {
                if head {
                    self.slots.get_mut(index)?.has_head = false;
                }
                self.go_on(index, exchange)
            }
        }
    }

    /// A filter lets go of what it holds. Of a stream that was stopped at it, it is shown what came behind the head.
    fn go_on(&mut self, index: usize, exchange: &mut Exchange<'_>) -> Option<LocalReply> {
        let slot = self.slots.get_mut(index)?;
        let stopped = std::mem::take(&mut slot.stopped);
        let next = index.saturating_add(1);
        slot.held.release().into_iter().find_map(|event| {
            let at = if stopped && !matches!(event, Event::Head { .. }) { index } else { next };
            self.push(at, event, exchange)
        })
    }

    /// Header operations and exports of a request event; what is left is the flow.
    fn perform(&mut self, index: usize, outcome: Outcome, exchange: &mut Exchange<'_>) -> Option<Flow> {
        let slot = self.slots.get_mut(index)?;
        let refused = !(slot.has_head || outcome.headers.is_empty());
        exchange.state.extend(outcome.exports);
        if !refused {
            exchange.apply(&outcome.headers);
        } else if !matches!(outcome.flow, Flow::Reply(_)) {
            let (filter, world) = slot.split(&self.calls, self.now, Some(exchange.about()));
            let refusal = filter.operation_refused(&world);
            exchange.state.extend(refusal.exports);
            return Some(refusal.flow);
        }
        Some(outcome.flow)
    }
}
