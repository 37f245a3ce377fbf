//! Holds a document against a schema in one pass over its text, without a tree: for schemas of the common keywords. It
//! says no more than whether the document is valid; what is wrong with it is for the engine to say.
//!
//! A schema has a `Plan` only if every keyword in all that it reaches is one whose meaning is the engine's to the
//! letter; patterns and formats are the engine's own. Everything else is left to the engine, a whole schema at a time.
//!
//! `anyOf` and its like are answered by reading the same text once more. How often any part of a document may be read
//! is bounded when the schema is compiled: a schema that refers to itself from within an alternative has no plan.
//!
//! Here plans are made; they are followed in [`schema_guard_pass`], which is compiled for speed.

mod compile;
mod format;

use crate::engine::Sources;
use crate::json::Limits;
use filter_core::config::Tree;
use format::Formats;
pub use schema_guard_pass::plan::Verdict;

/// A schema that one pass can decide.
pub(crate) struct Plan {
    plan: schema_guard_pass::plan::Plan,
    formats: Formats,
}

impl Plan {
    /// Plans a schema that the engine has compiled. `None`: it is for the engine alone.
    pub(crate) fn compile(schema: &Tree, sources: &Sources) -> Option<Self> {
        compile::compile(schema, sources)
    }

    /// Reads a document and holds it against the schema.
    pub(crate) fn check(&self, text: &[u8], limits: &Limits) -> Verdict {
        self.plan.check(text, limits, &self.formats)
    }
}
