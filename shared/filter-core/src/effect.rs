//! What a policy wants done, as values.

use crate::denial::{Denial, LocalReply, Reason};
use crate::policy::Mode;
use crate::task::Task;
use http::{HeaderName, HeaderValue};
use std::sync::Arc;

/// What happens to the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Go on. Nothing more is asked about this request's body.
    Continue,
    /// Hold the body back until it is complete, at most `limit` bytes, then ask
    /// [`on_request_body`](crate::policy::Policy::on_request_body).
    AwaitBody {
        /// In bytes; more is refused with 413.
        limit: u64,
        /// What happens above the limit: in shadow it is reported and the rest of the body passes unseen.
        mode: Mode,
    },
    /// Let the body pass, counted: more than `limit` bytes are refused with 413.
    CountBody {
        /// In bytes.
        limit: u64,
        /// What happens above the limit.
        mode: Mode,
    },
    /// Hold the request until a call-out is over, then ask [`on_reply`](crate::policy::Policy::on_reply).
    Await(Task),
    /// Refuse: answer instead of the upstream, and report it.
    Deny(Denial),
    /// Answer instead of the upstream what the client asked of the gateway itself, as a CORS preflight. Nothing is
    /// refused and nothing reported.
    Answer(LocalReply),
}

/// A verdict and its side effects.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Step {
    /// What happens to the stream.
    pub verdict: Verdict,
    /// What else is to be done, before that.
    pub effects: Effects,
}

impl Step {
    /// Continue, with these effects.
    pub fn proceed(effects: Effects) -> Self {
        Self { verdict: Verdict::Continue, effects }
    }
}

/// What becomes of an answer on its way to the client.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct ResponseStep {
    /// What the client gets instead. No response callback of any filter sees it: it must carry its own
    /// decoration.
    pub replacement: Option<LocalReply>,
    /// What else is to be done. Header operations apply to the answer that passes; a replacement drops them.
    pub effects: Effects,
    /// Gather a copy of the body that passes, at most so many bytes, for
    /// [`on_response_body`](crate::policy::Policy::on_response_body). Needs [`WATCHES`](crate::policy::Policy::WATCHES).
    pub watch: Option<u64>,
}

/// The answer passes.
impl From<Effects> for ResponseStep {
    fn from(effects: Effects) -> Self {
        Self { effects, ..Self::default() }
    }
}

/// Side effects of one event. Header operations apply to the message of that event: the request's before it
/// goes upstream, the response's in `on_response_headers`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// Header operations, in order.
    pub headers: Vec<HeaderOp>,
    /// Counters to increase by one.
    pub metrics: Vec<Metric>,
    /// Gauges and what they are set to, as `clock_ahead_seconds`.
    pub gauges: Vec<(&'static str, u64)>,
    /// Log lines.
    pub logs: Vec<LogLine>,
    /// Filter state for later filters and the access log: written as `wasm.portcullis.<key>`.
    pub exports: Vec<(String, Vec<u8>)>,
    /// What shadow mode would have refused.
    pub shadow: Vec<Denial>,
    /// Call-outs that nobody waits for.
    pub tasks: Vec<Task>,
}

impl Effects {
    /// In `enforce` gives the denial back to be returned; in `shadow` notes it and gives nothing.
    #[must_use]
    pub fn refuse(&mut self, mode: Mode, denial: Denial) -> Option<Denial> {
        match mode {
            Mode::Enforce => Some(denial),
            Mode::Shadow => {
                self.shadow.push(denial);
                None
            }
        }
    }

    /// Ends an event with a denial where the mode is `enforce`; in `shadow` notes it, and the request goes on.
    pub fn refuse_or_proceed(mut self, mode: Mode, denial: Denial) -> Step {
        match self.refuse(mode, denial) {
            Some(denial) => self.deny(denial),
            None => Step::proceed(self),
        }
    }

    /// Adds the effects of a later event.
    pub fn append(&mut self, later: Self) {
        let Self { headers, metrics, gauges, logs, exports, shadow, tasks } = later;
        self.headers.extend(headers);
        self.metrics.extend(metrics);
        self.gauges.extend(gauges);
        self.logs.extend(logs);
        self.exports.extend(exports);
        self.shadow.extend(shadow);
        self.tasks.extend(tasks);
    }

    /// Ends an event with a denial. Header operations of the request are dropped: it goes nowhere.
    pub fn deny(mut self, denial: Denial) -> Step {
        self.headers.clear();
        Step { verdict: Verdict::Deny(denial), effects: self }
    }
}

/// A change to a header map. The types make control bytes impossible, so nothing can split a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderOp {
    /// Make this the only value.
    Set(HeaderName, HeaderValue),
    /// Append one more field.
    Add(HeaderName, HeaderValue),
    /// Remove every value.
    Remove(HeaderName),
    /// Replace `:path`, query included (pseudo header fields are no [`HeaderName`]s).
    SetPath(Vec<u8>),
}

/// Makes a header value of bytes that may come from a client: control bytes are dropped.
#[must_use]
pub fn sanitized(bytes: &[u8]) -> HeaderValue {
    let clean: Vec<u8> = bytes.iter().copied().filter(|&b| b == b'\t' || (b >= 0x20 && b != 0x7f)).collect();
    HeaderValue::from_bytes(&clean).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A counter, named by [`crate::names::metric`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Metric {
    /// What is counted, as `denied`.
    pub what: &'static str,
    /// Label `reason`, where there is one. Only values of the closed enum: the number of metrics is bounded.
    pub reason: Option<Reason>,
}

/// Severity of a log line, as Envoy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Normal operation.
    Info,
    /// Needs a look: denials, suppressed lines.
    Warn,
    /// Broken: a refused configuration.
    Critical,
}

/// A log line. Its text is escaped and capped when it is written ([`crate::redact::line`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Severity.
    pub level: Level,
    /// Text.
    pub text: String,
}

/// A name shared by compiled rules and what is reported about them.
pub type RuleName = Arc<str>;
