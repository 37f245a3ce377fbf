//! The policy, natively: a worker of a gateway, and a Redis that answers as the scripts do. What one request is told and how
//! it is refused is in the suite's traffic cases; here is what no case can do: clients that leave, answers that come late,
//! many gateways in any order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod clients;
mod config;
mod once;
mod redis;
mod words;
mod world;
