//! What the tests of every plugin share: a world of their own ([`TestCx`]), requests ([`request`]), a filter to
//! send them through ([`Exchange`], [`drive`]) and the check that a README says what the code does ([`docs`]).
//!
//! Dev-only. Whatever is wrong here stops the test that asked, with a message made for its author.

#![allow(clippy::panic, reason = "a test helper reports by stopping the test")]

mod cx;
pub mod docs;
mod exchange;
mod request;

pub use cx::TestCx;
pub use exchange::{Exchange, drive};
pub use request::{RequestBuilder, request, response};
