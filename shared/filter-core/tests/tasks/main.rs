//! Requests that wait for call-outs: who is told what, once, whatever the host and the other workers do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod subject;
mod waiting;
mod workers;
