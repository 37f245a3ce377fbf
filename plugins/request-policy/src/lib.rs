//! The first filter of a chain: which requests may enter at all, and what every answer carries.
//!
//! The numbered rules (R1, R2, …) in the code are those of this folder's README.

mod address;
mod config;
mod cors;
mod csrf;
mod decoration;
mod fields;
mod limits;
mod mask;
mod media;
mod methods;
mod name_set;
mod origin;
mod policy;
mod presets;
mod response;
mod rule;
mod seen;
mod status;
mod untrusted;

pub use config::{Config, RuleConfig};
pub use policy::RequestPolicy;
