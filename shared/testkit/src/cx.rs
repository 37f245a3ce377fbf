//! The world of a test: nothing in it moves unless the test moves it.

use filter_core::filter::Host;
use filter_core::policy::{Cx, Timestamp, micros};
use filter_core::store::{MemoryStore, SharedStore};
use filter_core::task::CallOut;
use filter_core::tasks::Token;
use filter_core::workers::Queue;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// A [`Cx`] with a clock set by hand, a store in memory, properties as given and random bytes that are the same
/// in every run.
#[derive(Debug)]
pub struct TestCx {
    now: Cell<u64>,
    /// `None`: the host has no random bytes.
    random: Cell<Option<u64>>,
    properties: BTreeMap<String, Vec<u8>>,
    store: MemoryStore,
    dialled: RefCell<Vec<(Token, CallOut)>>,
    /// The host refuses call-outs.
    silent: Cell<bool>,
    next: Cell<Token>,
}

/// 2026-01-01T00:00:00Z, an empty store, no properties.
impl Default for TestCx {
    fn default() -> Self {
        Self {
            now: Cell::new(1_767_225_600_000_000),
            random: Cell::new(Some(0)),
            properties: BTreeMap::new(),
            store: MemoryStore::default(),
            dialled: RefCell::default(),
            silent: Cell::new(false),
            next: Cell::new(1),
        }
    }
}

impl TestCx {
    /// Sets the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(now.0);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get().saturating_add(micros(by)));
    }

    /// Moves the clock back, as a corrected wall clock does.
    pub fn step_back(&self, by: Duration) {
        self.now.set(self.now.get().saturating_sub(micros(by)));
    }

    /// Gives a property, as `(&["source", "address"], b"192.0.2.1:4711")`.
    #[must_use]
    pub fn property(mut self, path: &[&str], value: impl AsRef<[u8]>) -> Self {
        self.properties.insert(path.join("\0"), value.as_ref().to_vec());
        self
    }

    /// The call-outs made since the last look, oldest first.
    pub fn dialled(&self) -> Vec<(Token, CallOut)> {
        self.dialled.take()
    }

    /// Whether the host refuses call-outs from now on.
    pub fn refuse_call_outs(&self, refuse: bool) {
        self.silent.set(refuse);
    }

    /// A host that has no random bytes.
    #[must_use]
    pub fn without_random(self) -> Self {
        self.random.set(None);
        self
    }
}

impl Cx for TestCx {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        let Some(mut state) = self.random.get() else { return false };
        for chunk in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            for (byte, random) in chunk.iter_mut().zip(split_mix(state).to_le_bytes()) {
                *byte = random;
            }
        }
        self.random.set(Some(state));
        true
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.properties.get(&path.join("\0")).cloned()
    }

    fn store(&self) -> &dyn SharedStore {
        &self.store
    }
}

impl Host for TestCx {
    fn dial(&self, call: &CallOut) -> Option<Token> {
        if self.silent.get() {
            return None;
        }
        let token = self.next.get();
        self.next.set(token.wrapping_add(1));
        self.dialled.borrow_mut().push((token, call.clone()));
        Some(token)
    }

    fn listen(&self, _: &str) -> Option<Queue> {
        // A number of its own for everything that has one.
        let queue = self.next.get();
        self.next.set(queue.wrapping_add(1));
        Some(queue)
    }
}

/// The output function of SplitMix64.
fn split_mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
