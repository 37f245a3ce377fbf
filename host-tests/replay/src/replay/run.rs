//! Traffic through one chain of filters, or through two to compare them.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use proxy_wasm_host::{Engine, Limits, LogLine, Trap};

use super::chain::Chain;
use super::changes::changes;
use super::entry::Entry;
use super::lane::{Finished, Lane};
use super::line::HostState;
use super::outcome::Instance;
use super::results::{Output, Results, Totals, Verdicts};
use super::table::Question;
use crate::gateway::{Gateway, Setup};
use crate::step::{CallOut, scripted};
use crate::traffic::{Item, Redactor};
use crate::yaml;

/// Requests that may be under way or held back at once, and the bytes that the latter may hold. Above, the
/// virtual clock runs on until the first of them is over.
const MAX_HELD: usize = 20_000;
const MAX_HELD_BYTES: usize = 64 << 20;

/// Log lines and traps of no request that are kept.
const MAX_LOGS: usize = 10_000;
const MAX_LOG_BYTES: usize = 1 << 20;
const MAX_TRAPS: usize = 100;

/// How traffic is replayed.
#[derive(Debug)]
pub struct Settings {
    /// The time at the start, since the Unix epoch.
    pub now: Duration,
    /// What randomness comes from.
    pub seed: u64,
    /// Worker threads of the gateway.
    pub workers: usize,
    /// Count fuel.
    pub trace: bool,
    /// Compare whole responses and upstream requests between two chains, not only verdicts.
    pub strict: bool,
    /// What hides secrets.
    pub redactor: Redactor,
    /// Answers to call-outs that belong to no request.
    pub callouts: Vec<CallOut>,
}

impl Settings {
    /// From 2027-01-15T08:00:00Z, with one worker, comparing verdicts.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        let now = Duration::from_secs(1_800_000_000);
        Self { now, seed: 0, workers: 1, trace: false, strict: false, redactor, callouts: Vec::new() }
    }
}

/// A replay under way.
pub struct Replay {
    lane: Lane,
    against: Option<Lane>,
    /// What is not judged yet, in the order of the traffic.
    entries: VecDeque<Entry>,
    results: Results,
    redactor: Redactor,
    strict: bool,
    host: Kept,
    /// Whether the clock had to run ahead of the traffic.
    ahead: bool,
}

/// What was said and what failed on behalf of no request.
#[derive(Default)]
struct Kept {
    logs: Vec<LogLine>,
    bytes: usize,
    logs_left_out: u64,
    errors: Vec<Trap>,
    traps: u64,
}

impl Replay {
    /// Starts the filters of a chain, and those of another to compare with.
    ///
    /// # Errors
    /// A module cannot be run, or refuses its configuration; what it logged about that is in the error.
    pub fn start(chain: &Chain, against: Option<&Chain>, settings: Settings, output: Output) -> Result<Self> {
        let engine = Engine::new(settings.trace)?;
        let lane = start(&engine, chain, &settings)?;
        let against =
            against.map(|chain| start(&engine, chain, &settings)).transpose().context("--against")?;
        let Settings { trace, strict, redactor, .. } = settings;
        let results = Results::new(output, trace, redactor.clone())?;
        let entries = VecDeque::new();
        let mut replay =
            Self { lane, against, entries, results, redactor, strict, host: Kept::default(), ahead: false };
        replay.keep();
        Ok(replay)
    }

    /// Sends the next request of the traffic, or sets up what comes after it.
    ///
    /// # Errors
    /// A call-out or the upstream is to answer what no server can; the results cannot be written.
    pub fn push(&mut self, item: Item) -> Result<()> {
        let lanes = std::iter::once(&mut self.lane).chain(&mut self.against);
        match item {
            Item::Setup(setup) => {
                for lane in lanes {
                    lane.gateway.begin(&setup.callouts)?;
                }
            }
            Item::Exchange(mut exchange) => {
                let entry = Entry::new(&mut exchange, &self.redactor);
                for lane in lanes {
                    match &entry.malformed {
                        None => lane.submit(exchange.at, &exchange.step).context(entry.origin.to_string())?,
                        Some(malformed) => lane.refuse(exchange.at, malformed),
                    }
                }
                self.entries.push_back(entry);
            }
        }
        self.drain()?;
        while self.is_full() {
            self.ahead = true;
            std::iter::once(&mut self.lane).chain(&mut self.against).for_each(Lane::wait_for_first);
            self.drain()?;
        }
        Ok(())
    }

    /// Lets everything come to its end.
    ///
    /// # Errors
    /// The results cannot be written.
    pub fn finish(mut self) -> Result<Totals> {
        std::iter::once(&mut self.lane).chain(&mut self.against).for_each(Lane::finish);
        self.drain()?;
        let gateway = &self.lane.gateway;
        let host = HostState {
            logs: &self.host.logs,
            logs_left_out: self.host.logs_left_out,
            traps: self.host.traps,
            errors: &self.host.errors,
            metrics: gateway.metrics().collect::<BTreeMap<_, _>>(),
            memory_bytes: gateway.memory_bytes(),
        };
        let ahead = self.ahead.then(|| {
            format!(
                "more than {MAX_HELD} requests ({} MiB) were under way or waited for an earlier one: those after \
                 them were sent later than the traffic says",
                MAX_HELD_BYTES >> 20
            )
        });
        let question = if self.against.is_some() { Question::Unchanged } else { Question::Expected };
        self.results.finish(&host, question, ahead.into_iter().collect())
    }

    /// How many results there are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.results.requests()
    }

    fn is_full(&self) -> bool {
        std::iter::once(&self.lane).chain(&self.against).any(|lane| {
            let (requests, bytes) = lane.load();
            requests > MAX_HELD || bytes > MAX_HELD_BYTES
        })
    }

    /// Hands out the results that are there, in the order of the traffic.
    fn drain(&mut self) -> Result<()> {
        self.keep();
        while self.lane.is_ready() && self.against.as_ref().is_none_or(Lane::is_ready) {
            let Some(entry) = self.entries.pop_front() else { break };
            let finished = self.lane.take()?;
            let other = self.against.as_mut().map(Lane::take).transpose()?;
            self.judge(&entry, &finished, other.as_ref())?;
        }
        Ok(())
    }

    fn judge(&mut self, entry: &Entry, finished: &Finished, other: Option<&Finished>) -> Result<()> {
        let names = || self.lane.instances.iter().map(|instance| instance.name.clone()).collect::<Vec<_>>();
        let differences = entry.expect.as_ref().map(|expect| {
            let found = expect.differences(&finished.observation(entry, &names()));
            entry.masked(found, &[finished], &self.redactor)
        });
        let against = other.map(|other| {
            let found = changes(finished, other, self.strict);
            (&other.outcome, entry.masked(found, &[finished, other], &self.redactor))
        });
        let verdicts = Verdicts { entry, finished, differences, against };
        self.results.add(&verdicts, &self.lane.instances)
    }

    /// Keeps what belongs to no request.
    fn keep(&mut self) {
        for line in self.lane.gateway.take_logs() {
            self.host.bytes += line.text.len();
            if self.host.logs.len() < MAX_LOGS && self.host.bytes <= MAX_LOG_BYTES {
                self.host.logs.push(line);
            } else {
                self.host.logs_left_out += 1;
            }
        }
        for trap in self.lane.gateway.take_traps() {
            self.host.traps += 1;
            if self.host.errors.len() < MAX_TRAPS {
                self.host.errors.push(trap);
            }
        }
        // The other chain's are not reported, and must not pile up.
        if let Some(lane) = &mut self.against {
            lane.gateway.take_logs();
            lane.gateway.take_traps();
        }
    }
}

fn start(engine: &Engine, chain: &Chain, settings: &Settings) -> Result<Lane> {
    let gateway = Gateway::start(Setup {
        engine,
        plugins: &chain.plugins,
        environment: &|name| std::env::var(name).ok(),
        surroundings: &chain.surroundings,
        callouts: &settings.callouts,
        workers: settings.workers,
        seed: settings.seed,
        start: settings.now,
        limits: Limits::default(),
    })?;
    let instances = chain.plugins.iter().map(|(plugin, _)| Instance::new(&plugin.name));
    Ok(Lane::new(gateway, instances.collect()))
}

/// Reads answers to call-outs: a list, in YAML or JSON.
///
/// # Errors
/// The file, and the line where it is not such a list.
pub fn callouts(path: &Path) -> Result<Vec<CallOut>> {
    let callouts: Vec<CallOut> = yaml::read(path)?;
    scripted(&callouts).with_context(|| path.display().to_string())?;
    Ok(callouts)
}
