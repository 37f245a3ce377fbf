//! What one executor saw of one request.

use std::collections::BTreeSet;
use std::fmt;

use recorder::{Headers, Recorded, hide_nonce};
use serde::Deserialize;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The filters let it through, whatever the upstream or Envoy then answered.
    Pass,
    /// A filter answered it.
    Deny,
    /// There was no whole response.
    Error,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a filter logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The level by the host's name: `trace`, `debug`, `info`, `warning`, `error` or `critical`.
    pub level: String,
    /// Which context logged it: instance name, root id and VM id of a stream, the latter two of a root context, as far
    /// as they are not empty, separated by spaces.
    pub prefix: String,
    /// What it logged; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, prefix, text } = self;
        let space = if prefix.is_empty() { "" } else { " " };
        write!(f, "{level}{space}{prefix}: {text}")
    }
}

/// A call-out of a filter, as it reached its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutSeen {
    /// The cluster.
    pub cluster: String,
    /// The request.
    pub request: Recorded,
}

/// The same facts from every executor, so that they can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// How it ended.
    pub verdict: Verdict,
    /// Status of the response; `None` when not even its head came.
    pub status: Option<u16>,
    /// Response headers, names in lower case.
    pub headers: Headers,
    /// Response body, framing removed.
    pub body: Vec<u8>,
    /// Response trailers.
    pub trailers: Headers,
    /// The reason the denying filter exported.
    pub reason: Option<String>,
    /// The reasons filters in shadow mode exported, in filter order.
    pub shadow: Vec<String>,
    /// Every request the upstream saw the head of.
    pub upstream: Vec<Recorded>,
    /// Bytes that reached the upstream and were no request.
    pub unreadable: Vec<String>,
    /// What the filters logged, in order; `None` from an executor that does not know.
    pub logs: Option<Vec<LogLine>>,
    /// The call-outs that reached a cluster, in order; `None` from an executor that does not know.
    pub callouts: Option<Vec<CallOutSeen>>,
    /// The clusters whose call-outs nobody records: they are not among `callouts`, whether made or not.
    pub unrecorded: BTreeSet<String>,
    /// How many times a VM trapped.
    pub traps: usize,
    /// Where the executor could not do what the case asks for: the observation then says nothing.
    pub problems: Vec<String>,
    /// Why there was no whole response.
    pub error: Option<String>,
}

/// What one filter instance exported about a request: nothing where it let it through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Exported {
    /// `deny` or `shadow`.
    pub(crate) decision: Option<String>,
    /// Why it denied.
    pub(crate) reason: Option<String>,
    /// What shadow mode would have denied for, separated by commas.
    pub(crate) shadow: Option<String>,
}

impl Observation {
    /// Nothing but the reason why there is no response.
    pub(crate) fn no_response(why: String) -> Self {
        Self {
            verdict: Verdict::Error,
            status: None,
            headers: Headers::new(),
            body: Vec::new(),
            trailers: Headers::new(),
            reason: None,
            shadow: Vec::new(),
            upstream: Vec::new(),
            unreadable: Vec::new(),
            logs: None,
            callouts: None,
            unrecorded: BTreeSet::new(),
            traps: 0,
            problems: Vec::new(),
            error: Some(why),
        }
    }

    /// Adds what the next filter of the chain exported; the first that denies is the one that answered.
    pub(crate) fn add(&mut self, exported: &Exported) {
        if exported.decision.as_deref() == Some("deny") && self.reason.is_none() {
            self.reason.clone_from(&exported.reason);
            if self.verdict == Verdict::Pass {
                self.verdict = Verdict::Deny;
            }
        }
        let shadow = exported.shadow.iter().flat_map(|reasons| reasons.split(','));
        self.shadow.extend(shadow.filter(|reason| !reason.is_empty()).map(str::to_owned));
    }

    /// Makes the nonces of calls to Redis the same in every run.
    pub(crate) fn hide_nonces(&mut self) {
        self.callouts.iter_mut().flatten().for_each(|callout| hide_nonce(&mut callout.request.body));
    }

    /// Whether anything at all reached the upstream.
    #[must_use]
    pub fn upstream_contacted(&self) -> bool {
        !self.upstream.is_empty() || !self.unreadable.is_empty()
    }
}

/// All values of one name, in order.
pub(crate) fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a [u8]> {
    headers.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_slice()).collect()
}
