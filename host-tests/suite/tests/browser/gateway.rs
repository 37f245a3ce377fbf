//! The API: a real Envoy with request-policy first, an upstream that records, and what Envoy's access log says.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use recorder::{Recorded, Recorder, Response};
use replay::client::send;
use replay::envoy::Envoy;
use replay::envoy_config::{Bootstrap, Rewrite};
use replay::request::Request;
use serde::Deserialize;
use suite::{root, settings};

const CONFIG: &str = "host-tests/suite/envoy/browser.yaml";
/// A host of the site `shop.localhost`, as those of the pages that may call.
const HOST: &str = "api.shop.localhost";
/// Until Envoy has written a line of its access log.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the log.
const POLL: Duration = Duration::from_millis(5);

/// The running API.
#[derive(Debug)]
pub struct Gateway {
    envoy: Envoy,
    upstream: Recorder,
    port: u16,
}

/// A request as Envoy logged it.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// Access-Control-Allow-Origin of the answer.
    pub allow_origin: Option<String>,
    /// Vary of the answer.
    pub vary: Option<String>,
    /// Why request-policy refused it.
    pub reason: Option<String>,
}

impl Gateway {
    /// Starts it, the upstream answering 200.
    pub async fn start() -> Result<Self> {
        let settings = settings()?;
        let upstream = Recorder::start().await?;
        let rewrite = Rewrite { upstream: upstream.addr(), dist: &settings.dist, access_log: None };
        let config = Bootstrap::read(&root()?.join(CONFIG))?.rewritten(&rewrite)?;
        let envoy = Envoy::start(&config, &settings.launch()).await?;
        let port = envoy.listener("ingress").await?.port();
        Ok(Self { envoy, upstream, port })
    }

    /// The address of a path of the API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{HOST}:{}{path}", self.port)
    }

    /// What the upstream answers from now on: 200 with this body and these headers.
    pub fn answers(&self, body: &str, headers: &[(&str, &str)]) -> Result<()> {
        let mut response = Response::new(200, body.to_owned())?;
        for (name, value) in headers {
            response = response.header(name, value.as_bytes())?;
        }
        self.upstream.script(response);
        Ok(())
    }

    /// What reached the upstream since the last call.
    pub fn forwarded(&self) -> Vec<Recorded> {
        self.upstream.take()
    }

    /// What Envoy logged about a path since it was started, in order.
    pub async fn log(&self, path: &str) -> Result<Vec<Line>> {
        let seen = || -> Vec<Line> {
            self.envoy.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
        };
        let marks = seen().iter().filter(|line| line.path == "/mark").count();
        // One worker writes one log: what was answered before the mark stands before it.
        let gateway = self.envoy.listener("ingress").await?;
        send(gateway, &Request::new("GET", "/mark")).await?.response.map_err(anyhow::Error::msg)?;
        let end = Instant::now() + DEADLINE;
        loop {
            let lines = seen();
            if lines.iter().filter(|line| line.path == "/mark").count() > marks {
                return Ok(lines.into_iter().filter(|line| line.path == path).collect());
            }
            ensure!(Instant::now() < end, "Envoy logs no request\n{}", self.envoy.log_tail());
            tokio::time::sleep(POLL).await;
        }
    }

    /// The same, where there is one.
    pub async fn only(&self, path: &str) -> Result<Line> {
        let lines = self.log(path).await?;
        let [line] = lines.as_slice() else {
            anyhow::bail!("one request for {path} was expected, Envoy logged {lines:#?}")
        };
        Ok(line.clone())
    }

    /// Signs that Envoy ended or that a filter trapped are an error.
    pub async fn stop(mut self) -> Result<()> {
        let failures = self.envoy.failures().await.context("state of envoy")?;
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        self.envoy.stop().await
    }
}
