//! A JSON text under redaction: its strings are found in place, so that all else stays as it is.

use anyhow::{Result, ensure};
use serde_json::value::RawValue;

use super::edits::{Edits, literal, string};
use super::{Found, Redactor};
use crate::traffic::json::{Node, open};

/// How deep a value may be nested.
const DEPTH: usize = 128;

/// One exchange being masked.
pub(super) struct Walk<'a, 'r> {
    pub(super) redactor: &'r Redactor,
    pub(super) edits: Edits<'a>,
    pub(super) found: Found,
    /// Texts that are masked once all that is secret was found.
    later: Vec<&'a RawValue>,
}

impl<'a, 'r> Walk<'a, 'r> {
    pub(super) fn new(redactor: &'r Redactor, text: &'a str) -> Self {
        Self { redactor, edits: Edits::new(text), found: Found::default(), later: Vec::new() }
    }

    /// Leaves every string in `value` to the end.
    pub(super) fn later(&mut self, value: &'a RawValue) {
        self.later.push(value);
    }

    /// Masks what was left to the end, for the exchange that ends here.
    pub(super) fn finish(&mut self) -> Result<()> {
        for value in std::mem::take(&mut self.later) {
            self.strings(value, 0)?;
        }
        self.found = Found::default();
        Ok(())
    }

    fn strings(&mut self, value: &'a RawValue, depth: usize) -> Result<()> {
        ensure!(depth < DEPTH, "nested deeper than {DEPTH} levels");
        match open(value)? {
            Node::Object(members) => {
                members.into_iter().try_for_each(|(_, value)| self.strings(value, depth + 1))
            }
            Node::Array(items) => items.into_iter().try_for_each(|value| self.strings(value, depth + 1)),
            Node::Scalar => {
                if let Some(text) = string(value) {
                    let masked = self.redactor.text(&text, &self.found);
                    if *masked != *text {
                        self.edits.replace(value, literal(&masked));
                    }
                }
                Ok(())
            }
        }
    }
}
