//! `portcullis revoke` and `limits` as an operator runs them: the built program, a real Redis and a real Webdis with the
//! configuration that ships.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod errors;
mod lab;
mod limits;
mod log;
mod readme;
mod revoke;
