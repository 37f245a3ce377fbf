//! Every policy behind one face, and the world a policy asks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use filter_core::config::Env;
use filter_core::filter::{Filter, Host, Outcome, Resumption};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::{Cx, Policy, Timestamp};
use filter_core::store::{MemoryStore, SharedStore};
use filter_core::stream::{FetchBody, Stream};
use filter_core::task::{CallOut, TaskResult};
use filter_core::tasks::{Token, Waiter};
use filter_core::workers::Queue;

use super::calls::Calls;
use super::exchange::About;
use crate::envoy_config::PluginSpec;
use crate::settings::Settings;

/// Makes a configured filter.
type Factory = fn(&PluginSpec, &dyn Env) -> Result<Box<dyn AnyFilter>>;

/// Every plugin of this repository, by name. A plugin joins the native executor here.
const PLUGINS: [(&str, Factory); 8] = [
    (request_policy::RequestPolicy::NAME, configured::<request_policy::RequestPolicy>),
    (jwt_auth::JwtAuth::NAME, configured::<jwt_auth::JwtAuth>),
    (schema_guard::SchemaGuard::NAME, configured::<schema_guard::SchemaGuard>),
    (rate_limit::RateLimit::NAME, configured::<rate_limit::RateLimit>),
    (login_guard::LoginGuard::NAME, configured::<login_guard::LoginGuard>),
    (idempotency::Idempotency::NAME, configured::<idempotency::Idempotency>),
    (probe::Probe::NAME, configured::<probe::Probe>),
    (caller::Caller::NAME, configured::<caller::Caller>),
];

/// A filter and its current stream, whatever the policy.
pub(super) trait AnyFilter {
    /// How often the filter ticks; `None`: never.
    fn period(&self) -> Option<Duration>;
    /// Whether it awaits bodies, and whether it holds the head for them.
    fn body(&self) -> (bool, bool);
    /// Begins the next request, which has this number.
    fn begin(&mut self, id: Waiter);
    fn request_headers(&mut self, head: &RequestHead<'_>, host: &dyn Host) -> Outcome;
    fn request_body(&mut self, size: usize, end: bool, body: FetchBody<'_>, host: &dyn Host) -> Outcome;
    fn request_trailers(&mut self, body: FetchBody<'_>, host: &dyn Host) -> Outcome;
    fn resume(&mut self, result: &TaskResult, body: FetchBody<'_>, host: &dyn Host) -> Outcome;
    fn operation_refused(&mut self, host: &dyn Host) -> Outcome;
    /// What the current stream is told if its head has been held for too long.
    fn overdue(&mut self, host: &dyn Host) -> Option<Outcome>;
    fn response_headers(&mut self, head: &ResponseHead<'_>, host: &dyn Host) -> Outcome;
    fn response_body(&mut self, bytes: &[u8], end: bool, host: &dyn Host) -> Outcome;
    fn response_trailers(&mut self, trailers: &Headers, host: &dyn Host) -> Outcome;
    fn done(&mut self, host: &dyn Host) -> Outcome;
    fn answered(&mut self, token: Token, result: TaskResult, host: &dyn Host) -> Option<Resumption>;
    fn next_lost(&mut self, host: &dyn Host) -> Option<Resumption>;
    fn tick(&mut self, host: &dyn Host) -> Outcome;
}

#[derive(Default)]
struct Typed<P: Policy> {
    filter: Filter<P>,
    stream: Stream<P>,
    id: Waiter,
}

impl<P: Policy> AnyFilter for Typed<P> {
    fn period(&self) -> Option<Duration> {
        P::TICK
    }
    fn body(&self) -> (bool, bool) {
        self.filter.policy().map_or((false, false), |policy| (policy.awaits_body(), policy.hold_headers()))
    }
    fn begin(&mut self, id: Waiter) {
        (self.stream, self.id) = (Stream::new(id), id);
    }
    fn request_headers(&mut self, head: &RequestHead<'_>, host: &dyn Host) -> Outcome {
        self.stream.request_headers(&mut self.filter, head, host)
    }
    fn request_body(&mut self, size: usize, end: bool, body: FetchBody<'_>, host: &dyn Host) -> Outcome {
        self.stream.request_body(&mut self.filter, size, end, body, host)
    }
    fn request_trailers(&mut self, body: FetchBody<'_>, host: &dyn Host) -> Outcome {
        self.stream.request_trailers(&mut self.filter, body, host)
    }
    fn resume(&mut self, result: &TaskResult, body: FetchBody<'_>, host: &dyn Host) -> Outcome {
        self.stream.resume(&mut self.filter, result, body, host)
    }
    fn operation_refused(&mut self, host: &dyn Host) -> Outcome {
        self.stream.operation_refused(&mut self.filter, host)
    }
    fn overdue(&mut self, host: &dyn Host) -> Option<Outcome> {
        let told = std::iter::from_fn(|| self.filter.next_overdue()).any(|id| id == self.id);
        told.then(|| self.stream.overdue(&mut self.filter, host))
    }
    fn response_headers(&mut self, head: &ResponseHead<'_>, host: &dyn Host) -> Outcome {
        self.stream.response_headers(&mut self.filter, head, host)
    }
    fn response_body(&mut self, bytes: &[u8], end: bool, host: &dyn Host) -> Outcome {
        let mut fetch = || Some(bytes.to_vec());
        self.stream.response_body(&mut self.filter, bytes.len(), end, &mut fetch, host)
    }
    fn response_trailers(&mut self, trailers: &Headers, host: &dyn Host) -> Outcome {
        self.stream.response_trailers(&mut self.filter, trailers, host)
    }
    fn done(&mut self, host: &dyn Host) -> Outcome {
        self.stream.done(&mut self.filter, host)
    }
    fn answered(&mut self, token: Token, result: TaskResult, host: &dyn Host) -> Option<Resumption> {
        self.filter.answered(token, result, host)
    }
    fn next_lost(&mut self, host: &dyn Host) -> Option<Resumption> {
        self.filter.next_lost(host)
    }
    fn tick(&mut self, host: &dyn Host) -> Outcome {
        self.filter.tick(host)
    }
}

fn configured<P: Policy>(spec: &PluginSpec, env: &dyn Env) -> Result<Box<dyn AnyFilter>> {
    let mut typed = Typed::<P> { filter: Filter::default(), stream: Stream::default(), id: 0 };
    typed.filter.configure(&spec.name, &spec.configuration, env).map_err(|errors| {
        let lines: Vec<String> = errors.as_slice().iter().map(ToString::to_string).collect();
        anyhow!("{}: configuration refused:\n{}", spec.name, lines.join("\n"))
    })?;
    Ok(Box::new(typed))
}

/// Whether there is a filter of this name.
pub(super) fn is_known(spec: &PluginSpec) -> bool {
    PLUGINS.iter().any(|(name, _)| *name == spec.plugin())
}

/// Sets up the filter that `spec` describes.
pub(super) fn build(spec: &PluginSpec, settings: &Settings) -> Result<Box<dyn AnyFilter>> {
    let factory = PLUGINS.iter().find(|(name, _)| *name == spec.plugin());
    let (_, factory) = factory.with_context(|| {
        let known: Vec<&str> = PLUGINS.iter().map(|(name, _)| *name).collect();
        format!("{}: no plugin is called {:?}; there are {}", spec.name, spec.plugin(), known.join(", "))
    })?;
    factory(spec, &Variables { spec, settings })
}

struct Variables<'a> {
    spec: &'a PluginSpec,
    settings: &'a Settings,
}

impl Env for Variables<'_> {
    fn var(&self, name: &str) -> Option<String> {
        self.spec.variable(name, |name| self.settings.variable(name))
    }
}

/// Shared data, one name space per `vm_id` as in Envoy.
#[derive(Default)]
pub(super) struct Stores(BTreeMap<String, Arc<MemoryStore>>);

impl Stores {
    pub(super) fn of(&mut self, vm_id: &str) -> Arc<MemoryStore> {
        Arc::clone(self.0.entry(vm_id.to_owned()).or_default())
    }
}

/// What a policy may ask during one event.
pub(super) struct World<'a> {
    pub(super) store: &'a MemoryStore,
    pub(super) calls: &'a RefCell<Calls>,
    /// Place of the filter in the chain.
    pub(super) slot: usize,
    /// The time of the event: cases run in a time of their own, so that every run gives the same.
    pub(super) now: Timestamp,
    pub(super) instance: &'a str,
    /// The request; `None` where the event is about none.
    pub(super) about: Option<About<'a>>,
    /// Whether the response at hand is the upstream's.
    pub(super) via_upstream: bool,
    /// Bytes of the request's body that have come to the gateway.
    pub(super) received: u64,
}

impl Host for World<'_> {
    fn dial(&self, call: &CallOut) -> Option<Token> {
        self.calls.borrow_mut().dial(self.slot, call, self.now)
    }

    /// There is one worker, which has nobody to tell anything.
    fn listen(&self, _: &str) -> Option<Queue> {
        None
    }
}

impl Cx for World<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        match path {
            ["source", "address"] => self.about.map(|about| about.source.as_bytes().to_vec()),
            ["filter_state", name] => self.about?.state.get(name.strip_prefix("wasm.")?).cloned(),
            // Only their difference says something.
            ["request", "total_size"] => self.about.map(|_| self.received.to_le_bytes().to_vec()),
            ["request", "headers_bytes"] => self.about.map(|_| 0_u64.to_le_bytes().to_vec()),
            ["plugin_name"] => Some(self.instance.as_bytes().to_vec()),
            ["response", "code_details"] if self.via_upstream => Some(b"via_upstream".to_vec()),
            _ => None,
        }
    }

    fn store(&self) -> &dyn SharedStore {
        self.store
    }
}
