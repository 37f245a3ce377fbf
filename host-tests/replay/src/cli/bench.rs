//! `portcullis bench`: what cases cost.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use replay::replay::{Bench, Measured};
use replay::report::aligned;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The case files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How often every case is run
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Benched {
    file: String,
    cases: Vec<Measured>,
}

pub(super) fn run(arguments: &Arguments) -> Result<bool> {
    ensure!(
        !cfg!(debug_assertions),
        "this is a debug build, whose times say nothing: cargo run --release --package replay -- bench …"
    );
    let mut all = Vec::new();
    for file in &arguments.files {
        let rounds = usize::try_from(arguments.rounds).context("--rounds")?;
        let cases = Bench { file, rounds }.run().with_context(|| file.display().to_string())?;
        all.push(Benched { file: file.display().to_string(), cases });
    }
    let text = if arguments.json { serde_json::to_string_pretty(&all)? } else { table(&all) };
    super::print(&text)?;
    Ok(true)
}

fn table(all: &[Benched]) -> String {
    let mut lines = Vec::new();
    for Benched { file, cases } in all {
        let head = ["case", "requests", "µs/request", "p10", "p90", "fuel/request", "memory KiB"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(cases.iter().map(|case| {
            [
                case.case.clone(),
                case.requests.to_string(),
                microseconds(case.median_ns),
                microseconds(case.p10_ns),
                microseconds(case.p90_ns),
                case.fuel.to_string(),
                (case.memory_bytes / 1024).to_string(),
            ]
        }));
        lines.push(file.clone());
        lines.extend(aligned(&rows).into_iter().map(|row| format!("  {row}")));
        if cases.is_empty() {
            lines.push("  no case runs on the modelled gateway (executors without wasm)".to_owned());
        }
    }
    lines.join("\n")
}

fn microseconds(ns: u64) -> String {
    format!("{}.{}", ns / 1000, ns % 1000 / 100)
}
