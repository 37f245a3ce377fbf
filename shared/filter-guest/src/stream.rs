//! One HTTP stream: SDK callbacks in, [`filter_core::stream::Stream`] events out.

use crate::abi;
use crate::host::Host;
use crate::perform::perform;
use filter_core::denial::{Denial, Reason};
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::Policy;
use filter_core::stream::{Filter, Flow, Outcome, Stream};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) struct HttpStream<P: Policy> {
    stream: Stream<P>,
    filter: Rc<RefCell<Filter<P>>>,
    host: Rc<Host>,
}

impl<P: Policy> HttpStream<P> {
    pub(crate) fn new(filter: Rc<RefCell<Filter<P>>>, host: Rc<Host>) -> Self {
        Self { stream: Stream::default(), filter, host }
    }

    fn event(
        &mut self,
        map: MapType,
        event: impl FnOnce(&mut Stream<P>, &mut Filter<P>, &Host) -> Outcome,
    ) -> Action {
        let outcome = match self.filter.try_borrow_mut() {
            Ok(mut filter) => event(&mut self.stream, &mut filter, &self.host),
            // Only a host that calls back into a call could get here; nothing passes undecided.
            Err(_) => Outcome::flow(Flow::Reply(Denial::new(Reason::PolicyPhase).reply(false))),
        };
        perform(&self.host, outcome, map)
    }
}

/// Everything that is buffered: the host cuts to what there is.
const ALL: usize = i32::MAX as usize;

fn request_body() -> Option<Vec<u8>> {
    abi::buffer(BufferType::HttpRequestBody, ALL).ok()
}

impl<P: Policy> Context for HttpStream<P> {
    fn on_done(&mut self) -> bool {
        // Nothing can be answered any more; what is left are counters and log lines.
        self.event(MapType::HttpResponseTrailers, |stream, filter, host| stream.done(filter, host));
        true
    }
}

impl<P: Policy> HttpContext for HttpStream<P> {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers = abi::headers(MapType::HttpRequestHeaders).unwrap_or_default();
        self.event(MapType::HttpRequestHeaders, |stream, filter, host| {
            stream.request_headers(filter, &RequestHead { headers: &headers, end_of_stream }, host)
        })
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.event(MapType::HttpRequestHeaders, |stream, filter, host| {
            stream.request_body(filter, size, end_of_stream, &mut request_body, host)
        })
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.event(MapType::HttpRequestHeaders, |stream, filter, host| {
            stream.request_trailers(filter, &mut request_body, host)
        })
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers = abi::headers(MapType::HttpResponseHeaders).unwrap_or_default();
        self.event(MapType::HttpResponseHeaders, |stream, filter, host| {
            stream.response_headers(filter, &ResponseHead { headers: &headers, end_of_stream }, host)
        })
    }
}
