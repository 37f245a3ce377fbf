//! What a worker holds.

use crate::backend::Shared;
use crate::slots::{Seed, Table};
use filter_core::policy::Cx;

/// What a worker holds.
#[derive(Default)]
pub struct State {
    /// What keys of the table are hashed with, once it was needed.
    seed: Option<Seed>,
    /// What is known of the limits that Redis counts.
    pub(crate) shared: Shared,
}

impl State {
    /// What keys of the table are hashed with. `None`: the host has no random bytes.
    pub(crate) fn seed(&mut self, table: &Table, cx: &dyn Cx) -> Option<Seed> {
        if self.seed.is_none() {
            self.seed = table.seed(cx);
        }
        self.seed
    }
}
