//! What counts for the gateways together: Redis, and the two ways to it.

use anyhow::{Context as _, Result};
use backends::{Options, Redis, User, Webdis};
use serde_json::{Value, json};

use crate::bootstrap::cluster;
use crate::measure::Elsewhere;
use crate::sched::Worker;
use crate::service::Service;

/// All of them, running. Redis and Webdis end when this is dropped.
#[derive(Debug)]
pub struct Backends {
    redis: Redis,
    webdis: Webdis,
    service: Service,
}

impl Backends {
    /// Name of the cluster of Webdis.
    pub(crate) const REDIS: &str = "redis-rate-limit";
    /// Name of the cluster of the reference service.
    pub(super) const SERVICE: &str = "rate-limit-service";

    /// Starts them, with the configuration that ships. Redis writes no file: limits need none, and it would be written
    /// anew, by a second process, in the middle of a measurement.
    ///
    /// # Errors
    /// One of them is not to be found, or does not start.
    pub async fn start() -> Result<Self> {
        let user = User::GatewayRateLimit;
        let redis = Redis::start(&Options::arguments(&["--appendonly", "no"])).await?;
        let webdis = Webdis::start(&redis, user, &Options::default()).await?;
        let service = Service::start(redis.addr(), user.name(), redis.configuration().password(user))?;
        Ok(Self { redis, webdis, service })
    }

    /// What they use, to be measured too.
    ///
    /// # Errors
    /// One of them has ended.
    pub fn watch(&self) -> Result<Vec<Elsewhere>> {
        let all = |name: &'static str, id: Option<u32>| -> Result<Elsewhere> {
            Ok((name, Worker::all(id.with_context(|| format!("{name} has ended"))?)?))
        };
        Ok(vec![
            ("reference service", self.service.worker()?),
            all("Webdis", self.webdis.id())?,
            all("Redis", self.redis.id())?,
        ])
    }

    /// Webdis, connected as `envoy-configs/redis/envoy-cluster.yaml` has it.
    pub(crate) fn redis_cluster(&self) -> Value {
        reached(Self::REDIS, self.webdis.addr().port(), &json!({ "http_protocol_options": {} }))
    }

    /// The reference service, over HTTP/2.
    pub(super) fn service_cluster(&self) -> Value {
        reached(Self::SERVICE, self.service.addr.port(), &json!({ "http2_protocol_options": {} }))
    }
}

/// A cluster that speaks this protocol.
fn reached(name: &str, port: u16, protocol: &Value) -> Value {
    let mut cluster = cluster(name, Some(port));
    let kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let options = json!({ "@type": format!("type.googleapis.com/{kind}"), "explicit_http_config": protocol });
    let thresholds = json!([{ "max_connections": 128, "max_pending_requests": 128, "max_requests": 256, "max_retries": 0 }]);
    if let Some(members) = cluster.as_object_mut() {
        members.insert("typed_extension_protocol_options".to_owned(), json!({ kind: options }));
        members.insert("circuit_breakers".to_owned(), json!({ "thresholds": thresholds }));
    }
    cluster
}
