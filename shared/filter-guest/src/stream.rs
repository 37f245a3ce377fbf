//! One HTTP stream: callbacks in, [`filter_core::stream::Stream`] events out.

use crate::abi::{self, BufferType, MapType};
use crate::host::Host;
use crate::module::Action;
use crate::perform::perform;
use filter_core::filter::{Filter, Outcome};
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::Policy;
use filter_core::stream::Stream;
use filter_core::task::TaskResult;
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) struct HttpStream<P: Policy> {
    stream: Stream<P>,
    /// It waited at its head, and went on.
    resumed: bool,
    /// A piece of the body was held.
    holds_body: bool,
    filter: Rc<RefCell<Filter<P>>>,
    host: Rc<Host>,
}

impl<P: Policy> HttpStream<P> {
    pub(crate) fn new(id: u32, filter: Rc<RefCell<Filter<P>>>, host: Rc<Host>) -> Self {
        Self { stream: Stream::new(id), resumed: false, holds_body: false, filter, host }
    }

    fn event(
        &mut self,
        map: MapType,
        event: impl FnOnce(&mut Stream<P>, &mut Filter<P>, &Host) -> Outcome,
    ) -> Action {
        // Only a host that calls back into a call could find it borrowed; nothing passes undecided.
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return Action::Pause };
        let outcome = event(&mut self.stream, &mut filter, &self.host);
        perform(&self.host, outcome, map)
            .or_else(|_| {
                let refusal = self.stream.operation_refused(&mut filter, &*self.host);
                perform(&self.host, refusal, map)
            })
            .unwrap_or(Action::Pause)
    }

    pub(crate) fn request_headers(&mut self, end_of_stream: bool) -> Action {
        let headers = abi::headers(MapType::Request).unwrap_or_default();
        self.event(MapType::Request, |stream, filter, host| {
            stream.request_headers(filter, &RequestHead { headers: &headers, end_of_stream }, host)
        })
    }

    pub(crate) fn request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let action = self.event(MapType::Request, |stream, filter, host| {
            stream.request_body(filter, size, end_of_stream, &mut request_body, host)
        });
        self.holds_body = action == Action::Pause;
        action
    }

    pub(crate) fn request_trailers(&mut self) -> Action {
        let action = self.event(MapType::Request, |stream, filter, host| {
            stream.request_trailers(filter, &mut request_body, host)
        });
        let went_on = P::CALLS && self.resumed;
        if action == Action::Continue && went_on && std::mem::take(&mut self.holds_body) {
            // Body and trailers that waited behind a stopped head come in one go, and Envoy does not ask a filter whose
            // trailers go on for a body again (`end_stream_` in `FilterManager::decodeData`): it would be lost. Before
            // this callback has returned, it is not.
            let _ = abi::continue_request();
            return Action::Pause;
        }
        action
    }

    /// What this stream awaits is over. This context is the effective one; the host lets the request go on, or answers
    /// it, when the callback has returned.
    pub(crate) fn resume(&mut self, result: &TaskResult) {
        let action = self.event(MapType::Request, |stream, filter, host| {
            stream.resume(filter, result, &mut request_body, host)
        });
        self.go_on(action);
    }

    /// Its head has been held for too long. As [`Self::resume`].
    pub(crate) fn overdue(&mut self) {
        let action = self.event(MapType::Request, |stream, filter, host| stream.overdue(filter, host));
        self.go_on(action);
    }

    fn go_on(&mut self, action: Action) {
        if action == Action::Continue {
            self.resumed = true;
            let _ = abi::continue_request();
        }
    }

    fn looks_at_answers(&self) -> bool {
        self.filter.try_borrow().is_ok_and(|filter| filter.looks_at_answers())
    }

    pub(crate) fn response_headers(&mut self, end_of_stream: bool) -> Action {
        if !self.looks_at_answers() {
            return Action::Continue;
        }
        let headers = abi::headers(MapType::Response).unwrap_or_default();
        self.event(MapType::Response, |stream, filter, host| {
            stream.response_headers(filter, &ResponseHead { headers: &headers, end_of_stream }, host)
        })
    }

    /// What was not held is new: the buffer has that alone.
    pub(crate) fn response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.event(MapType::Response, |stream, filter, host| {
            let mut body = || abi::buffer(BufferType::ResponseBody, size).ok();
            stream.response_body(filter, size, end_of_stream, &mut body, host)
        })
    }

    pub(crate) fn response_trailers(&mut self) -> Action {
        if !self.looks_at_answers() {
            return Action::Continue;
        }
        let trailers = abi::headers(MapType::ResponseTrailers).unwrap_or_default();
        self.event(MapType::ResponseTrailers, |stream, filter, host| {
            stream.response_trailers(filter, &trailers, host)
        })
    }

    /// Nothing can be answered or read any more; what is left are counters, log lines and the shared store.
    pub(crate) fn done(&mut self) {
        self.event(MapType::Response, |stream, filter, host| stream.done(filter, host));
    }
}

/// Everything that is buffered: the host cuts to what there is.
const ALL: usize = i32::MAX as usize;

fn request_body() -> Option<Vec<u8>> {
    abi::buffer(BufferType::RequestBody, ALL).ok()
}
