//! How much work one document may be.
//!
//! A schema that refers to itself from two alternatives can make an engine look at the parts of a document again and
//! again, twice as often with every level. `jsonschema` remembers results while it only asks whether a document is
//! valid, but not in every case, and not while it gathers errors.

use crate::json::Tree;
use serde_json::Value;
use std::cell::Cell;

/// What a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Steps that every value may take.
    pub(super) each: u64,
    /// How many levels deep a value may be that a schema is held against.
    pub(super) deepest: usize,
}

/// What may still be done.
pub(super) struct Work<'t> {
    left: Cell<u64>,
    document: Option<&'t Tree<'t>>,
    /// Granted once, when `left` is used up: so many steps for each value of the document.
    grant: Cell<u64>,
    errors: Cell<usize>,
    deepest: usize,
}

/// Steps that every document has.
const BASE: u64 = 20_000;

/// Steps that every value may take while it is found out why a document is not valid.
const EXPLAINED: u64 = 32;

/// Most errors that the engine gathers, those in alternatives included: they are what takes memory.
const MAX_FOUND: usize = 1_000;

impl<'t> Work<'t> {
    /// To find out whether a document is valid, within these bounds.
    pub(super) fn of(tree: &'t Tree<'t>, Bounds { each, deepest }: Bounds) -> Self {
        let (left, grant, errors) = (Cell::new(BASE), Cell::new(each), Cell::new(usize::MAX));
        Self { left, document: Some(tree), grant, errors, deepest }
    }

    /// To find out why a document is not valid. What says so holds in any case, and what takes long to find is left out.
    pub(super) fn to_explain(tree: &'t Tree<'t>, Bounds { each, deepest }: Bounds) -> Self {
        let grant = Cell::new(each.min(EXPLAINED));
        Self { grant, errors: Cell::new(MAX_FOUND), ..Self::of(tree, Bounds { each, deepest }) }
    }

    /// For a name of a member: how often schemas apply to one value is bounded when they are compiled.
    pub(super) fn unbounded() -> Self {
        let (left, grant, errors) = (Cell::new(u64::MAX), Cell::new(0), Cell::new(usize::MAX));
        Self { left, document: None, grant, errors, deepest: usize::MAX }
    }

    /// Does one step; `false`: there is nothing left.
    pub(super) fn step(&self) -> bool {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                true
            }
            None => self.granted(),
        }
    }

    /// Does one step, to a value so many levels deep.
    pub(super) fn descend(&self, depth: usize) -> bool {
        if depth > self.deepest {
            self.exhaust();
        }
        self.step()
    }

    fn exhaust(&self) {
        self.grant.set(0);
        self.left.set(0);
    }

    #[cold]
    fn granted(&self) -> bool {
        let each = self.grant.take();
        self.left.set(self.document.map_or(0, values).saturating_mul(each));
        self.left.get() > 0
    }

    /// Another error has been found. After the last one there is nothing left.
    pub(super) fn error(&self) {
        match self.errors.get().checked_sub(1) {
            // What was found is the last that counts: its mark is taken before this.
            Some(0) | None => self.exhaust(),
            Some(left) => self.errors.set(left),
        }
    }

    /// Whether there was too much work.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0 && self.grant.get() == 0
    }

    /// What an error that is found now carries.
    pub(super) fn mark(&self) -> Value {
        if self.is_exhausted() { Value::Bool(false) } else { Value::Null }
    }

    /// Whether an error with this was found while everything could still be seen.
    pub(super) fn counts(mark: &Value) -> bool {
        mark.is_null()
    }
}

/// How many values a document has. Its depth is bounded.
fn values(tree: &Tree<'_>) -> u64 {
    let below = match tree {
        Tree::Array(items) => items.iter().map(values).fold(0, u64::saturating_add),
        Tree::Object(object) => object.iter().map(|(_, value)| values(value)).fold(0, u64::saturating_add),
        _ => 0,
    };
    below.saturating_add(1)
}
