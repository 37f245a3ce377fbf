//! What the tests of every plugin share: a world of their own ([`TestCx`]), requests ([`request`]), a filter to
//! send them through ([`Exchange`], [`drive`]) and the checks that a README and a JSON Schema say what the code does
//! ([`docs`], [`schema`]).
//!
//! Dev-only. Whatever is wrong here stops the test that asked, with a message made for its author.

#![allow(clippy::panic, reason = "a test helper reports by stopping the test")]

mod cx;
pub mod docs;
mod exchange;
pub mod jwt;
mod request;
pub mod schema;

pub use cx::TestCx;
pub use exchange::{Exchange, drive};
pub use request::{RequestBuilder, request, response};
