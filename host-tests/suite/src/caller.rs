//! A real Envoy with the caller, as the drills about call-outs start it: a request that may pass is answered by Envoy
//! itself, so nothing is measured but what waits.

use std::net::SocketAddr;

use anyhow::Result;
use replay::envoy::{Envoy, Options};
use serde_json::{Value, json};

use crate::settings;

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
    /// Starts one: `caller` is the plugin's configuration.
    ///
    /// # Errors
    /// There is no module or no Envoy, or it refuses the configuration; the message holds the end of its log.
    pub async fn start(caller: &Value, called: &[Called], workers: u32) -> Result<Self> {
        let settings = settings()?;
        let module = settings.dist.join("caller.wasm");
        let bootstrap = bootstrap(&module.to_string_lossy(), caller, called);
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

fn bootstrap(module: &str, caller: &Value, called: &[Called]) -> Value {
    let port = |addr: SocketAddr| json!({ "socket_address": { "address": addr.ip().to_string(), "port_value": addr.port() } });
    let any = || port(SocketAddr::from(([127, 0, 0, 1], 0)));
    let filter = json!({
        "name": "caller",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "caller",
                "failure_policy": "FAIL_CLOSED",
                "allow_on_headers_stop_iteration": true,
                "vm_config": { "runtime": "envoy.wasm.runtime.v8", "code": { "local": { "filename": module } } },
                "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": caller.to_string() },
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
