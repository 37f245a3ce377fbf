//! A real Envoy with one of the modules, as the drills start it: a request that may pass is answered by Envoy itself, so
//! nothing is measured but what the module does.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use replay::envoy::{Envoy, Options};
use serde_json::{Value, json};

use crate::settings;

/// The variable of the filters' environment that holds a secret.
pub const SECRET_NAME: &str = "DRILL_SECRET";
/// A secret that is none.
const SECRET: &str = "a secret that everybody can read";

/// A cluster that is called.
#[derive(Debug, Clone)]
pub struct Called {
    /// Its name.
    pub name: String,
    /// Its only endpoint.
    pub addr: SocketAddr,
    /// Most requests and connections at once (Envoy's circuit breaker).
    pub most: u32,
}

/// The gateway of a drill.
#[derive(Debug)]
pub struct Gateway {
    /// Envoy itself.
    pub envoy: Envoy,
    /// Where it takes requests.
    pub addr: SocketAddr,
}

impl Gateway {
    /// Starts one with the caller: `caller` is the plugin's configuration.
    ///
    /// # Errors
    /// As [`Gateway::start_with`].
    pub async fn start(caller: &Value, called: &[Called], workers: u32) -> Result<Self> {
        Self::start_with("caller", caller, called, workers).await
    }

    /// Starts one with the module of this name, without `.wasm`.
    ///
    /// # Errors
    /// There is no module or no Envoy, or it refuses the configuration; the message holds the end of its log.
    pub async fn start_with(
        module: &str,
        configuration: &Value,
        called: &[Called],
        workers: u32,
    ) -> Result<Self> {
        Self::start_flagged(module, configuration, called, workers, true).await
    }

    /// The same; `shows_bodies`: whether Envoy shows the filter a body behind a head that it holds
    /// (`allow_on_headers_stop_iteration`).
    ///
    /// # Errors
    /// As [`Gateway::start_with`].
    pub async fn start_flagged(
        module: &str,
        configuration: &Value,
        called: &[Called],
        workers: u32,
        shows_bodies: bool,
    ) -> Result<Self> {
        let settings = settings()?;
        let file = settings.dist.join(format!("{module}.wasm"));
        let bootstrap = bootstrap(module, &file.to_string_lossy(), configuration, called, shows_bodies);
        let options = Options { workers, ..Options::default() };
        let envoy = Envoy::start_with(&bootstrap.to_string(), &settings.launch(), &options).await?;
        let addr = envoy.listener("ingress").await?;
        Ok(Self { envoy, addr })
    }

    /// A counter or gauge of Envoy's; 0 before it first counted.
    ///
    /// # Errors
    /// Envoy does not answer.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.envoy.stats(&format!("^{}$", name.replace('.', r"\."))).await?;
        Ok(stats.iter().find(|(have, _)| have == name).map_or(0, |(_, value)| *value))
    }

    /// How many workers have connections of clients.
    ///
    /// # Errors
    /// Envoy does not answer.
    pub async fn serving(&self) -> Result<usize> {
        let serving = self.envoy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_active$").await?;
        Ok(serving.iter().filter(|(_, count)| *count > 0).count())
    }

    /// What it uses.
    ///
    /// # Errors
    /// Envoy has ended, or does not answer.
    pub async fn memory(&self) -> Result<Memory> {
        let page: Value = serde_json::from_str(&self.envoy.admin("/memory").await?)?;
        let allocated = page.get("allocated").and_then(Value::as_str).context("no `allocated`")?.parse()?;
        let id = self.envoy.id().context("Envoy has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let of = |name: &str| -> Result<u64> {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kilobytes: u64 =
                value.context(name.to_owned())?.trim().trim_end_matches("kB").trim().parse()?;
            Ok(kilobytes.saturating_mul(1024))
        };
        Ok(Memory { allocated, resident: of("VmRSS")?, peak: of("VmHWM")? })
    }

    /// Ends it.
    ///
    /// # Errors
    /// A filter trapped or Envoy itself failed meanwhile.
    pub async fn end(mut self) -> Result<()> {
        let failures = self.envoy.failures().await?;
        anyhow::ensure!(failures.is_empty(), "{}", failures.join("\n"));
        self.envoy.stop().await
    }
}

/// What Envoy uses, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Of its allocator: what is in use.
    pub allocated: u64,
    /// Resident, the linear memory of the VMs included.
    pub resident: u64,
    /// Most that ever was resident.
    pub peak: u64,
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        write!(f, "{:.1} MiB allocated, {:.1} MiB resident", mib(self.allocated), mib(self.resident))
    }
}

fn bootstrap(
    module: &str,
    file: &str,
    configuration: &Value,
    called: &[Called],
    shows_bodies: bool,
) -> Value {
    let port = |addr: SocketAddr| json!({ "socket_address": { "address": addr.ip().to_string(), "port_value": addr.port() } });
    let any = || port(SocketAddr::from(([127, 0, 0, 1], 0)));
    let filter = json!({
        "name": module,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": module,
                "failure_policy": "FAIL_CLOSED",
                "allow_on_headers_stop_iteration": shows_bodies,
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": file } },
                    "environment_variables": { "key_values": { SECRET_NAME: SECRET } },
                },
                "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration.to_string() },
            },
        },
    });
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    });
    let route = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200 } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
        "http_filters": [filter, router],
    });
    let chain = json!({ "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }] });
    let cluster = |called: &Called| {
        json!({
            "name": called.name,
            "type": "STATIC",
            "connect_timeout": "0.25s",
            "load_assignment": {
                "cluster_name": called.name,
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": port(called.addr) } }] }],
            },
            "circuit_breakers": { "thresholds": [{
                "max_connections": called.most, "max_pending_requests": called.most, "max_requests": called.most, "max_retries": 0,
            }] },
        })
    };
    json!({
        "admin": { "address": any() },
        "static_resources": {
            "listeners": [{ "name": "ingress", "address": any(), "filter_chains": [chain] }],
            "clusters": called.iter().map(cluster).collect::<Vec<_>>(),
        },
    })
}
