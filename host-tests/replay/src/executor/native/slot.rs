//! A filter in the chain, with what it holds of the current request.

use std::cell::RefCell;
use std::sync::Arc;

use filter_core::policy::Timestamp;
use filter_core::store::MemoryStore;
use filter_core::tasks::Waiter;

use super::calls::{Calls, later};
use super::exchange::{About, Event};
use super::filter::{AnyFilter, World};
use crate::envoy_config::PluginSpec;

pub(super) struct Slot {
    pub(super) spec: PluginSpec,
    /// Place in the chain.
    pub(super) index: usize,
    pub(super) filter: Box<dyn AnyFilter>,
    store: Arc<MemoryStore>,
    /// When the filter ticks next.
    pub(super) tick_at: Option<Timestamp>,
    /// It was asked about the head.
    pub(super) started: bool,
    /// It still may change the head: Envoy forgets the map where the filter let it go on at once.
    pub(super) has_head: bool,
    /// It is shown nothing more: it paused at the head, and Envoy was not told to go on calling it
    /// (`allow_on_headers_stop_iteration`).
    pub(super) stopped: bool,
    pub(super) held: Held,
    /// Bytes of the request's body that have come to the gateway.
    pub(super) received: u64,
}

/// What waits at a filter, the event at hand included.
#[derive(Default)]
pub(super) struct Held {
    /// The head, and whether it is the end.
    head: Option<bool>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether the body is the end.
    end: bool,
    trailers: bool,
}

impl Slot {
    pub(super) fn new(
        spec: PluginSpec,
        index: usize,
        filter: Box<dyn AnyFilter>,
        store: Arc<MemoryStore>,
        now: Timestamp,
    ) -> Self {
        let tick_at = filter.period().map(|period| later(now, period));
        let held = Held::default();
        Self {
            spec,
            index,
            filter,
            store,
            tick_at,
            started: false,
            has_head: false,
            stopped: false,
            held,
            received: 0,
        }
    }

    /// Forgets the request before.
    pub(super) fn begin(&mut self, id: Waiter) {
        self.filter.begin(id);
        (self.started, self.has_head, self.stopped, self.held) = (false, false, false, Held::default());
        self.received = 0;
    }

    /// The filter, and the world it asks: about the request of this client, or about none.
    pub(super) fn split<'s>(
        &'s mut self,
        calls: &'s RefCell<Calls>,
        now: Timestamp,
        about: Option<About<'s>>,
    ) -> (&'s mut dyn AnyFilter, World<'s>) {
        let (store, slot, instance, received) = (&self.store, self.index, &self.spec.name, self.received);
        let world = World { store, calls, slot, now, instance, about, via_upstream: false, received };
        (self.filter.as_mut(), world)
    }
}

impl Held {
    /// Puts an event behind what is held.
    pub(super) fn push(&mut self, event: Event) {
        match event {
            Event::Head { end } => self.head = Some(end),
            Event::Data { bytes, end } => {
                self.body.get_or_insert_default().extend(bytes);
                self.end = end;
            }
            Event::Trailers => self.trailers = true,
        }
    }

    /// Lets go of everything, the body in one piece.
    pub(super) fn release(&mut self) -> Vec<Event> {
        let Self { head, body, end, trailers } = std::mem::take(self);
        let head = head.map(|end| Event::Head { end });
        let body = body.map(|bytes| Event::Data { bytes, end });
        head.into_iter().chain(body).chain(trailers.then_some(Event::Trailers)).collect()
    }
}
