//! The decision about an attempt, event for event, on a gateway that counts alone and on one that asks Redis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod alarm;
mod attempts;
mod bounds;
mod config;
mod faults;
mod locks;
mod logs;
mod names;
mod shadow;
mod world;
