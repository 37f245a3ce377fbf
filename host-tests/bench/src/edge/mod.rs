//! `envoy-configs/envoy/gateway.yaml` over TLS with its whole chain, beside the same file without our filters; and what a
//! handshake costs it.

mod clients;
mod handshakes;
mod report;
mod requests;
mod world;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

pub use self::handshakes::Handshake;
pub use self::report::Report;
pub use self::requests::Request;
use self::requests::Tokens;
use self::world::World;
use crate::machine::Cores;
use crate::measure::Plan;
use crate::sched::Usage;

/// The order that is asked for.
pub const PATH: &str = "/orders/42";
/// Where orders are placed.
const ORDERS: &str = "/orders";
/// Requests per second of the runs that are not as fast as answers come, about.
pub const PER_SECOND: u32 = 500;
/// Below this share of requests that did what they are there for, the run measured something else.
const NEARLY_ALL: f64 = 0.95;

/// Which gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Envoy as the file has it, without the filters that are WebAssembly.
    Bare,
    /// With the whole chain.
    Whole,
}

/// What one sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Requests over connections that stay open.
    Requests(Which, Request),
    /// Connections without a request.
    Handshakes(Handshake),
}

/// What one run cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// CPU of the worker thread per request or handshake, in microseconds.
    pub cpu_us: f64,
    /// Time the worker was ready to run but had to wait for its core, as a share of the time on it.
    pub waited: f64,
    /// Time the worker was on its core, as a share of the run.
    pub busy: f64,
    /// Requests or handshakes per second.
    pub per_second: f64,
    /// Requests or handshakes.
    pub count: u64,
    /// Latency of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Of requests: call-outs about revocation, of handshakes: sessions resumed; per each.
    pub share: f64,
    /// Call-outs to Redis per request, whatever about; none of handshakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<f64>,
}

/// Latency as the load generator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Median in microseconds.
    pub p50_us: f64,
    /// 99th percentile in microseconds.
    pub p99_us: f64,
}

/// A subject's samples, one per round.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// What was measured.
    pub subject: Subject,
    /// In round order.
    pub samples: Vec<Sample>,
}

/// Everything that is measured, gateways that are compared side by side.
fn subjects() -> Vec<Subject> {
    let requests = Request::ALL
        .into_iter()
        .flat_map(|request| [Which::Bare, Which::Whole].map(|which| (which, request)));
    let requests = requests.map(|(which, request)| Subject::Requests(which, request));
    requests.chain(Handshake::ALL.map(Subject::Handshakes)).collect()
}

/// Starts both gateways and what they need, sees to it that they serve and refuse what they should, and measures in rounds, in an
/// order that moves. What wrk sends is written into `folder`.
///
/// # Errors
/// A part does not start, a request is answered otherwise, or what was measured is not what it should have been.
pub async fn run(wrk: &Path, plan: &Plan, folder: &Path, cores: Option<Cores>) -> Result<Vec<Entry>> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let world = World::start(cores).await?;
    eprintln!("signing tokens");
    let mut tokens = Tokens::signed(&world)?;
    world.verify(plan, &tokens).await?;
    let clients = Handshake::ALL
        .map(|kind| handshakes::connectors(kind, world.authority(), plan.connections).map(|all| (kind, all)));
    let clients = clients.into_iter().collect::<Result<Vec<_>>>()?;
    let mut entries: Vec<_> =
        subjects().into_iter().map(|subject| Entry { subject, samples: Vec::new() }).collect();
    let mut order: Vec<usize> = (0..entries.len()).collect();
    for round in 0..plan.rounds {
        for index in order.iter().copied() {
            let Some(entry) = entries.get_mut(index) else { continue };
            eprintln!("round {} of {}: {:?}", round.saturating_add(1), plan.rounds, entry.subject);
            let sample = match entry.subject {
                Subject::Requests(which, request) => {
                    requests::sample(world.gateway(which), request, wrk, plan, folder, &mut tokens).await
                }
                Subject::Handshakes(kind) => {
                    let (_, clients) = clients.iter().find(|(one, _)| *one == kind).context("its clients")?;
                    handshakes::sample(world.gateway(Which::Whole), kind, clients, plan).await
                }
            };
            let sample = sample.with_context(|| format!("{:?}", entry.subject))?;
            is_what_it_should_be(entry.subject, &sample)?;
            entry.samples.push(sample);
        }
        let one = usize::from(!order.is_empty());
        order.rotate_left(one);
    }
    world.end().await?;
    Ok(entries)
}

/// A token that was remembered asks nobody whether it was revoked, one that was not asks once; only a resumed handshake resumes.
fn is_what_it_should_be(subject: Subject, sample: &Sample) -> Result<()> {
    let (expected, what) = match subject {
        Subject::Requests(Which::Whole, request) => {
            (request.is_uncached(), "requests that asked about revocation")
        }
        Subject::Requests(Which::Bare, _) => (false, "requests that asked about revocation"),
        Subject::Handshakes(kind) => (kind == Handshake::Resumed, "sessions resumed"),
    };
    let fits = if expected { sample.share >= NEARLY_ALL } else { sample.share <= 1.0 - NEARLY_ALL };
    ensure!(fits, "{subject:?}: share of {what}: {:.3}", sample.share);
    Ok(())
}

/// The cost of so many requests or handshakes.
fn cost(used: Usage, elapsed: std::time::Duration, count: u64) -> (f64, f64, f64) {
    let on_cpu = std::time::Duration::from_nanos(used.on_cpu);
    let waiting = std::time::Duration::from_nanos(used.waiting);
    (
        on_cpu.as_secs_f64() * 1e6 / number(count),
        waiting.div_duration_f64(on_cpu),
        on_cpu.div_duration_f64(elapsed),
    )
}

#[allow(clippy::cast_precision_loss, reason = "counters of a few seconds are far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(share: f64) -> Sample {
        Sample {
            cpu_us: 1.0,
            waited: 0.0,
            busy: 1.0,
            per_second: 1.0,
            count: 1,
            latency: None,
            share,
            called: None,
        }
    }

    #[test]
    fn a_sample_of_something_else_is_refused() {
        let uncached = Subject::Requests(Which::Whole, Request::Order { bytes: 98, strangers: false });
        let cached = Subject::Requests(Which::Whole, Request::Get { paced: false });
        for (subject, good, bad) in [
            (uncached, 1.0, 0.5),
            (cached, 0.001, 0.5),
            (Subject::Requests(Which::Bare, Request::Order { bytes: 98, strangers: false }), 0.0, 1.0),
            (Subject::Handshakes(Handshake::Resumed), 1.0, 0.9),
            (Subject::Handshakes(Handshake::Mutual), 0.0, 1.0),
        ] {
            assert!(is_what_it_should_be(subject, &sample(good)).is_ok(), "{subject:?}");
            assert!(is_what_it_should_be(subject, &sample(bad)).is_err(), "{subject:?}");
        }
    }

    #[test]
    fn cost_is_per_request() {
        let used = Usage { on_cpu: 500_000_000, waiting: 50_000_000 };
        assert_eq!(cost(used, std::time::Duration::from_secs(1), 1000), (500.0, 0.1, 0.5));
    }
}
