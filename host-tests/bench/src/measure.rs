//! The rounds: every variant once per round, in an order that moves, so that a drift of the machine meets all
//! of them alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::gateway::Gateway;
use crate::load::{self, Load};
use crate::sched::{Usage, Worker};

/// How long and how hard to measure.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Rounds; each gives one sample per variant.
    pub rounds: u32,
    /// Seconds of load per sample.
    pub seconds: u32,
    /// Seconds of load before each sample that are not counted.
    pub warm_up_seconds: u32,
    /// Kept-alive connections of the load generator.
    pub connections: u32,
    /// The path that is requested.
    pub path: String,
    /// The host that is requested.
    pub host: String,
    /// A second run of each sample, not as fast as answers come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// A run at a moderate rate, of gateways that forward.
#[derive(Clone, Debug, Serialize)]
pub struct Pace {
    /// Requests per second, about.
    pub per_second: u32,
    /// The script that has wrk send them.
    #[serde(skip)]
    pub script: PathBuf,
}

/// A program that works for the gateways, by name.
pub type Elsewhere = (&'static str, Worker);

/// What one run of the load generator cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// CPU of the worker thread per request, in microseconds.
    pub cpu_us: f64,
    /// Time the worker was ready to run but had to wait for its core, as a share of the time on it.
    pub waited: f64,
    /// Time the worker was on its core, as a share of the run. Below 1 it was not the bottleneck.
    pub busy: f64,
    /// Requests answered per second.
    pub per_second: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
    /// Requests answered.
    pub requests: u64,
    /// CPU per request of what works for the gateway, in microseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere_us: BTreeMap<&'static str, f64>,
    /// The run at a moderate rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paced: Option<Paced>,
}

/// What a run at a moderate rate shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Paced {
    /// CPU of the worker thread per request, in microseconds.
    pub cpu_us: f64,
    /// Requests answered per second.
    pub per_second: f64,
    /// Median latency in microseconds.
    pub p50_us: f64,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: f64,
}

/// Measures all gateways in `plan.rounds` rounds. The result has one list of samples per gateway, in round
/// order; `progress` is told what is being measured.
///
/// # Errors
///
/// When a request fails or an Envoy has gone.
pub async fn rounds(
    gateways: &[Gateway],
    elsewhere: &[Elsewhere],
    wrk: &Path,
    plan: &Plan,
    mut progress: impl FnMut(u32, &str),
) -> Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::new(); gateways.len()];
    let mut order: Vec<usize> = (0..gateways.len()).collect();
    for round in 0..plan.rounds {
        for index in order.iter().copied() {
            let (Some(gateway), Some(collected)) = (gateways.get(index), samples.get_mut(index)) else {
                continue;
            };
            progress(round, &gateway.variant.name);
            let sample = sample(gateway, elsewhere, wrk, plan)
                .await
                .with_context(|| format!("variant {}", gateway.variant.name))?;
            collected.push(sample);
        }
        let one = usize::from(!order.is_empty());
        order.rotate_left(one);
    }
    Ok(samples)
}

/// One warm-up and one sample; and the same at a moderate rate, where the plan has one.
async fn sample(gateway: &Gateway, elsewhere: &[Elsewhere], wrk: &Path, plan: &Plan) -> Result<Sample> {
    let script = gateway.variant.script.as_deref();
    let run = run(gateway, elsewhere, wrk, plan, script).await?;
    let paced = match &plan.pace {
        Some(pace) if gateway.variant.forwards => {
            let Run { load, used, .. } = self::run(gateway, &[], wrk, plan, Some(&pace.script)).await?;
            let cpu_us = per(used.on_cpu, load.requests) / 1e3;
            Some(Paced { cpu_us, per_second: load.per_second, p50_us: load.p50_us, p99_us: load.p99_us })
        }
        _ => None,
    };
    let Run { load, used, elapsed, elsewhere } = run;
    let us = |(name, used): (&'static str, Usage)| (name, per(used.on_cpu, load.requests) / 1e3);
    Ok(Sample {
        cpu_us: per(used.on_cpu, load.requests) / 1e3,
        waited: per(used.waiting, used.on_cpu),
        busy: Duration::from_nanos(used.on_cpu).div_duration_f64(elapsed),
        per_second: load.per_second,
        p50_us: load.p50_us,
        p99_us: load.p99_us,
        requests: load.requests,
        elsewhere_us: elsewhere.into_iter().map(us).collect(),
        paced,
    })
}

/// A run of the load generator, and what was used meanwhile.
struct Run {
    load: Load,
    used: Usage,
    elapsed: Duration,
    elsewhere: Vec<(&'static str, Usage)>,
}

/// One warm-up and one run.
async fn run(
    gateway: &Gateway,
    elsewhere: &[Elsewhere],
    wrk: &Path,
    plan: &Plan,
    script: Option<&Path>,
) -> Result<Run> {
    let url = format!("http://{}{}", gateway.address, plan.path);
    let run = |seconds| load::run(wrk, &url, &plan.host, plan.connections, seconds, script);
    run(plan.warm_up_seconds).await?;
    let start = Instant::now();
    let before = gateway.worker.usage()?;
    let others = usages(elsewhere)?;
    let load = run(plan.seconds).await?;
    let used = gateway.worker.usage()?.since(before);
    let elapsed = start.elapsed();
    let since = |((name, after), (_, before)): ((_, Usage), _)| (name, after.since(before));
    let elsewhere = usages(elsewhere)?.into_iter().zip(others).map(since).collect();
    Ok(Run { load, used, elapsed, elsewhere })
}

fn usages(elsewhere: &[Elsewhere]) -> Result<Vec<(&'static str, Usage)>> {
    let usage = |(name, worker): &Elsewhere| Ok((*name, worker.usage().with_context(|| (*name).to_owned())?));
    elsewhere.iter().map(usage).collect()
}

/// A quotient of two counters; nothing per nothing is NaN, which no summary accepts.
#[allow(clippy::cast_precision_loss, reason = "counters of a few seconds are far below 2^53")]
fn per(total: u64, count: u64) -> f64 {
    total as f64 / count as f64
}
