//! Requests that are taken ahead, against one bucket for all: how many pass, how many are refused wrongly, and what it
//! costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod arrivals;
mod invariants;
mod reference;
mod simulation;
mod world;
