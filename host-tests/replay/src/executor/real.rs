//! A real Redis behind the clusters of a real Envoy, each with the gateway of its purpose.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User, Webdis};
use recorder::Scripted;
use serde::Deserialize;

/// What filters use a Redis for: who their gateway logs in as, and on which keys it may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Limits: `portcullis:rl:*`.
    RateLimit,
    /// Idempotency: `portcullis:idem:*`.
    Idempotency,
    /// The deny list: `portcullis:rev:*`.
    Revocation,
}

impl Purpose {
    fn user(self) -> User {
        match self {
            Self::RateLimit => User::GatewayRateLimit,
            Self::Idempotency => User::GatewayIdempotency,
            Self::Revocation => User::GatewayRevocation,
        }
    }
}

/// One Redis and a gateway per cluster, or nothing where no cluster has one.
#[derive(Debug)]
pub(super) struct RealRedis {
    redis: Option<Redis>,
    gateways: BTreeMap<String, Webdis>,
}

impl RealRedis {
    /// Starts them, with nothing in Redis.
    ///
    /// # Errors
    /// There is no such cluster to be called, or Redis or Webdis cannot be started; `make tools` brings them.
    pub(super) async fn start(real: &BTreeMap<String, Purpose>, called: &[String]) -> Result<Self> {
        let mut started = Self { redis: None, gateways: BTreeMap::new() };
        for (cluster, purpose) in real {
            ensure!(called.contains(cluster), "real: there is no cluster {cluster:?} to call");
            let redis = match started.redis.take() {
                Some(redis) => redis,
                None => Redis::start_with(Configuration::render_with_administrator()?, &Options::default())
                    .await
                    .context("real")?,
            };
            let redis = started.redis.insert(redis);
            let gateway = Webdis::start(redis, purpose.user(), &Options::default()).await;
            started.gateways.insert(cluster.clone(), gateway.with_context(|| format!("real: {cluster}"))?);
        }
        Ok(started)
    }

    /// Whether this cluster has one.
    pub(super) fn is_behind(&self, cluster: &str) -> bool {
        self.gateways.contains_key(cluster)
    }

    /// Where each of the clusters is.
    pub(super) fn addrs(&self) -> BTreeMap<String, SocketAddr> {
        self.gateways.iter().map(|(cluster, gateway)| (cluster.clone(), gateway.addr())).collect()
    }

    /// What is left of a script for those who play the other clusters.
    pub(super) fn without(&self, scripted: Vec<Scripted>) -> Vec<Scripted> {
        scripted.into_iter().filter(|one| !self.is_behind(&one.cluster)).collect()
    }

    /// Gives Redis these commands, one after the other; those that it refuses, with its error.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) async fn command(&self, commands: &[Vec<String>]) -> Result<Vec<String>> {
        let mut refused = Vec::new();
        for words in commands {
            let redis = self.redis.as_ref().context("redis: there is no real one")?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let Some(error) = redis.administer(&words).await?.error() {
                refused.push(format!("redis: {}: {error}", words.join(" ")));
            }
        }
        Ok(refused)
    }

    /// Ends them.
    ///
    /// # Errors
    /// One cannot be ended.
    pub(super) async fn stop(mut self) -> Result<()> {
        for gateway in self.gateways.values_mut() {
            gateway.kill().await?;
        }
        match &mut self.redis {
            Some(redis) => redis.kill().await,
            None => Ok(()),
        }
    }
}
