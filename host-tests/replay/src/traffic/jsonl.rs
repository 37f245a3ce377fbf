//! JSON Lines: one step a line.

mod expansion;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, Result, ensure};
use serde::Deserialize;

use super::lines::{Lines, MAX_LINE};
use super::reader::{Input, Source, State, made_id};
use super::{Exchange, Item, Setup, json, raw};
use crate::step::{CallOut, Step};

/// The steps of a file.
pub(super) struct Steps(Lines);

/// `{"setup": {"callouts": […]}}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupLine {
    setup: SetupBody,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupBody {
    callouts: Vec<CallOut>,
}

impl Steps {
    pub(super) fn new(file: Arc<Path>, input: Input) -> Self {
        Self(Lines::new(file, input))
    }

    fn exchange(&self, mut step: Step, state: &mut State) -> Result<Exchange> {
        let lines = &self.0;
        step.check(false).map_err(|error| lines.error(format_args!("{error:#}")))?;
        ensure!(step.redis.is_empty(), lines.error("redis: only in a case, for a real one"));
        let malformed = raw::fill(&mut step).map_err(|error| lines.error(format_args!("raw: {error:#}")))?;
        let at = step.t_ms.map_or(state.at, Duration::from_millis);
        ensure!(
            at >= state.at,
            lines.error(format_args!(
                "t_ms: {} is before the {} of a line above it: sort the file by t_ms",
                at.as_millis(),
                state.at.as_millis()
            ))
        );
        state.at = at;
        let id = step.id.clone().unwrap_or_else(|| made_id(&lines.file, lines.number));
        Ok(Exchange { origin: lines.origin(), id, at, step, malformed })
    }
}

impl Source for Steps {
    fn next(&mut self, state: &mut State) -> Result<Option<Item>> {
        while self.0.advance()? {
            if self.0.is_blank() {
                continue;
            }
            if is_setup(self.0.line()) {
                let line: SetupLine = parse(&self.0)?;
                return Ok(Some(Item::Setup(Setup { callouts: line.setup.callouts })));
            }
            return self.exchange(parse(&self.0)?, state).map(Item::Exchange).map(Some);
        }
        Ok(None)
    }
}

/// Whether the first key is `setup`, which no step has.
fn is_setup(line: &[u8]) -> bool {
    let inner = line.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    inner.trim_ascii_start().starts_with(b"\"setup\"")
}

/// Reads the current line.
///
/// # Errors
/// `file:line: path: what`.
pub(super) fn parse<'a, T: Deserialize<'a>>(lines: &'a Lines) -> Result<T> {
    let line = lines.line();
    if expansion::may_expand(line) {
        let length = expansion::length(line).map_err(|error| mismatch(lines, &error))?;
        ensure!(length <= MAX_LINE, lines.error(format_args!("stands for more than {MAX_LINE} bytes")));
    }
    // The path of what is wrong costs time, so it is looked for only then.
    serde_json::from_slice(line).or_else(|_| json::parse(line).map_err(|error| mismatch(lines, &error)))
}

fn mismatch(lines: &Lines, json::Mismatch { path, message, column, .. }: &json::Mismatch) -> Error {
    let colon = if path.is_empty() { "" } else { ": " };
    lines.error(format_args!("{path}{colon}{message} (column {column})"))
}
