//! Raw HTTP/1.1 requests. What is refused here, and with which status, was measured on Envoy 1.40;
//! `tests/traffic_envoy.rs` compares again.

mod body;
mod head;
mod target;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::document::newlines;
use super::reader::{Input, Source, State, made_id};
use super::{Exchange, Item, Malformed, Origin};
use crate::step::Step;
use crate::text::Text;

pub(super) use head::end as head_end;

/// The requests of a file, one after another.
pub(super) struct Requests {
    file: Arc<Path>,
    bytes: Vec<u8>,
    position: usize,
    line: u64,
    number: u64,
    at: Duration,
}

impl Requests {
    pub(super) fn read(file: Arc<Path>, mut input: Input, state: &State) -> Result<Self> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).with_context(|| file.display().to_string())?;
        Ok(Self { file, bytes, position: 0, line: 1, number: 0, at: state.at })
    }
}

impl Source for Requests {
    fn next(&mut self, state: &mut State) -> Result<Option<Item>> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let blank = blank_lines(rest);
        if blank == rest.len() {
            return Ok(None);
        }
        let mut step = super::step::blank();
        let (length, malformed) = parse(rest, &mut step);
        let raw = rest.get(..length).unwrap_or(rest);
        let line = self.line + newlines(raw.get(..blank).unwrap_or_default());
        let origin = Origin { file: Arc::clone(&self.file), line };
        if let Some(malformed) = &malformed
            && head_end(raw).is_some_and(|end| end < raw.len())
        {
            state
                .warn(&origin, format!("{}: the rest of the file belongs to this request", malformed.reason));
        }
        let id = made_id(&self.file, self.number);
        self.number += 1;
        self.line += newlines(raw);
        step.raw = Some(Text(raw.to_vec()));
        self.position += raw.len();
        Ok(Some(Item::Exchange(Exchange { origin, id, at: self.at, step, malformed })))
    }
}

/// Makes the other members of a step say what its raw bytes say.
///
/// # Errors
/// The bytes hold more than one request.
pub(super) fn fill(step: &mut Step) -> Result<Option<Malformed>> {
    let Some(raw) = step.raw.take() else { return Ok(None) };
    let (length, malformed) = parse(&raw.0, step);
    let more = raw.0.get(length..).unwrap_or_default();
    let more = more.get(blank_lines(more)..).unwrap_or_default();
    ensure!(more.is_empty(), "{} bytes after the request: write them as a line of their own", more.len());
    step.raw = Some(raw);
    Ok(malformed)
}

/// Empty lines before a request (RFC 9112 section 2.2); Envoy skips any number of them.
fn blank_lines(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Reads one request into `step`: how many bytes it has, all where they cannot be framed.
fn parse(bytes: &[u8], step: &mut Step) -> (usize, Option<Malformed>) {
    let start = blank_lines(bytes);
    match request(bytes.get(start..).unwrap_or_default(), step) {
        Ok(length) => (start + length, None),
        Err(malformed) => (bytes.len(), Some(malformed)),
    }
}

fn request(bytes: &[u8], step: &mut Step) -> Result<usize, Malformed> {
    let head = head::parse(bytes)?;
    step.headers = head.headers;
    target::read(&head.method, &head.target, step)?;
    step.method = head.method;
    let framing = body::framing(&step.headers, head.split_coding)?;
    target::check_connect(step, &framing)?;
    let rest = bytes.get(head.length..).unwrap_or_default();
    let length = body::read(&framing, rest, step)?;
    Ok(head.length + length)
}

/// Refused with 400.
fn bad(reason: impl Into<String>) -> Malformed {
    refused(400, reason)
}

fn refused(status: u16, reason: impl Into<String>) -> Malformed {
    Malformed { reason: reason.into(), status: Some(status) }
}

/// Cut off: nobody answers.
fn cut_off(reason: impl Into<String>) -> Malformed {
    Malformed { reason: reason.into(), status: None }
}
