//! Cases without Envoy: the policies called by a model of one connection manager.
//!
//! The model knows what Envoy does to the headers around the filters, which filter sees which event, who
//! holds what back, and how a local reply travels. It knows nothing of routes, path normalisation, size
//! limits or `local_reply_config`: a case about these runs on Envoy alone and says so.

mod filter;
mod headers;
mod reply;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use filter_core::denial::LocalReply;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::Timestamp;
use filter_core::store::MemoryStore;
use recorder::{End, Recorded};

use crate::envoy_config::{Bootstrap, PluginSpec};
use crate::gateway::connection_manager as manager;
use crate::observation::{Exported, Observation};
use crate::request::Request;
use crate::settings::Settings;
use crate::step::{Split, Step};
use filter::{AnyFilter, Stores, World, build};
use headers::regular;
use reply::{Answer, local, upstream};

/// Builds the filter and drops it.
pub(super) fn check(plugin: &PluginSpec, settings: &Settings) -> Result<()> {
    build(plugin, settings).map(drop)
}

/// Whether the plugin is one of this repository's.
pub(super) fn is_known(plugin: &PluginSpec) -> bool {
    filter::is_known(plugin)
}

/// One gateway.
pub(crate) struct Native {
    slots: Vec<Slot>,
    use_remote_address: bool,
    now: Timestamp,
}

/// When the first request arrives, and how long until the next, in microseconds.
const START: Timestamp = Timestamp(1_800_000_000_000_000);
const INTERVAL: u64 = 1_000_000;

/// A filter in the chain, with what it holds of the current request.
struct Slot {
    spec: PluginSpec,
    filter: Box<dyn AnyFilter>,
    store: Arc<MemoryStore>,
    started: bool,
    /// The head waits here.
    head_held: bool,
    /// The body waits here, `Some` once a body event paused.
    held: Option<Vec<u8>>,
}

/// What comes down the chain.
enum Event {
    Head { end: bool },
    Data { bytes: Vec<u8>, end: bool },
    Trailers,
}

/// Where an event got to.
enum Progress {
    /// As far as the filters let it.
    Went,
    /// A filter answered instead.
    Replied(LocalReply),
}

impl Slot {
    /// The filter and the world it asks about this request.
    fn split<'s>(
        &'s mut self,
        now: Timestamp,
        source: &'s str,
        via_upstream: bool,
    ) -> (&'s mut dyn AnyFilter, World<'s>) {
        let world = World { store: &self.store, now, instance: &self.spec.name, source, via_upstream };
        (self.filter.as_mut(), world)
    }
}

/// One request under way.
struct Exchange<'a> {
    request: &'a Request,
    /// Address and port of the client.
    source: String,
    map: Headers,
    /// Filter state, without Envoy's `wasm.`.
    state: BTreeMap<String, Vec<u8>>,
    /// What the upstream has got.
    upstream: Option<Recorded>,
}

impl Native {
    pub(crate) fn new(bootstrap: &Bootstrap, settings: &Settings) -> Result<Self> {
        let mut stores = Stores::default();
        let slot = |spec: PluginSpec| {
            let filter = build(&spec, settings)?;
            let store = stores.of(&spec.vm_id);
            Ok(Slot { spec, filter, store, started: false, head_held: false, held: None })
        };
        Ok(Self {
            slots: bootstrap.plugins()?.into_iter().map(slot).collect::<Result<_>>()?,
            use_remote_address: bootstrap.surroundings()?.use_remote_address,
            now: START,
        })
    }

    pub(crate) fn send(&mut self, step: &Step, split: Option<Split>) -> Result<Observation> {
        let (request, answer) = (&step.request(split), &step.response()?);
        self.now = Timestamp(self.now.0.saturating_add(INTERVAL));
        for slot in &mut self.slots {
            slot.filter.begin();
            (slot.started, slot.head_held, slot.held) = (false, false, None);
        }
        let connection = step.src.map_or(manager::CLIENT.to_owned(), |source| source.to_string());
        let mut exchange = Exchange {
            request,
            source: manager::source(request, connection, self.use_remote_address),
            map: headers::of_request(request),
            state: BTreeMap::new(),
            upstream: None,
        };
        let reply = self.request(&mut exchange)?;
        let complete = exchange.upstream.as_ref().is_some_and(|seen| seen.end == End::Complete);
        let mut seen = match reply {
            Some(reply) => self.response(&mut exchange, local(&reply, request), false),
            None if complete => self.response(&mut exchange, upstream(answer, request), true),
            // Envoy would keep the client waiting until a timeout of its own.
            None => Observation::no_response("a filter holds the request for ever".to_owned()),
        };
        for slot in self.slots.iter_mut().filter(|slot| slot.started) {
            let (filter, world) = slot.split(self.now, &exchange.source, false);
            // Counters and log lines only: the stream is gone.
            let _ = filter.done(&world);
        }
        for slot in &self.slots {
            seen.add(&exchange.exported(&slot.spec.name));
        }
        seen.upstream = exchange.upstream.into_iter().collect();
        Ok(seen)
    }

    /// Feeds the request to the chain, piece by piece; the local reply if there is one.
    fn request(&mut self, exchange: &mut Exchange<'_>) -> Result<Option<LocalReply>> {
        for event in events(exchange.request) {
            if let Progress::Replied(reply) = self.push(0, event, exchange)? {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// One event from filter `index` on.
    fn push(&mut self, index: usize, event: Event, exchange: &mut Exchange<'_>) -> Result<Progress> {
        let Some(slot) = self.slots.get_mut(index) else {
            exchange.arrive(event);
            return Ok(Progress::Went);
        };
        let world = World {
            store: &slot.store,
            now: self.now,
            instance: &slot.spec.name,
            source: &exchange.source,
            via_upstream: false,
        };
        // What goes on to the next filter if this one continues.
        let mut onward = Vec::new();
        let outcome = match event {
            Event::Head { end } => {
                slot.started = true;
                let head = RequestHead { headers: &exchange.map, end_of_stream: end };
                let outcome = slot.filter.request_headers(&head, &world);
                slot.head_held = matches!(outcome.flow, Flow::Pause);
                onward.push(Event::Head { end });
                outcome
            }
            // Without the flag, Envoy shows nothing more to a filter that paused on the head.
            _ if slot.head_held && !slot.spec.allow_on_headers_stop_iteration => return Ok(Progress::Went),
            Event::Data { mut bytes, end } => {
                if let Some(held) = slot.held.take() {
                    bytes = [held, bytes].concat();
                }
                let outcome = slot.filter.request_body(bytes.len(), end, &mut || Some(bytes.clone()), &world);
                if matches!(outcome.flow, Flow::Pause) {
                    slot.held = Some(bytes);
                } else {
                    onward.extend(std::mem::take(&mut slot.head_held).then_some(Event::Head { end: false }));
                    onward.push(Event::Data { bytes, end });
                }
                outcome
            }
            Event::Trailers => {
                let held = slot.held.take();
                let outcome = slot.filter.request_trailers(&mut || held.clone(), &world);
                onward.extend(std::mem::take(&mut slot.head_held).then_some(Event::Head { end: false }));
                onward.extend(held.map(|bytes| Event::Data { bytes, end: false }));
                onward.push(Event::Trailers);
                outcome
            }
        };
        match exchange.perform(outcome) {
            Flow::Pause => Ok(Progress::Went),
            Flow::Reply(reply) => Ok(Progress::Replied(reply)),
            Flow::Continue => {
                for event in onward {
                    if let Progress::Replied(reply) = self.push(index + 1, event, exchange)? {
                        return Ok(Progress::Replied(reply));
                    }
                }
                Ok(Progress::Went)
            }
        }
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
            let (filter, world) = slot.split(self.now, &exchange.source, via_upstream);
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
        if !answer.trailers.is_empty() {
            let mut trailers = Headers::from_pairs(answer.trailers.iter().map(|(name, value)| (name, value)));
            for slot in self.slots.iter_mut().rev().filter(|slot| slot.started) {
                let (filter, world) = slot.split(self.now, &exchange.source, via_upstream);
                let outcome = filter.response_trailers(&trailers, &world);
                outcome.headers.iter().for_each(|op| trailers.apply(op));
            }
            answer.trailers = regular(&trailers);
        }
        answer.observed()
    }
}

impl Exchange<'_> {
    /// Header operations and exports of a request event; what is left is the flow.
    fn perform(&mut self, outcome: Outcome) -> Flow {
        for op in &outcome.headers {
            self.map.apply(op);
            headers::join_request(&mut self.map);
        }
        self.state.extend(outcome.exports);
        outcome.flow
    }

    /// An event came out of the chain.
    fn arrive(&mut self, event: Event) {
        let end = match &event {
            Event::Head { end } | Event::Data { end, .. } => *end,
            Event::Trailers => true,
        };
        if let Event::Head { .. } = event {
            self.upstream = Some(head_at_upstream(&self.map));
        }
        let Some(seen) = &mut self.upstream else { return };
        match event {
            Event::Head { .. } => {}
            Event::Data { bytes, .. } => seen.body.extend(bytes),
            Event::Trailers => {
                let trailers = self.request.trailers.iter();
                seen.trailers =
                    trailers.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
            }
        }
        if end {
            seen.end = End::Complete;
        }
    }

    fn exported(&self, instance: &str) -> Exported {
        let value = |what: &str| {
            let value = self.state.get(&filter_core::names::state(instance, what))?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        Exported { decision: value("decision"), reason: value("reason"), shadow: value("shadow") }
    }
}

/// A request as Envoy hands it to the chain. Chunked framing and HTTP/2 tell the end after the last byte, so
/// a split body ends with an event of no bytes.
fn events(request: &Request) -> Vec<Event> {
    let pieces: Vec<&Vec<u8>> = request.body.iter().flatten().filter(|piece| !piece.is_empty()).collect();
    if pieces.is_empty() && request.trailers.is_empty() && !request.chunked {
        return vec![Event::Head { end: true }];
    }
    let streamed = request.chunked || pieces.len() > 1;
    let last = pieces.len().saturating_sub(1);
    let mut events = vec![Event::Head { end: false }];
    events.extend(pieces.into_iter().enumerate().map(|(index, bytes)| {
        let end = index == last && !streamed && request.trailers.is_empty();
        Event::Data { bytes: bytes.clone(), end }
    }));
    if !request.trailers.is_empty() {
        events.push(Event::Trailers);
    } else if streamed {
        events.push(Event::Data { bytes: Vec::new(), end: true });
    }
    events
}

/// The head as the upstream reads it over HTTP/1, its end still open.
fn head_at_upstream(map: &Headers) -> Recorded {
    let pseudo = |name: &str| map.first(name).unwrap_or_default().to_vec();
    let mut list = vec![("host".to_owned(), pseudo(":authority"))];
    list.extend(regular(map));
    Recorded {
        method: String::from_utf8_lossy(&pseudo(":method")).into_owned(),
        authority: Some(pseudo(":authority")),
        path: pseudo(":path"),
        headers: list,
        body: Vec::new(),
        trailers: Vec::new(),
        version: http::Version::HTTP_11,
        end: End::CutOff,
    }
}
