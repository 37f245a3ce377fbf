//! The scripts in real Redis: they agree with [`Quota`](rate_limit::quota::Quota) event for event, in answers and in what
//! they keep; and `fixed_window` with the script that counts by INCR and EXPIRE.
//!
//! Time is injected: the scripts are those that ship with another `clock.lua`, which takes it from the last argument but
//! one. What the real clock says, and what happens to keys that hold something else, is in `production`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod agreement;
mod checklist;
mod lab;
mod production;
#[path = "../lease/reference.rs"]
mod reference;
