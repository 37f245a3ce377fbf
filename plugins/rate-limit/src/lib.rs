//! How often a client may ask: exact on one gateway, shared through Redis among several. The rules are in this folder's
//! `README.md`.

pub mod algorithm;
pub mod config;
pub mod exact;
pub mod lease;
pub mod quota;
pub mod script;
pub mod slots;

mod answer;
mod backend;
mod client;
mod compile;
mod key;
mod limit;
mod policy;
mod rule;
mod state;
mod stream;

pub use algorithm::Algorithm;
pub use config::Config;
pub use policy::RateLimit;
