//! One request on its way through the chain: what `FilterManager` and the wasm `Context` keep of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::abi::MetricKind;
use crate::error::Trap;
use crate::headers::HeaderMap;
use crate::limits::Limits;
use crate::message::{CallOut, ClientResponse, LogLine, Protocol, StreamId, UpstreamRequest};
use crate::vm::VmAt;

/// The way of a message through the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Requests: from the first filter to the router.
    Decode,
    /// Responses: from the last filter to the client.
    Encode,
}

/// Whether a filter lets events pass (`ActiveStreamFilterBase::IterationState`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// Held at this filter, which still gets events.
    StopSingle,
    /// Held before this filter; the body is kept up to the limit.
    StopAllBuffer,
    /// Held before this filter; the client is told to wait at the limit.
    StopAllWatermark,
}

impl Iteration {
    pub(crate) fn stopped_all(self) -> bool {
        matches!(self, Self::StopAllBuffer | Self::StopAllWatermark)
    }
}

/// A filter's position in one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) iteration: Iteration,
    pub(crate) headers_continued: bool,
    /// While it continues after it stopped everything, the body and the trailers come to itself first.
    pub(crate) from_current: bool,
    /// It has seen the end.
    pub(crate) end_stream: bool,
}

/// Where a filter finds the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum BodyView {
    /// There is none to see.
    #[default]
    None,
    /// The piece at hand.
    Piece,
    /// Everything the chain holds back.
    Buffered,
}

/// What a filter may look at in one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sight {
    pub(crate) headers: bool,
    pub(crate) trailers: bool,
    pub(crate) body: BodyView,
    /// Its last answer to a piece of the body was to keep it.
    pub(crate) buffering: bool,
}

/// One filter in one stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    /// The VM it lives in; `None`: passed over.
    pub(crate) vm: Option<VmAt>,
    /// Its stream context; 0 before there is one.
    pub(crate) context: u32,
    pub(crate) created: bool,
    /// Its request callback ran.
    pub(crate) started: bool,
    /// Its failure was answered.
    pub(crate) failed: bool,
    pub(crate) decode: Progress,
    pub(crate) encode: Progress,
    pub(crate) request: Sight,
    pub(crate) response: Sight,
}

impl Slot {
    pub(crate) fn progress(&mut self, direction: Direction) -> &mut Progress {
        match direction {
            Direction::Decode => &mut self.decode,
            Direction::Encode => &mut self.encode,
        }
    }

    pub(crate) fn sight(&mut self, direction: Direction) -> &mut Sight {
        match direction {
            Direction::Decode => &mut self.request,
            Direction::Encode => &mut self.response,
        }
    }
}

/// A message under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) trailers: Option<HeaderMap>,
    /// What the chain holds back.
    pub(crate) buffered: Option<Vec<u8>>,
    /// The piece that goes through the chain now.
    pub(crate) piece: Vec<u8>,
}

impl Message {
    /// Keeps the piece at hand with what is held back already; the length of it all.
    pub(crate) fn hold_piece(&mut self) -> usize {
        let piece = std::mem::take(&mut self.piece);
        match &mut self.buffered {
            Some(held) => held.extend_from_slice(&piece),
            None => self.buffered = Some(piece),
        }
        self.buffered.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn body(&self, view: BodyView) -> &[u8] {
        match view {
            BodyView::None => &[],
            BodyView::Piece => &self.piece,
            BodyView::Buffered => self.buffered.as_deref().unwrap_or_default(),
        }
    }

    /// The same to be changed; `None` where there is nothing to see.
    pub(crate) fn body_mut(&mut self, view: BodyView) -> Option<&mut Vec<u8>> {
        match view {
            BodyView::None => None,
            BodyView::Piece => Some(&mut self.piece),
            BodyView::Buffered => self.buffered.as_mut(),
        }
    }
}

/// An answer of the gateway's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LocalReply {
    pub(crate) status: u32,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) grpc_status: Option<u32>,
    pub(crate) details: String,
}

/// A filter runs, in this direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Running {
    pub(crate) decoding: u32,
    pub(crate) encoding: u32,
}

/// One request and its response.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) protocol: Protocol,
    pub(crate) slots: Vec<Slot>,
    pub(crate) request: Message,
    pub(crate) response: Message,
    /// Bytes of the request's body that have come.
    pub(crate) received: usize,
    /// The request's end has come.
    pub(crate) request_complete: bool,
    /// The response's end went into the chain.
    pub(crate) local_complete: bool,
    /// The response's end came out of the chain.
    pub(crate) encode_complete: bool,
    /// The response's head came out of the chain.
    pub(crate) headers_sent: bool,
    pub(crate) running: Running,
    pub(crate) decoder_aborted: bool,
    pub(crate) encoder_aborted: bool,
    pub(crate) prepared: Option<LocalReply>,
    /// The filter that answered; nobody can do so again.
    pub(crate) replied_by: Option<usize>,
    pub(crate) over: bool,
    /// Callbacks see the maps of both messages, as an access log does.
    pub(crate) logging: bool,
    pub(crate) is_head: bool,
    pub(crate) is_grpc: bool,
    pub(crate) source: String,
    pub(crate) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) filter_state_bytes: usize,
    pub(crate) details: Option<String>,
    /// When the headers came, in ns of virtual time since the Unix epoch.
    pub(crate) started: u64,
    /// Since when nothing has happened to it.
    pub(crate) idle_from: u64,
    pub(crate) upstream: Option<UpstreamRequest>,
    pub(crate) client: Option<ClientResponse>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) log_bytes: usize,
    pub(crate) call_outs: Vec<CallOut>,
    pub(crate) traps: Vec<Trap>,
    pub(crate) fuel: u64,
    pub(crate) metrics: BTreeMap<String, u64>,
}

impl Stream {
    pub(crate) fn message(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::Decode => &mut self.request,
            Direction::Encode => &mut self.response,
        }
    }

    pub(crate) fn slot(&mut self, filter: usize) -> Option<&mut Slot> {
        self.slots.get_mut(filter)
    }

    /// Keeps a call-out that was made for it, as far as the limit on log lines goes.
    pub(crate) fn record(&mut self, call: CallOut, limits: &Limits) {
        self.log_bytes += call.headers.byte_size() + call.body.len();
        if self.log_bytes <= limits.log {
            self.call_outs.push(call);
        }
    }

    /// A callback changed these metrics: counters add up.
    pub(crate) fn changed(&mut self, changes: BTreeMap<String, (MetricKind, u64)>) {
        for (name, (kind, value)) in changes {
            let have = self.metrics.entry(name).or_default();
            *have = if kind == MetricKind::Counter { have.wrapping_add(value) } else { value };
        }
    }

    /// Whether the whole message has gone into the chain.
    pub(crate) fn complete(&self, direction: Direction) -> bool {
        match direction {
            Direction::Decode => self.request_complete,
            Direction::Encode => self.local_complete,
        }
    }
}

/// A duration in ns, as far as 64 bits go.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
