//! HTTP Archive 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), as browsers and proxies write it.

mod body;
mod date;
mod entry;
mod model;
mod request;
mod response;
mod url;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{Document, Piece, newlines};
use super::reader::{Input, Source, State, made_id};
use super::{Exchange, Item, Origin};
pub(super) use body::decode;
use entry::{Outcome, Place};

/// The entries of a file, in the order of their dates.
pub(super) struct Entries {
    document: Document,
    entries: std::vec::IntoIter<Entry>,
    /// When the first request arrives.
    start: Duration,
}

/// One entry, not read yet.
struct Entry {
    piece: Piece,
    /// Number in `log.entries`, from 0.
    number: usize,
    /// Since the first of the file.
    at: Duration,
}

#[derive(Deserialize)]
struct Archive<'a> {
    #[serde(borrow)]
    log: Log<'a>,
}

#[derive(Deserialize)]
struct Log<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

impl Entries {
    pub(super) fn read(file: Arc<Path>, input: Input, state: &mut State) -> Result<Self> {
        let document = Document::read(file, input)?;
        let mut entries = Vec::new();
        for (number, piece) in pieces(&document)?.into_iter().enumerate() {
            let date = date::of(&document, &piece, number)?;
            entries.push((date, number, piece));
        }
        let entries = in_order(entries, &document, state);
        Ok(Self { document, entries: entries.into_iter(), start: state.at })
    }

    fn read_entry(&self, entry: &Entry, state: &mut State) -> Result<Option<Exchange>> {
        let origin = self.document.origin(&entry.piece);
        let path = place(entry.number);
        let read: model::Entry = self.document.parse(&entry.piece, &path)?;
        let mut place = Place { origin: &origin, path: &path, state };
        let step = match entry::step(read, &mut place)? {
            Outcome::Step(step) => *step,
            Outcome::Skipped(why) => {
                place.warn("", &format!("skipped: {why}"));
                return Ok(None);
            }
        };
        step.check(false).with_context(|| format!("{origin}: {path}"))?;
        state.at = self.start.saturating_add(entry.at);
        let id = made_id(&self.document.file, entry.number as u64);
        Ok(Some(Exchange { origin, id, at: state.at, step, malformed: None }))
    }
}

impl Source for Entries {
    fn next(&mut self, state: &mut State) -> Result<Option<Item>> {
        while let Some(entry) = self.entries.next() {
            if let Some(exchange) = self.read_entry(&entry, state)? {
                return Ok(Some(Item::Exchange(exchange)));
            }
        }
        Ok(None)
    }
}

pub(super) fn place(number: usize) -> String {
    format!("log.entries[{number}]")
}

/// Where each entry stands.
fn pieces(document: &Document) -> Result<Vec<Piece>> {
    let archive: Archive<'_> = document.parse(&document.whole(), "")?;
    let text = document.text.as_str();
    let (mut line, mut seen) = (1, 0);
    let mut pieces = Vec::with_capacity(archive.log.entries.len());
    for entry in archive.log.entries {
        let start = entry.get().as_ptr().addr() - text.as_ptr().addr();
        line += newlines(text.as_bytes().get(seen..start).unwrap_or_default());
        seen = start;
        pieces.push(Piece { range: start..start + entry.get().len(), line });
    }
    Ok(pieces)
}

/// Sorts by date, entries of one date as in the file. An entry without a date (Safari writes an empty one
/// where it knows none) stays behind the one before it.
fn in_order(
    entries: Vec<(Option<date::Date>, usize, Piece)>,
    document: &Document,
    state: &mut State,
) -> Vec<Entry> {
    let first = entries.iter().filter_map(|(date, ..)| *date).min();
    let mut latest = Duration::ZERO;
    let mut sorted = Vec::with_capacity(entries.len());
    for (date, number, piece) in entries {
        match (date, first) {
            (Some(date), Some(first)) => latest = date::between(first, date),
            _ => {
                let origin: Origin = document.origin(&piece);
                let what = "startedDateTime: empty: sent at the time of the entry before it";
                state.warn(&origin, format!("{}.{what}", place(number)));
            }
        }
        sorted.push(Entry { piece, number, at: latest });
    }
    sorted.sort_by_key(|entry| entry.at);
    sorted
}
