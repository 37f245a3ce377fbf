//! Two gateways, an API behind them, and whoever logs in.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use backends::{Options, Redis, User, Webdis};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use replay::envoy::{Envoy, Options as EnvoyOptions};
use serde_json::{Value, json};
use suite::patience::{in_time, until};
use suite::server::Server;
use suite::settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::WORKERS;

/// What fits at once: as configured, and that one more.
pub const PER_ADDRESS: usize = 30;
pub const PER_USER: usize = 10;
pub const PER_PAIR: usize = 5;

/// What the only good password is.
pub const RIGHT: &str = "correct horse battery staple";

/// An attempt as the API saw it: the user, and the address that Envoy named.
type Guess = (String, String);

/// The API's memory.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Guess>>>);

impl Seen {
    fn add(&self, guess: Guess) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(guess);
    }

    /// How many attempts reached the API that are of this kind.
    pub fn count(&self, of: impl Fn(&str, &str) -> bool) -> usize {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|(user, address)| of(user, address)).count()
    }
}

/// Gateways, what they call, and the API.
pub struct World {
    pub seen: Seen,
    pub gateways: Vec<SocketAddr>,
    envoys: Vec<Envoy>,
    _api: Server,
    _webdis: Webdis,
    _redis: Redis,
}

impl World {
    pub async fn start() -> Result<Self> {
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
        let seen = Seen::default();
        let memory = seen.clone();
        let api = Server::start(0, move |request| answer(request, memory.clone()))?;
        let (mut envoys, mut gateways) = (Vec::new(), Vec::new());
        let settings = settings()?;
        let module = settings.dist.join("login-guard.wasm");
        let bootstrap = bootstrap(&module.to_string_lossy(), api.addr(), webdis.addr());
        for _ in 0..2 {
            let options = EnvoyOptions { workers: WORKERS, ..EnvoyOptions::default() };
            let envoy = Envoy::start_with(&bootstrap.to_string(), &settings.launch(), &options).await?;
            gateways.push(envoy.listener("ingress").await?);
            envoys.push(envoy);
        }
        Ok(Self { seen, gateways, envoys, _api: api, _webdis: webdis, _redis: redis })
    }

    /// An attempt through one of the gateways; the status of its answer.
    pub async fn tries(&self, gateway: usize, address: &str, user: &str, password: &str) -> Result<u16> {
        let gateway = self.gateways.get(gateway % self.gateways.len()).context("a gateway")?;
        attempt(*gateway, address.to_owned(), user.to_owned(), password.to_owned()).await
    }

    /// All of these at once, with wrong passwords, through both gateways; how many were not refused.
    pub async fn guesses(&self, attempts: impl Iterator<Item = (String, String)>) -> Result<usize> {
        let mut under_way = JoinSet::new();
        for (i, (address, user)) in attempts.enumerate() {
            let gateway = *self.gateways.get(i % self.gateways.len()).context("a gateway")?;
            under_way.spawn(attempt(gateway, address, user, format!("guess {i}")));
        }
        let mut passed = 0;
        while let Some(status) = in_time("an answer", under_way.join_next()).await? {
            match status?? {
                401 => passed += 1,
                // 503: Redis did not answer in time, and nobody passes then.
                429 | 503 => {}
                other => anyhow::bail!("an answer of status {other}"),
            }
        }
        Ok(passed)
    }

    /// Waits until so many pairs are known to have succeeded: nobody waits for that to be told to Redis.
    pub async fn known(&self, pairs: u64) -> Result<()> {
        let envoys = &self.envoys;
        until("a known pair", || async move {
            let mut known = 0;
            for envoy in envoys {
                known += envoy.stats("known_created").await?.iter().map(|(_, count)| count).sum::<u64>();
            }
            Ok(known >= pairs)
        })
        .await
    }

    /// Ends the gateways.
    pub async fn end(self) -> Result<()> {
        for mut envoy in self.envoys {
            let failures = envoy.failures().await?;
            ensure!(failures.is_empty(), "{}", failures.join("\n"));
            envoy.stop().await?;
        }
        Ok(())
    }
}

/// One connection, behind a load balancer that says whose it is.
async fn attempt(gateway: SocketAddr, address: String, user: String, password: String) -> Result<u16> {
    let body = json!({ "user": user, "password": password }).to_string();
    let request = format!(
        "PROXY TCP4 {address} 192.0.2.254 4711 443\r\nPOST /login HTTP/1.1\r\nhost: api.example.com\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(gateway).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = String::from_utf8_lossy(&answer);
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("no answer")?;
    Ok(status.parse()?)
}

/// 200 for the right password, else 401.
async fn answer(request: Request<Incoming>, seen: Seen) -> Result<Response<Full<Bytes>>> {
    let field = |name: &str| -> Result<String> {
        Ok(request.headers().get(name).context("no such header")?.to_str()?.to_owned())
    };
    let address = field("x-forwarded-for")?;
    let body: Value = serde_json::from_slice(&request.into_body().collect().await?.to_bytes())?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    seen.add((text("user"), address));
    let status = if text("password") == RIGHT { 200 } else { 401 };
    Ok(Response::builder().status(status).body(Full::default())?)
}

fn configuration() -> Value {
    // What fits at once is what ships; nothing comes back while a drill lasts.
    json!({
        "version": 1,
        "key_secret": { "env": "DRILL_SECRET" },
        "redis": { "cluster": "webdis", "timeout": "5s" },
        "on_error": "deny",
        "limits": {
            "address": { "rate": "1r/24h", "burst": PER_ADDRESS - 1 },
            "username": { "rate": "1r/24h", "burst": PER_USER - 1 },
            "pair": { "rate": "1r/24h", "burst": PER_PAIR - 1 },
        },
        "rules": [{ "name": "login", "match": { "path": { "exact": "/login" } }, "username": { "json": "/user" } }],
    })
}

fn bootstrap(module: &str, api: SocketAddr, webdis: SocketAddr) -> Value {
    let port = |addr: SocketAddr| json!({ "socket_address": { "address": addr.ip().to_string(), "port_value": addr.port() } });
    let any = || port(SocketAddr::from(([127, 0, 0, 1], 0)));
    let filter = json!({
        "name": "login-guard",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "login-guard",
                "failure_policy": "FAIL_CLOSED",
                "allow_on_headers_stop_iteration": true,
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": module } },
                    "environment_variables": { "key_values": { "DRILL_SECRET": "a secret that everybody can read" } },
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration().to_string(),
                },
            },
        },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "use_remote_address": true,
        "route_config": { "virtual_hosts": [{
            "name": "all", "domains": ["*"], "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "api" } }],
        }] },
        "http_filters": [filter, {
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    let cluster = |name: &str, addr: SocketAddr| {
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {
                "cluster_name": name, "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": port(addr) } }] }],
            },
            "circuit_breakers": { "thresholds": [{
                "max_connections": 1024, "max_pending_requests": 4096, "max_requests": 4096, "max_retries": 0,
            }] },
        })
    };
    json!({
        "admin": { "address": any() },
        "static_resources": {
            "listeners": [{
                "name": "ingress",
                "address": any(),
                "listener_filters": [{
                    "name": "envoy.filters.listener.proxy_protocol",
                    "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol" },
                }],
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
                }] }],
            }],
            "clusters": [cluster("api", api), cluster("webdis", webdis)],
        },
    })
}
