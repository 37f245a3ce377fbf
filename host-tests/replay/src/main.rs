//! `portcullis`: files in, verdicts out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use replay::{Kind, report, run_file};

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
    match test(&files, &executor, junit) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything was as expected.
fn test(files: &[PathBuf], executors: &[Kind], junit: Option<PathBuf>) -> Result<bool> {
    let mut reports = Vec::new();
    for file in files {
        let report = run_file(file, executors)?;
        println!("{}", report.table());
        reports.push(report);
    }
    println!("{}", report::summary(&reports));
    if let Some(path) = junit {
        std::fs::write(&path, report::junit(&reports)?).with_context(|| path.display().to_string())?;
    }
    Ok(reports.iter().all(report::Report::passed))
}
