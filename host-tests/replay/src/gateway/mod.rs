//! A modelled gateway: the built modules in `proxy-wasm-host`, with scripted servers around it.

pub(crate) mod connection_manager;
pub(crate) mod network;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use proxy_wasm_host::{
    Engine, Exchange, Host, Limits, LogLine, Metric, Module, Options, Plugin, StreamId, Trap,
};
use recorder::Script;

use crate::envoy_config::{FailurePolicy, PluginSpec, Surroundings, UpstreamProtocol};
use crate::request::Protocol;
use crate::step::{CallOut, Property, Split, Step, scripted};
use connection_manager as manager;
use network::Servers;

/// What a gateway is started with.
pub struct Setup<'a> {
    /// Compiles the modules.
    pub engine: &'a Engine,
    /// The filters in order, with the file each module is in.
    pub plugins: &'a [(PluginSpec, PathBuf)],
    /// The environment that `host_env_keys` refer to.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// What stands around the filters.
    pub surroundings: &'a Surroundings,
    /// Answers to call-outs that belong to no request.
    pub callouts: &'a [CallOut],
    /// Worker threads.
    pub workers: usize,
    /// What randomness comes from.
    pub seed: u64,
    /// The time at the start, since the Unix epoch.
    pub start: Duration,
    /// What guests may use.
    pub limits: Limits,
}

/// A running gateway.
pub struct Gateway {
    host: Host<Servers>,
    start: Duration,
    upstream: UpstreamProtocol,
    use_remote_address: bool,
}

impl Gateway {
    /// Starts the filters.
    ///
    /// # Errors
    /// A module cannot be read or run, or refuses its configuration; what it logged about that is in the error.
    pub fn start(setup: Setup<'_>) -> Result<Self> {
        let mut modules = BTreeMap::new();
        let plugins = setup.plugins.iter().map(|(spec, file)| {
            let module = module(&mut modules, setup.engine, file)?;
            Ok(plugin(spec, module, setup.environment))
        });
        let plugins = plugins.collect::<Result<Vec<Plugin>>>()?;
        let options = Options {
            workers: setup.workers,
            seed: setup.seed,
            start: setup.start,
            limits: limits(setup.limits, setup.surroundings),
            clusters: setup.surroundings.clusters.clone(),
            attributes: attributes(setup.surroundings),
            ..Options::default()
        };
        let standing = Script::new(scripted(setup.callouts)?);
        let http2 = setup.surroundings.http2_clusters.clone();
        let servers = Servers { standing, http2, ..Servers::default() };
        let host = Host::new(plugins, options, servers).map_err(|refused| {
            let said = refused.logs.iter().map(|line| format!("\n{}: {}", line.level.as_str(), line.text));
            anyhow::anyhow!("{}{}", refused.error, said.collect::<String>())
        })?;
        let Surroundings { upstream, use_remote_address, .. } = *setup.surroundings;
        Ok(Self { host, start: setup.start, upstream, use_remote_address })
    }

    /// The answers to the next request's call-outs, where one comes after the other.
    ///
    /// # Errors
    /// An answer that no server can give.
    pub(crate) fn begin(&mut self, callouts: &[CallOut]) -> Result<()> {
        let servers = self.host.network();
        servers.standing.begin(scripted(callouts)?);
        servers.arrived = Some(Vec::new());
        Ok(())
    }

    /// The call-outs since then that found somebody who listens.
    pub(crate) fn take_arrived(&mut self) -> Vec<proxy_wasm_host::CallOut> {
        self.host.network().arrived.take().unwrap_or_default()
    }

    /// Lets time pass until `at` (since the start), then sends a request.
    ///
    /// # Errors
    /// An answer that no server can give.
    pub fn submit(&mut self, at: Duration, step: &Step, split: Option<Split>) -> Result<StreamId> {
        self.run_until(at);
        let request = step.request(split);
        let connection = step.src.map_or(manager::CLIENT.to_owned(), |source| source.to_string());
        let source = manager::source(&request, connection, self.use_remote_address);
        let mut modelled = manager::request(&request, source);
        modelled.properties =
            step.properties.iter().map(|(path, value)| (attribute(path), bytes(value))).collect();
        modelled.worker = step.src.map(worker);
        let protocol = match self.upstream {
            UpstreamProtocol::Http1 => Protocol::H1,
            UpstreamProtocol::Http2 => Protocol::H2,
            UpstreamProtocol::Client => request.protocol,
        };
        let answer = manager::response(&step.response()?, request.is_head(), protocol);
        let call_outs = match step.callouts.as_slice() {
            [] => None,
            some => Some(Script::new(scripted(some)?)),
        };
        let id = self.host.next_id();
        self.host.network().expect(id, network::Exchange { answer: Some(answer), call_outs });
        Ok(self.host.submit(modelled))
    }

    /// Lets time pass until `at`, since the start.
    pub fn run_until(&mut self, at: Duration) {
        self.host.run_until(self.start + at);
    }

    /// Lets time pass until no request is under way.
    pub fn run(&mut self) {
        self.host.run();
    }

    /// The time, since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.host.now().saturating_sub(self.start)
    }

    /// The next request that is over.
    pub fn next_finished(&mut self) -> Option<Exchange> {
        let exchange = self.host.next_finished()?;
        self.host.network().exchanges.remove(&exchange.id);
        Some(exchange)
    }

    /// Log lines that belong to no request, since the last take.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        self.host.take_logs()
    }

    /// Traps that belong to no request, since the last take.
    pub fn take_traps(&mut self) -> Vec<Trap> {
        self.host.take_traps()
    }

    /// Every metric by name.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, Metric)> {
        self.host.metrics().map(|(_, name, metric)| (name, metric))
    }

    /// Bytes of linear memory of all VMs.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.host.memory_bytes()
    }
}

fn module(modules: &mut BTreeMap<PathBuf, Module>, engine: &Engine, file: &Path) -> Result<Module> {
    if let Some(module) = modules.get(file) {
        return Ok(module.clone());
    }
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let module = Module::new(engine, &bytes).with_context(|| file.display().to_string())?;
    modules.insert(file.to_owned(), module.clone());
    Ok(module)
}

fn plugin(spec: &PluginSpec, module: Module, environment: &dyn Fn(&str) -> Option<String>) -> Plugin {
    let mut variables = spec.environment.clone();
    for name in &spec.host_environment {
        if let Some(value) = environment(name) {
            variables.insert(name.clone(), value);
        }
    }
    Plugin {
        root_id: spec.root_id.clone(),
        vm_id: spec.vm_id.clone(),
        vm_configuration: spec.vm_configuration.clone(),
        environment: variables.into_iter().collect(),
        failure_policy: match spec.failure_policy {
            FailurePolicy::FailClosed => proxy_wasm_host::FailurePolicy::Closed,
            FailurePolicy::FailOpen => proxy_wasm_host::FailurePolicy::Open,
            FailurePolicy::FailReload => proxy_wasm_host::FailurePolicy::Reload,
        },
        reload_backoff: spec.reload_backoff,
        allow_on_headers_stop_iteration: spec.allow_on_headers_stop_iteration,
        capabilities: spec.allowed_capabilities.clone(),
        ..Plugin::new(&spec.name, module, spec.configuration.clone())
    }
}

fn limits(limits: Limits, surroundings: &Surroundings) -> Limits {
    Limits {
        stream_idle: surroundings.stream_idle.unwrap_or(limits.stream_idle),
        buffer: surroundings.buffer.unwrap_or(limits.buffer),
        ..limits
    }
}

/// What filters can ask about the gateway: one route to the cluster `api`, on this machine.
fn attributes(surroundings: &Surroundings) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let text = |text: &str| Property::Bytes(text.as_bytes().to_vec());
    let known = [
        ("connection.id", Property::Integer(1)),
        ("connection.mtls", Property::Boolean(false)),
        ("destination.address", text("127.0.0.1:10000")),
        ("destination.port", Property::Integer(10000)),
        ("upstream.address", text("127.0.0.1:10001")),
        ("upstream.port", Property::Integer(10001)),
        ("upstream.local_address", text("127.0.0.1:10002")),
        ("xds.cluster_name", text("api")),
        ("xds.virtual_host_name", text(&surroundings.virtual_host)),
        ("xds.listener_direction", Property::Integer(0)),
    ];
    known.iter().map(|(path, value)| (attribute(path), bytes(value))).collect()
}

/// The path of an attribute as the ABI has it: segments separated by NUL.
fn attribute(path: &str) -> Vec<u8> {
    path.replace('.', "\0").into_bytes()
}

fn bytes(value: &Property) -> Vec<u8> {
    match value {
        Property::Bytes(bytes) => bytes.clone(),
        Property::Integer(number) => number.to_le_bytes().to_vec(),
        Property::Boolean(flag) => vec![u8::from(*flag)],
    }
}

/// A connection stays on one worker: its port tells which.
fn worker(source: std::net::SocketAddr) -> usize {
    usize::from(source.port())
}
