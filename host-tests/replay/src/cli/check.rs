//! `portcullis check`: configurations before a rollout.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use replay::replay::{Modules, check};

use super::replay::{Override, modules};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Envoy bootstraps, Istio manifests, or with --plugin a plugin's own configurations
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The module whose configurations the files are
    #[arg(long, value_name = "MODULE.wasm")]
    plugin: Option<PathBuf>,
    /// Where the module of a filter is: by the filter's name, the module's path in the file or its file name
    #[arg(long, value_name = "NAME=PATH")]
    module: Vec<Override>,
}

pub(super) fn run(arguments: &Arguments) -> Result<bool> {
    let modules: Modules = modules(&arguments.module);
    let (mut good, mut unreadable) = (true, Vec::new());
    for file in &arguments.files {
        let name = file.display();
        match check(file, arguments.plugin.as_deref(), &modules) {
            Err(error) => unreadable.push(error),
            Ok(checked) if checked.findings.is_empty() => {
                let filters =
                    if checked.filters == 1 { "1 filter" } else { &format!("{} filters", checked.filters) };
                super::print(&format!("{name}: ok, {filters}"))?;
            }
            Ok(checked) => {
                good = false;
                for line in &checked.findings {
                    super::print(&format!("{name}: {line}"))?;
                }
            }
        }
    }
    // Every file has been looked at before one that cannot be read ends it all.
    let mut unreadable = unreadable.into_iter();
    let Some(first) = unreadable.next() else { return Ok(good) };
    Err(unreadable.fold(first, |all, error| anyhow::anyhow!("{all:#}\n{error:#}")))
}
