//! The changes that make a shipped bootstrap run beside a test: free ports, the test's upstream, the modules
//! of this tree, and one more access log that says what the filters decided.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Bootstrap, HCM, PluginSpec, STRING, UPSTREAM, WASM, is};

const PROXY_PROTOCOL: &str =
    "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol";

/// The access log a test run adds: a JSON line per request.
#[derive(Debug, Clone)]
pub struct AccessLog {
    /// The file Envoy appends to.
    pub path: PathBuf,
    /// The instances whose filter state is logged, in filter order.
    pub instances: Vec<String>,
}

/// What to change.
#[derive(Debug, Clone)]
pub struct Rewrite<'a> {
    /// Where requests to the cluster `api` go.
    pub upstream: SocketAddr,
    /// Where the built modules are.
    pub dist: &'a Path,
    /// The access log to add to the traffic listener; `None` adds none.
    pub access_log: Option<AccessLog>,
}

impl AccessLog {
    /// One for these filters.
    #[must_use]
    pub fn new(path: PathBuf, plugins: &[PluginSpec]) -> Self {
        Self { path, instances: plugins.iter().map(|plugin| plugin.name.clone()).collect() }
    }

    fn value(&self) -> Value {
        let state =
            |instance: &str, key: &str| format!("%FILTER_STATE(wasm.portcullis.{instance}.{key}:PLAIN)%");
        let instances = self.instances.iter().map(|name| {
            let keys = ["decision", "reason", "shadow"].map(|key| (key.to_owned(), state(name, key).into()));
            (name.clone(), Value::Object(serde_json::Map::from_iter(keys)))
        });
        json!({
            "name": "test",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": self.path,
                "log_format": { "json_format": {
                    // The address of the peer as the kernel knows it: it names the client's connection.
                    "peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
                    "status": "%RESPONSE_CODE%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    // The request id as it was before any filter.
                    "id": "%STREAM_ID%",
                    "upstream_bytes": "%UPSTREAM_WIRE_BYTES_SENT%",
                    "instances": Value::Object(instances.collect()),
                } },
            },
        })
    }
}

impl Bootstrap {
    /// The bootstrap for a test run, as JSON (which is YAML too): every listener and the administration on a
    /// free port of 127.0.0.1, the cluster `api` pointing to the test's upstream without health checks, every
    /// `….wasm` taken from `dist`.
    ///
    /// # Errors
    /// A module is not in `dist`, there is no cluster `api`, or the file is no bootstrap.
    pub fn rewritten(&self, rewrite: &Rewrite<'_>) -> Result<String> {
        let (ingress, _) = self.ingress()?;
        let mut tree = self.tree.clone();
        let root = tree.as_object_mut().context("the bootstrap is not a map")?;
        root.insert("admin".to_owned(), json!({ "address": free_port() }));
        let resources = root.get_mut("static_resources").context("static_resources: absent")?;
        for (index, listener) in items_mut(resources.get_mut("listeners")).enumerate() {
            rebind(listener);
            if let (Some(log), true) = (&rewrite.access_log, index == ingress) {
                let managers = add_log(listener, &log.value());
                ensure!(managers > 0, "static_resources.listeners[{index}]: no HTTP connection manager");
            }
        }
        let named = |cluster: &&mut Value| name(cluster) == Some(UPSTREAM);
        let upstream = items_mut(resources.get_mut("clusters")).find(named);
        let missing = || format!("static_resources.clusters: none is called {UPSTREAM:?}");
        repoint(upstream.with_context(missing)?, rewrite.upstream)?;
        use_modules(&mut tree, rewrite.dist)?;
        serde_json::to_string_pretty(&tree).context("as JSON")
    }

    /// The clusters that filters call out to: all but `api`.
    #[must_use]
    pub fn called_clusters(&self) -> Vec<String> {
        self.clusters().into_iter().filter(|name| name != UPSTREAM).collect()
    }

    /// The bootstrap with these clusters elsewhere: plain connections, no health checks.
    ///
    /// # Errors
    /// A cluster is not a map.
    pub fn calling(mut self, clusters: &BTreeMap<String, SocketAddr>) -> Result<Self> {
        for cluster in items_mut(self.tree.pointer_mut("/static_resources/clusters")) {
            if let Some(addr) = name(cluster).and_then(|name| clusters.get(name)) {
                repoint(cluster, *addr)?;
            }
        }
        Ok(self)
    }

    /// The bootstrap with another configuration of the wasm filter called `instance`.
    ///
    /// # Errors
    /// No wasm filter has this name.
    pub fn configured(mut self, instance: &str, configuration: &str) -> Result<Self> {
        let any = json!({ "@type": STRING, "value": configuration });
        let found = configure(&mut self.tree, instance, &any);
        ensure!(found > 0, "no wasm filter is called {instance:?}");
        Ok(self)
    }

    /// The bootstrap behind a load balancer: connections to the traffic listener begin with a line of the PROXY
    /// protocol.
    ///
    /// # Errors
    /// There is no traffic listener.
    pub fn behind_proxy(mut self) -> Result<Self> {
        let (ingress, _) = self.ingress()?;
        let listener = self.tree.pointer_mut(&format!("/static_resources/listeners/{ingress}"));
        let listener =
            listener.and_then(Value::as_object_mut).context("the traffic listener is not a map")?;
        let filters = listener.entry("listener_filters").or_insert_with(|| json!([]));
        let filter = json!({
            "name": "envoy.filters.listener.proxy_protocol",
            "typed_config": { "@type": PROXY_PROTOCOL },
        });
        filters.as_array_mut().context("listener_filters: not a list")?.insert(0, filter);
        Ok(self)
    }
}

fn name(named: &Value) -> Option<&str> {
    named.get("name").and_then(Value::as_str)
}

fn free_port() -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } })
}

fn items_mut(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Sockets get a free port; pipes and internal listeners stay.
fn rebind(listener: &mut Value) {
    let own = listener.get_mut("address").into_iter();
    own.for_each(rebind_address);
    for additional in items_mut(listener.get_mut("additional_addresses")) {
        additional.get_mut("address").into_iter().for_each(rebind_address);
    }
}

fn rebind_address(address: &mut Value) {
    if let Some(socket) = address.get_mut("socket_address").and_then(Value::as_object_mut) {
        socket.insert("address".to_owned(), "127.0.0.1".into());
        socket.insert("port_value".to_owned(), 0.into());
    }
}

/// Appends the log to every connection manager below, and says to how many.
fn add_log(tree: &mut Value, log: &Value) -> usize {
    if is(tree, HCM) {
        if let Some(manager) = tree.as_object_mut() {
            let logs = manager.entry("access_log").or_insert_with(|| json!([]));
            if let Some(logs) = logs.as_array_mut() {
                logs.push(log.clone());
            }
        }
        return 1;
    }
    children(tree).map(|child| add_log(child, log)).sum()
}

/// Gives every wasm filter of this name the configuration, and says to how many.
fn configure(tree: &mut Value, instance: &str, configuration: &Value) -> usize {
    if is(tree, WASM) {
        let plugin = tree.get_mut("config").filter(|plugin| name(plugin) == Some(instance));
        let plugin = plugin.and_then(Value::as_object_mut);
        return plugin.map_or(0, |plugin| {
            plugin.insert("configuration".to_owned(), configuration.clone());
            1
        });
    }
    children(tree).map(|child| configure(child, instance, configuration)).sum()
}

fn repoint(cluster: &mut Value, addr: SocketAddr) -> Result<()> {
    let name = name(cluster).unwrap_or_default().to_owned();
    let Some(cluster) = cluster.as_object_mut() else { bail!("cluster {name:?} is not a map") };
    let endpoint = json!({ "address": { "socket_address": {
        "address": addr.ip().to_string(), "port_value": addr.port(),
    } } });
    let load = json!({
        "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }],
    });
    // Where it was, how it was found and reached, and what would show among the recorded requests.
    for key in ["cluster_type", "transport_socket", "transport_socket_matches", "health_checks"] {
        cluster.remove(key);
    }
    cluster.insert("type".to_owned(), "STATIC".into());
    cluster.insert("load_assignment".to_owned(), load);
    Ok(())
}

/// Points every `filename: ….wasm` below to the module in `dist`.
fn use_modules(tree: &mut Value, dist: &Path) -> Result<()> {
    if let Some(Value::String(filename)) = tree.get_mut("filename")
        && filename.ends_with(".wasm")
    {
        let module = module(Path::new(filename), dist)?;
        *filename = module.to_str().context("the path of dist is not UTF-8")?.to_owned();
    }
    children(tree).try_for_each(|child| use_modules(child, dist))
}

/// The module in `dist`: the part of its path below a folder called `dist`, else its file name.
pub(crate) fn module(path: &Path, dist: &Path) -> Result<PathBuf> {
    let mut below = path.components().skip_while(|part| part.as_os_str() != "dist").skip(1).peekable();
    let name =
        if below.peek().is_some() { Some(below.collect()) } else { path.file_name().map(PathBuf::from) };
    let module = dist.join(name.with_context(|| format!("{}: no file name", path.display()))?);
    ensure!(module.is_file(), "{} does not exist: run `make dist`", module.display());
    Ok(module)
}

fn children(tree: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match tree {
        Value::Object(map) => Box::new(map.values_mut()),
        Value::Array(list) => Box::new(list.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}
