//! What a worker holds.

use crate::claim::Asked;
use crate::settle::Words;
use filter_core::redis::{Breaker, Complaints};
use std::collections::BTreeMap;

/// What a worker holds.
#[derive(Default)]
pub struct State {
    pub(crate) breaker: Breaker,
    pub(crate) complaints: Complaints,
    /// Numbers questions and words: their names must not meet.
    next: u64,
    /// Questions under way whose client is gone, by number. A question ends, so there are no more than calls.
    pub(crate) orphans: BTreeMap<u64, Box<Asked>>,
    /// What Redis is still to be told.
    pub(crate) words: Words,
}

impl State {
    /// A number that no other call of this worker has.
    pub(crate) fn number(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

/// The name of a call. A named one is heard of although its request is gone.
pub(crate) fn name(kind: &str, number: u64) -> std::sync::Arc<str> {
    format!("{kind}{number:x}").into()
}

/// The number in the name of a call of this kind.
pub(crate) fn numbered(name: &str, kind: &str) -> Option<u64> {
    name.strip_prefix(kind).and_then(|digits| u64::from_str_radix(digits, 16).ok())
}
