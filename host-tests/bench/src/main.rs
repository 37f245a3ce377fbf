//! `bench`: measures every variant and writes `target/bench/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bench::gateway::{self, Gateway};
use bench::limits::{self, Backends};
use bench::machine::{Cores, Machine};
use bench::measure::{self, Pace, Plan};
use bench::report::{Entry, Report};
use bench::variants::{self, Kind, Sources, Variant};
use bench::{bodies, edge, load, logins, tokens, upstream};
use clap::Parser;
use replay::envoy::{self, Launch};
use replay::envoy_config::{Bootstrap, PluginSpec};
use serde::Serialize;

/// Measures what a request costs in Envoy with different filters.
#[derive(Debug, Parser)]
struct Options {
    /// Rounds; each gives one sample per variant.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load per sample.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Kept-alive connections of the load generator.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Measure jwt-auth beside Envoy's jwt_authn, and nothing else.
    #[arg(long)]
    tokens: bool,
    /// Measure schema-guard with a document of about so many bytes, beside filters that only gather it, and nothing else.
    #[arg(long, value_name = "BYTES", conflicts_with = "tokens")]
    body: Option<usize>,
    /// Measure rate-limit beside Envoy's own limits, local and global, and nothing else.
    #[arg(long, conflicts_with_all = ["tokens", "body"])]
    limits: bool,
    /// Measure an attempt to log in beside a plain request, both through login-guard, and nothing else.
    #[arg(long, conflicts_with_all = ["tokens", "body", "limits"])]
    logins: bool,
    /// Measure the whole gateway over TLS beside the same one without our filters, and handshakes, and nothing else; the modules
    /// are those that its file names, in dist/.
    #[arg(long, conflicts_with_all = ["tokens", "body", "limits", "logins"])]
    edge: bool,
    /// The folder of the modules.
    #[arg(long, default_value = "dist")]
    dist: PathBuf,
    /// Leave out the prices of single host calls.
    #[arg(long)]
    no_calls: bool,
    /// Revision of the source, for the report.
    #[arg(long, default_value = "unknown")]
    revision: String,
    /// The Envoy file whose filter is measured.
    #[arg(long, default_value = "envoy-configs/envoy/request-policy.yaml")]
    config: PathBuf,
    /// The Envoy file whose filter is measured as the one with every option.
    #[arg(long, default_value = "envoy-configs/envoy/request-policy-whole.yaml")]
    every_option: PathBuf,
    /// A folder with another build of the module, measured beside the one in dist/.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// Where the report goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// Paths are relative to the current folder, which is the repository's. One thread starts every child, and
/// lives as long as this process: they are bound to it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let root = std::env::current_dir().context("no current folder")?;
    let wrk = load::find(&root)?;
    let launch = Launch { root: root.clone(), environment: Vec::new() };
    let version = version_of(&envoy::binary(&root)?)?;
    let machine = Machine::read();
    let cores = Cores::take()?;
    if let Some(cores) = cores {
        cores.enter()?;
    }
    let out = root.join(&options.out);
    let plan = Plan {
        rounds: options.rounds,
        seconds: options.seconds,
        warm_up_seconds: 1,
        connections: options.connections,
        path: match options.body {
            Some(_) => bodies::PATH,
            None if options.logins => logins::PATH,
            None if options.edge => edge::PATH,
            None => "/orders/42",
        }
        .to_owned(),
        host: "api.example.com".to_owned(),
        pace: options.limits.then(|| pace(options.connections, &out)).transpose()?,
    };

    if options.edge {
        let entries = edge::run(&wrk, &plan, &out, cores).await?;
        let (revision, own_core) = (options.revision, cores.is_some());
        let report = edge::Report { envoy: version, revision, machine, own_core, plan, entries };
        return write(&report.markdown(), &report, &out);
    }

    let sources = Sources {
        shipped: first_filter(&root.join(&options.config))?,
        every_option: first_filter(&root.join(&options.every_option))?,
        dist: root.join(&options.dist),
        beside: options.beside,
    };
    // They end with this.
    let backends = if options.limits || options.logins { Some(Backends::start().await?) } else { None };
    let elsewhere = backends.as_ref().map(Backends::watch).transpose()?.unwrap_or_default();
    let mut chosen = match (&backends, options.body) {
        (Some(backends), _) if options.logins => logins::all(&sources.dist, &out, backends)?,
        (Some(backends), _) => limits::all(&sources.dist, backends)?,
        (None, Some(bytes)) => bodies::all(&sources.dist, &out, bytes)?,
        (None, None) if options.tokens => tokens::all(&sources.dist, &out)?,
        (None, None) => variants::all(&sources)?,
    };
    chosen.retain(|variant| !options.no_calls || !matches!(variant.kind, Kind::Call { .. }));

    let port = upstream::start()?;
    let mut gateways = Vec::new();
    for variant in chosen {
        eprintln!("starting Envoy: {}", variant.name);
        gateways.push(Gateway::start(variant, port, &launch, cores).await?);
    }
    gateway::verify(&gateways, &plan).await?;
    let progress = |round: u32, name: &str| eprintln!("round {} of {}: {name}", round + 1, options.rounds);
    let samples = measure::rounds(&gateways, &elsewhere, &wrk, &plan, progress).await?;

    let mut entries = Vec::new();
    for (gateway, samples) in gateways.into_iter().zip(samples) {
        let Variant { name, kind, forwards, .. } = gateway.variant.clone();
        gateway.stop().await?;
        entries.push(Entry { name, kind, forwards, samples });
    }
    let revision = options.revision;
    let report =
        Report { envoy: version, revision, machine, own_core: cores.is_some(), plan, variants: entries };
    write(&report.markdown(), &report, &out)
}

/// A moderate rate; what has wrk keep it is written into the folder.
fn pace(connections: u32, folder: &Path) -> Result<Pace> {
    let (per_second, script) = (limits::PER_SECOND, folder.join("paced.lua"));
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    fs::write(&script, load::paced_script(connections, per_second))
        .with_context(|| script.display().to_string())?;
    Ok(Pace { per_second, script })
}

/// The first wasm filter of an Envoy file.
fn first_filter(file: &Path) -> Result<PluginSpec> {
    let plugins = Bootstrap::read(file)?.plugins()?;
    plugins.into_iter().next().with_context(|| format!("{}: no wasm filter", file.display()))
}

/// What `envoy --version` says, without the path it was called by.
fn version_of(binary: &Path) -> Result<String> {
    let output = std::process::Command::new(binary).arg("--version").output();
    let output = output.with_context(|| format!("cannot run {}", binary.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.rsplit_once("version: ").map_or(&*text, |(_, version)| version).trim().to_owned())
}

/// Writes both forms of the report, and prints the one for people.
fn write(markdown: &str, report: &impl Serialize, folder: &Path) -> Result<()> {
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    put("bench.md", markdown.as_bytes())?;
    put("bench.json", &serde_json::to_vec_pretty(report)?)?;
    println!("{markdown}");
    Ok(())
}
