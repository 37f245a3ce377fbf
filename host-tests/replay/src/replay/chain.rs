//! The filters that traffic is sent through.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::modules::Modules;
use crate::envoy_config::{Bootstrap, FailurePolicy, PluginSpec, Surroundings, WasmPlugins};
use crate::yaml;

/// Where filters come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// An Envoy bootstrap or an Istio manifest.
    Config(PathBuf),
    /// A module, its configuration and the instance's name (the module's, if there is none).
    Pair {
        /// The module.
        wasm: PathBuf,
        /// The file whose bytes are the configuration.
        config: Option<PathBuf>,
        /// The instance's name.
        name: Option<String>,
    },
}

/// A chain of filters with the files of their modules.
#[derive(Debug, Clone)]
pub struct Chain {
    /// In filter order.
    pub plugins: Vec<(PluginSpec, PathBuf)>,
    /// What stands around the filters: what the first bootstrap says, with the clusters of all.
    pub surroundings: Surroundings,
}

/// What a configuration file is.
pub(super) enum Config {
    Bootstrap(Bootstrap),
    Istio(WasmPlugins),
    /// Anything else: the configuration of one plugin, if it is one.
    Other,
}

impl Config {
    /// # Errors
    /// The file, and the line where it is not YAML.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let documents: Vec<Value> = yaml::manifest(text)?;
        if documents.iter().any(WasmPlugins::are_in) {
            return Ok(Self::Istio(WasmPlugins::parse(text)?));
        }
        let bootstrap = |document: &Value| {
            ["static_resources", "dynamic_resources", "node"].iter().any(|key| document.get(*key).is_some())
        };
        match documents.as_slice() {
            [only] if bootstrap(only) => Ok(Self::Bootstrap(Bootstrap::parse(text)?)),
            _ => Ok(Self::Other),
        }
    }
}

impl Chain {
    /// The filters of these sources, one after the other.
    ///
    /// # Errors
    /// A file cannot be read or holds no filter, a filter is not one that Envoy takes, a module is nowhere,
    /// two filters have one name.
    pub fn read(sources: &[Source], modules: &Modules) -> Result<Self> {
        let mut chain = Self { plugins: Vec::new(), surroundings: Surroundings::default() };
        let mut around: Vec<Option<Surroundings>> = Vec::new();
        for source in sources {
            let file = match source {
                Source::Config(path) => path,
                Source::Pair { wasm, .. } => wasm,
            };
            around.push(chain.append(source, modules).with_context(|| file.display().to_string())?);
        }
        chain.surroundings = surroundings(&around);
        let mut names = BTreeSet::new();
        for (plugin, _) in &chain.plugins {
            let name = &plugin.name;
            ensure!(
                names.insert(name),
                "two filters are called {name:?}: filter state and metrics need two names"
            );
        }
        Ok(chain)
    }

    /// Adds the filters of a source; what stands around them, where the source says it.
    fn append(&mut self, source: &Source, modules: &Modules) -> Result<Option<Surroundings>> {
        let path = match source {
            Source::Config(path) => path,
            Source::Pair { wasm, config, name } => {
                ensure!(wasm.is_file(), "no such file");
                self.plugins.push((pair(wasm, config.as_deref(), name.clone())?, wasm.clone()));
                return Ok(None);
            }
        };
        let (plugins, surroundings) = match Config::parse(&fs::read_to_string(path)?)? {
            Config::Bootstrap(bootstrap) => (bootstrap.plugins()?, Some(bootstrap.surroundings()?)),
            Config::Istio(manifest) => (manifest.plugins()?, None),
            Config::Other => bail!(
                "neither an Envoy bootstrap nor an Istio WasmPlugin manifest; a plugin's own configuration goes \
                 with its module: --plugin MODULE.wasm --plugin-config FILE"
            ),
        };
        ensure!(!plugins.is_empty(), "no wasm filter");
        for plugin in plugins {
            let module = modules.find(&plugin, path)?;
            self.plugins.push((plugin, module));
        }
        Ok(surroundings)
    }
}

/// The first that is known, with the clusters of all; any cluster where one source does not say which there
/// are.
fn surroundings(around: &[Option<Surroundings>]) -> Surroundings {
    let mut surroundings = around.iter().flatten().next().cloned().unwrap_or_default();
    let clusters = around.iter().map(|around| around.as_ref()?.clusters.clone());
    let clusters: Option<Vec<BTreeSet<String>>> = clusters.collect();
    surroundings.clusters = clusters.map(|clusters| clusters.into_iter().flatten().collect());
    surroundings
}

/// A filter that no gateway's file describes: fail closed, and whatever the module asks for is allowed.
pub(super) fn pair(wasm: &Path, config: Option<&Path>, name: Option<String>) -> Result<PluginSpec> {
    let configuration = match config {
        None => Vec::new(),
        Some(config) => fs::read(config).with_context(|| config.display().to_string())?,
    };
    let stem = || wasm.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(PluginSpec {
        name: name.unwrap_or_else(stem),
        root_id: String::new(),
        vm_id: String::new(),
        wasm: wasm.to_owned(),
        configuration,
        environment: BTreeMap::new(),
        host_environment: Vec::new(),
        vm_configuration: Vec::new(),
        failure_policy: FailurePolicy::FailClosed,
        reload_backoff: Duration::from_secs(1),
        allowed_capabilities: BTreeSet::new(),
        allow_on_headers_stop_iteration: false,
    })
}
