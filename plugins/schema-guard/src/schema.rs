//! A schema ready to be held against documents: by one pass over the text where that is known to say the same as the
//! engine, else by the engine.

use crate::direct::{Plan, Verdict};
use crate::engine::{Sources, Validator};
use crate::json::{Limits, Refusal, Tree};
use filter_core::config::{At, Tree as Written};
use filter_core::violation::Violation;

/// A compiled schema.
pub struct Schema {
    engine: Validator,
    plan: Option<Plan>,
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It was not read.
    Unread(Refusal),
    /// It breaks the schema. None where it would take too long to say how.
    Invalid(Vec<Violation>),
}

impl Schema {
    /// Compiles a schema. `None`: errors were reported at or below `at`.
    #[must_use]
    pub fn compile(schema: &Written, sources: &Sources, at: &At<'_>) -> Option<Self> {
        let engine = Validator::compile(schema, sources, at)?;
        Some(Self { engine, plan: Plan::compile(schema, sources) })
    }

    /// What one pass over the text says; `None` where the schema is for the engine alone. Nothing but that the document
    /// is valid is to be believed of it without asking the engine.
    #[must_use]
    pub fn check_directly(&self, text: &[u8], limits: &Limits) -> Option<Verdict> {
        self.plan.as_ref().map(|plan| plan.check(text, limits))
    }

    /// Reads a document and holds it against the schema. At most `most` violations are gathered.
    ///
    /// # Errors
    /// Why the document is refused.
    pub fn check(&self, text: &[u8], limits: &Limits, most: usize) -> Result<(), Fault> {
        let direct = self.check_directly(text, limits);
        if direct == Some(Verdict::Valid) {
            return Ok(());
        }
        let tree = Tree::read(text, limits).map_err(Fault::Unread)?;
        // What one of the two refuses does not pass: the engine is only asked why.
        if direct == Some(Verdict::Invalid) {
            return Err(Fault::Invalid(self.engine.violations(&tree, most)));
        }
        self.check_tree(&tree, most).map_err(Fault::Invalid)
    }

    /// The same for a value that was no text, as a parameter.
    ///
    /// # Errors
    /// Where and how it breaks the schema.
    pub fn check_tree(&self, tree: &Tree<'_>, most: usize) -> Result<(), Vec<Violation>> {
        self.engine.check(tree, most)
    }
}
