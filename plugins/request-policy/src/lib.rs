//! The first filter of a chain: which methods and paths may enter, and what every answer carries.
//!
//! The numbered rules (R1, R2, …) in the code are those of this folder's README.

mod config;
mod headers;
mod methods;
mod policy;

pub use config::{Config, RuleConfig};
pub use policy::RequestPolicy;
