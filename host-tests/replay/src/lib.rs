//! Traffic cases in, verdicts out.
//!
//! A case file says what is sent through which Envoy configuration and what must come of it. The same
//! cases run on several executors — the policies called natively, and a real Envoy with the built modules —
//! and what these observe must agree. `README.md` beside this crate describes the file format.

pub mod case;
pub mod client;
pub mod envoy;
pub mod envoy_config;
mod executor;
mod expect;
pub mod gateway;
mod observation;
pub mod operator;
pub mod parity;
pub mod replay;
pub mod report;
pub mod request;
mod run;
mod settings;
pub mod step;
mod text;
mod token;
pub mod traffic;
pub mod variant;
mod yaml;

pub use executor::{Kind, Purpose, check};
pub use expect::Expect;
pub use observation::{Observation, Verdict};
pub use run::{run, run_cases, run_file};
pub use settings::Settings;
pub use text::{Text, shown};
