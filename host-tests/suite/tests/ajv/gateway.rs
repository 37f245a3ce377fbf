//! The module of schema-guard in a modelled gateway.

use anyhow::{Context as _, Result, ensure};
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Limits, Module, Network, Options, Plugin, Request,
    Response, StreamId, UpstreamRequest,
};
use std::time::Duration;
use suite::settings;

/// Answers 200.
struct Upstream;

impl Network for Upstream {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200")]);
        Some(Response { headers, end_with_last: true, ..Response::default() })
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        CallOutAnswer::Silence
    }
}

/// The module; with `fuel` what it burns is counted.
pub fn module(fuel: bool) -> Result<Module> {
    let path = settings()?.dist.join("schema-guard.wasm");
    let bytes = std::fs::read(&path).with_context(|| format!("{}: run `make dist`", path.display()))?;
    Ok(Module::new(&Engine::new(fuel)?, &bytes)?)
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    /// Why it was refused.
    pub reason: Option<String>,
    pub reached_upstream: bool,
    pub fuel: u64,
    /// Bytes of linear memory, of all VMs: memory that has grown stays.
    pub memory: usize,
}

/// A gateway with the filter alone.
pub struct Gateway(Host<Upstream>);

impl Gateway {
    /// Starts it with this configuration.
    pub fn start(module: &Module, configuration: &str) -> Result<Self> {
        let mut plugin = Plugin::new("schema-guard", module.clone(), configuration);
        plugin.allow_on_headers_stop_iteration = true;
        // What takes long is to be seen in fuel, and what is large in memory, by who asks for it.
        let limits = Limits {
            callback: Duration::from_secs(120),
            configure: Duration::from_secs(120),
            buffer: 16 << 20,
            ..Limits::default()
        };
        let options = Options { limits, ..Options::default() };
        let host = Host::new(vec![plugin], options, Upstream);
        Ok(Self(host.map_err(|refused| anyhow::anyhow!("{}: {:?}", refused.error, refused.logs))?))
    }

    /// Bytes of linear memory, of all VMs.
    pub fn memory(&self) -> usize {
        self.0.memory_bytes()
    }

    /// Posts JSON, in pieces of at most 16 KiB as Envoy reads them.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Result<Seen> {
        let length = body.len().to_string();
        let fields = [
            (":method", "POST"),
            (":path", path),
            (":scheme", "http"),
            (":authority", "api.example.com"),
            ("content-type", "application/json"),
            ("content-length", &length),
        ];
        self.0.submit(Request {
            headers: HeaderMap::from_pairs(Kind::Request, fields),
            body: body.chunks(16 << 10).map(<[u8]>::to_vec).collect(),
            end_with_last: true,
            source: "192.0.2.1:4711".to_owned(),
            ..Request::default()
        });
        self.0.run();
        let exchange = self.0.next_finished().context("an exchange")?;
        ensure!(exchange.traps.is_empty(), "{:?}", exchange.traps);
        let response = exchange.response.context("a response")?;
        let status = response.headers.get(b":status").context("a status")?;
        let details = exchange.details.unwrap_or_default();
        Ok(Seen {
            status: std::str::from_utf8(status)?.parse()?,
            reason: details.strip_prefix("portcullis_").map(str::to_owned),
            reached_upstream: exchange.upstream.is_some(),
            fuel: exchange.fuel,
            memory: self.memory(),
        })
    }
}
