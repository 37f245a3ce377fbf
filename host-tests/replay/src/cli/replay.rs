//! `portcullis replay`: recorded traffic through filters.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, ensure};
use clap::{Args, value_parser};
use replay::replay::{Chain, Modules, Output, Replay, Settings, Source, callouts};
use replay::traffic::{Format, Warning};

use super::STANDARD;
use super::progress::Progress;
use super::secrets::{Secrets, masked};
use super::traffic::Traffic;

/// Warnings of the traffic that are shown.
const WARNINGS: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    filters: Filters,
    /// JSON Lines, HAR 1.2, raw HTTP/1.1 or Envoy tap output; - for the standard input; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    traffic: Vec<PathBuf>,
    /// jsonl, har, raw or tap, where names and contents do not say it
    #[arg(long, value_name = "NAME")]
    format: Option<Format>,
    /// Answers to call-outs that belong to no request: a YAML or JSON list
    #[arg(long, value_name = "FILE")]
    callouts: Option<PathBuf>,
    /// The time at the start: RFC 3339, or seconds since 1970
    #[arg(long, value_name = "TIME", default_value = "2027-01-15T08:00:00Z")]
    now: Time,
    /// What the gateway's randomness comes from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Worker threads of the gateway
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Write a line of JSON per request; - for the standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a JUnit test per request
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Count fuel per request, at the price of speed
    #[arg(long)]
    trace: bool,
    /// Another configuration: report the requests whose verdict it changes; may be repeated for one chain
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// With --against: report other headers, bodies and upstream requests too
    #[arg(long, requires = "against")]
    strict: bool,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Debug, Args)]
struct Filters {
    /// An Envoy bootstrap or an Istio WasmPlugin manifest; several are one chain, one after the other
    #[arg(long, value_name = "FILE", required_unless_present = "plugin")]
    config: Vec<PathBuf>,
    /// A module without a gateway's file, after those of --config; may be repeated
    #[arg(long, value_name = "MODULE.wasm")]
    plugin: Vec<PathBuf>,
    /// The configuration of a --plugin: none at all, or one for each in the same order
    #[arg(long, value_name = "FILE", requires = "plugin")]
    plugin_config: Vec<PathBuf>,
    /// The name of a --plugin: none at all, or one for each in the same order
    #[arg(long, value_name = "NAME", requires = "plugin")]
    plugin_name: Vec<String>,
    /// Where the module of a filter is: by the filter's name, the module's path in the file or its file name
    #[arg(long, value_name = "NAME=PATH")]
    module: Vec<Override>,
}

/// `NAME=PATH`
#[derive(Debug, Clone)]
pub(super) struct Override(String, PathBuf);

impl FromStr for Override {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, path) = text.split_once('=').context("not NAME=PATH")?;
        ensure!(!name.is_empty() && !path.is_empty(), "not NAME=PATH");
        Ok(Self(name.to_owned(), path.into()))
    }
}

/// The modules that the command line places.
pub(super) fn modules(overrides: &[Override]) -> Modules {
    Modules::new(overrides.iter().map(|Override(name, path)| (name.clone(), path.clone())).collect())
}

/// A time since the Unix epoch.
#[derive(Debug, Clone, Copy)]
struct Time(Duration);

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(seconds) = text.parse() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        let time = chrono::DateTime::parse_from_rfc3339(text).map_err(|error| anyhow!("{error}"))?;
        let seconds = u64::try_from(time.timestamp()).context("before 1970")?;
        Ok(Self(Duration::new(seconds, time.timestamp_subsec_nanos().min(999_999_999))))
    }
}

/// Whether every request is as expected and, with `--against`, the same in both chains.
pub(super) async fn run(arguments: Arguments) -> Result<bool> {
    let redactor = arguments.secrets.redactor()?;
    let modules = modules(&arguments.filters.module);
    let chain = Chain::read(&arguments.filters.sources()?, &modules)?;
    let against: Vec<Source> = arguments.against.iter().cloned().map(Source::Config).collect();
    let against = match against.as_slice() {
        [] => None,
        sources => Some(Chain::read(sources, &modules).context("--against")?),
    };
    ensure!(modules.unused().is_empty(), "--module: no filter asks for {}", modules.unused().join(", "));
    let mut traffic = Traffic::open(&arguments.traffic, arguments.format)?;
    let settings = Settings {
        now: arguments.now.0,
        seed: arguments.seed,
        workers: usize::from(arguments.workers),
        trace: arguments.trace,
        strict: arguments.strict,
        callouts: arguments.callouts.as_deref().map_or_else(|| Ok(Vec::new()), callouts)?,
        ..Settings::new(redactor)
    };
    let output = Output { lines: arguments.out.as_deref().map(lines).transpose()?, junit: arguments.junit };
    let mut replay = Replay::start(&chain, against.as_ref(), settings, output)?;
    let mut progress = Progress::new();
    while let Some(items) = traffic.next().await.map_err(masked_error)? {
        for item in items {
            replay.push(item).map_err(masked_error)?;
        }
        progress.at(replay.requests());
        // Whether the process is to end is looked at here.
        tokio::task::yield_now().await;
    }
    let totals = replay.finish()?;
    drop(progress);
    warn(&traffic.warnings()?, &totals.warnings);
    if arguments.out.as_deref() == Some(Path::new(STANDARD)) {
        eprintln!("{}", totals.table);
    } else {
        super::print(&totals.table)?;
    }
    ensure!(totals.requests > 0, "no request in the traffic");
    Ok(totals.differing == 0)
}

impl Filters {
    fn sources(&self) -> Result<Vec<Source>> {
        let Self { config, plugin, plugin_config, plugin_name, module: _ } = self;
        for (option, count) in
            [("--plugin-config", plugin_config.len()), ("--plugin-name", plugin_name.len())]
        {
            ensure!(
                count == 0 || count == plugin.len(),
                "{option}: given {count} times for {} --plugin; they go together in order",
                plugin.len()
            );
        }
        let pairs = plugin.iter().enumerate().map(|(index, wasm)| Source::Pair {
            wasm: wasm.clone(),
            config: plugin_config.get(index).cloned(),
            name: plugin_name.get(index).cloned(),
        });
        Ok(config.iter().cloned().map(Source::Config).chain(pairs).collect())
    }
}

fn lines(path: &Path) -> Result<Box<dyn Write>> {
    if path == Path::new(STANDARD) {
        return Ok(Box::new(BufWriter::new(stdout())));
    }
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok(Box::new(BufWriter::with_capacity(1 << 16, file)))
}

/// A message about traffic may quote it.
fn masked_error(error: Error) -> Error {
    Error::msg(masked(&format!("{error:#}")))
}

/// Says what was left out of the traffic, and what is to be known of the results.
fn warn(left_out: &[Warning], about: &[String]) {
    for warning in left_out.iter().take(WARNINGS) {
        eprintln!("portcullis: {}", masked(&warning.to_string()));
    }
    if let Some(more) = left_out.len().checked_sub(WARNINGS).filter(|more| *more > 0) {
        eprintln!("portcullis: … and {more} more warnings");
    }
    for warning in about {
        eprintln!("portcullis: {warning}");
    }
}
