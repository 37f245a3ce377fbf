//! Recorded traffic, read into the requests that a replay sends. `TRAFFIC.md` is the manual of the formats.
//!
//! [`Reader`] yields what its files hold, in order: JSON Lines in constant memory, HAR 1.2, raw HTTP/1.1 and
//! Envoy's tap output. [`Redactor`] masks credentials, in one value or in a whole file.

mod document;
mod format;
mod har;
mod headers;
mod json;
mod jsonl;
mod lines;
mod raw;
mod reader;
mod redact;
mod step;
mod tap;
mod write;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::step::{CallOut, Step};

pub use format::Format;
pub use reader::Reader;
pub use redact::{Found, MASK, Redactor};
pub(crate) use write::Bytes;
pub use write::write_item;

/// What a file of traffic holds, piece by piece.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly every item is an exchange")]
pub enum Item {
    /// A request and what is known of its answer.
    Exchange(Exchange),
    /// Something the requests after it find.
    Setup(Setup),
}

/// One recorded request.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Where it was read.
    pub origin: Origin,
    /// Its own id, else `<file stem>:<line, or number in the file from 0>`. Nothing makes ids unique: to know
    /// all ids of a million lines would cost more than all else.
    pub id: String,
    /// When it arrives, since the start. Never before the exchange that was read before it.
    pub at: Duration,
    /// The request, the upstream's answer, the answers to call-outs. Its own `t_ms` is as written.
    pub step: Step,
    /// Set where `step.raw` is nothing that Envoy hands to a filter.
    pub malformed: Option<Malformed>,
}

/// Why Envoy answers bytes itself, before any filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong with the bytes.
    pub reason: String,
    /// What Envoy 1.40 answers by default; `None` where it waits for bytes that never come.
    pub status: Option<u16>,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{} (Envoy answers {status})", self.reason),
            None => write!(f, "{} (Envoy waits for the rest)", self.reason),
        }
    }
}

/// What is there before a request.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Answers to call-outs that belong to no request.
    pub callouts: Vec<CallOut>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// The line where the item begins, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Something that was left out or changed while reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub origin: Origin,
    /// What, and what was done about it.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)
    }
}
