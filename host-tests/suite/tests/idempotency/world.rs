//! Gateways that share keys through real Redis and Webdis, in front of one upstream.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use backends::resp::RespValue;
use backends::{Options, Redis, User, Webdis};
use replay::envoy::{Envoy, Options as EnvoyOptions};
use replay::envoy_config::{Bootstrap, Rewrite};
use suite::{root, settings};

use crate::WORKERS;
use crate::api::Api;
use crate::client::Crowd;

/// Name of the cluster of Webdis.
const CLUSTER: &str = "redis-idempotency";
/// Connections to each gateway: enough that every worker has some.
const CONNECTIONS: usize = 8;

/// All of it.
pub struct World {
    pub redis: Redis,
    pub webdis: Webdis,
    pub api: Api,
    pub crowd: Crowd,
    gateways: Vec<Envoy>,
}

impl World {
    /// Starts two gateways of this bootstrap.
    pub async fn start(bootstrap: &str) -> Result<Self> {
        let settings = settings()?;
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayIdempotency, &Options::default()).await?;
        let api = Api::start()?;
        let rewrite = Rewrite { upstream: api.addr(), dist: &settings.dist, access_log: None };
        let called = BTreeMap::from([(CLUSTER.to_owned(), webdis.addr())]);
        let config = Bootstrap::read(&root()?.join(bootstrap))?.calling(&called)?.rewritten(&rewrite)?;
        let options = EnvoyOptions { workers: WORKERS, ..EnvoyOptions::default() };
        let (mut gateways, mut addrs) = (Vec::new(), Vec::<SocketAddr>::new());
        for _ in 0..2 {
            let envoy = Envoy::start_with(&config, &settings.launch(), &options).await?;
            addrs.push(envoy.listener("ingress").await?);
            gateways.push(envoy);
        }
        let crowd = Crowd::of(&addrs, CONNECTIONS).await?;
        Ok(Self { redis, webdis, api, crowd, gateways })
    }

    /// The records of keys in Redis: what they begin with, `f` in flight, `c` completed.
    pub async fn records(&self) -> Result<Vec<String>> {
        let mut operator = self.redis.connect(User::OperatorRead).await?;
        let found = operator.command(&["SCAN", "0", "COUNT", "10000"]).await?;
        let RespValue::Array(parts) = found else { anyhow::bail!("SCAN: {found:?}") };
        let Some(RespValue::Array(keys)) = parts.into_iter().nth(1) else { anyhow::bail!("SCAN: no keys") };
        let mut records = Vec::new();
        for key in keys {
            let RespValue::Bulk(key) = key else { anyhow::bail!("a key: {key:?}") };
            let key = String::from_utf8(key)?;
            ensure!(key.starts_with("portcullis:idem:idempotency:"), "{key}");
            if let RespValue::Bulk(record) = operator.command(&["GET", &key]).await? {
                records.push(String::from_utf8(record)?.chars().take(1).collect());
            }
        }
        Ok(records)
    }

    /// Ends the gateways.
    pub async fn end(self) -> Result<()> {
        for mut gateway in self.gateways {
            let failures = gateway.failures().await?;
            ensure!(failures.is_empty(), "{}", failures.join("\n"));
            gateway.stop().await?;
        }
        Ok(())
    }
}
