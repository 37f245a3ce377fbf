//! One request under way: its events, and what has come out of the chain.

use std::collections::BTreeMap;

use filter_core::message::Headers;
use recorder::{End, Recorded};

use super::headers::{join_request, regular};
use crate::observation::Exported;
use crate::request::Request;

/// What comes down the chain.
pub(super) enum Event {
    Head { end: bool },
    Data { bytes: Vec<u8>, end: bool },
    Trailers,
}

/// One request under way.
pub(super) struct Exchange<'a> {
    pub(super) request: &'a Request,
    /// Address and port of the client.
    pub(super) source: String,
    pub(super) map: Headers,
    /// Filter state, without Envoy's `wasm.`.
    pub(super) state: BTreeMap<String, Vec<u8>>,
    /// What the upstream has got.
    pub(super) upstream: Option<Recorded>,
}

/// What a policy may ask of the request that an event is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// Address and port of the client.
    pub(super) source: &'a str,
    /// Filter state, without Envoy's `wasm.`.
    pub(super) state: &'a BTreeMap<String, Vec<u8>>,
}

impl Exchange<'_> {
    pub(super) fn about(&self) -> About<'_> {
        About { source: &self.source, state: &self.state }
    }

    /// Header operations of a request event.
    pub(super) fn apply(&mut self, operations: &[filter_core::effect::HeaderOp]) {
        for operation in operations {
            self.map.apply(operation);
            join_request(&mut self.map);
        }
    }

    /// Whether the upstream has the whole request.
    pub(super) fn is_complete(&self) -> bool {
        self.upstream.as_ref().is_some_and(|seen| seen.end == End::Complete)
    }

    /// An event came out of the chain.
    pub(super) fn arrive(&mut self, event: Event) {
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

    pub(super) fn exported(&self, instance: &str) -> Exported {
        let value = |what: &str| {
            let value = self.state.get(&filter_core::names::state(instance, what))?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        Exported { decision: value("decision"), reason: value("reason"), shadow: value("shadow") }
    }
}

/// A request as Envoy hands it to the chain. Chunked framing and HTTP/2 tell the end after the last byte, so
/// a split body ends with an event of no bytes.
pub(super) fn events(request: &Request) -> Vec<Event> {
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
