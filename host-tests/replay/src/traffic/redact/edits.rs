//! Replacements within a text that otherwise stays as it is.

use std::io::{self, Write};
use std::ops::Range;

use serde_json::value::RawValue;

use crate::traffic::json::Loose;

pub(super) struct Edits<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Replaces a value that was read out of the text.
    pub(super) fn replace(&mut self, value: &'a RawValue, by: String) {
        let start = value.get().as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        self.edits.push((start..start.wrapping_add(value.get().len()), by));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.edits.len()
    }

    /// Writes the text with its replacements. Of two that overlap, the outer one counts.
    pub(super) fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        self.edits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut copied = 0;
        for (range, by) in self.edits.iter().filter(|(range, _)| range.end <= self.text.len()) {
            if range.start < copied {
                continue;
            }
            out.write_all(self.text.as_bytes().get(copied..range.start).unwrap_or_default())?;
            out.write_all(by.as_bytes())?;
            copied = range.end;
        }
        out.write_all(self.text.as_bytes().get(copied..).unwrap_or_default())
    }

    pub(super) fn applied(self) -> String {
        let mut out = Vec::with_capacity(self.text.len());
        // Writing to memory cannot fail, and pieces of UTF-8 are UTF-8.
        let _ = self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

/// The bytes of a value that is a string.
pub(super) fn string(value: &RawValue) -> Option<Vec<u8>> {
    serde_json::from_str::<Loose>(value.get()).ok().map(|text| text.0)
}

/// A JSON string; bytes that are not UTF-8 are replaced.
pub(super) fn literal(bytes: &[u8]) -> String {
    serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string()
}
