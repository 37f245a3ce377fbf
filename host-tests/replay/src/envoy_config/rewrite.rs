//! The changes that make a shipped bootstrap run beside a test: free ports, the test's upstream, the modules
//! of this tree, and one more access log that says what the filters decided.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Bootstrap, HCM, PluginSpec, is};

/// The cluster that stands for the protected application.
const UPSTREAM: &str = "api";

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
        let named = |cluster: &&mut Value| cluster.get("name").and_then(Value::as_str) == Some(UPSTREAM);
        let upstream = items_mut(resources.get_mut("clusters")).find(named);
        repoint(
            upstream.with_context(|| format!("static_resources.clusters: none is called {UPSTREAM:?}"))?,
            rewrite.upstream,
        )?;
        use_modules(&mut tree, rewrite.dist)?;
        serde_json::to_string_pretty(&tree).context("as JSON")
    }
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

fn repoint(cluster: &mut Value, upstream: SocketAddr) -> Result<()> {
    let Some(cluster) = cluster.as_object_mut() else { bail!("cluster {UPSTREAM:?} is not a map") };
    let endpoint = json!({ "address": { "socket_address": {
        "address": upstream.ip().to_string(), "port_value": upstream.port(),
    } } });
    let load = json!({
        "cluster_name": UPSTREAM, "endpoints": [{ "lb_endpoints": [{ "endpoint": endpoint }] }],
    });
    cluster.insert("type".to_owned(), "STATIC".into());
    cluster.insert("load_assignment".to_owned(), load);
    // They would show among the recorded requests.
    cluster.remove("health_checks");
    Ok(())
}

/// Points every `filename: …/<plugin>.wasm` below to the module in `dist`.
fn use_modules(tree: &mut Value, dist: &Path) -> Result<()> {
    if let Some(Value::String(filename)) = tree.get_mut("filename")
        && let Some(name) = Path::new(filename).file_name().filter(|_| filename.ends_with(".wasm"))
    {
        let module = dist.join(name);
        ensure!(module.is_file(), "{} does not exist: run `make dist`", module.display());
        *filename = module.to_str().context("the path of dist is not UTF-8")?.to_owned();
    }
    children(tree).try_for_each(|child| use_modules(child, dist))
}

fn children(tree: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match tree {
        Value::Object(map) => Box::new(map.values_mut()),
        Value::Array(list) => Box::new(list.iter_mut()),
        _ => Box::new(std::iter::empty()),
    }
}
