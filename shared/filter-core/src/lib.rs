//! The functional vocabulary of every Portcullis filter: no I/O, no clock, no proxy-wasm.
//!
//! A plugin implements [`policy::Policy`]: a pure function from (compiled policy, event, time, store) to an
//! [`effect::Step`]. The phase machine in [`stream`] decides which events a policy sees and turns its steps
//! into an [`filter::Outcome`] that a host performs: the guest adapter in Envoy, or the native executor of the
//! tests. Both run the same machine.

pub mod address;
pub mod audit;
pub mod base64url;
pub mod client;
pub mod config;
pub mod denial;
pub mod effect;
pub mod filter;
pub mod keys;
pub mod lease;
pub mod matcher;
pub mod media;
pub mod message;
pub mod names;
pub mod pairs;
pub mod path;
pub mod policy;
pub mod redact;
pub mod redis;
pub mod store;
pub mod stream;
pub mod target;
pub mod task;
pub mod tasks;
pub mod violation;
pub mod workers;

pub use http;
