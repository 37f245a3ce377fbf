//! The result format: a JSON object a line. `REPLAY.md` describes it as an interface; members keep their
//! order.

mod parts;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};

use proxy_wasm_host::{LogLine, Metric, Trap};
use serde::Serialize;

use super::entry::Entry;
use super::lane::Finished;
use super::outcome::{Instance, Outcome};
use crate::traffic::{Found, Redactor};
use parts::{Body, CallOuts, Fields, Logs, Mask, Shadow, Shown, Texts, Upstream, Values};

/// What is written about one request.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) entry: &'a Entry,
    pub(super) finished: &'a Finished,
    /// What is not as the request expects; `None`: it expects nothing.
    pub(super) differences: Option<&'a [String]>,
    /// The other chain's verdict where something differs; outer `None`: there is no other chain.
    pub(super) against: Option<Option<&'a Outcome>>,
}

/// What belongs to no request.
pub(super) struct HostState<'a> {
    pub(super) logs: &'a [LogLine],
    /// How many lines were not kept.
    pub(super) logs_left_out: u64,
    pub(super) traps: u64,
    /// The first traps.
    pub(super) errors: &'a [Trap],
    pub(super) metrics: BTreeMap<&'a str, Metric>,
    pub(super) memory_bytes: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    verdict: &'static str,
    status: Option<u16>,
    headers: Fields<'a>,
    body: Body<'a>,
    trailers: Fields<'a>,
    upstream: Option<Upstream<'a>>,
    denied_by: Option<&'a str>,
    reason: Option<Shown<'a>>,
    shadow: Shadow<'a>,
    callouts: CallOuts<'a>,
    logs: Logs<'a>,
    metrics: &'a BTreeMap<String, u64>,
    traps: usize,
    errors: Texts<'a>,
    memory_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Option<Against<'a>>>,
}

/// What the other chain says.
#[derive(Serialize)]
struct Against<'a> {
    verdict: &'static str,
    status: Option<u16>,
    denied_by: Option<&'a str>,
    reason: Option<Shown<'a>>,
}

#[derive(Serialize)]
struct HostLine<'a> {
    host: Host<'a>,
}

#[derive(Serialize)]
struct Host<'a> {
    logs: Logs<'a>,
    logs_left_out: u64,
    traps: u64,
    errors: Texts<'a>,
    metrics: Values<'a>,
    memory_bytes: usize,
}

/// Writes a result; `fuel` where it is counted.
pub(super) fn write(
    out: &mut impl Write,
    judged: &Judged<'_>,
    instances: &[Instance],
    fuel: bool,
    redactor: &Redactor,
) -> io::Result<()> {
    const NOTHING: &BTreeMap<String, u64> = &BTreeMap::new();
    let Judged { entry, finished, differences, against } = *judged;
    let mask = Mask { redactor, found: &entry.found };
    let outcome = &finished.outcome;
    let exchange = finished.exchange.as_deref();
    let response = exchange.and_then(|exchange| exchange.response.as_ref());
    let headers = response.map(|response| &response.headers);
    let upstream = exchange.and_then(|exchange| exchange.upstream.as_ref());
    let line = Line {
        id: &entry.id,
        verdict: outcome.verdict.as_str(),
        status: outcome.status,
        headers: Fields::new(headers, mask),
        body: Body { headers, body: response.map_or(&[], |response| &response.body), mask },
        trailers: Fields::new(response.and_then(|response| response.trailers.as_ref()), mask),
        upstream: upstream.map(|request| Upstream::new(request, mask)),
        denied_by: outcome.denied_by.as_deref(),
        reason: reason(outcome, mask),
        shadow: Shadow { exchange, instances, mask },
        callouts: CallOuts { made: exchange.map_or(&[], |exchange| &exchange.call_outs), mask },
        logs: Logs { lines: exchange.map_or(&[], |exchange| &exchange.logs), mask },
        metrics: exchange.map_or(NOTHING, |exchange| &exchange.metrics),
        traps: exchange.map_or(0, |exchange| exchange.traps.len()),
        errors: Texts { texts: errors(judged), mask },
        memory_bytes: finished.memory_bytes,
        fuel: fuel.then(|| exchange.map_or(0, |exchange| exchange.fuel)),
        differences,
        against: against.map(|other| {
            other.map(|other| Against {
                verdict: other.verdict.as_str(),
                status: other.status,
                denied_by: other.denied_by.as_deref(),
                reason: reason(other, mask),
            })
        }),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn reason<'a>(outcome: &'a Outcome, mask: Mask<'a>) -> Option<Shown<'a>> {
    outcome.reason.as_ref().map(|reason| mask.text(reason.as_bytes()))
}

/// Writes what belongs to no request.
pub(super) fn write_host(out: &mut impl Write, state: &HostState<'_>, redactor: &Redactor) -> io::Result<()> {
    let found = RefCell::new(Found::default());
    let mask = Mask { redactor, found: &found };
    let host = Host {
        logs: Logs { lines: state.logs, mask },
        logs_left_out: state.logs_left_out,
        traps: state.traps,
        errors: Texts { texts: state.errors.iter().map(ToString::to_string).collect(), mask },
        metrics: Values(&state.metrics),
        memory_bytes: state.memory_bytes,
    };
    serde_json::to_writer(&mut *out, &HostLine { host })?;
    out.write_all(b"\n")
}

/// Everything that went wrong with a request, not masked.
pub(super) fn errors(judged: &Judged<'_>) -> Vec<String> {
    let mut errors: Vec<String> = judged.entry.malformed.iter().map(ToString::to_string).collect();
    let Some(exchange) = &judged.finished.exchange else { return errors };
    match &exchange.response {
        None => errors.push("no response: the stream was reset".to_owned()),
        Some(response) if !response.complete => errors.push("the response was cut off".to_owned()),
        Some(_) => {}
    }
    errors.extend(exchange.traps.iter().map(ToString::to_string));
    errors
}

#[cfg(test)]
#[path = "line/tests.rs"]
mod tests;
