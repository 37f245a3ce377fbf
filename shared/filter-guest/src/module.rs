//! What the host calls: the exports of ABI 0.2.1, each a line, over a table of contexts.
//!
//! Only what a filter needs is exported. The host enters the VM for every callback that exists, whether it does
//! something or not, and each entry costs about as much as reading a header map: the Rust SDK exports 24
//! callbacks, 8 of which run in a plain exchange; here 4 do.

use crate::root::Root;
use crate::stream::HttpStream;
use filter_core::policy::Policy;
use std::alloc::Layout;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr::{NonNull, null_mut};

/// What a callback answers: go on, or hold the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// Go on.
    Continue = 0,
    /// Hold.
    Pause = 1,
}

/// The contexts of a VM by the host's ids. A context that the host names but never made is ignored, or, where
/// a request depends on it, held: nothing passes undecided.
pub struct Module<P: Policy>(RefCell<Contexts<P>>);

struct Contexts<P: Policy> {
    roots: BTreeMap<u32, Root<P>>,
    streams: Streams<P>,
}

/// Streams by the host's ids.
pub(crate) type Streams<P> = BTreeMap<u32, HttpStream<P>>;

impl<P: Policy> Default for Module<P> {
    fn default() -> Self {
        Self(RefCell::new(Contexts { roots: BTreeMap::new(), streams: BTreeMap::new() }))
    }
}

impl<P: Policy> Module<P> {
    /// `proxy_on_context_create`: a root context has no parent.
    pub fn create(&self, id: u32, parent: u32) {
        let Ok(mut contexts) = self.0.try_borrow_mut() else { return };
        if parent == 0 {
            contexts.roots.insert(id, Root::new(id));
        } else if let Some(stream) = contexts.roots.get(&parent).map(|root| root.stream(id)) {
            contexts.streams.insert(id, stream);
        }
    }

    /// `proxy_on_configure`
    pub fn configure(&self, id: u32, size: usize) -> bool {
        self.0
            .try_borrow_mut()
            .ok()
            .and_then(|mut contexts| Some(contexts.roots.get_mut(&id)?.configure(size)))
            .unwrap_or(false)
    }

    /// `proxy_on_request_headers`
    pub fn request_headers(&self, id: u32, end_of_stream: bool) -> Action {
        self.stream(id, |stream| stream.request_headers(end_of_stream))
    }

    /// `proxy_on_request_body`
    pub fn request_body(&self, id: u32, size: usize, end_of_stream: bool) -> Action {
        self.stream(id, |stream| stream.request_body(size, end_of_stream))
    }

    /// `proxy_on_request_trailers`
    pub fn request_trailers(&self, id: u32) -> Action {
        self.stream(id, HttpStream::request_trailers)
    }

    /// `proxy_on_response_headers`
    pub fn response_headers(&self, id: u32, end_of_stream: bool) -> Action {
        self.stream(id, |stream| stream.response_headers(end_of_stream))
    }

    /// `proxy_on_response_body`
    pub fn response_body(&self, id: u32, size: usize, end_of_stream: bool) -> Action {
        self.stream(id, |stream| stream.response_body(size, end_of_stream))
    }

    /// `proxy_on_response_trailers`
    pub fn response_trailers(&self, id: u32) -> Action {
        self.stream(id, HttpStream::response_trailers)
    }

    /// `proxy_on_http_call_response`: 0 headers mean that there is no answer.
    pub fn call_response(&self, id: u32, token: u32, headers: usize, body: usize) {
        self.root(id, |root, streams| root.call_response(token, headers, body, streams));
    }

    /// `proxy_on_queue_ready`
    pub fn queue_ready(&self, id: u32, queue: u32) {
        self.root(id, |root, streams| root.queue_ready(queue, streams));
    }

    /// `proxy_on_tick`
    pub fn tick(&self, id: u32) {
        self.root(id, Root::tick);
    }

    fn root(&self, id: u32, event: impl FnOnce(&mut Root<P>, &mut Streams<P>)) {
        if let Ok(mut contexts) = self.0.try_borrow_mut() {
            let Contexts { roots, streams } = &mut *contexts;
            if let Some(root) = roots.get_mut(&id) {
                event(root, streams);
            }
        }
    }

    /// `proxy_on_delete`: the stream is over, answered or not.
    pub fn delete(&self, id: u32) {
        let Ok(mut contexts) = self.0.try_borrow_mut() else { return };
        if let Some(mut stream) = contexts.streams.remove(&id) {
            stream.done();
        } else {
            contexts.roots.remove(&id);
        }
    }

    fn stream(&self, id: u32, event: impl FnOnce(&mut HttpStream<P>) -> Action) -> Action {
        let found = self.0.try_borrow_mut().ok();
        found.and_then(|mut contexts| contexts.streams.get_mut(&id).map(event)).unwrap_or(Action::Pause)
    }
}

/// `proxy_on_memory_allocate`: memory for what the host hands over, taken back as a `Vec` of exactly `size`
/// bytes ([`crate::abi`]). Out of memory is null, which the host reports as a failed call; it is no trap.
#[must_use]
pub fn allocate(size: usize) -> *mut u8 {
    match Layout::array::<u8>(size) {
        Ok(_) if size == 0 => NonNull::dangling().as_ptr(),
        #[allow(unsafe_code, reason = "an allocation that may fail without a trap; the size is not zero")]
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => null_mut(),
    }
}
