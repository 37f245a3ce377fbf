//! One chain of filters that the traffic goes through, and the results in the order of the traffic.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, Result};
use proxy_wasm_host::{ClientResponse, Exchange, HeaderMap, StreamId, UpstreamRequest};

use super::entry::Entry;
use super::outcome::{Instance, Outcome};
use crate::executor;
use crate::gateway::Gateway;
use crate::observation::{LogLine, Observation};
use crate::step::Step;
use crate::traffic::Malformed;

/// A gateway with the requests that are under way in it or wait for an earlier one.
pub(super) struct Lane {
    pub(super) gateway: Gateway,
    pub(super) instances: Vec<Instance>,
    /// In the order of the traffic.
    slots: VecDeque<Option<Finished>>,
    /// Place of the first slot among all requests.
    first: u64,
    under_way: BTreeMap<StreamId, u64>,
    /// Bytes that finished requests hold.
    held: usize,
}

/// The results of one request.
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    /// `None`: Envoy answers it before any filter.
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) memory_bytes: usize,
}

impl Lane {
    pub(super) fn new(gateway: Gateway, instances: Vec<Instance>) -> Self {
        Self { gateway, instances, slots: VecDeque::new(), first: 0, under_way: BTreeMap::new(), held: 0 }
    }

    /// Lets time pass, then sends a request.
    pub(super) fn submit(&mut self, at: Duration, step: &Step) -> Result<()> {
        let id = self.gateway.submit(at, step, None)?;
        self.under_way.insert(id, self.first + self.slots.len() as u64);
        self.slots.push_back(None);
        self.collect();
        Ok(())
    }

    /// A request that no filter sees.
    pub(super) fn refuse(&mut self, at: Duration, malformed: &Malformed) {
        self.gateway.run_until(at);
        self.collect();
        let outcome = Outcome::malformed(malformed);
        let memory_bytes = self.gateway.memory_bytes();
        self.slots.push_back(Some(Finished { outcome, exchange: None, memory_bytes }));
    }

    /// Whether the results of the request that is first in order are there.
    pub(super) fn is_ready(&self) -> bool {
        self.slots.front().is_some_and(Option::is_some)
    }

    /// The results of the request that is first in order.
    pub(super) fn take(&mut self) -> Result<Finished> {
        let finished = self.slots.pop_front().flatten().context("the first request is not over")?;
        self.first += 1;
        self.held -= finished.size();
        Ok(finished)
    }

    /// How many requests are under way or held back, and the bytes of the latter.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.slots.len(), self.held)
    }

    /// Lets as much time pass as the first request needs: a gateway gives up on what hangs after minutes.
    pub(super) fn wait_for_first(&mut self) {
        let mut pause = Duration::from_millis(1);
        while !(self.slots.is_empty() || self.is_ready()) {
            self.gateway.run_until(self.gateway.now() + pause);
            self.collect();
            pause = pause.saturating_mul(2);
        }
    }

    /// Lets time pass until no request is under way.
    pub(super) fn finish(&mut self) {
        self.gateway.run();
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(exchange) = self.gateway.next_finished() {
            let Some(place) = self.under_way.remove(&exchange.id) else { continue };
            let outcome = Outcome::of(&exchange, &self.instances);
            let memory_bytes = self.gateway.memory_bytes();
            let finished = Finished { outcome, exchange: Some(Box::new(exchange)), memory_bytes };
            self.held += finished.size();
            let index = usize::try_from(place - self.first).ok();
            if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
                *slot = Some(finished);
            }
        }
    }
}

impl Finished {
    /// The same facts for an expectation.
    pub(super) fn observation(&self, entry: &Entry, instances: &[String]) -> Observation {
        let mut seen = match (&self.exchange, &entry.malformed) {
            (Some(exchange), _) => executor::observed(exchange, instances),
            (None, malformed) => {
                Observation::no_response(malformed.as_ref().map(ToString::to_string).unwrap_or_default())
            }
        };
        let Outcome { verdict, status, reason, denied_by: _ } = &self.outcome;
        (seen.verdict, seen.status) = (*verdict, *status);
        seen.reason.clone_from(reason);
        seen.logs = self.exchange.as_ref().map(|exchange| exchange.logs.iter().map(line).collect());
        seen
    }

    /// About what it holds in memory.
    fn size(&self) -> usize {
        let map = |map: &HeaderMap| map.byte_size();
        let response = |response: &ClientResponse| map(&response.headers) + response.body.len();
        let request = |request: &UpstreamRequest| map(&request.headers) + request.body.len();
        self.exchange.as_ref().map_or(0, |exchange| {
            let logs: usize = exchange.logs.iter().map(|line| line.text.len()).sum();
            let call_outs: usize = exchange.call_outs.iter().map(|call| call.body.len()).sum();
            logs + call_outs
                + exchange.response.as_ref().map_or(0, response)
                + exchange.upstream.as_ref().map_or(0, request)
        })
    }
}

fn line(line: &proxy_wasm_host::LogLine) -> LogLine {
    LogLine { level: line.level.as_str().to_owned(), prefix: line.prefix.clone(), text: line.text.clone() }
}
