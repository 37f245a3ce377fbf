//! The gateway answers itself (`DownstreamFilterManager::sendLocalReply`).

use super::Source;
use crate::host::Host;
use crate::message::{ClientResponse, Network, StreamId};
use crate::stream::{Direction, LocalReply};

impl<N: Network> Host<N> {
    /// Whether an answer of the gateway's own ended the round that runs.
    pub(super) fn aborted(&mut self, id: StreamId, direction: Direction) -> bool {
        self.stream(id).is_none_or(|stream| match direction {
            Direction::Decode => stream.decoder_aborted,
            Direction::Encode => stream.encoder_aborted,
        })
    }

    /// Answers: through the response callbacks while there is no response, past them before its head has left,
    /// and by cutting the stream off after.
    pub(crate) fn local_reply(&mut self, id: StreamId, reply: LocalReply) {
        let Some(stream) = self.stream(id) else { return };
        if stream.over {
            return;
        }
        if stream.running.decoding > 0 {
            stream.decoder_aborted = true;
        } else if stream.running.encoding > 0 {
            stream.encoder_aborted = true;
        }
        stream.details = Some(reply.details.clone());
        if stream.response.headers.is_none() {
            if stream.running.decoding > 0 {
                // The callback that runs must return first.
                stream.prepared.get_or_insert(reply);
            } else {
                self.reply_through_chain(id, reply);
            }
        } else if stream.headers_sent {
            self.reset(id);
        } else {
            self.reply_directly(id, reply);
        }
    }

    /// The answer that waited for a callback to return, if any.
    pub(super) fn execute_prepared(&mut self, id: StreamId) {
        if let Some(reply) = self.stream(id).and_then(|stream| stream.prepared.take()) {
            self.reply_through_chain(id, reply);
        }
    }

    fn reply_through_chain(&mut self, id: StreamId, reply: LocalReply) {
        let Some(stream) = self.stream(id) else { return };
        let rendered = reply.render(stream.is_grpc, stream.is_head);
        stream.response.headers = Some(rendered.headers);
        let end = rendered.body.is_empty();
        self.headers(id, Direction::Encode, None, end);
        if !end {
            self.with(id, |stream| stream.response.piece = rendered.body);
            self.data(id, Direction::Encode, None, Source::Piece, true);
        }
    }

    fn reply_directly(&mut self, id: StreamId, reply: LocalReply) {
        let Some(stream) = self.stream(id) else { return };
        let rendered = reply.render(stream.is_grpc, stream.is_head);
        stream.response.headers = Some(rendered.headers.clone());
        stream.headers_sent = true;
        stream.local_complete = true;
        stream.client =
            Some(ClientResponse { headers: rendered.headers, body: rendered.body, ..Default::default() });
        self.end(id);
    }

    /// More is held than the limit.
    pub(super) fn too_large(&mut self, id: StreamId, direction: Direction) {
        let reply = match direction {
            Direction::Decode => LocalReply::new(413, "Payload Too Large", "request_payload_too_large"),
            Direction::Encode => LocalReply::new(500, "Internal Server Error", "response_payload_too_large"),
        };
        self.local_reply(id, reply);
    }
}
