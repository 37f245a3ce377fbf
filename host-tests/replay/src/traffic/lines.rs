//! The lines of a file, one at a time.

use std::fmt::Display;
use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Error, Result, anyhow};

use super::Origin;
use super::document::BOM;
use super::reader::Input;

/// Longest line, in bytes.
pub(super) const MAX_LINE: usize = 64 * 1024 * 1024;

pub(super) struct Lines {
    pub(super) file: Arc<Path>,
    /// Of the current line, from 1.
    pub(super) number: u64,
    input: Input,
    /// The current line; its capacity is all that is kept between two.
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(file: Arc<Path>, input: Input) -> Self {
        Self { file, number: 0, input, buffer: Vec::new() }
    }

    /// Goes to the next line; `false` at the end.
    ///
    /// # Errors
    /// The line is too long, or reading fails.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.buffer.clear();
        self.number += 1;
        let mut limited = (&mut self.input).take(MAX_LINE as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.buffer).map_err(|error| self.error(error))?;
        if self.buffer.len() > MAX_LINE {
            return Err(self.error(format_args!("longer than {MAX_LINE} bytes")));
        }
        if self.number == 1 && self.buffer.starts_with(BOM) {
            self.buffer.drain(..BOM.len());
        }
        Ok(read > 0)
    }

    /// The current line with its end.
    pub(super) fn line(&self) -> &[u8] {
        &self.buffer
    }

    pub(super) fn is_blank(&self) -> bool {
        self.buffer.trim_ascii().is_empty()
    }

    pub(super) fn origin(&self) -> Origin {
        Origin { file: Arc::clone(&self.file), line: self.number }
    }

    pub(super) fn error(&self, what: impl Display) -> Error {
        anyhow!("{}:{}: {what}", self.file.display(), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use std::io::{BufReader, Read};
    use std::path::Path;

    /// Lines without end, without memory.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let line = format!("{{\"path\": \"/{}\"}}\n", self.0);
            self.0 += 1;
            buffer[..line.len()].copy_from_slice(line.as_bytes());
            Ok(line.len())
        }
    }

    #[test]
    fn one_buffer_serves_all_lines() {
        let mut lines = Lines::new(Path::new("a").into(), Box::new(BufReader::new(Endless(0))));
        for number in 1..=200_000 {
            assert!(lines.advance().unwrap());
            assert_eq!(lines.number, number);
        }
        assert_eq!(lines.line(), b"{\"path\": \"/199999\"}\n");
        assert!(lines.buffer.capacity() < 128, "{}", lines.buffer.capacity());
    }
}
