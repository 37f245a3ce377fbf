//! `envoy-configs/redis/webdis-tls.yaml` in a real Envoy.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use replay::Settings;
use replay::envoy::Envoy;

use super::bootstrap::{address, replace, tree, utf8};
use crate::authority::{Authority, TLS_FOLDER};

/// The file, from the repository root.
const FILE: &str = "envoy-configs/redis/webdis-tls.yaml";

/// TLS in front of a Webdis; killed when dropped.
#[derive(Debug)]
pub struct Sidecar {
    envoy: Envoy,
    addr: SocketAddr,
}

impl Sidecar {
    /// Starts one in front of the Webdis for rate limits; nobody is behind its other listeners.
    ///
    /// # Errors
    /// There is no Envoy, or it refuses the configuration; the message holds the end of its log.
    pub async fn start(authority: &Authority, webdis: SocketAddr) -> Result<Self> {
        let root = backends::root()?;
        let mut text = std::fs::read_to_string(root.join(FILE)).context(FILE)?;
        replace(&mut text, TLS_FOLDER, utf8(authority.tls())?)?;
        replace(&mut text, "127.0.0.1, port_value: 9902 ", "127.0.0.1, port_value: 0 ")?;
        for port in [7479, 7480, 7481] {
            replace(&mut text, &format!("0.0.0.0, port_value: {port} "), "127.0.0.1, port_value: 0 ")?;
        }
        replace(&mut text, "address: 127.0.0.1, port_value: 7379 ", &address(webdis))?;
        let tree = tree(&text).context(FILE)?;
        let envoy = Envoy::start(&tree.to_string(), &Settings::discover(&root)?.launch()).await?;
        let addr = envoy.listener("rate-limit").await?;
        Ok(Self { envoy, addr })
    }

    /// Where it takes connections for the Webdis for rate limits.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.envoy.log()
    }
}
