//! `envoy-configs/envoy/gateway.yaml` in a real Envoy, with nothing changed but ports, folders, addresses and environment.

mod bootstrap;
mod sidecar;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use replay::Settings;
use replay::envoy::{Envoy, Options};
use serde_json::Value;

use crate::authority::Authority;

pub use bootstrap::{FILE, text};
pub use sidecar::Sidecar;

/// The environment variables that the file names.
pub const ENVIRONMENT: [&str; 2] = ["PORTCULLIS_KEY_SECRET", "PORTCULLIS_WEBDIS_PASSWORD"];
/// Somebody else may take a port between the look at it and its use.
const ATTEMPTS: usize = 5;
/// Nobody listens there.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// Where what the gateway calls is, and what else may differ between two gateways.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The API, HTTP/1.1.
    pub api: SocketAddr,
    /// The API for gRPC, HTTP/2.
    pub api_grpc: SocketAddr,
    /// The key server, HTTPS.
    pub idp: SocketAddr,
    /// The gateway to Redis for limits.
    pub rate_limit: SocketAddr,
    /// The gateway to Redis for idempotency.
    pub idempotency: SocketAddr,
    /// The gateway to Redis for revocations.
    pub revocation: SocketAddr,
    /// Whether the API is called over TLS with a client certificate (the option `#api+`).
    pub api_tls: bool,
    /// Whether the gateways to Redis are (the option `#redis+`).
    pub redis_tls: bool,
    /// From which network the PROXY protocol is believed.
    pub load_balancers: (String, u8),
    /// Worker threads.
    pub workers: u32,
    /// Values of [`ENVIRONMENT`], and others.
    pub environment: Vec<(String, String)>,
}

impl Default for Surroundings {
    /// Nobody is there; the PROXY protocol is believed from loopback; one worker; secrets that everybody can read.
    fn default() -> Self {
        Self {
            api: NOBODY,
            api_grpc: NOBODY,
            idp: NOBODY,
            rate_limit: NOBODY,
            idempotency: NOBODY,
            revocation: NOBODY,
            api_tls: false,
            redis_tls: false,
            load_balancers: ("127.0.0.1".to_owned(), 32),
            workers: 1,
            environment: ENVIRONMENT
                .iter()
                .map(|name| ((*name).to_owned(), format!("{name} that everybody can read")))
                .collect(),
        }
    }
}

/// Where a gateway takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// 443.
    pub tls: SocketAddr,
    /// 8443.
    pub mtls: SocketAddr,
    /// 8444, which wants the PROXY protocol.
    pub proxied: SocketAddr,
    /// 80.
    pub redirect: SocketAddr,
    /// 8081.
    pub health: SocketAddr,
    /// 9102.
    pub metrics: SocketAddr,
}

/// A running gateway; killed when dropped, and by the kernel when the thread that started it ends.
#[derive(Debug)]
pub struct EdgeGateway {
    envoy: Envoy,
    admin: SocketAddr,
    addresses: Addresses,
}

impl EdgeGateway {
    /// Starts one with these secrets.
    ///
    /// # Errors
    /// There is no Envoy or no module, or it refuses the configuration; the message holds the end of its log.
    pub async fn start(authority: &Authority, surroundings: &Surroundings) -> Result<Self> {
        Self::start_changed(authority, surroundings, |_| Ok(())).await
    }

    /// Starts one with a bootstrap that is other than what ships in what `change` does.
    ///
    /// # Errors
    /// As [`EdgeGateway::start`], or `change` fails.
    pub async fn start_changed(
        authority: &Authority,
        surroundings: &Surroundings,
        change: impl Fn(&mut Value) -> Result<()>,
    ) -> Result<Self> {
        let settings = Settings::discover(&backends::root()?)?;
        let mut launch = settings.launch();
        launch.environment.clone_from(&surroundings.environment);
        let options = Options { workers: surroundings.workers, ..Options::default() };
        let mut attempt = 1;
        let (envoy, admin) = loop {
            let admin = backends::free_port()?;
            let text = text(authority, surroundings, admin.port())?;
            let mut tree = bootstrap::tree(&text).context(FILE)?;
            change(&mut tree)?;
            match Envoy::start_with(&tree.to_string(), &launch, &options).await {
                Ok(envoy) => break (envoy, admin),
                Err(why) if attempt < ATTEMPTS && format!("{why:#}").contains("Address already in use") => {}
                Err(why) => return Err(why),
            }
            attempt = attempt.saturating_add(1);
        };
        let addresses = Addresses {
            tls: envoy.listener("ingress").await?,
            mtls: envoy.listener("ingress-mtls").await?,
            proxied: envoy.listener("ingress-proxied").await?,
            redirect: envoy.listener("redirect").await?,
            health: envoy.listener("health").await?,
            metrics: envoy.listener("metrics").await?,
        };
        Ok(Self { envoy, admin, addresses })
    }

    /// Where it takes connections.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where its administration takes connections, for requests that change something (POST).
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Envoy itself: its administration, its whole log, its counters.
    #[must_use]
    pub fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// A counter or gauge; 0 before it first counted.
    ///
    /// # Errors
    /// Envoy does not answer.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        let stats = self.envoy.stats(&format!("^{}$", name.replace('.', r"\."))).await?;
        Ok(stats.iter().find(|(have, _)| have == name).map_or(0, |(_, value)| *value))
    }

    /// The lines of the access logs so far: of requests, and of connections that did not come to speak TLS.
    ///
    /// # Errors
    /// A line that begins as one is not JSON.
    pub fn access_log(&self) -> Result<Vec<Value>> {
        let log = self.envoy.log();
        let lines = log.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// Ends it.
    ///
    /// # Errors
    /// A filter trapped or Envoy itself failed meanwhile.
    pub async fn end(mut self) -> Result<()> {
        let failures = self.envoy.failures().await?;
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        self.envoy.stop().await
    }
}
