//! Keys that are fetched: one fetch at a time for all workers, kept in the shared store, and in each worker as keys.

mod freshness;
mod meta;
mod place;
mod source;

pub use freshness::Freshness;
pub use meta::Meta;
pub use place::{Location, Metadata, Place};
pub use source::{Need, Source, Worker};
