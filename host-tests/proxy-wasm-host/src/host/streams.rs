//! Streams begin, are fed, and end.

use std::collections::{BTreeMap, VecDeque};

use super::Host;
use crate::chain::Source;
use crate::message::{Exchange, Network, Protocol, Request, StreamId};
use crate::stream::{Direction, Message, Running, Slot, Stream, nanoseconds};
use crate::vm::VmAt;
use crate::vm::callback::Callback;

impl<N: Network> Host<N> {
    /// A request arrives now. What it comes to is known when [`Host::run`] or [`Host::run_until`] has gone far
    /// enough.
    pub fn submit(&mut self, request: Request) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream += 1;
        let thread = request.worker.unwrap_or(self.next_worker) % self.workers;
        if request.worker.is_none() {
            self.next_worker = self.next_worker.wrapping_add(1);
        }
        let slots: Vec<Slot> = (0..self.chain.len()).map(|at| self.slot(id, thread, at)).collect();
        let Request { protocol, headers, body, end_with_last, trailers, source, properties, .. } = request;
        let is_head = headers.get(b":method") == Some(b"HEAD");
        let is_grpc = headers.get(b"content-type").is_some_and(is_grpc);
        let message = Message { headers: Some(headers), ..Message::default() };
        let now = self.world.now;
        let stream = Stream {
            id,
            protocol,
            slots,
            request: message,
            response: Message::default(),
            request_complete: false,
            received: 0,
            local_complete: false,
            encode_complete: false,
            headers_sent: false,
            running: Running::default(),
            decoder_aborted: false,
            encoder_aborted: false,
            prepared: None,
            replied_by: None,
            over: false,
            logging: false,
            is_head,
            is_grpc,
            source,
            properties,
            filter_state: BTreeMap::new(),
            filter_state_bytes: 0,
            details: None,
            started: now,
            idle_from: now,
            upstream: None,
            client: None,
            logs: Vec::new(),
            log_bytes: 0,
            call_outs: Vec::new(),
            traps: Vec::new(),
            fuel: 0,
            metrics: BTreeMap::new(),
        };
        self.world.streams.insert(id, stream);
        let pieces: VecDeque<Vec<u8>> = body.into_iter().filter(|piece| !piece.is_empty()).collect();
        self.feed(id, pieces, end_with_last, trailers);
        self.settle();
        self.watch(id);
        id
    }

    fn slot(&mut self, id: StreamId, thread: usize, at: usize) -> Slot {
        let Some((vm_at, root)) = self.serving(thread, at) else { return Slot::default() };
        let plugin = self.chain.get(at).map(|installed| installed.plugin.clone());
        let context = match (self.vm(vm_at), plugin) {
            (Some(vm), Some(plugin)) if !vm.failed() => vm.create_context(root, &plugin, Some((id, at))),
            _ => 0,
        };
        Slot { vm: Some(vm_at), context, ..Slot::default() }
    }

    /// The request goes into the chain as it comes over the wire.
    fn feed(
        &mut self,
        id: StreamId,
        pieces: VecDeque<Vec<u8>>,
        end_with_last: bool,
        trailers: Option<crate::headers::HeaderMap>,
    ) {
        let more = !pieces.is_empty() || trailers.is_some() || !end_with_last;
        self.with(id, |stream| stream.request_complete = !more);
        self.headers(id, Direction::Decode, None, !more);
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.into_iter().enumerate() {
            let end = index == last && end_with_last && trailers.is_none();
            self.request_piece(id, piece, end);
        }
        match trailers {
            Some(trailers) => {
                self.with(id, |stream| {
                    stream.request_complete = true;
                    stream.request.trailers = Some(trailers);
                });
                self.trailers(id, Direction::Decode, None);
            }
            None if !end_with_last => self.request_piece(id, Vec::new(), true),
            None => {}
        }
    }

    fn request_piece(&mut self, id: StreamId, piece: Vec<u8>, end: bool) {
        self.with(id, |stream| {
            stream.request_complete |= end;
            stream.received += piece.len();
            stream.request.piece = piece;
        });
        self.data(id, Direction::Decode, None, Source::Piece, end);
    }

    /// Ends what ended during the event at hand.
    pub(super) fn settle(&mut self) {
        while let Some(id) = self.ended.pop() {
            self.finish(id);
        }
    }

    /// An open stream that waits for nothing on its way is given up after a while.
    pub(super) fn watch(&mut self, id: StreamId) {
        let limit = nanoseconds(self.world.limits.stream_idle);
        let now = self.world.now;
        if let Some(stream) = self.world.streams.get_mut(&id) {
            self.idle.remove(&(stream.idle_from.saturating_add(limit), id));
            stream.idle_from = now;
            self.idle.insert((now.saturating_add(limit), id));
        }
    }

    /// The last callbacks of every filter, and what is left of the stream.
    fn finish(&mut self, id: StreamId) {
        let limit = nanoseconds(self.world.limits.stream_idle);
        self.with(id, |stream| stream.logging = true);
        for filter in 0..self.chain.len() {
            self.create(id, filter);
            self.last_call(id, filter, Callback::Log);
        }
        self.with(id, |stream| stream.logging = false);
        for filter in 0..self.chain.len() {
            self.last_call(id, filter, Callback::Done);
            self.last_call(id, filter, Callback::Delete);
        }
        let Some(stream) = self.world.streams.remove(&id) else { return };
        self.idle.remove(&(stream.idle_from.saturating_add(limit), id));
        for slot in &stream.slots {
            if let Some(vm) = slot.vm.and_then(|at| self.vm(at)) {
                vm.state().contexts.remove(&slot.context);
            }
        }
        let answered_by = stream.replied_by.and_then(|filter| self.chain.get(filter));
        self.finished.push_back(Exchange {
            id,
            answered_by: answered_by.map(|installed| installed.plugin.name.clone()),
            response: stream.client,
            upstream: stream.upstream,
            details: stream.details,
            filter_state: stream.filter_state,
            logs: stream.logs,
            call_outs: stream.call_outs,
            traps: stream.traps,
            fuel: stream.fuel,
            metrics: stream.metrics,
        });
    }

    fn last_call(&mut self, id: StreamId, filter: usize, callback: Callback) {
        let found: Option<(VmAt, u32)> = self.with(id, |stream| {
            let slot = stream.slot(filter).filter(|slot| slot.created)?;
            Some((slot.vm?, slot.context))
        });
        if let Some((vm, context)) = found {
            self.invoke(vm, context, callback, [0; 4], Some(id));
        }
    }

    /// The next request that is over.
    pub fn next_finished(&mut self) -> Option<Exchange> {
        self.finished.pop_front()
    }

    /// How many requests are under way.
    #[must_use]
    pub fn open(&self) -> usize {
        self.world.streams.len()
    }
}

/// `application/grpc` and its subtypes (`Grpc::Common::hasGrpcContentType`).
fn is_grpc(content_type: &[u8]) -> bool {
    let Some(rest) = content_type.strip_prefix(b"application/grpc") else { return false };
    matches!(rest.first(), None | Some(b'+' | b';' | b' '))
}

impl Stream {
    /// How much of a body may be held.
    pub(crate) fn buffer_limit(&self, limits: &crate::limits::Limits) -> usize {
        match self.protocol {
            Protocol::Http10 | Protocol::Http11 => limits.buffer,
            Protocol::Http2 | Protocol::Http3 => limits.buffer_h2,
        }
    }
}
