//! A file that is held whole, and the pieces of it.

use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Error, Result, anyhow};
use serde::Deserialize;

use super::{Origin, json};

/// The UTF-8 byte order mark.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// A JSON text and its name.
pub(super) struct Document {
    pub(super) file: Arc<Path>,
    pub(super) text: String,
}

/// A value inside a document.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) range: Range<usize>,
    /// The line where it begins, from 1.
    pub(super) line: u64,
}

impl Document {
    /// Reads all of `input`, without a byte order mark.
    ///
    /// # Errors
    /// Names the file, and the line where it is not UTF-8.
    pub(super) fn read(file: Arc<Path>, mut input: impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).with_context(|| file.display().to_string())?;
        if bytes.starts_with(BOM) {
            bytes.drain(..BOM.len());
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            anyhow!("{}:{}: not UTF-8", file.display(), newlines(before).saturating_add(1))
        })?;
        Ok(Self { file, text })
    }

    /// The whole.
    pub(super) fn whole(&self) -> Piece {
        Piece { range: 0..self.text.len(), line: 1 }
    }

    /// Where a piece begins.
    pub(super) fn origin(&self, piece: &Piece) -> Origin {
        Origin { file: Arc::clone(&self.file), line: piece.line }
    }

    /// Reads the JSON value of a piece whose path in the document is `place`.
    ///
    /// # Errors
    /// `file:line:column: path: what`.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self, piece: &Piece, place: &str) -> Result<T> {
        let text = self.text.get(piece.range.clone()).unwrap_or_default();
        json::parse(text.as_bytes()).map_err(|mismatch| self.error(piece, place, &mismatch))
    }

    fn error(&self, piece: &Piece, place: &str, mismatch: &json::Mismatch) -> Error {
        let line = piece.line.saturating_add((mismatch.line as u64).saturating_sub(1));
        let mut column = mismatch.column;
        if mismatch.line <= 1 {
            let before = self.text.as_bytes().get(..piece.range.start).unwrap_or_default();
            column += before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        }
        let path = joined(place, &mismatch.path);
        let colon = if path.is_empty() { "" } else { ": " };
        anyhow!("{}:{line}:{column}: {path}{colon}{}", self.file.display(), mismatch.message)
    }
}

/// The path of a member of `place`.
pub(super) fn joined(place: &str, member: &str) -> String {
    let dot = if place.is_empty() || member.is_empty() || member.starts_with('[') { "" } else { "." };
    format!("{place}{dot}{member}")
}

/// How many lines end in `bytes`.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
