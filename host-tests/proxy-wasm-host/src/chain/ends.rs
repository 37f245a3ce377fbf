//! What stands at the ends of the chain: the router with the upstream behind it, and the client.

use super::Source;
use crate::headers::HeaderMap;
use crate::host::Host;
use crate::message::{ClientResponse, Network, Response, StreamId, UpstreamRequest};
use crate::stream::{Direction, LocalReply, nanoseconds};
use crate::world::Event;

impl<N: Network> Host<N> {
    /// The head of the request leaves the chain.
    pub(super) fn router_headers(&mut self, id: StreamId, end: bool) {
        let Some(stream) = self.stream(id).filter(|stream| stream.upstream.is_none()) else { return };
        let headers = stream.request.headers.clone().unwrap_or_default();
        if let Some(missing) = missing(&headers) {
            let text = format!("missing required header: {missing}");
            let details = format!("filter_removed_required_request_headers{{{}}}", text.replace(' ', "_"));
            return self.local_reply(id, LocalReply::new(503, &text, &details));
        }
        stream.upstream = Some(UpstreamRequest { headers, ..UpstreamRequest::default() });
        if end {
            self.router_end(id);
        }
    }

    pub(super) fn router_data(&mut self, id: StreamId, body: &[u8], end: bool) {
        let Some(upstream) = self.stream(id).and_then(|stream| stream.upstream.as_mut()) else { return };
        upstream.body.extend_from_slice(body);
        if end {
            self.router_end(id);
        }
    }

    pub(super) fn router_trailers(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id) else { return };
        let trailers = stream.request.trailers.clone();
        let Some(upstream) = stream.upstream.as_mut() else { return };
        upstream.trailers = trailers;
        self.router_end(id);
    }

    /// The upstream has the whole request.
    fn router_end(&mut self, id: StreamId) {
        let Some(upstream) = self.world.streams.get_mut(&id).and_then(|stream| stream.upstream.as_mut())
        else {
            return;
        };
        if std::mem::replace(&mut upstream.complete, true) {
            return;
        }
        let answer = self.network.upstream(id, upstream);
        let (route, delay) = (self.world.limits.route, answer.as_ref().map(|answer| answer.delay));
        match (delay, answer) {
            (Some(delay), Some(answer)) if delay < route => {
                let event = Event::Upstream { stream: id, answer: Some(Box::new(answer)) };
                self.world.after(nanoseconds(delay), event);
            }
            _ => self.world.after(nanoseconds(route), Event::Upstream { stream: id, answer: None }),
        }
    }

    /// The upstream answers, or has taken too long.
    pub(crate) fn upstream_answers(&mut self, id: StreamId, answer: Option<Response>) {
        let Some(stream) = self.stream(id).filter(|stream| !stream.over) else { return };
        if stream.response.headers.is_some() {
            return;
        }
        let Some(answer) = answer else {
            let reply = LocalReply::new(504, "upstream request timeout", "response_timeout");
            return self.local_reply(id, reply);
        };
        stream.details = Some("via_upstream".to_owned());
        stream.response.headers = Some(answer.headers);
        let last_is_body = !answer.body.is_empty() && answer.trailers.is_none();
        let end = answer.end_with_last && answer.body.is_empty() && answer.trailers.is_none();
        self.headers(id, Direction::Encode, None, end);
        if !answer.body.is_empty() {
            let last = last_is_body && answer.end_with_last;
            self.response_piece(id, answer.body, last);
        }
        match answer.trailers {
            Some(trailers) if self.response_goes_on(id) => {
                self.with(id, |stream| stream.response.trailers = Some(trailers));
                self.trailers(id, Direction::Encode, None);
            }
            None if !answer.end_with_last => self.response_piece(id, Vec::new(), true),
            _ => {}
        }
    }

    fn response_piece(&mut self, id: StreamId, piece: Vec<u8>, end: bool) {
        if self.response_goes_on(id) {
            self.with(id, |stream| stream.response.piece = piece);
            self.data(id, Direction::Encode, None, Source::Piece, end);
        }
    }

    /// The upstream is let go once the gateway has answered in its stead.
    fn response_goes_on(&mut self, id: StreamId) -> bool {
        self.stream(id).is_some_and(|stream| !(stream.over || stream.encoder_aborted))
    }

    /// The head of the response leaves the chain.
    pub(super) fn client_headers(&mut self, id: StreamId, end: bool) {
        let Some(stream) = self.stream(id).filter(|stream| !stream.over) else { return };
        let headers = stream.response.headers.clone().unwrap_or_default();
        if headers.get(b":status").is_none() {
            let text = "missing required header: :status";
            let details = "filter_removed_required_response_headers{missing_required_header:_:status}";
            return self.local_reply(id, LocalReply::new(502, text, details));
        }
        stream.headers_sent = true;
        stream.client = Some(ClientResponse { headers, ..ClientResponse::default() });
        if end {
            self.end(id);
        }
    }

    pub(super) fn client_data(&mut self, id: StreamId, body: &[u8], end: bool) {
        let Some(stream) = self.stream(id).filter(|stream| !stream.over) else { return };
        if let Some(client) = stream.client.as_mut() {
            client.body.extend_from_slice(body);
        }
        if end {
            self.end(id);
        }
    }

    pub(super) fn client_trailers(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id).filter(|stream| !stream.over) else { return };
        let trailers = stream.response.trailers.clone();
        if let Some(client) = stream.client.as_mut() {
            client.trailers = trailers;
        }
        self.end(id);
    }

    /// The client has the whole response.
    pub(super) fn end(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id) else { return };
        if let Some(client) = stream.client.as_mut() {
            client.complete = true;
        }
        stream.encode_complete = true;
        stream.over = true;
        self.ended.push(id);
    }

    /// The stream is cut off: the client sees no end.
    pub(crate) fn reset(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id).filter(|stream| !stream.over) else { return };
        if stream.running.decoding > 0 {
            stream.decoder_aborted = true;
        } else if stream.running.encoding > 0 {
            stream.encoder_aborted = true;
        }
        stream.over = true;
        self.ended.push(id);
    }
}

/// What a request cannot be sent without (`HeaderUtility::checkRequiredRequestHeaders`).
fn missing(headers: &HeaderMap) -> Option<&'static str> {
    let Some(method) = headers.get(b":method") else { return Some(":method") };
    (method != b"CONNECT" && headers.get(b":path").is_none()).then_some(":path")
}
