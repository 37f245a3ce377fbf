//! `portcullis test`: case files on every executor.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use replay::{Kind, Settings, report};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The case files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only this executor; may be repeated
    #[arg(long, value_name = "NAME")]
    executor: Vec<Kind>,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<bool> {
    let mut reports = Vec::new();
    for file in &arguments.files {
        let report = replay::run(file, &arguments.executor, &Settings::discover(file)?).await?;
        super::print(&report.table())?;
        reports.push(report);
    }
    super::print(&report::summary(&reports))?;
    if let Some(path) = arguments.junit {
        std::fs::write(&path, report::junit(&reports)?).with_context(|| path.display().to_string())?;
    }
    Ok(reports.iter().all(report::Report::passed))
}
