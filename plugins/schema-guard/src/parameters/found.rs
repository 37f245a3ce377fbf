//! Violations as they are found, no more than are wanted.

use super::config::In;
use filter_core::violation::{Place, Violation};
use std::borrow::Cow;

/// What was found wrong.
#[derive(Debug)]
pub(super) struct Found {
    list: Vec<Violation>,
    most: usize,
    refused: bool,
}

impl Found {
    pub(super) fn new(most: usize) -> Self {
        Self { list: Vec::new(), most: most.max(1), refused: false }
    }

    /// How many more violations are wanted; with none left, nothing needs to be looked at any more.
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.list.len())
    }

    /// Notes that something is wrong, and where if there is room for it.
    pub(super) fn push(&mut self, location: In, name: &str, pointer: String, keyword: Cow<'static, str>) {
        self.refused = true;
        if self.left() > 0 {
            let place = Place::Parameter { location: location.as_str(), name: name.to_owned(), pointer };
            self.list.push(Violation { place, keyword });
        }
    }

    /// Notes what a schema says, which may be nothing but that it is broken.
    pub(super) fn extend(&mut self, location: In, name: &str, violations: Vec<Violation>) {
        self.refused = true;
        for Violation { place, keyword } in violations {
            let pointer = match place {
                Place::Body(pointer) | Place::Parameter { pointer, .. } => pointer,
            };
            self.push(location, name, pointer, keyword);
        }
    }

    pub(super) fn into_result(self) -> Result<(), Vec<Violation>> {
        if self.refused { Err(self.list) } else { Ok(()) }
    }
}
