//! Cases on a real Envoy: a client in front, a recording upstream behind, an access log for what the
//! filters decided.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use recorder::Recorder;
use tempfile::TempDir;

use crate::client;
use crate::envoy::{AccessLines, Envoy};
use crate::envoy_config::{AccessLog, Bootstrap, Rewrite};
use crate::observation::{Observation, Verdict};
use crate::request::Request;
use crate::settings::Settings;

/// For one whole exchange: longer than Envoy's own route timeout of 15 s, which is an answer.
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(20);
/// For Envoy to log and the upstream to be done after the client has its response.
const SETTLE_DEADLINE: Duration = Duration::from_secs(5);

/// For bytes that Envoy has sent to be read on the other side of the loopback interface.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(1);

pub(crate) struct EnvoyExecutor {
    envoy: Envoy,
    recorder: Recorder,
    gateway: SocketAddr,
    lines: AccessLines,
    /// Instances in filter order.
    instances: Vec<String>,
    _files: TempDir,
}

impl EnvoyExecutor {
    pub(crate) async fn start(bootstrap: &Bootstrap, settings: &Settings) -> Result<Self> {
        let plugins = bootstrap.plugins()?;
        let recorder = Recorder::start().await?;
        let files = tempfile::tempdir().context("temporary directory")?;
        let log = AccessLog::new(files.path().join("access.log"), &plugins);
        let instances = log.instances.clone();
        let lines = AccessLines::new(log.path.clone());
        let rewrite = Rewrite { upstream: recorder.addr(), dist: &settings.dist, access_log: Some(log) };
        let config = bootstrap.rewritten(&rewrite)?;
        let envoy = Envoy::start(&config, &settings.launch()).await?;
        let gateway = envoy.listener(&bootstrap.ingress_name()?).await?;
        Ok(Self { envoy, recorder, gateway, lines, instances, _files: files })
    }

    pub(crate) async fn send(
        &mut self,
        request: &Request,
        answer: recorder::Response,
    ) -> Result<Observation> {
        self.recorder.script(answer);
        let wire = on_the_wire(request);
        let exchange = tokio::time::timeout(EXCHANGE_DEADLINE, client::send(self.gateway, &wire)).await;
        let Ok(exchange) = exchange else {
            let _ = (self.recorder.take(), self.recorder.take_unreadable());
            return Ok(Observation::no_response(format!("no whole response within {EXCHANGE_DEADLINE:?}")));
        };
        let mut exchange = exchange?;
        if request.raw.is_some() {
            // The bytes may hold a second request, hidden or not: it is served before the client leaves.
            self.envoy.idle(SETTLE_DEADLINE).await?;
        }
        drop(exchange.open.take());
        // Once Envoy has let go of the connection, every request on it is over and logged.
        self.envoy.quiet(SETTLE_DEADLINE).await?;
        let lines = self.lines.of(exchange.local, SETTLE_DEADLINE).await?;
        let mut seen = match exchange.response {
            Ok(response) => Observation {
                verdict: if response.cut_off.is_some() { Verdict::Error } else { Verdict::Pass },
                status: Some(response.status),
                headers: response.headers,
                body: response.body,
                trailers: response.trailers,
                error: response.cut_off,
                ..Observation::no_response(String::new())
            },
            Err(why) => Observation::no_response(why),
        };
        if let Some(line) = lines.first() {
            for exported in self.instances.iter().filter_map(|name| line.instances.get(name)) {
                seen.add(exported);
            }
            if let (Some(why), Some(details)) = (&mut seen.error, &line.details) {
                why.push_str(&format!(" (envoy: {details})"));
            }
        } else if seen.status.is_some() {
            return Err(anyhow!("envoy answered {request} and logged nothing for {}", exchange.local));
        }
        let sent = lines.iter().filter(|line| line.upstream_bytes.unwrap_or_default() > 0).count();
        let arrived = self.recorder.settled(sent, DELIVERY_DEADLINE).await;
        seen.upstream = self.recorder.take();
        seen.unreadable = self.recorder.take_unreadable();
        if !arrived {
            // Envoy had begun to send and took it back before the upstream could read: no test may call
            // that "not contacted".
            seen.unreadable.push(format!("envoy began {sent} requests, not all arrived"));
        }
        Ok(seen)
    }

    pub(crate) async fn finish(mut self) -> Result<Vec<String>> {
        let failures = self.envoy.failures().await?;
        self.envoy.stop().await?;
        Ok(failures)
    }
}

/// The scheme is no part of HTTP/1: a plain connection says `https` the way a TLS terminator in front does. Over
/// HTTP/2 `:scheme` says it, and Envoy then looks at nothing else.
fn on_the_wire(request: &Request) -> Request {
    let mut request = request.clone();
    if request.scheme == "https" {
        request.headers.push(("x-forwarded-proto".to_owned(), b"https".to_vec()));
    }
    request
}
