//! A request with an `Idempotency-Key` is done once, through whichever gateway it comes again. The rules are in this
//! folder's `README.md`.

pub mod key;
pub mod script;

mod claim;
mod compile;
mod config;
mod fingerprint;
mod policy;
mod rule;
mod settle;
mod state;
mod stream;
mod subject;

pub use config::Config;
pub use policy::Idempotency;
