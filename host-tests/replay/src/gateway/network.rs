//! The servers around a modelled gateway: they answer as scripted, and where nothing is scripted nobody listens.

use std::collections::BTreeMap;
use std::time::Duration;

use proxy_wasm_host::{
    CallOut, CallOutAnswer, HeaderMap, Kind, Network, Response, StreamId, UpstreamRequest,
};
use recorder::{Answer, Fault, Script};

use super::connection_manager as manager;

/// What Envoy says of a cluster where nobody listens.
const REFUSED: &str = "upstream connect error or disconnect/reset before headers. reset reason: remote connection \
                       failure, transport failure reason: delayed connect error: Connection refused";
/// What it says of a connection that ends before the answer.
const RESET: &str = "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
/// What it says of an answer that is not HTTP.
const GARBAGE: &str = "upstream connect error or disconnect/reset before headers. reset reason: protocol error";

/// The scripted answers.
#[derive(Default)]
pub(crate) struct Servers {
    /// Answers to call-outs that belong to no request, or whose request has none.
    pub(crate) standing: Script,
    /// What the upstream and the clusters answer to one request.
    pub(crate) exchanges: BTreeMap<StreamId, Exchange>,
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
        match answer.or_else(|| self.standing.next(&call.cluster, path)) {
            Some(answer) => answered(&answer),
            None => failed(503, REFUSED, Duration::ZERO),
        }
    }
}

fn answered(answer: &Answer) -> CallOutAnswer {
    let delay = answer.response.wait();
    match answer.fault {
        None => CallOutAnswer::Response(manager::response(&answer.response, false)),
        Some(Fault::Refused) => failed(503, REFUSED, Duration::ZERO),
        Some(Fault::Reset) => failed(503, RESET, delay),
        Some(Fault::Garbage) => failed(502, GARBAGE, delay),
        Some(Fault::Timeout) => CallOutAnswer::Silence,
        Some(Fault::Truncated) => CallOutAnswer::BrokenBody(Some(delay)),
        Some(Fault::Stalled) => CallOutAnswer::BrokenBody(None),
    }
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
