//! The two answers there are: the upstream's, and a local reply in the form Envoy gives it.

use filter_core::denial::LocalReply;
use filter_core::message::Headers;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use recorder::Headers as List;

use super::headers::regular;
use crate::observation::{Observation, Verdict};
use crate::request::Request;

/// What Envoy escapes in `grpc-message` (`PercentEncoding::encode`): control bytes, `%`, `~` and all that is
/// not ASCII.
const GRPC_MESSAGE: &AsciiSet = &CONTROLS.add(b'%').add(b'~');

/// A response on its way to the client.
pub(super) struct Answer {
    /// Headers, `:status` first.
    pub(super) map: Headers,
    pub(super) body: Vec<u8>,
    pub(super) trailers: List,
}

impl Answer {
    fn new(status: u16) -> Self {
        let mut map = Headers::default();
        map.push(b":status", status.to_string().as_bytes());
        Self { map, body: Vec::new(), trailers: Vec::new() }
    }

    /// What the client sees of it.
    pub(super) fn observed(self) -> Observation {
        let status =
            self.map.first(":status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        Observation {
            verdict: Verdict::Pass,
            status,
            headers: regular(&self.map),
            body: self.body,
            trailers: self.trailers,
            error: None,
            ..Observation::no_response(String::new())
        }
    }
}

/// The upstream's answer as it comes over the wire.
pub(super) fn upstream(response: &recorder::Response, request: &Request) -> Answer {
    let mut answer = Answer::new(response.status());
    for (name, value) in response.headers() {
        answer.map.push(name.as_bytes(), &value);
    }
    let bodiless = matches!(response.status(), 204 | 304);
    if !(bodiless || request.is_head()) {
        answer.body = response.body().to_vec();
        answer.trailers = response.trailers();
    }
    if !bodiless && answer.trailers.is_empty() && answer.map.first("content-length").is_none() {
        answer.map.push(b"content-length", response.body().len().to_string().as_bytes());
    }
    answer
}

/// Envoy's `Utility::prepareLocalReply`.
pub(super) fn local(reply: &LocalReply, request: &Request) -> Answer {
    let mut answer = Answer::new(if reply.grpc_status.is_some() { 200 } else { reply.status });
    for (name, value) in &reply.headers {
        // These two follow from the body.
        if !matches!(name.as_str(), "content-length" | "content-type") {
            answer.map.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    if let Some(status) = reply.grpc_status {
        answer.map.push(b"content-type", b"application/grpc");
        answer.map.push(b"grpc-status", status.to_string().as_bytes());
        if !(reply.body.is_empty() || request.is_head()) {
            let message = percent_encode(&reply.body, GRPC_MESSAGE).to_string();
            answer.map.push(b"grpc-message", message.as_bytes());
        }
        return answer;
    }
    if !reply.body.is_empty() {
        let given = reply.headers.iter().find(|(name, _)| name.as_str() == "content-type");
        let media_type = given.map_or(&b"text/plain"[..], |(_, value)| value.as_bytes());
        answer.map.push(b"content-type", media_type);
        answer.map.push(b"content-length", reply.body.len().to_string().as_bytes());
        if !request.is_head() {
            answer.body.clone_from(&reply.body);
        }
    }
    answer
}
