//! Cost of a filter in a real Envoy, beside the native filter and a no-op.
//!
//! One run starts an Envoy per variant and loads them in turn, round after round: [`variants`] says what is
//! compared, [`measure`] how, [`report`] what is made of it.

pub mod bodies;
pub mod bootstrap;
pub mod edge;
pub mod gateway;
pub mod limits;
pub mod load;
pub mod logins;
pub mod machine;
pub mod measure;
pub mod report;
pub mod sched;
pub mod service;
pub mod stats;
pub mod tokens;
pub mod upstream;
pub mod variants;
