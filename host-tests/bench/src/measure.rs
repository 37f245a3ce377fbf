//! The rounds: every variant once per round, in an order that moves, so that a drift of the machine meets all
//! of them alike.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::gateway::Gateway;
use crate::load;

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
}

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
}

/// Measures all gateways in `plan.rounds` rounds. The result has one list of samples per gateway, in round
/// order; `progress` is told what is being measured.
///
/// # Errors
///
/// When a request fails or an Envoy has gone.
pub async fn rounds(
    gateways: &[Gateway],
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
            let sample = sample(gateway, wrk, plan)
                .await
                .with_context(|| format!("variant {}", gateway.variant.name))?;
            collected.push(sample);
        }
        let one = usize::from(!order.is_empty());
        order.rotate_left(one);
    }
    Ok(samples)
}

/// One warm-up and one sample.
async fn sample(gateway: &Gateway, wrk: &Path, plan: &Plan) -> Result<Sample> {
    let url = format!("http://{}{}", gateway.address, plan.path);
    let script = gateway.variant.script.as_deref();
    let run = |seconds| load::run(wrk, &url, &plan.host, plan.connections, seconds, script);
    run(plan.warm_up_seconds).await?;
    let start = Instant::now();
    let before = gateway.worker.usage()?;
    let load = run(plan.seconds).await?;
    let used = gateway.worker.usage()?.since(before);
    let elapsed = start.elapsed();
    Ok(Sample {
        cpu_us: per(used.on_cpu, load.requests) / 1e3,
        waited: per(used.waiting, used.on_cpu),
        busy: Duration::from_nanos(used.on_cpu).div_duration_f64(elapsed),
        per_second: load.per_second,
        p50_us: load.p50_us,
        p99_us: load.p99_us,
        requests: load.requests,
    })
}

/// A quotient of two counters; nothing per nothing is NaN, which no summary accepts.
#[allow(clippy::cast_precision_loss, reason = "counters of a few seconds are far below 2^53")]
fn per(total: u64, count: u64) -> f64 {
    total as f64 / count as f64
}
