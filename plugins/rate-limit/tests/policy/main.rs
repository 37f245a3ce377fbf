//! Requests through the whole filter.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not there fails the test"
)]

mod answers;
mod config;
mod keys;
mod limits;
mod logs;
mod shadow;
mod workers;
mod world;
