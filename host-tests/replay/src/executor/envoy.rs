//! Cases on a real Envoy: a client in front, a recording upstream and call-out servers behind, an access log for what
//! the filters decided, Envoy's own log for what they said.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use recorder::{CallOuts, Recorder};
use tempfile::TempDir;

use super::Start;
use super::real::RealRedis;
use crate::client::{self, Exchange};
use crate::envoy::{AccessLine, AccessLines, Envoy, Options, Proxy, Random, UNKNOWN};
use crate::envoy_config::{AccessLog, Rewrite};
use crate::observation::{CallOutSeen, LogLine, Observation, Verdict};
use crate::request::Request;
use crate::step::{self, Split, Step};

/// For one whole exchange: longer than Envoy's own route timeout of 15 s, which is an answer.
const EXCHANGE_DEADLINE: Duration = Duration::from_secs(20);
/// For Envoy to log and the upstream to be done after the client has its response.
const SETTLE_DEADLINE: Duration = Duration::from_secs(5);
/// For bytes that Envoy has sent to be read on the other side of the loopback interface.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(1);
/// How often filters may wake each other, across threads, after a request is over. Some log on every tick and never
/// fall silent.
const ROUNDS: usize = 8;

pub(crate) struct EnvoyExecutor {
    envoy: Envoy,
    recorder: Recorder,
    callouts: CallOuts,
    /// The clusters that are not played.
    real: RealRedis,
    gateway: SocketAddr,
    /// Every connection tells the address it comes from.
    proxied: bool,
    lines: AccessLines,
    /// Instances in filter order.
    instances: Vec<String>,
    start_logs: Vec<LogLine>,
    before: Counts,
    expected_traps: usize,
    _files: TempDir,
}

/// What was counted up to the end of a step.
#[derive(Default)]
struct Counts {
    logs: usize,
    traps: usize,
    /// Call-outs that Envoy sent.
    sent: u64,
    /// Requests that no connection could be made for, per cluster.
    refused: BTreeMap<String, u64>,
}

impl EnvoyExecutor {
    pub(crate) async fn start(start: &Start<'_>) -> Result<Self> {
        let Start { bootstrap, settings, workers, callouts, real, proxied, now: _ } = *start;
        let plugins = bootstrap.plugins()?;
        let recorder = Recorder::start().await?;
        let called = bootstrap.called_clusters();
        let real = RealRedis::start(real, &called).await?;
        let played = called.into_iter().filter(|cluster| !real.is_behind(cluster));
        let callouts = CallOuts::start(played, real.without(step::scripted(callouts)?)).await?;
        let files = tempfile::tempdir().context("temporary directory")?;
        let log = AccessLog::new(files.path().join("access.log"), &plugins);
        let instances = log.instances.clone();
        let lines = AccessLines::new(log.path.clone());
        let rewrite = Rewrite { upstream: recorder.addr(), dist: &settings.dist, access_log: Some(log) };
        let mut bootstrap = bootstrap.clone().calling(&callouts.addrs())?.calling(&real.addrs())?;
        if proxied {
            bootstrap = bootstrap.behind_proxy()?;
        }
        let options = Options { workers, traced: true };
        let envoy = Envoy::start_with(&bootstrap.rewritten(&rewrite)?, &settings.launch(), &options).await?;
        let gateway = envoy.listener(&bootstrap.ingress_name()?).await?;
        let mut executor = Self {
            envoy,
            recorder,
            callouts,
            real,
            gateway,
            proxied,
            lines,
            instances,
            start_logs: Vec::new(),
            before: Counts::default(),
            expected_traps: 0,
            _files: files,
        };
        // What belongs to the start is no part of the first step.
        let mut started = Observation::no_response(String::new());
        executor.settle().await?;
        executor.collect(&mut started).await?;
        ensure!(started.problems.is_empty(), "at the start: {}", started.problems.join("; "));
        executor.start_logs = started.logs.unwrap_or_default();
        Ok(executor)
    }

    /// What the filters logged before the first request.
    pub(crate) fn start_logs(&self) -> &[LogLine] {
        &self.start_logs
    }

    pub(crate) async fn send(&mut self, step: &Step, split: Option<Split>) -> Result<Observation> {
        self.recorder.script(step.response()?);
        self.callouts.begin(self.real.without(step::scripted(&step.callouts)?)).await?;
        let refused = self.real.command(&step.redis).await?;
        let mut seen = match self.observe(&step.request(split), step.src).await {
            Ok(seen) => seen,
            Err(error) => match self.envoy.obituary().await {
                Some(why) => return Err(error.context(why)),
                None => return Err(error),
            },
        };
        seen.problems.extend(refused);
        self.expected_traps += step.expect.as_ref().map_or(0, |expect| expect.traps.min(seen.traps));
        Ok(seen)
    }

    async fn observe(&mut self, request: &Request, src: Option<SocketAddr>) -> Result<Observation> {
        let done = self.exchange(&on_the_wire(request), src).await?;
        self.settle().await?;
        let Some((exchange, peer)) = done else {
            let mut seen =
                Observation::no_response(format!("no whole response within {EXCHANGE_DEADLINE:?}"));
            self.upstream(&[], &mut seen).await;
            self.collect(&mut seen).await?;
            return Ok(seen);
        };
        let client = exchange.local;
        let mut seen = observed(exchange);
        let lines = self.lines.of(peer, SETTLE_DEADLINE).await?;
        if let Some(line) = lines.first() {
            for exported in self.instances.iter().filter_map(|name| line.instances.get(name)) {
                seen.add(exported);
            }
            if let (Some(why), Some(details)) = (&mut seen.error, &line.details) {
                why.push_str(&format!(" (envoy: {details})"));
            }
        } else if seen.status.is_some() {
            return Err(anyhow!("envoy answered {request} and logged nothing for {peer}"));
        }
        self.upstream(&lines, &mut seen).await;
        self.collect(&mut seen).await?;
        Random::of(request, lines.into_iter().filter_map(|line| line.id), client).replace_in(&mut seen);
        Ok(seen)
    }

    /// One request and its response, and where Envoy saw the connection come from; `None` when it takes too long.
    /// The connection is closed when this returns.
    async fn exchange(
        &self,
        request: &Request,
        src: Option<SocketAddr>,
    ) -> Result<Option<(Exchange, SocketAddr)>> {
        let proxy = match self.proxied {
            true => Some(Proxy::start(self.gateway, src).await?),
            false => None,
        };
        let gateway = proxy.as_ref().map_or(self.gateway, |proxy| proxy.addr);
        let exchange = tokio::time::timeout(EXCHANGE_DEADLINE, client::send(gateway, request)).await;
        let Ok(exchange) = exchange else { return Ok(None) };
        let mut exchange = exchange?;
        if request.raw.is_some() {
            // The bytes may hold a second request, hidden or not: it is served before the client leaves.
            self.envoy.idle(SETTLE_DEADLINE).await?;
        }
        drop(exchange.open.take());
        // Once Envoy has let go of the connection, every request on it is over and logged.
        self.envoy.quiet(SETTLE_DEADLINE).await?;
        let peer = proxy.map_or(exchange.local, |proxy| proxy.local);
        Ok(Some((exchange, peer)))
    }

    /// Waits until the filters are done with what the last request brought about, call-outs included, and all they
    /// logged is read.
    async fn settle(&self) -> Result<()> {
        let greeting = if self.proxied { UNKNOWN } else { b"" };
        let mut called = true;
        for _ in 0..ROUNDS {
            self.envoy.quiet(SETTLE_DEADLINE).await?;
            self.envoy.caught_up(SETTLE_DEADLINE).await?;
            let before = (self.envoy.filter_lines(), self.callouts.contacts());
            // A call-out that takes longer goes on; it is not waited for twice.
            called = called && self.envoy.called(SETTLE_DEADLINE).await?;
            self.envoy.fence(self.gateway, greeting, SETTLE_DEADLINE).await?;
            self.envoy.caught_up(SETTLE_DEADLINE).await?;
            if before == (self.envoy.filter_lines(), self.callouts.contacts()) {
                break;
            }
        }
        Ok(())
    }

    /// What reached the upstream.
    async fn upstream(&self, lines: &[AccessLine], seen: &mut Observation) {
        let sent = lines.iter().filter(|line| line.upstream_bytes.unwrap_or_default() > 0).count();
        let arrived = self.recorder.settled(sent, DELIVERY_DEADLINE).await;
        seen.upstream = self.recorder.take();
        seen.unreadable = self.recorder.take_unreadable();
        if !arrived {
            // Envoy had begun to send and took it back before the upstream could read: no test may call
            // that "not contacted".
            seen.unreadable.push(format!("envoy began {sent} requests, not all arrived"));
        }
    }

    /// What the filters logged, whom they called and how often they trapped since the last time.
    async fn collect(&mut self, seen: &mut Observation) -> Result<()> {
        let now = self.counts().await?;
        let sent = usize::try_from(now.sent.saturating_sub(self.before.sent)).context("call-outs")?;
        if !self.callouts.settled(sent, DELIVERY_DEADLINE).await {
            seen.problems.push(format!("envoy began {sent} call-outs, not all arrived"));
        }
        for (cluster, count) in &now.refused {
            let before = self.before.refused.get(cluster).copied().unwrap_or_default();
            if let Err(error) = self.callouts.refused(cluster, count.saturating_sub(before)) {
                seen.problems.push(error.to_string());
            }
        }
        seen.problems.append(&mut self.callouts.take_problems());
        let made = self.callouts.take().into_iter();
        seen.unrecorded = self.real.addrs().into_keys().collect();
        seen.callouts = Some(made.map(|(cluster, request)| CallOutSeen { cluster, request }).collect());
        seen.logs = Some(self.envoy.filter_log_since(self.before.logs));
        seen.traps = now.traps.saturating_sub(self.before.traps);
        self.before = now;
        Ok(())
    }

    async fn counts(&self) -> Result<Counts> {
        let counters = r"^cluster\..*\.(upstream_rq_total|upstream_rq_pending_failure_eject)$";
        let stats = self.envoy.stats(counters).await?;
        let count = |cluster: &str, counter: &str| {
            // Envoy writes the names of clusters into those of counters without colons.
            let name = format!("cluster.{}.{counter}", cluster.replace(':', "_"));
            stats.iter().find(|(have, _)| *have == name).map_or(0, |(_, count)| *count)
        };
        let clusters: Vec<String> = self.callouts.addrs().into_keys().collect();
        let sent = clusters.iter().map(|cluster| count(cluster, "upstream_rq_total")).sum();
        let refused = |cluster: String| (count(&cluster, "upstream_rq_pending_failure_eject"), cluster);
        Ok(Counts {
            logs: self.envoy.filter_lines(),
            traps: self.envoy.traps().len(),
            sent,
            refused: clusters.into_iter().map(refused).map(|(count, cluster)| (cluster, count)).collect(),
        })
    }

    pub(crate) async fn finish(mut self) -> Result<Vec<String>> {
        let failures = self.envoy.failures_beyond(self.expected_traps).await?;
        self.envoy.stop().await?;
        self.real.stop().await?;
        Ok(failures)
    }
}

/// What the client saw.
fn observed(exchange: Exchange) -> Observation {
    match exchange.response {
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
