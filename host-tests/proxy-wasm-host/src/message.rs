//! What goes into a host and what comes out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::abi::Level;
use crate::headers::{HeaderMap, Kind};

/// Names one request within a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The protocol of the client's connection: limits and attributes depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
    /// HTTP/3
    Http3,
}

impl Protocol {
    /// As the attribute `request.protocol` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        }
    }
}

/// A request as the chain of filters gets it: framing removed, pseudo headers among the headers.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The protocol of the client's connection.
    pub protocol: Protocol,
    /// Pseudo headers and headers.
    pub headers: HeaderMap,
    /// The body in the pieces in which it arrives.
    pub body: Vec<Vec<u8>>,
    /// Whether the end comes with the last piece (or with the headers where there is none) and not, as in chunked
    /// framing, after it. Not looked at where there are trailers.
    pub end_with_last: bool,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
    /// The client's address, `ip:port`.
    pub source: String,
    /// Attributes by path, over what the host knows itself; segments are separated by NUL.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The worker that serves it; chosen by turns when absent.
    pub worker: Option<usize>,
}

/// A response of an upstream or to a call-out.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// `:status` and headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the end comes with the body (or with the headers where there is none) and not after it.
    pub end_with_last: bool,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
    /// How long it takes.
    pub delay: Duration,
}

/// A request as it reached the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamRequest {
    /// Pseudo headers and headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
    /// Whether its end arrived.
    pub complete: bool,
}

/// An HTTP request a filter made.
#[derive(Debug, Clone, Default)]
pub struct CallOut {
    /// The cluster.
    pub cluster: String,
    /// Pseudo headers and headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
    /// After this the answer is 504; `None`: never.
    pub timeout: Option<Duration>,
}

/// What becomes of a call-out.
#[derive(Debug, Clone)]
pub enum CallOutAnswer {
    /// An answer, with its delay.
    Response(Response),
    /// Nothing, ever: only the time-out ends it.
    Silence,
    /// The body breaks off or stops after the headers: the filter gets an answer without anything after this
    /// time, or when its time-out comes.
    BrokenBody(Option<Duration>),
}

/// No call-out is faster: a guest that makes another one whenever one fails does not stop time.
pub(crate) const LEAST: Duration = Duration::from_micros(100);

impl CallOutAnswer {
    /// When the filter that set this time-out hears of it, and what it sees: `None` for an answer without anything, Envoy's
    /// own 504 after the time-out. Outer `None`: it never hears anything.
    #[must_use]
    pub fn outcome(self, timeout: Option<Duration>) -> Option<(Duration, Option<Response>)> {
        let (delay, answer) = match self {
            Self::Response(response) => (Some(response.delay), Some(response)),
            Self::BrokenBody(after) => (after, None),
            Self::Silence => (None, Some(timed_out())),
        };
        let (delay, answer) = match (delay, timeout) {
            (Some(delay), Some(timeout)) if delay >= timeout => (timeout, answer.is_some().then(timed_out)),
            (None, Some(timeout)) => (timeout, answer),
            (Some(delay), _) => (delay, answer),
            (None, None) => return None,
        };
        Some((delay.max(LEAST), answer))
    }
}

/// What Envoy answers in the stead of a cluster that takes too long.
fn timed_out() -> Response {
    let body = b"upstream request timeout".to_vec();
    let length = body.len().to_string();
    let headers = [(":status", "504"), ("content-length", length.as_str()), ("content-type", "text/plain")];
    Response { headers: HeaderMap::from_pairs(Kind::Response, headers), body, ..Response::default() }
}

/// A gRPC call a filter made.
#[derive(Debug, Clone)]
pub struct GrpcCall {
    /// The cluster, from the service description.
    pub cluster: String,
    /// Service name.
    pub service: String,
    /// Method name.
    pub method: String,
    /// Initial metadata.
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,
    /// The message; empty for a stream.
    pub message: Vec<u8>,
    /// Whether it is a stream.
    pub streaming: bool,
}

/// What becomes of a gRPC call.
#[derive(Debug, Clone, Default)]
pub struct GrpcAnswer {
    /// Initial metadata.
    pub initial: Option<HeaderMap>,
    /// Messages, in order.
    pub messages: Vec<Vec<u8>>,
    /// Trailing metadata.
    pub trailing: Option<HeaderMap>,
    /// The status at the end.
    pub status: u32,
    /// The text of the status.
    pub text: String,
    /// How long it takes.
    pub delay: Duration,
}

/// Everything outside the gateway.
pub trait Network {
    /// The upstream's answer to a request that reached it whole; `None`: it never answers.
    fn upstream(&mut self, stream: StreamId, request: &UpstreamRequest) -> Option<Response>;

    /// What becomes of a call-out; `cause` is the request it was made for, as far as that is known.
    fn call_out(&mut self, cause: Option<StreamId>, call: &CallOut) -> CallOutAnswer;

    /// What becomes of a gRPC call. By default nobody listens: status 14, UNAVAILABLE.
    fn grpc(&mut self, _cause: Option<StreamId>, _call: &GrpcCall) -> GrpcAnswer {
        GrpcAnswer { status: 14, text: "upstream connect error".to_owned(), ..GrpcAnswer::default() }
    }
}

/// A line a filter logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// Which context logged it: plugin name (streams only), root id and VM id, as far as they are not empty, with a
    /// blank between them. Envoy prints it between `wasm log` and the text.
    pub prefix: String,
    /// The text, as the filter gave it.
    pub text: String,
    /// Its place among all lines of the host.
    pub order: u64,
}

/// What the client got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientResponse {
    /// `:status` and headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Option<HeaderMap>,
    /// Whether it came to its end.
    pub complete: bool,
}

/// One request that is over.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Which request.
    pub id: StreamId,
    /// The filter that answered in the upstream's stead, by name.
    pub answered_by: Option<String>,
    /// What the client got; `None`: nothing.
    pub response: Option<ClientResponse>,
    /// What reached the upstream.
    pub upstream: Option<UpstreamRequest>,
    /// Envoy's response code details: `via_upstream` for the upstream's own answer.
    pub details: Option<String>,
    /// Filter state, names without Envoy's `wasm.`.
    pub filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What filters logged on its behalf.
    pub logs: Vec<LogLine>,
    /// Call-outs made on its behalf, by cluster, in order.
    pub call_outs: Vec<CallOut>,
    /// How often a VM trapped in it, and why.
    pub traps: Vec<crate::error::Trap>,
    /// Fuel its callbacks burnt, where the engine counts it.
    pub fuel: u64,
    /// Metrics that changed on its behalf: by how much a counter rose, what a gauge then was, what a histogram
    /// took last.
    pub metrics: BTreeMap<String, u64>,
}
