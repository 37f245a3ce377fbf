//! JSON Schema: no body gets past that the API does not know. The rules are in this folder's `README.md`.

pub mod direct;
pub mod engine;
pub mod schema;

mod answer;
mod config;
mod form;
mod operation;
mod parameters;
mod policy;
mod responses;
mod rule;
mod stream;

pub use schema_guard_pass::json;

pub use config::Config;
pub use policy::SchemaGuard;
