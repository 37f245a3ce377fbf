//! The members of a trace. Envoy writes the names of the proto file; protobuf's own JSON form has others.

use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;

pub(super) type Date = DateTime<FixedOffset>;

#[derive(Deserialize)]
pub(super) struct Wrapper {
    #[serde(alias = "httpBufferedTrace")]
    pub(super) http_buffered_trace: Option<Trace>,
    #[serde(alias = "httpStreamedTraceSegment")]
    pub(super) http_streamed_trace_segment: Option<Segment>,
}

/// `HttpBufferedTrace`
#[derive(Default, Deserialize)]
pub(super) struct Trace {
    #[serde(default)]
    pub(super) request: Message,
    pub(super) response: Option<Message>,
    #[serde(alias = "downstreamConnection")]
    downstream_connection: Option<Connection>,
}

#[derive(Default, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Body>,
    /// The bodies of the segments after the first.
    #[serde(skip)]
    pub(super) more: Vec<Body>,
    #[serde(default)]
    pub(super) trailers: Vec<Header>,
    #[serde(alias = "headersReceivedTime")]
    headers_received_time: Option<String>,
}

/// `config.core.v3.HeaderValue`
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
    /// Base64.
    #[serde(default, alias = "rawValue")]
    pub(super) raw_value: String,
}

#[derive(Deserialize)]
pub(super) struct Body {
    /// Base64.
    #[serde(alias = "asBytes")]
    pub(super) as_bytes: Option<String>,
    #[serde(alias = "asString")]
    pub(super) as_string: Option<String>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Deserialize)]
struct Connection {
    #[serde(alias = "remoteAddress")]
    remote_address: Option<Address>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(alias = "socketAddress")]
    socket_address: Option<SocketAddress>,
}

#[derive(Deserialize)]
struct SocketAddress {
    #[serde(default)]
    address: String,
    #[serde(default, alias = "portValue")]
    port_value: u16,
}

/// `HttpStreamedTraceSegment`
#[derive(Deserialize)]
pub(super) struct Segment {
    /// A number, which JSON carries as a string.
    #[serde(alias = "traceId")]
    pub(super) trace_id: String,
    #[serde(alias = "requestHeaders")]
    request_headers: Option<List>,
    #[serde(alias = "requestBodyChunk")]
    request_body_chunk: Option<Body>,
    #[serde(alias = "requestTrailers")]
    request_trailers: Option<List>,
    #[serde(alias = "responseHeaders")]
    response_headers: Option<List>,
    #[serde(alias = "responseBodyChunk")]
    response_body_chunk: Option<Body>,
    #[serde(alias = "responseTrailers")]
    response_trailers: Option<List>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    headers: Vec<Header>,
}

impl Trace {
    /// When the head of the request arrived, where that was recorded.
    pub(super) fn received(&self) -> Option<Date> {
        DateTime::parse_from_rfc3339(self.request.headers_received_time.as_deref()?).ok()
    }

    /// The client.
    pub(super) fn source(&self) -> Option<SocketAddr> {
        let remote = self.downstream_connection.as_ref()?.remote_address.as_ref()?;
        let address = remote.socket_address.as_ref()?;
        Some(SocketAddr::new(address.address.parse::<IpAddr>().ok()?, address.port_value))
    }

    /// Puts a segment behind what is there.
    pub(super) fn add(&mut self, segment: Segment) {
        self.request.add(segment.request_headers, segment.request_body_chunk, segment.request_trailers);
        let answers = segment.response_headers.is_some()
            || segment.response_body_chunk.is_some()
            || segment.response_trailers.is_some();
        if answers {
            let response = self.response.get_or_insert_default();
            response.add(segment.response_headers, segment.response_body_chunk, segment.response_trailers);
        }
    }
}

impl Message {
    fn add(&mut self, headers: Option<List>, body: Option<Body>, trailers: Option<List>) {
        self.headers.extend(headers.into_iter().flat_map(|list| list.headers));
        self.trailers.extend(trailers.into_iter().flat_map(|list| list.headers));
        match body {
            Some(body) if self.body.is_none() => self.body = Some(body),
            body => self.more.extend(body),
        }
    }
}
