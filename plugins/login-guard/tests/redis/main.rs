//! The scripts in real Redis: they agree with [`Ledger`](login_guard::ledger::Ledger) event for event.
//!
//! Time is injected: the scripts are those that ship with another `clock.lua`. What the real clock says, and what happens to
//! keys that hold something else, is in `production`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod agreement;
#[path = "../../../rate-limit/tests/redis/lab.rs"]
#[allow(dead_code, reason = "what the scripts of rate-limit alone need")]
mod lab;
mod production;
mod world;
