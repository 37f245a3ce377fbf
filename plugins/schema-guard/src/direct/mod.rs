//! Holds a document against a schema in one pass over its text, without a tree: for schemas of the common keywords. It
//! says no more than whether the document is valid; what is wrong with it is for the engine to say.
//!
//! A schema has a `Plan` only if every keyword in all that it reaches is one whose meaning is the engine's to the
//! letter; patterns and formats are the engine's own. Everything else is left to the engine, a whole schema at a time.
//!
//! `anyOf` and its like are answered by reading the same text once more. How often any part of a document may be read
//! is bounded when the schema is compiled: a schema that refers to itself from within an alternative has no plan.

mod bounds;
mod check;
mod compile;
mod format;
mod limit;
mod plan;
mod rules;

use crate::engine::Sources;
use crate::json::{Limits, Refusal};
use check::{Check, Stop};
use filter_core::config::Tree;
pub(crate) use plan::Plan;

/// What one pass shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The document is read within the limits, and valid.
    Valid,
    /// It is not valid, or not to be read.
    Invalid,
    /// Nothing: the schema goes deeper into itself than a pass follows.
    Open,
}

impl Plan {
    /// Plans a schema that the engine has compiled. `None`: it is for the engine alone.
    pub(crate) fn compile(schema: &Tree, sources: &Sources) -> Option<Self> {
        let plan = compile::compile(schema, sources)?;
        bounds::is_bounded(&plan).then_some(plan)
    }

    /// Reads a document and holds it against the schema.
    pub(crate) fn check(&self, text: &[u8], limits: &Limits) -> Verdict {
        match Check::run(self, text, limits) {
            Ok(true) => Verdict::Valid,
            Ok(false) | Err(Stop::Refused) => Verdict::Invalid,
            Err(Stop::TooDeep) => Verdict::Open,
        }
    }
}

impl From<Refusal> for Stop {
    /// Why it is refused is told by who reads it as a whole, and sees everything that is wrong with it.
    fn from(_: Refusal) -> Self {
        Self::Refused
    }
}
