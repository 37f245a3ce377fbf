//! The chain of filters: which filter gets which event, who holds what (`source/common/http/filter_manager.cc`
//! and the wasm `Context` in `source/extensions/common/wasm/context.cc`).
//!
//! Both directions are the same but for the order of the filters and what stands at the end: the router for a
//! request, the client for a response.

mod call;
mod ends;
mod reply;

use crate::host::Host;
use crate::message::{Network, StreamId};
use crate::stream::{Direction, Iteration, Message, Stream};
use call::{DataStatus, HeadersStatus};

/// Where the body at hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The piece that just came.
    Piece,
    /// What the chain held back.
    Buffered,
}

impl<N: Network> Host<N> {
    pub(crate) fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.world.streams.get_mut(&id)
    }

    /// Does something with a stream that may be gone.
    pub(crate) fn with<R: Default>(&mut self, id: StreamId, act: impl FnOnce(&mut Stream) -> R) -> R {
        self.stream(id).map(act).unwrap_or_default()
    }

    fn message(&mut self, id: StreamId, direction: Direction) -> Option<&mut Message> {
        self.stream(id).map(|stream| stream.message(direction))
    }

    fn first(&self, direction: Direction) -> Option<usize> {
        match direction {
            Direction::Decode => (!self.chain.is_empty()).then_some(0),
            Direction::Encode => self.chain.len().checked_sub(1),
        }
    }

    fn following(&self, direction: Direction, filter: usize) -> Option<usize> {
        match direction {
            Direction::Decode => Some(filter + 1).filter(|next| *next < self.chain.len()),
            Direction::Encode => filter.checked_sub(1),
        }
    }

    /// Where an event begins: behind the filter it comes from, or at it where that held everything.
    fn begin(&mut self, id: StreamId, direction: Direction, from: Option<usize>) -> Option<usize> {
        let Some(filter) = from else { return self.first(direction) };
        let current = self
            .with(id, |stream| stream.slot(filter).is_some_and(|slot| slot.progress(direction).from_current));
        if current { Some(filter) } else { self.following(direction, filter) }
    }

    /// Whether the response has got so far that nothing more of this direction matters.
    fn past(&mut self, id: StreamId, direction: Direction) -> bool {
        self.stream(id)
            .is_none_or(|stream| stream.over || direction == Direction::Decode && stream.local_complete)
    }

    /// Headers go through the chain, from its begin or from behind a filter.
    pub(crate) fn headers(&mut self, id: StreamId, direction: Direction, from: Option<usize>, end: bool) {
        if from.is_none() && direction == Direction::Encode {
            self.with(id, |stream| stream.local_complete = end);
        }
        let mut at = match from {
            None => self.first(direction),
            Some(filter) => self.following(direction, filter),
        };
        while let Some(filter) = at {
            let mut status = self.call_headers(id, direction, filter, end);
            if self.aborted(id, direction) {
                self.execute_prepared(id);
                status = HeadersStatus::Stop(Iteration::StopSingle);
            }
            let goes_on = self.with(id, |stream| {
                let Some(progress) = stream.slot(filter).map(|slot| slot.progress(direction)) else {
                    return false;
                };
                match status {
                    HeadersStatus::Continue => progress.headers_continued = true,
                    HeadersStatus::Stop(how) => progress.iteration = how,
                }
                matches!(status, HeadersStatus::Continue)
            });
            if !goes_on || self.past(id, direction) {
                return;
            }
            at = self.following(direction, filter);
        }
        match direction {
            Direction::Decode => self.router_headers(id, end),
            Direction::Encode => self.client_headers(id, end),
        }
    }

    /// A piece of the body goes through the chain.
    pub(crate) fn data(
        &mut self,
        id: StreamId,
        direction: Direction,
        from: Option<usize>,
        source: Source,
        end: bool,
    ) {
        if self.past(id, direction) {
            return;
        }
        if from.is_none() && direction == Direction::Encode {
            self.with(id, |stream| stream.local_complete = end);
        }
        let mut end = end;
        // The filter that made trailers where there were none.
        let mut added = None;
        let mut at = self.begin(id, direction, from);
        while let Some(filter) = at {
            let Some(stream) = self.stream(id) else { return };
            let trailers = stream.message(direction).trailers.is_some();
            let Some(progress) = stream.slot(filter).map(|slot| slot.progress(direction)) else { return };
            if progress.iteration.stopped_all() {
                let streaming = progress.iteration == Iteration::StopAllWatermark;
                return self.hold(id, direction, source, streaming);
            }
            if progress.end_stream {
                return;
            }
            progress.end_stream = end && !trailers;
            let mut status = self.call_data(id, direction, filter, source, end && !trailers);
            if self.aborted(id, direction) {
                if direction == Direction::Decode {
                    return self.execute_prepared(id);
                }
                status = DataStatus::StopNoBuffer;
            }
            if end && !trailers && self.with(id, |stream| stream.message(direction).trailers.is_some()) {
                end = false;
                added = Some(filter);
            }
            if !self.after_data(id, direction, filter, source, status) || self.past(id, direction) {
                return;
            }
            at = self.following(direction, filter);
        }
        let body = self.message(id, direction).map(|message| match source {
            Source::Piece => std::mem::take(&mut message.piece),
            Source::Buffered => message.buffered.as_mut().map(std::mem::take).unwrap_or_default(),
        });
        let body = body.unwrap_or_default();
        match direction {
            Direction::Decode => self.router_data(id, &body, end),
            Direction::Encode => self.client_data(id, &body, end),
        }
        if added.is_some() {
            self.trailers(id, direction, added);
        }
    }

    /// Whether the piece goes on to the next filter.
    fn after_data(
        &mut self,
        id: StreamId,
        direction: Direction,
        filter: usize,
        source: Source,
        status: DataStatus,
    ) -> bool {
        let Some(stream) = self.stream(id) else { return false };
        let complete = stream.complete(direction);
        let Some(progress) = stream.slot(filter).map(|slot| slot.progress(direction)) else { return false };
        if status == DataStatus::Continue {
            if progress.iteration == Iteration::StopSingle {
                // What was held goes on with it.
                self.hold(id, direction, source, true);
                self.go_on(id, direction, filter);
                return false;
            }
            return true;
        }
        progress.iteration = Iteration::StopSingle;
        match status {
            DataStatus::StopAndBuffer => self.hold(id, direction, source, false),
            DataStatus::StopAndWatermark => self.hold(id, direction, source, true),
            DataStatus::StopNoBuffer | DataStatus::Continue => {
                let message = stream.message(direction);
                if complete && message.trailers.is_none() && message.buffered.is_none() {
                    // Going on needs something to go on with.
                    message.buffered = Some(Vec::new());
                }
                message.piece.clear();
            }
        }
        false
    }

    /// Trailers go through the chain.
    pub(crate) fn trailers(&mut self, id: StreamId, direction: Direction, from: Option<usize>) {
        if self.past(id, direction) {
            return;
        }
        if from.is_none() && direction == Direction::Encode {
            self.with(id, |stream| stream.local_complete = true);
        }
        let mut at = self.begin(id, direction, from);
        while let Some(filter) = at {
            let stopped = self.with(id, |stream| {
                stream.slot(filter).is_some_and(|slot| slot.progress(direction).iteration.stopped_all())
            });
            if stopped {
                return;
            }
            let mut goes_on = self.call_trailers(id, direction, filter);
            self.with(id, |stream| {
                if let Some(slot) = stream.slot(filter) {
                    slot.progress(direction).end_stream = true;
                }
            });
            if self.aborted(id, direction) {
                if direction == Direction::Decode {
                    self.execute_prepared(id);
                }
                goes_on = false;
            }
            let Some(stream) = self.stream(id) else { return };
            let Some(progress) = stream.slot(filter).map(|slot| slot.progress(direction)) else { return };
            match (goes_on, progress.iteration) {
                (true, Iteration::StopSingle) => return self.go_on(id, direction, filter),
                (true, _) => {}
                (false, Iteration::Continue) => {
                    progress.iteration = Iteration::StopSingle;
                    return;
                }
                (false, _) => return,
            }
            if self.past(id, direction) {
                return;
            }
            at = self.following(direction, filter);
        }
        match direction {
            Direction::Decode => self.router_trailers(id),
            Direction::Encode => self.client_trailers(id),
        }
    }

    /// A filter lets go of what it held (`commonContinue`).
    pub(crate) fn go_on(&mut self, id: StreamId, direction: Direction, filter: usize) {
        let Some(stream) = self.stream(id) else { return };
        let refused = match direction {
            Direction::Decode => stream.local_complete || stream.decoder_aborted,
            Direction::Encode => stream.encode_complete || stream.encoder_aborted,
        };
        let complete = stream.complete(direction);
        let Some(progress) = stream.slot(filter).map(|slot| slot.progress(direction)) else { return };
        if refused || progress.iteration == Iteration::Continue && progress.headers_continued {
            return;
        }
        if progress.iteration.stopped_all() {
            progress.from_current = true;
        }
        progress.iteration = Iteration::Continue;
        let headers = !std::mem::replace(&mut progress.headers_continued, true);
        if headers {
            let message = stream.message(direction);
            let end = complete && message.buffered.is_none() && message.trailers.is_none();
            self.headers(id, direction, Some(filter), end);
        }
        // Trailers that come while the body goes on are the body's to pass on.
        let Some(message) = self.message(id, direction) else { return };
        let (held, trailers) = (message.buffered.is_some(), message.trailers.is_some());
        if held {
            self.data(id, direction, Some(filter), Source::Buffered, complete && !trailers);
        }
        if trailers {
            self.trailers(id, direction, Some(filter));
        }
        self.with(id, |stream| {
            if let Some(slot) = stream.slot(filter) {
                slot.progress(direction).from_current = false;
            }
        });
    }

    /// Keeps the piece at hand. Too much of it is refused, unless the sender is told to wait at the limit.
    fn hold(&mut self, id: StreamId, direction: Direction, source: Source, streaming: bool) {
        if source == Source::Buffered {
            return;
        }
        let limits = self.world.limits.clone();
        let too_large = self.with(id, |stream| {
            let limit = stream.buffer_limit(&limits);
            stream.message(direction).hold_piece() > limit
        });
        if too_large && !streaming {
            self.too_large(id, direction);
        }
    }
}
