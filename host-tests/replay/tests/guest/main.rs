//! Small modules in a real Envoy (`$ENVOY`, or the one of `make tools`): what a filter sees of it, and what a run
//! makes of that. What is asserted about Envoy was measured on 1.40; models of it follow these tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod callbacks;
mod callouts;
mod clients;
mod faults;
mod lab;
mod logs;
mod traps;
