//! Which format a file has.

use std::path::Path;

use anyhow::{Result, bail};

use super::document::BOM;

/// A format of recorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON Lines, one step a line.
    Jsonl,
    /// HTTP Archive 1.2.
    Har,
    /// Raw HTTP/1.1 requests, one after another.
    Raw,
    /// Envoy tap output as JSON.
    Tap,
}

impl std::str::FromStr for Format {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "jsonl" => Ok(Self::Jsonl),
            "har" => Ok(Self::Har),
            "raw" => Ok(Self::Raw),
            "tap" => Ok(Self::Tap),
            _ => bail!("format {name:?}: none of jsonl, har, raw, tap"),
        }
    }
}

impl Format {
    /// The format of a file with this name that begins with these bytes. The name decides; `.json` and names
    /// that say nothing leave it to the first key.
    ///
    /// # Errors
    /// The file is `.json` and neither HAR nor tap output.
    pub fn of(file: &Path, start: &[u8]) -> Result<Self> {
        let extension = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Ok(match (extension.as_str(), first_key(start)) {
            ("jsonl" | "ndjson", _) => Self::Jsonl,
            ("har", _) => Self::Har,
            ("http" | "raw", _) => Self::Raw,
            (_, Key::Named("log")) => Self::Har,
            (
                _,
                Key::Named(
                    "http_buffered_trace"
                    | "httpBufferedTrace"
                    | "http_streamed_trace_segment"
                    | "httpStreamedTraceSegment",
                ),
            ) => Self::Tap,
            ("json", _) if memchr::memmem::find(start, b"\"entries\"").is_some() => Self::Har,
            ("json", _) => bail!(
                "{}: neither HAR (log.entries) nor Envoy tap output (http_buffered_trace, \
                 http_streamed_trace_segment); JSON Lines are named .jsonl",
                file.display()
            ),
            (_, Key::NotJson) => Self::Raw,
            (_, Key::Named(_) | Key::Unknown) => Self::Jsonl,
        })
    }
}

/// What a text begins with.
enum Key<'a> {
    /// An object with this first key.
    Named(&'a str),
    /// An object, or nothing at all.
    Unknown,
    NotJson,
}

fn first_key(start: &[u8]) -> Key<'_> {
    let text = start.strip_prefix(BOM).unwrap_or(start).trim_ascii_start();
    let Some(inner) = text.strip_prefix(b"{") else {
        return if text.is_empty() { Key::Unknown } else { Key::NotJson };
    };
    let key = inner.trim_ascii_start().strip_prefix(b"\"").and_then(|key| {
        let end = memchr::memchr(b'"', key)?;
        std::str::from_utf8(key.get(..end)?).ok()
    });
    key.map_or(Key::Unknown, Key::Named)
}

#[cfg(test)]
mod tests {
    use super::Format;
    use std::path::Path;

    fn of(file: &str, start: &str) -> Option<Format> {
        Format::of(Path::new(file), start.as_bytes()).ok()
    }

    #[test]
    fn the_name_decides_then_the_first_key() {
        for (file, start, format) in [
            ("a.jsonl", "{\"log\":1}", Format::Jsonl),
            ("a.NDJSON", "", Format::Jsonl),
            ("a.har", "garbage", Format::Har),
            ("a.http", "{", Format::Raw),
            ("a.raw", "{", Format::Raw),
            ("a.json", "\u{feff} {\r\n \"log\": {", Format::Har),
            ("a.json", "{\"comment\": \"x\", \"log\": {\"entries\": [", Format::Har),
            ("a.json", "{\n \"http_buffered_trace\": {", Format::Tap),
            ("a.json", "{\"httpStreamedTraceSegment\":{", Format::Tap),
            ("trace_1", "{\"http_streamed_trace_segment\":{", Format::Tap),
            ("traffic", "{\"path\": \"/\"}", Format::Jsonl),
            ("traffic", "", Format::Jsonl),
            ("traffic.txt", "GET / HTTP/1.1\r\n", Format::Raw),
            ("traffic.bin", "\u{16}\u{3}", Format::Raw),
        ] {
            assert_eq!(of(file, start), Some(format), "{file} {start}");
        }
        assert_eq!(of("a.json", "{\"path\": \"/\"}"), None);
    }
}
