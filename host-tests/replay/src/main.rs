//! `portcullis`: files in, verdicts out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use replay::{Kind, Settings, report, run};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Runs traffic cases against the filters.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run case files. Exit code: 0 all as expected, 1 a difference, 2 an input that cannot be read or run.
    Test {
        /// The case files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only this executor; may be repeated.
        #[arg(long, value_name = "NAME")]
        executor: Vec<Kind>,
        /// Write the results as JUnit XML too.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let Command::Test { files, executor, junit } = Arguments::parse().command;
    let done = runtime().and_then(|runtime| {
        runtime.block_on(async {
            // Leaving by the front door ends the gateways and removes their files.
            tokio::select! {
                done = test(&files, &executor, junit) => done,
                name = interrupted() => bail!("ended by {}", name?),
            }
        })
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("async runtime")
}

/// Comes back when somebody wants this process to end.
async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

/// Whether everything was as expected.
async fn test(files: &[PathBuf], executors: &[Kind], junit: Option<PathBuf>) -> Result<bool> {
    let mut reports = Vec::new();
    for file in files {
        let report = run(file, executors, &Settings::discover(file)?).await?;
        println!("{}", report.table());
        reports.push(report);
    }
    println!("{}", report::summary(&reports));
    if let Some(path) = junit {
        std::fs::write(&path, report::junit(&reports)?).with_context(|| path.display().to_string())?;
    }
    Ok(reports.iter().all(report::Report::passed))
}
