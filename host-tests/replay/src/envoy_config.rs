//! An Envoy bootstrap as the source of truth: which filters it holds, as Envoy would deliver their
//! configuration, and the same file rewritten for a test run.

mod istio;
mod rewrite;
mod spec;
mod surroundings;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::yaml;

pub use istio::WasmPlugins;
pub(crate) use rewrite::module;
pub use rewrite::{AccessLog, Rewrite};
pub use spec::{FailurePolicy, PluginSpec};
pub use surroundings::{Surroundings, UpstreamProtocol};

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";
const STRING: &str = "type.googleapis.com/google.protobuf.StringValue";

/// The cluster that stands for the protected application.
const UPSTREAM: &str = "api";

/// The listener that takes the traffic when a bootstrap has several.
pub const INGRESS: &str = "ingress";

/// A filter of a file, with its place there.
#[derive(Debug)]
pub struct Named {
    /// Where in the file.
    pub place: String,
    /// The filter, or why it is none.
    pub plugin: Result<PluginSpec>,
}

/// A bootstrap, as a tree.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    tree: Value,
}

impl Bootstrap {
    /// Reads the YAML (or JSON) file at `path`.
    ///
    /// # Errors
    /// Names the file, and line and column where it is not YAML.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self { tree: yaml::read(path)? })
    }

    /// Reads a bootstrap from text.
    ///
    /// # Errors
    /// Names line and column where it is not YAML.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self { tree: yaml::parse(text)? })
    }

    /// The wasm filters of the traffic listener, in filter order.
    ///
    /// # Errors
    /// There is no such listener, or a filter has no name, no local file or a configuration that is
    /// neither a `StringValue` nor a `BytesValue`; the place is named.
    pub fn plugins(&self) -> Result<Vec<PluginSpec>> {
        self.filters()?.into_iter().map(|Named { place, plugin }| plugin.context(place)).collect()
    }

    /// The same, what is wrong with each filter beside it.
    ///
    /// # Errors
    /// There is no such listener.
    pub fn filters(&self) -> Result<Vec<Named>> {
        let (index, listener) = self.ingress()?;
        let mut filters: Vec<Named> = Vec::new();
        let mut names = BTreeSet::new();
        for (place, manager) in managers(listener) {
            for (number, filter) in items(manager.get("http_filters")).enumerate() {
                let place = format!("static_resources.listeners[{index}].{place}.http_filters[{number}]");
                let Some(config) = filter.get("typed_config").filter(|config| is(config, WASM)) else {
                    continue;
                };
                let plugin = spec::read(config.get("config").unwrap_or(&Value::Null)).and_then(|plugin| {
                    ensure!(names.insert(plugin.name.clone()), "the name {:?} is used before", plugin.name);
                    Ok(plugin)
                });
                filters.push(Named { place, plugin });
            }
        }
        Ok(filters)
    }

    /// The name of the traffic listener, as Envoy's administration reports it.
    ///
    /// # Errors
    /// There is no such listener.
    pub fn ingress_name(&self) -> Result<String> {
        let (_, listener) = self.ingress()?;
        let name = listener.get("name").and_then(Value::as_str);
        name.map(str::to_owned).context("the traffic listener needs a name")
    }

    /// The names of all clusters, in the order of the file.
    #[must_use]
    pub fn clusters(&self) -> Vec<String> {
        let clusters = items(self.tree.pointer("/static_resources/clusters"));
        clusters.filter_map(|cluster| cluster.get("name")?.as_str()).map(str::to_owned).collect()
    }

    /// The listener called [`INGRESS`], or the only one, with its index.
    fn ingress(&self) -> Result<(usize, &Value)> {
        let listeners: Vec<&Value> = items(self.tree.pointer("/static_resources/listeners")).collect();
        let named = |listener: &Value| listener.get("name").and_then(Value::as_str) == Some(INGRESS);
        let position = listeners.iter().position(|listener| named(listener));
        match (position, listeners.as_slice()) {
            (Some(index), all) => all.get(index).map(|listener| (index, *listener)),
            (None, [only]) => Some((0, *only)),
            (None, _) => None,
        }
        .with_context(|| {
            let count = listeners.len();
            format!("static_resources.listeners: {count} listeners and none is called {INGRESS:?}")
        })
    }
}

/// The elements of a list that may be absent.
fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

/// The HTTP connection managers of a listener, each with its place in it.
fn managers(listener: &Value) -> Vec<(String, &Value)> {
    let chains = items(listener.get("filter_chains")).enumerate();
    let chains = chains.map(|(index, chain)| (format!("filter_chains[{index}]"), chain));
    let default =
        listener.get("default_filter_chain").map(|chain| ("default_filter_chain".to_owned(), chain));
    let mut found = Vec::new();
    for (place, chain) in chains.chain(default) {
        for (index, filter) in items(chain.get("filters")).enumerate() {
            if let Some(manager) = filter.get("typed_config").filter(|config| is(config, HCM)) {
                found.push((format!("{place}.filters[{index}].typed_config"), manager));
            }
        }
    }
    found
}

fn is(config: &Value, type_url: &str) -> bool {
    config.get("@type").and_then(Value::as_str) == Some(type_url)
}
