//! Lines of any number are read in constant memory. Alone in its process, whose memory it looks at.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::io::Read;

use replay::traffic::{Format, Item, Reader, Redactor};

const LINES: u64 = 200_000;

/// That many lines of a thousand bytes, made while they are read.
struct Lines {
    line: Vec<u8>,
    position: usize,
    left: u64,
}

impl Lines {
    fn new() -> Self {
        let line = format!("{{\"path\":\"/a\",\"headers\":[[\"x\",\"{}\"]]}}\n", "y".repeat(965));
        Self { line: line.into_bytes(), position: 0, left: LINES }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() && self.left > 0 {
            let rest = &self.line[self.position..];
            let count = rest.len().min(buffer.len() - written);
            buffer[written..written + count].copy_from_slice(&rest[..count]);
            written += count;
            self.position += count;
            if self.position == self.line.len() {
                (self.position, self.left) = (0, self.left - 1);
            }
        }
        Ok(written)
    }
}

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Takes lines and keeps none.
#[derive(Default)]
struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn two_hundred_million_bytes_leave_nothing() {
    let before = peak();
    let reader = Reader::from_read("t.jsonl", Lines::new(), Some(Format::Jsonl)).unwrap();
    let read = reader.filter(|item| matches!(item, Ok(Item::Exchange(_)))).count();
    assert_eq!(read as u64, LINES);
    let mut written = Count::default();
    Redactor::new(&["/password"]).unwrap().redact_jsonl("t.jsonl", Lines::new(), &mut written).unwrap();
    assert_eq!(written.0, LINES * 1000);
    let grown = peak() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more");
}
