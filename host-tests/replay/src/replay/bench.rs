//! What a case costs on the modelled gateway: time, fuel and memory per request.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use proxy_wasm_host::{Engine, Exchange, Limits};
use serde::Serialize;

use crate::case::{Case, CaseFile};
use crate::envoy_config::{self, Bootstrap, PluginSpec};
use crate::executor::Kind;
use crate::gateway::{Gateway, Setup};
use crate::settings::Settings;
use crate::step::{CallOut, Split, Step};
use crate::variant::Variant;

/// Virtual time between two requests, and when the first gateway starts.
const INTERVAL: Duration = Duration::from_secs(1);
const START: Duration = Duration::from_secs(1_800_000_000);

/// A bench of the cases of one file.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The case file.
    pub file: &'a Path,
    /// How often every case is run and measured.
    pub rounds: usize,
}

/// What one case costs, per request of it.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The case, with its variant.
    pub case: String,
    /// How many requests it has.
    pub requests: usize,
    /// Time in ns: the median of the rounds.
    pub median_ns: u64,
    /// Time in ns: a tenth of the rounds took less.
    pub p10_ns: u64,
    /// Time in ns: a tenth of the rounds took more.
    pub p90_ns: u64,
    /// Fuel, about one per WebAssembly instruction.
    pub fuel: u64,
    /// Linear memory of all VMs after it, in bytes.
    pub memory_bytes: usize,
}

/// A step, and what its call-outs get.
struct Prepared {
    step: Step,
    callouts: Vec<CallOut>,
}

struct Running {
    gateway: Gateway,
    next: Duration,
}

impl Bench<'_> {
    /// Measures every case that the modelled gateway can run; those in which a VM traps are left out.
    ///
    /// # Errors
    /// The file or what it names cannot be read, or a gateway does not start.
    pub fn run(&self) -> Result<Vec<Measured>> {
        let file = CaseFile::read(self.file)?;
        let settings = Settings::discover(self.file)?;
        let bootstrap = Bootstrap::read(&settings.root.join(&file.config)).context("config")?;
        let mut timed = Running::start(&file, &bootstrap, &settings, false)?;
        let mut counted = Running::start(&file, &bootstrap, &settings, true)?;
        let mut all = Vec::new();
        let runs = |case: &&Case| file.executors_of(case).contains(&Kind::Wasm) && !traps(case);
        for case in file.cases.iter().filter(runs) {
            for variant in file.variants_of(case) {
                let measured = self.measure(case, variant, &mut timed, &mut counted);
                all.push(measured.with_context(|| case.id.clone())?);
            }
        }
        Ok(all)
    }

    fn measure(
        &self,
        case: &Case,
        variant: Variant,
        timed: &mut Running,
        counted: &mut Running,
    ) -> Result<Measured> {
        let steps: Vec<Prepared> = case.steps.iter().map(|step| prepared(&variant.of(step))).collect();
        let split = variant.split;
        let count = u32::try_from(steps.len()).context("steps")?.max(1);
        // What a first request compiles, caches and allocates is not what the next one costs.
        for _ in 0..=self.rounds / 10 {
            timed.round(&steps, split)?;
        }
        let mut times = Vec::with_capacity(self.rounds);
        for _ in 0..self.rounds {
            times.push(timed.round(&steps, split)?.0 / count);
        }
        times.sort_unstable();
        counted.round(&steps, split)?;
        let (_, fuel) = counted.round(&steps, split)?;
        let at = |tenths: usize| times.get((times.len() - 1) * tenths / 10).map_or(0, nanoseconds);
        Ok(Measured {
            case: variant.name(&case.id),
            requests: steps.len(),
            median_ns: at(5),
            p10_ns: at(1),
            p90_ns: at(9),
            fuel: fuel / u64::from(count),
            memory_bytes: timed.gateway.memory_bytes(),
        })
    }
}

impl Running {
    fn start(file: &CaseFile, bootstrap: &Bootstrap, settings: &Settings, fuel: bool) -> Result<Self> {
        let modules = |plugin: PluginSpec| {
            let module = envoy_config::module(&plugin.wasm, &settings.dist)?;
            Ok((plugin, module))
        };
        let plugins = bootstrap.plugins()?.into_iter().map(modules).collect::<Result<Vec<_>>>()?;
        let gateway = Gateway::start(Setup {
            engine: &Engine::new(fuel)?,
            plugins: &plugins,
            environment: &|name| settings.variable(name),
            surroundings: &bootstrap.surroundings()?,
            callouts: &file.callouts,
            workers: usize::try_from(file.workers.unwrap_or(1)).context("workers")?,
            seed: 0,
            start: START,
            limits: Limits::default(),
        })?;
        Ok(Self { gateway, next: INTERVAL })
    }

    /// Sends every step once: the time that took, and the fuel.
    fn round(&mut self, steps: &[Prepared], split: Option<Split>) -> Result<(Duration, u64)> {
        let (mut time, mut fuel) = (Duration::ZERO, 0);
        for Prepared { step, callouts } in steps {
            self.gateway.begin(callouts)?;
            // Timers that are due run before the clock does.
            self.gateway.run_until(self.next);
            let start = Instant::now();
            self.gateway.submit(self.next, step, split)?;
            self.gateway.run();
            time += start.elapsed();
            self.next = self.gateway.now() + INTERVAL;
            let exchange: Exchange = self.gateway.next_finished().context("the request did not end")?;
            fuel += exchange.fuel;
        }
        self.gateway.take_logs();
        self.gateway.take_traps();
        Ok((time, fuel))
    }
}

/// After a trap every request costs something else.
fn traps(case: &Case) -> bool {
    case.steps.iter().any(|step| step.expect.as_ref().is_some_and(|expect| expect.traps > 0))
}

fn prepared(step: &Step) -> Prepared {
    Prepared {
        step: Step { callouts: Vec::new(), expect: None, ..step.clone() },
        callouts: step.callouts.clone(),
    }
}

fn nanoseconds(time: &Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
