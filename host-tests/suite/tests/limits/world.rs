//! Gateways that share limits through real Redis and Webdis.

use anyhow::Result;
use backends::{Options, Redis, User, Webdis};
use serde_json::{Value, json};
use suite::gateway::{Called, Gateway, SECRET_NAME};

use crate::WORKERS;

/// Name of the cluster of Webdis.
const CLUSTER: &str = "webdis";

/// Gateways, the gateway to Redis behind them, and Redis.
pub struct World {
    pub redis: Redis,
    pub webdis: Webdis,
    pub gateways: Vec<Gateway>,
}

impl World {
    /// So many gateways with these limits, all of which apply to every request.
    pub async fn start(count: usize, limits: &[Value]) -> Result<Self> {
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
        let called = [Called { name: CLUSTER.to_owned(), addr: webdis.addr(), most: 1024 }];
        let configuration = configuration(count, limits);
        let mut gateways = Vec::new();
        for _ in 0..count {
            gateways.push(Gateway::start_with("rate-limit", &configuration, &called, WORKERS).await?);
        }
        Ok(Self { redis, webdis, gateways })
    }

    /// Ends the gateways.
    pub async fn end(self) -> Result<()> {
        for gateway in self.gateways {
            gateway.end().await?;
        }
        Ok(())
    }
}

fn configuration(gateways: usize, limits: &[Value]) -> Value {
    let names: Vec<&Value> = limits.iter().filter_map(|limit| limit.get("name")).collect();
    json!({
        "version": 1,
        "key_secret": { "env": SECRET_NAME },
        "redis": { "cluster": CLUSTER },
        "gateways": gateways,
        "limits": limits,
        "default": { "limits": names },
    })
}

/// A limit of each client by the header `x-client`.
pub fn limit(name: &str, rate: &str, burst: u32, distributed: &Value) -> Value {
    json!({
        "name": name, "rate": rate, "burst": burst, "key": [{ "header": "x-client" }], "distributed": distributed,
    })
}
