//! Configurations before a rollout: what a gateway or a module would refuse.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::chain::{Chain, Config, pair};
use super::modules::Modules;
use super::results::Output;
use super::run::{self, Replay};
use crate::Settings;
use crate::envoy_config::{Named, PluginSpec, Surroundings};
use crate::executor;
use crate::traffic::Redactor;

/// What is to be said of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many filters it holds.
    pub filters: usize,
    /// Everything that would be refused, with its place.
    pub findings: Vec<String>,
}

/// Checks an Envoy bootstrap, an Istio manifest or, where `plugin` says whose it is, the configuration of a
/// plugin. The plugins of this repository are asked natively; the module of any other is started.
///
/// # Errors
/// The file cannot be read, is not YAML, or is none of these.
pub fn check(file: &Path, plugin: Option<&Path>, modules: &Modules) -> Result<Checked> {
    if let Some(wasm) = plugin {
        let plugin = pair(wasm, Some(file), None)?;
        return Ok(Checked { filters: 1, findings: refused(&plugin, file, modules) });
    }
    let filters = match Config::read(file)? {
        Config::Bootstrap(bootstrap) => match bootstrap.filters() {
            Ok(filters) => filters,
            Err(error) => return Ok(Checked { filters: 0, findings: vec![format!("{error:#}")] }),
        },
        Config::Istio(manifest) => manifest.filters(),
        Config::Other => bail!(
            "{}: neither an Envoy bootstrap nor an Istio WasmPlugin manifest; of a plugin's own configuration \
             --plugin MODULE.wasm says whose it is",
            file.display()
        ),
    };
    let mut checked = Checked { filters: filters.len(), findings: Vec::new() };
    for Named { place, plugin } in filters {
        let (place, lines) = match plugin {
            // Its name says where as well, and is what a gateway's log has.
            Ok(plugin) => (plugin.name.clone(), found(&plugin, file, modules)),
            Err(error) => (place, vec![format!("{error:#}")]),
        };
        checked.findings.extend(lines.into_iter().map(|line| format!("{place}: {line}")));
    }
    Ok(checked)
}

/// What is wrong with a plugin in a gateway's file, a line each.
fn found(plugin: &PluginSpec, file: &Path, modules: &Modules) -> Vec<String> {
    let mut lines = refused(plugin, file, modules);
    if lines.is_empty() && executor::is_native(plugin) {
        lines.extend(executor::advice(plugin, &settings()).unwrap_or_default());
    }
    lines
}

fn settings() -> Settings {
    Settings { root: PathBuf::from("."), dist: PathBuf::from("dist"), environment: Vec::new() }
}

/// What a plugin does not like about its configuration, a line each.
fn refused(plugin: &PluginSpec, file: &Path, modules: &Modules) -> Vec<String> {
    let checked = match executor::is_native(plugin) {
        true => executor::check(plugin, &settings()),
        false => start(plugin, file, modules),
    };
    let Err(error) = checked else { return Vec::new() };
    let text = format!("{error:#}");
    let intro = format!("{}: configuration refused:\n", plugin.name);
    text.strip_prefix(&intro).unwrap_or(&text).lines().map(str::to_owned).collect()
}

fn start(plugin: &PluginSpec, file: &Path, modules: &Modules) -> Result<()> {
    let module = modules.find(plugin, file)?;
    let chain = Chain { plugins: vec![(plugin.clone(), module)], surroundings: Surroundings::default() };
    Replay::start(&chain, None, run::Settings::new(Redactor::off()), Output::default()).map(drop)
}
