//! One filter gets one event (`Context::decodeHeaders` and its kind).

use super::Source;
use crate::host::{Host, Invoked};
use crate::message::{Network, StreamId};
use crate::stream::{BodyView, Direction, Iteration, LocalReply, Slot};
use crate::vm::callback::Callback;

/// What a filter answered to headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadersStatus {
    Continue,
    Stop(Iteration),
}

/// What a filter answered to a piece of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataStatus {
    Continue,
    StopAndBuffer,
    StopAndWatermark,
    StopNoBuffer,
}

/// A callback of a filter in a stream.
struct Event {
    callback: Callback,
    arguments: [u32; 4],
}

/// What came of it.
enum Called {
    /// The number the guest answered.
    Answered(u32),
    /// The guest answered the request itself: its number does not count.
    Stopped,
    /// There was nobody to ask: the event passes.
    Passes,
    /// The VM has failed, and the stream is held.
    Failed,
}

impl<N: Network> Host<N> {
    pub(super) fn call_headers(
        &mut self,
        id: StreamId,
        direction: Direction,
        filter: usize,
        end: bool,
    ) -> HeadersStatus {
        if direction == Direction::Decode {
            self.create(id, filter);
        }
        let Some(stream) = self.stream(id) else { return HeadersStatus::Continue };
        let count = stream.message(direction).headers.as_ref().map_or(0, |map| number(map.len()));
        let Some(slot) = stream.slot(filter) else { return HeadersStatus::Continue };
        slot.progress(direction).end_stream = end;
        match direction {
            Direction::Decode => slot.started = slot.vm.is_some(),
            Direction::Encode if !slot.started => return HeadersStatus::Continue,
            Direction::Encode => {}
        }
        slot.sight(direction).headers = true;
        let callback = match direction {
            Direction::Decode => Callback::RequestHeaders,
            Direction::Encode => Callback::ResponseHeaders,
        };
        let event = Event { callback, arguments: [count, u32::from(end), 0, 0] };
        let status = match self.call(id, direction, filter, &event) {
            Called::Answered(0 | 2) | Called::Passes => HeadersStatus::Continue,
            Called::Answered(1) if self.holds_headers_alone(filter) => {
                HeadersStatus::Stop(Iteration::StopSingle)
            }
            Called::Answered(3) => HeadersStatus::Stop(Iteration::StopAllBuffer),
            Called::Answered(_) | Called::Stopped | Called::Failed => {
                HeadersStatus::Stop(Iteration::StopAllWatermark)
            }
        };
        if status == HeadersStatus::Continue {
            self.with_slot(id, filter, |slot| slot.sight(direction).headers = false);
        }
        status
    }

    fn holds_headers_alone(&self, filter: usize) -> bool {
        self.chain.get(filter).is_some_and(|installed| installed.plugin.allow_on_headers_stop_iteration)
    }

    pub(super) fn call_data(
        &mut self,
        id: StreamId,
        direction: Direction,
        filter: usize,
        source: Source,
        end: bool,
    ) -> DataStatus {
        let Some(slot) = self.stream(id).and_then(|stream| stream.slot(filter)) else {
            return DataStatus::Continue;
        };
        if !slot.started {
            return DataStatus::Continue;
        }
        let buffering = slot.sight(direction).buffering;
        let view = match source {
            // The filter gets it together with what it kept before.
            Source::Piece if buffering => {
                self.hold(id, direction, source, false);
                if self.aborted(id, direction) || self.past(id, direction) {
                    return DataStatus::StopNoBuffer;
                }
                BodyView::Buffered
            }
            Source::Piece => BodyView::Piece,
            Source::Buffered => BodyView::Buffered,
        };
        let Some(stream) = self.stream(id) else { return DataStatus::Continue };
        let size = number(stream.message(direction).body(view).len());
        if let Some(slot) = stream.slot(filter) {
            slot.sight(direction).body = view;
        }
        let callback = match direction {
            Direction::Decode => Callback::RequestBody,
            Direction::Encode => Callback::ResponseBody,
        };
        let event = Event { callback, arguments: [size, u32::from(end), 0, 0] };
        let status = match self.call(id, direction, filter, &event) {
            Called::Answered(0) | Called::Passes => DataStatus::Continue,
            Called::Answered(1) => DataStatus::StopAndBuffer,
            Called::Answered(2) => DataStatus::StopAndWatermark,
            Called::Answered(_) | Called::Stopped | Called::Failed => DataStatus::StopNoBuffer,
        };
        self.with_slot(id, filter, |slot| {
            let sight = slot.sight(direction);
            sight.buffering = status == DataStatus::StopAndBuffer;
            sight.body = if sight.buffering { BodyView::Buffered } else { BodyView::None };
        });
        status
    }

    /// Whether the trailers go on.
    pub(super) fn call_trailers(&mut self, id: StreamId, direction: Direction, filter: usize) -> bool {
        let Some(stream) = self.stream(id) else { return true };
        let count = stream.message(direction).trailers.as_ref().map_or(0, |map| number(map.len()));
        let Some(slot) = stream.slot(filter).filter(|slot| slot.started) else { return true };
        slot.sight(direction).trailers = true;
        let callback = match direction {
            Direction::Decode => Callback::RequestTrailers,
            Direction::Encode => Callback::ResponseTrailers,
        };
        let event = Event { callback, arguments: [count, 0, 0, 0] };
        let goes_on =
            matches!(self.call(id, direction, filter, &event), Called::Answered(0) | Called::Passes);
        if goes_on {
            self.with_slot(id, filter, |slot| slot.sight(direction).trailers = false);
        }
        goes_on
    }

    /// Makes the filter's stream context, if there is none.
    pub(crate) fn create(&mut self, id: StreamId, filter: usize) {
        let Some(slot) = self.stream(id).and_then(|stream| stream.slot(filter)) else { return };
        let (Some(vm), false) = (slot.vm, slot.created) else { return };
        slot.created = true;
        let context = slot.context;
        let root = self.vm(vm).and_then(|vm| vm.state().contexts.get(&context).map(|context| context.root));
        let arguments = [root.unwrap_or_default(), 0, 0, 0];
        self.invoke(vm, context, Callback::ContextCreate, arguments, Some(id));
    }

    /// One callback, and what a failed VM means for the stream (`CHECK_FAIL`).
    fn call(&mut self, id: StreamId, direction: Direction, filter: usize, event: &Event) -> Called {
        let Some(slot) = self.stream(id).and_then(|stream| stream.slot(filter)) else {
            return Called::Passes;
        };
        let context = slot.context;
        let Some(vm) = slot.vm else { return Called::Passes };
        self.running(id, direction, 1);
        let invoked = self.invoke(vm, context, event.callback, event.arguments, Some(id));
        let called = match invoked {
            Invoked::Answer(answer) if answer.stopped => Called::Stopped,
            Invoked::Answer(answer) => Called::Answered(answer.value),
            Invoked::Missing => Called::Passes,
            Invoked::Failed => self.failed(id, filter),
        };
        self.running(id, direction, -1);
        called
    }

    fn running(&mut self, id: StreamId, direction: Direction, change: i32) {
        self.with(id, |stream| {
            let count = match direction {
                Direction::Decode => &mut stream.running.decoding,
                Direction::Encode => &mut stream.running.encoding,
            };
            *count = count.saturating_add_signed(change);
        });
    }

    /// Whatever the policy, a stream that has begun with a filter is not let past it.
    fn failed(&mut self, id: StreamId, filter: usize) -> Called {
        let mut first = false;
        self.with_slot(id, filter, |slot| first = !std::mem::replace(&mut slot.failed, true));
        if !first {
            // Its own answer passes the filter that failed.
            return Called::Passes;
        }
        let reply = LocalReply { grpc_status: Some(14), ..LocalReply::new(503, "", "wasm_fail_stream") };
        self.local_reply(id, reply);
        Called::Failed
    }

    pub(super) fn with_slot(&mut self, id: StreamId, filter: usize, act: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.stream(id).and_then(|stream| stream.slot(filter)) {
            act(slot);
        }
    }
}

/// A number of the ABI; what is counted here is bounded far below 2³².
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
