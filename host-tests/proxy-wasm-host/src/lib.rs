//! A native host for proxy-wasm modules that behaves as Envoy 1.40 with V8 does, in virtual time. It needs no Envoy and no
//! network, and knows nothing of the modules it runs. `README.md` says what is modelled and what is not.
//!
//! [`Engine`] compiles a [`Module`], a [`Plugin`] gives it a configuration, a [`Host`] runs a chain of plugins and is
//! given [`Request`]s; [`Network`] plays the servers around it, and an [`Exchange`] is what came of a request.

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
