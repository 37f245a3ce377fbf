//! Limits that several gateways share, natively: workers, and a Redis that answers as the scripts do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod ahead;
mod bounds;
mod exactly;
mod faults;
mod live;
mod redis;
#[path = "../lease/reference.rs"]
mod reference;
mod together;
mod world;
