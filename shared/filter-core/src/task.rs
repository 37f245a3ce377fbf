//! Call-outs a policy asks for: HTTP requests of the filter's own, each with a deadline, owned by the root context so
//! that they outlive the request that caused them.

use crate::message::Headers;
use http::{HeaderName, HeaderValue, Method};
use std::sync::Arc;
use std::time::Duration;

/// A call-out, and who shares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Who shares it.
    pub key: Key,
    /// What is sent.
    pub call: CallOut,
}

/// Who shares a call-out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Nobody: it is about one request.
    Own,
    /// One at a time per worker under this name: whoever awaits the same joins it.
    Worker(Arc<str>),
    /// One at a time per gateway under this name, whose number the configuration bounds. A worker that finds another at
    /// it waits for word that the shared store has the outcome.
    Gateway(Arc<str>),
}

impl Key {
    /// The name, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Own => None,
            Self::Worker(name) | Self::Gateway(name) => Some(name),
        }
    }
}

/// An HTTP request to a cluster of the gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct CallOut {
    /// Name of the cluster.
    pub cluster: Arc<str>,
    /// `:method`
    pub method: Method,
    /// `:path`, already encoded.
    pub path: String,
    /// `:authority`
    pub authority: Arc<str>,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Vec<u8>,
    /// Longer than zero: the host waits for ever otherwise. Whole milliseconds count.
    pub timeout: Duration,
    /// Most bytes of the answer's body that are of use.
    pub max_reply: usize,
}

/// What came of a call-out. An answer may be Envoy's own: 503 for a connection that failed, 504 for the timeout.
pub type TaskResult = Result<Reply, Failure>;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// `:status`
    pub status: u16,
    /// All fields.
    pub headers: Headers,
    /// Body, whole.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The host did not send it: no such cluster, no endpoint, or too many requests to it (circuit breaker).
    NotSent,
    /// It came without a head: the body was cut off or stood still until the timeout.
    Incomplete,
    /// Its body is larger than `max_reply`.
    TooLarge,
    /// The host said nothing long after the timeout.
    Deadline,
    /// Another worker had the call-out; what it learnt is in the shared store.
    Elsewhere,
    /// The request has awaited something [`Policy::AWAITS`](crate::policy::Policy::AWAITS) times already.
    TooManyAwaits,
}
