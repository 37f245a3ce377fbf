#![allow(missing_docs, dead_code, unused_imports, reason = "temporary")]
//! A native host for proxy-wasm modules that behaves as Envoy 1.40 does, in virtual time.
pub mod abi;
mod chain;
mod engine;
mod error;
mod foreign;
mod headers;
mod host;
mod hostcalls;
mod limits;
mod memory;
mod message;
mod metrics;
pub mod pairs;
mod plugin;
mod property;
mod random;
mod reply;
mod shared;
mod stream;
mod vm;
mod world;

pub use engine::{Engine, Module};
pub use error::{LoadError, StartError, Trap};
pub use foreign::{ForeignFunction, Registry};
pub use headers::{HeaderMap, Kind};
pub use host::{Host, Options, Refused};
pub use limits::Limits;
pub use message::*;
pub use metrics::Metric;
pub use plugin::{FailurePolicy, Plugin};
