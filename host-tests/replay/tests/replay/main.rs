//! `portcullis replay`, `check` and `redact` as a user runs them: the built program with the built modules.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod against;
mod check;
mod config;
mod errors;
mod interrupt;
mod readme;
mod results;
mod run;
mod secrets;
