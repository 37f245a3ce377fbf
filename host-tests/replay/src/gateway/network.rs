//! The servers around a modelled gateway: they answer as scripted, and where nothing is scripted nobody listens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proxy_wasm_host::{
    CallOut, CallOutAnswer, HeaderMap, Kind, Network, Response, StreamId, UpstreamRequest,
};
use recorder::{Answer, Fault, Script};

use super::connection_manager as manager;
use crate::request::Protocol;

/// What Envoy says of a cluster where nobody listens.
const REFUSED: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
/// What it says of a connection that ends before the answer.
const RESET: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
/// What it says of an answer that is not HTTP.
const GARBAGE: &str =
    "upstream connect error or disconnect/reset before headers. reset reason: protocol error";

/// The scripted answers.
#[derive(Default)]
pub(crate) struct Servers {
    /// Answers to call-outs that belong to no request, or whose request has none.
    pub(crate) standing: Script,
    /// What the upstream and the clusters answer to one request.
    pub(crate) exchanges: BTreeMap<StreamId, Exchange>,
    /// The clusters that speak HTTP/2.
    pub(crate) http2: BTreeSet<String>,
    /// The call-outs that found somebody who listens, where they are asked for.
    pub(crate) arrived: Option<Vec<CallOut>>,
}

/// The script of one request.
pub(crate) struct Exchange {
    pub(crate) answer: Option<Response>,
    pub(crate) call_outs: Option<Script>,
}

impl Servers {
    /// Answers a request at once when it is submitted: its id is not known before.
    pub(crate) fn expect(&mut self, id: StreamId, exchange: Exchange) {
        self.exchanges.insert(id, exchange);
    }
}

impl Network for Servers {
    fn upstream(&mut self, stream: StreamId, _: &UpstreamRequest) -> Option<Response> {
        self.exchanges.get_mut(&stream)?.answer.take()
    }

    fn call_out(&mut self, cause: Option<StreamId>, call: &CallOut) -> CallOutAnswer {
        let path = call.headers.get(b":path").unwrap_or_default();
        let own = cause.and_then(|cause| self.exchanges.get_mut(&cause)?.call_outs.as_mut());
        let answer = own.and_then(|script| script.next(&call.cluster, path));
        let answer = answer.or_else(|| self.standing.next(&call.cluster, path));
        let Some(answer) = answer.filter(|answer| answer.fault != Some(Fault::Refused)) else {
            return failed(503, REFUSED, Duration::ZERO);
        };
        if let Some(arrived) = &mut self.arrived {
            arrived.push(call.clone());
        }
        let protocol = if self.http2.contains(&call.cluster) { Protocol::H2 } else { Protocol::H1 };
        answered(&answer, protocol, &call.body)
    }
}

/// What a gateway makes of the answer that a cluster gives to a call with this body.
fn answered(answer: &Answer, protocol: Protocol, request_body: &[u8]) -> CallOutAnswer {
    let delay = answer.response.wait();
    match answer.fault {
        None => CallOutAnswer::Response(served(&answer.response.clone().to(request_body), protocol)),
        Some(Fault::Refused) => failed(503, REFUSED, Duration::ZERO),
        Some(Fault::Reset) => failed(503, RESET, delay),
        Some(Fault::Garbage) => failed(502, GARBAGE, delay),
        Some(Fault::Timeout) => CallOutAnswer::Silence,
        Some(Fault::Truncated) => CallOutAnswer::BrokenBody(Some(delay)),
        Some(Fault::Stalled) => CallOutAnswer::BrokenBody(None),
    }
}

/// The answer of a server that ends the connection with it, and the time it took, which Envoy adds.
fn served(answer: &recorder::Response, protocol: Protocol) -> Response {
    let mut response = manager::response(answer, false, protocol);
    if protocol == Protocol::H1 {
        let length = response.headers.get(b"content-length").map(<[u8]>::to_vec);
        response.headers.remove(b"content-length");
        response.headers.add(b"connection", b"close");
        if let Some(length) = length {
            response.headers.add(b"content-length", &length);
        }
    }
    let took = answer.wait().as_millis().to_string();
    response.headers.add(b"x-envoy-upstream-service-time", took.as_bytes());
    response
}

/// Envoy's own answer in the stead of a cluster.
fn failed(status: u16, body: &str, delay: Duration) -> CallOutAnswer {
    let (status, length) = (status.to_string(), body.len().to_string());
    let headers =
        [(":status", status.as_str()), ("content-length", length.as_str()), ("content-type", "text/plain")];
    CallOutAnswer::Response(Response {
        headers: HeaderMap::from_pairs(Kind::Response, headers),
        body: body.as_bytes().to_vec(),
        delay,
        ..Response::default()
    })
}
