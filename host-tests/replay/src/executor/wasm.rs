//! Cases on the modelled gateway with the built modules, in virtual time.

use std::time::Duration;

use anyhow::{Context as _, Result};
use proxy_wasm_host::{Engine, Exchange, Limits};
use recorder::End;

use super::Start;
use crate::envoy_config;
use crate::gateway::connection_manager::{framing, recorded, regular};
use crate::gateway::{Gateway, Setup};
use crate::observation::{CallOutSeen, Exported, LogLine, Observation, Verdict};
use crate::request::{Protocol, Request};
use crate::step::{Split, Step};

/// How long until the first request and until the next one.
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct WasmExecutor {
    gateway: Gateway,
    instances: Vec<String>,
    start_logs: Vec<LogLine>,
    /// When the next request arrives, since the start.
    next: Duration,
}

impl WasmExecutor {
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let engine = Engine::new(false)?;
        let surroundings = start.bootstrap.surroundings()?;
        let mut plugins = Vec::new();
        for spec in start.bootstrap.plugins()? {
            let file = envoy_config::module(&spec.wasm, &start.settings.dist)?;
            plugins.push((spec, file));
        }
        let instances = plugins.iter().map(|(spec, _)| spec.name.clone()).collect();
        let mut gateway = Gateway::start(Setup {
            engine: &engine,
            plugins: &plugins,
            environment: &|name| start.settings.variable(name),
            surroundings: &surroundings,
            callouts: start.callouts,
            workers: usize::try_from(start.workers).context("workers")?,
            seed: 0,
            start: start.now,
            limits: Limits::default(),
        })?;
        let start_logs = gateway.take_logs().iter().map(line).collect();
        // Timers that were set run; how many did before the first request is a matter of timing in Envoy.
        gateway.run_until(INTERVAL);
        gateway.take_logs();
        Ok(Self { gateway, instances, start_logs, next: INTERVAL })
    }

    pub(crate) fn start_logs(&self) -> &[LogLine] {
        &self.start_logs
    }

    pub(crate) fn send(&mut self, step: &Step, split: Option<Split>) -> Result<Observation> {
        let at = step.t_ms.map_or(self.next, Duration::from_millis).max(self.next);
        self.gateway.begin(&step.callouts)?;
        let without = Step { callouts: Vec::new(), ..step.clone() };
        self.gateway.submit(at, &without, split)?;
        self.gateway.run();
        // What the request left behind happens before the next one.
        self.next = self.gateway.now() + INTERVAL;
        self.gateway.run_until(self.next);
        let exchange = self.gateway.next_finished().context("the request did not end")?;
        let mut lines = exchange.logs.clone();
        lines.extend(self.gateway.take_logs());
        lines.sort_by_key(|line| line.order);
        let mut seen = observed(&exchange, &self.instances);
        on_the_wire(&mut seen, &step.request(split));
        seen.logs = Some(lines.iter().map(line).collect());
        let arrived = self.gateway.take_arrived().into_iter().map(|call| CallOutSeen {
            request: recorded(&call.headers, &call.body, call.trailers.as_ref(), End::Complete),
            cluster: call.cluster,
        });
        seen.callouts = Some(arrived.collect());
        seen.traps += self.gateway.take_traps().len();
        Ok(seen)
    }
}

fn line(line: &proxy_wasm_host::LogLine) -> LogLine {
    LogLine { level: line.level.as_str().to_owned(), prefix: line.prefix.clone(), text: line.text.clone() }
}

/// What the client reads of it: no body where HTTP has none, and over HTTP/1 the headers that tell the end.
fn on_the_wire(seen: &mut Observation, request: &Request) {
    let bodiless = request.is_head() || matches!(seen.status, Some(204 | 304));
    if bodiless {
        seen.body.clear();
    }
    if request.protocol == Protocol::H1 && seen.status.is_some() {
        let has_body = !seen.body.is_empty() || !seen.trailers.is_empty();
        seen.headers.extend(framing(&seen.headers, has_body, !bodiless));
    }
}

/// What the client, the servers and the access log saw.
pub(crate) fn observed(exchange: &Exchange, instances: &[String]) -> Observation {
    let mut seen = match &exchange.response {
        None => Observation::no_response("the stream was reset".to_owned()),
        Some(response) => {
            let status = response.headers.get(b":status").and_then(|status| std::str::from_utf8(status).ok());
            Observation {
                verdict: if response.complete { Verdict::Pass } else { Verdict::Error },
                status: status.and_then(|status| status.parse().ok()),
                headers: regular(&response.headers),
                body: response.body.clone(),
                trailers: response.trailers.as_ref().map(regular).unwrap_or_default(),
                error: (!response.complete).then(|| "the response was cut off".to_owned()),
                ..Observation::no_response(String::new())
            }
        }
    };
    for instance in instances {
        let value = |what: &str| {
            let key = filter_core::names::state(instance, what);
            let value = exchange.filter_state.get(key.as_bytes())?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        seen.add(&Exported { decision: value("decision"), reason: value("reason"), shadow: value("shadow") });
    }
    seen.upstream.extend(exchange.upstream.as_ref().map(|request| {
        let end = if request.complete { End::Complete } else { End::CutOff };
        recorded(&request.headers, &request.body, request.trailers.as_ref(), end)
    }));
    seen.traps = exchange.traps.len();
    seen
}
