//! Envoy tap output as JSON (envoy/data/tap/v3/http.proto): traces, one document after another, buffered or
//! in segments.

mod exchange;
mod model;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::value::RawValue;

use super::document::{Document, Piece, newlines};
use super::reader::{Input, Source, State, made_id};
use super::{Exchange, Item};
use model::{Trace, Wrapper};

/// The traces of a file.
pub(super) struct Traces {
    document: Document,
    pieces: std::vec::IntoIter<Piece>,
    number: u64,
    /// Traces whose segments are still arriving, by their id.
    open: BTreeMap<String, (Piece, Trace)>,
    /// The same once all have arrived, in the order of their first segments.
    complete: std::vec::IntoIter<(Piece, Trace)>,
    start: Duration,
    /// When the first request of the file was received.
    first: Option<model::Date>,
}

impl Traces {
    pub(super) fn read(file: Arc<Path>, input: Input, state: &State) -> Result<Self> {
        let document = Document::read(file, input)?;
        let pieces = pieces(&document)?.into_iter();
        Ok(Self {
            document,
            pieces,
            number: 0,
            open: BTreeMap::new(),
            complete: Vec::new().into_iter(),
            start: state.at,
            first: None,
        })
    }

    fn exchange(&mut self, piece: &Piece, trace: Trace, state: &mut State) -> Result<Exchange> {
        let origin = self.document.origin(piece);
        if let Some(date) = trace.received() {
            let first = *self.first.get_or_insert(date);
            let since = date.signed_duration_since(first).to_std().unwrap_or_default();
            // A trace is written when its request ends, so that a later one may have begun before it.
            state.at = state.at.max(self.start.saturating_add(since));
        }
        let id = made_id(&self.document.file, self.number);
        self.number += 1;
        let step = exchange::step(trace, &origin, state)?;
        step.check(false).map_err(|error| anyhow!("{origin}: {error:#}"))?;
        Ok(Exchange { origin, id, at: state.at, step, malformed: None })
    }
}

impl Source for Traces {
    fn next(&mut self, state: &mut State) -> Result<Option<Item>> {
        while let Some(piece) = self.pieces.next() {
            let wrapper: Wrapper = self.document.parse(&piece, "")?;
            match wrapper {
                Wrapper { http_buffered_trace: Some(trace), http_streamed_trace_segment: None } => {
                    return self.exchange(&piece, trace, state).map(Item::Exchange).map(Some);
                }
                Wrapper { http_buffered_trace: None, http_streamed_trace_segment: Some(segment) } => {
                    let id = segment.trace_id.clone();
                    let (_, trace) = self.open.entry(id).or_insert_with(|| (piece, Trace::default()));
                    trace.add(segment);
                }
                _ => {
                    let origin = self.document.origin(&piece);
                    return Err(anyhow!(
                        "{origin}: neither http_buffered_trace nor http_streamed_trace_segment"
                    ));
                }
            }
        }
        if !self.open.is_empty() {
            let mut traces: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
            traces.sort_by_key(|(piece, _)| piece.range.start);
            self.complete = traces.into_iter();
        }
        match self.complete.next() {
            Some((piece, trace)) => self.exchange(&piece, trace, state).map(Item::Exchange).map(Some),
            None => Ok(None),
        }
    }
}

/// Where each document of the file stands.
fn pieces(document: &Document) -> Result<Vec<Piece>> {
    let text = document.text.as_str();
    let mut pieces = Vec::new();
    let (mut line, mut position) = (1, 0);
    loop {
        let rest = text.get(position..).unwrap_or_default();
        let space = rest.len() - rest.trim_ascii_start().len();
        line += newlines(rest.as_bytes().get(..space).unwrap_or_default());
        let start = position + space;
        if start == text.len() {
            return Ok(pieces);
        }
        let rest = text.get(start..).unwrap_or_default();
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let Some(Ok(value)) = documents.next() else {
            // Reads it once more, for the place of the error.
            let piece = Piece { range: start..text.len(), line };
            document.parse::<&RawValue>(&piece, "")?;
            return Err(anyhow!("{}: not JSON", document.origin(&piece)));
        };
        let end = start + value.get().len();
        pieces.push(Piece { range: start..end, line });
        line += newlines(text.as_bytes().get(start..end).unwrap_or_default());
        position = end;
    }
}
