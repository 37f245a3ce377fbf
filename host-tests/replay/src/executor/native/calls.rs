//! The call-outs of a gateway: what was dialled, and what comes of it when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use filter_core::message::Headers;
use filter_core::policy::Timestamp;
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use filter_core::tasks::Token;
use proxy_wasm_host::{HeaderMap, Kind, Network as _, Response};
use recorder::{End, Script, Scripted};

use crate::envoy_config::Surroundings;
use crate::gateway::connection_manager::recorded;
use crate::gateway::network::Servers;
use crate::observation::CallOutSeen;

/// The clusters and the call-outs that are under way to them.
pub(super) struct Calls {
    servers: Servers,
    /// The clusters there are; `None`: any.
    clusters: Option<BTreeSet<String>>,
    /// What will come of each call-out, in the order of the answers.
    pending: BTreeMap<(Timestamp, Token), (usize, TaskResult)>,
    last: Token,
}

/// An answer that has come.
pub(super) struct Answered {
    /// When.
    pub(super) at: Timestamp,
    /// Place of the filter that called.
    pub(super) slot: usize,
    pub(super) token: Token,
    pub(super) result: TaskResult,
}

impl Calls {
    /// Clusters that answer in this way to call-outs that belong to no request.
    pub(super) fn new(surroundings: Surroundings, standing: Vec<Scripted>) -> Self {
        let Surroundings { clusters, http2_clusters, .. } = surroundings;
        let standing = Script::new(standing);
        let servers = Servers { standing, http2: http2_clusters, ..Servers::default() };
        Self { servers, clusters, pending: BTreeMap::new(), last: 0 }
    }

    /// Begins a request with answers of its own.
    pub(super) fn begin(&mut self, step: Vec<Scripted>) {
        self.servers.standing.begin(step);
        self.servers.arrived = Some(Vec::new());
    }

    /// A filter calls. `None`: there is no such cluster.
    pub(super) fn dial(&mut self, slot: usize, call: &CallOut, now: Timestamp) -> Option<Token> {
        if self.clusters.as_ref().is_some_and(|clusters| !clusters.contains(&*call.cluster)) {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        let dialled = as_dialled(call);
        let answer = self.servers.call_out(None, &dialled);
        // Without a time-out there may be no answer, ever; there always is one.
        if let Some((delay, answer)) = answer.outcome(dialled.timeout) {
            let at = later(now, delay);
            self.pending.insert((at, self.last), (slot, result(answer, call.max_reply)));
        }
        Some(self.last)
    }

    /// When the next answer comes.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.pending.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next answer.
    pub(super) fn take(&mut self) -> Option<Answered> {
        let ((at, token), (slot, result)) = self.pending.pop_first()?;
        Some(Answered { at, slot, token, result })
    }

    /// The call-outs since the begin of the request that found somebody who listens.
    pub(super) fn take_arrived(&mut self) -> Vec<CallOutSeen> {
        let arrived = self.servers.arrived.take().unwrap_or_default().into_iter();
        let seen = |call: proxy_wasm_host::CallOut| CallOutSeen {
            request: recorded(&call.headers, &call.body, call.trailers.as_ref(), End::Complete),
            cluster: call.cluster,
        };
        arrived.map(seen).collect()
    }
}

/// The time after a while.
pub(super) fn later(now: Timestamp, delay: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)))
}

/// What the guest and `Context::httpCall` make of it.
fn as_dialled(call: &CallOut) -> proxy_wasm_host::CallOut {
    let pseudo = [
        (&b":method"[..], call.method.as_str().as_bytes()),
        (b":path", call.path.as_bytes()),
        (b":authority", call.authority.as_bytes()),
    ];
    let fields = call.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let mut headers = HeaderMap::from_pairs(Kind::Request, pseudo.into_iter().chain(fields));
    if !call.body.is_empty() {
        headers.set(b"content-length", call.body.len().to_string().as_bytes());
    }
    let millis = u64::try_from(call.timeout.as_millis()).unwrap_or(u64::MAX);
    proxy_wasm_host::CallOut {
        cluster: call.cluster.to_string(),
        headers,
        body: call.body.clone(),
        trailers: None,
        timeout: Some(Duration::from_millis(millis.max(1))),
    }
}

/// What the guest makes of an answer.
fn result(answer: Option<Response>, most: usize) -> TaskResult {
    let Response { headers, body, .. } = answer.ok_or(Failure::Incomplete)?;
    if body.len() > most {
        return Err(Failure::TooLarge);
    }
    let headers = Headers::from_pairs(headers.iter());
    let status = headers.first(":status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    Ok(Reply { status: status.ok_or(Failure::Incomplete)?, headers, body })
}
