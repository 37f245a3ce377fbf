//! Cases without Envoy: the policies called by a model of one connection manager and one worker.
//!
//! The model knows what Envoy does to the headers around the filters, which filter sees which event, who
//! holds what back, how a local reply travels, and what comes of a call-out. It knows nothing of routes, path
//! normalisation, size limits or `local_reply_config`: a case about these runs on Envoy alone and says so.

mod calls;
mod chain;
mod exchange;
mod filter;
mod headers;
mod reply;
mod slot;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use filter_core::denial::LocalReply;
use filter_core::filter::Flow;
use filter_core::message::{Headers, ResponseHead};
use filter_core::policy::Timestamp;
use filter_core::tasks::Waiter;

use super::Start;
use crate::envoy_config::PluginSpec;
use crate::gateway::connection_manager as manager;
use crate::observation::Observation;
use crate::settings::Settings;
use crate::step::{Split, Step, scripted};
use calls::{Calls, later};
use exchange::{Event, Exchange, events};
use filter::{Stores, build};
use headers::regular;
use reply::{Answer, local, upstream};
use slot::Slot;

/// Builds the filter and drops it.
pub(super) fn check(plugin: &PluginSpec, settings: &Settings) -> Result<()> {
    build(plugin, settings).map(drop)
}

/// Whether the filter awaits bodies, and whether it holds the head for them.
pub(super) fn body(plugin: &PluginSpec, settings: &Settings) -> Result<(bool, bool)> {
    Ok(build(plugin, settings)?.body())
}

/// Whether the plugin is one of this repository's.
pub(super) fn is_known(plugin: &PluginSpec) -> bool {
    filter::is_known(plugin)
}

/// One gateway.
pub(crate) struct Native {
    slots: Vec<Slot>,
    calls: RefCell<Calls>,
    use_remote_address: bool,
    /// When the gateway started.
    start: Timestamp,
    now: Timestamp,
    /// The number of the request under way.
    request: Waiter,
}

/// How long until the first request and until the next one: as the wasm executor has it.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long a request is waited for (`stream_idle_timeout` of Envoy's connection manager, where it is not set).
const PATIENCE: Duration = Duration::from_secs(300);

impl Native {
    pub(crate) fn new(start: &Start<'_>) -> Result<Self> {
        let surroundings = start.bootstrap.surroundings()?;
        let began = later(Timestamp(0), start.now);
        let mut stores = Stores::default();
        let slot = |(index, spec): (usize, PluginSpec)| {
            let filter = build(&spec, start.settings)?;
            let store = stores.of(&spec.vm_id);
            Ok(Slot::new(spec, index, filter, store, began))
        };
        let mut native = Self {
            slots: start.bootstrap.plugins()?.into_iter().enumerate().map(slot).collect::<Result<_>>()?,
            use_remote_address: surroundings.use_remote_address,
            calls: RefCell::new(Calls::new(surroundings, scripted(start.callouts)?)),
            start: began,
            now: began,
            request: 0,
        };
        native.pass(later(began, INTERVAL));
        Ok(native)
    }

    pub(crate) fn send(&mut self, step: &Step, split: Option<Split>) -> Result<Observation> {
        let (request, answer) = (&step.request(split), &step.response()?);
        self.calls.get_mut().begin(scripted(&step.callouts)?);
        if let Some(at) = step.t_ms {
            self.pass(later(self.start, Duration::from_millis(at)));
        }
        self.request = self.request.wrapping_add(1);
        for slot in &mut self.slots {
            slot.begin(self.request);
        }
        let connection = step.src.map_or(manager::CLIENT.to_owned(), |source| source.to_string());
        let mut exchange = Exchange {
            request,
            source: manager::source(request, connection, self.use_remote_address),
            map: headers::of_request(request),
            state: BTreeMap::new(),
            upstream: None,
        };
        let reply = self.request(&mut exchange);
        let mut seen = match reply {
            Some(reply) => self.response(&mut exchange, local(&reply, request), false),
            None if exchange.is_complete() => self.response(&mut exchange, upstream(answer, request), true),
            // Envoy would keep the client waiting until a timeout of its own.
            None => Observation::no_response("a filter holds the request for ever".to_owned()),
        };
        for slot in self.slots.iter_mut().filter(|slot| slot.started) {
            let (filter, world) = slot.split(&self.calls, self.now, Some(exchange.about()));
            // Counters and log lines only: the stream is gone.
            let _ = filter.done(&world);
        }
        for slot in &self.slots {
            seen.add(&exchange.exported(&slot.spec.name));
        }
        seen.upstream = exchange.upstream.into_iter().collect();
        // What the request left behind happens before the next one.
        self.pass(later(self.now, INTERVAL));
        seen.callouts = Some(self.calls.get_mut().take_arrived());
        Ok(seen)
    }

    /// Feeds the request to the chain, all of it before any answer comes, and waits until the chain is done with it;
    /// the local reply if there is one.
    fn request(&mut self, exchange: &mut Exchange<'_>) -> Option<LocalReply> {
        for event in events(exchange.request) {
            if let Event::Data { bytes, .. } = &event {
                let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.slots.iter_mut().for_each(|slot| slot.received = slot.received.saturating_add(count));
            }
            if let Some(reply) = self.push(0, event, exchange) {
                return Some(reply);
            }
        }
        let end = later(self.now, PATIENCE);
        while !exchange.is_complete() && self.next_at().is_some_and(|at| at <= end) {
            if let Some(reply) = self.happen(Some(exchange)) {
                return Some(reply);
            }
        }
        None
    }

    /// Takes a response through the filters that saw the request, in reverse order.
    fn response(
        &mut self,
        exchange: &mut Exchange<'_>,
        mut answer: Answer,
        via_upstream: bool,
    ) -> Observation {
        headers::join_response(&mut answer.map);
        for slot in self.slots.iter_mut().rev().filter(|slot| slot.started) {
            let (filter, mut world) = slot.split(&self.calls, self.now, Some(exchange.about()));
            world.via_upstream = via_upstream;
            let end_of_stream = answer.body.is_empty() && answer.trailers.is_empty();
            let head = ResponseHead { headers: &answer.map, end_of_stream };
            let outcome = filter.response_headers(&head, &world);
            for op in &outcome.headers {
                answer.map.apply(op);
                headers::join_response(&mut answer.map);
            }
            exchange.state.extend(outcome.exports);
            // It goes straight to the client (`FilterManager::sendDirectLocalReply`).
            if let Flow::Reply(reply) = outcome.flow {
                let mut answer = local(&reply, exchange.request);
                headers::join_response(&mut answer.map);
                return answer.observed();
            }
        }
        if !answer.body.is_empty() {
            for slot in self.slots.iter_mut().rev().filter(|slot| slot.started) {
                let (filter, mut world) = slot.split(&self.calls, self.now, Some(exchange.about()));
                world.via_upstream = via_upstream;
                let outcome = filter.response_body(&answer.body, answer.trailers.is_empty(), &world);
                exchange.state.extend(outcome.exports);
            }
        }
        if !answer.trailers.is_empty() {
            let mut trailers = Headers::from_pairs(answer.trailers.iter().map(|(name, value)| (name, value)));
            for slot in self.slots.iter_mut().rev().filter(|slot| slot.started) {
                let (filter, mut world) = slot.split(&self.calls, self.now, Some(exchange.about()));
                world.via_upstream = via_upstream;
                let outcome = filter.response_trailers(&trailers, &world);
                exchange.state.extend(outcome.exports);
                outcome.headers.iter().for_each(|op| trailers.apply(op));
            }
            answer.trailers = regular(&trailers);
        }
        answer.observed()
    }
}
