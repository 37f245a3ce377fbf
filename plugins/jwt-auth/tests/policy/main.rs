//! What jwt-auth decides about requests, natively.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod attacks;
mod demands;
mod errors;
mod fetched;
mod options;
mod outages;
mod remembered;
mod revoked;
mod synced;
mod tokens;
mod verifying;
mod whose;
mod world;
