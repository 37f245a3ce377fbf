//! The clusters that ship, in a real Envoy in front of real Webdis.

use anyhow::{Context as _, Result, ensure};
use backends::{Options, Redis, User, Webdis, encode, root};
use replay::client::send;
use replay::envoy::{Envoy, Launch, validate};
use replay::request::Request;
use serde_json::{Value, json};

const FILE: &str = "envoy-configs/redis/envoy-cluster.yaml";
const NONCE: &str = "0123456789abcdef0123456789abcdef";

/// The file as Envoy takes it on its command line under any name: JSON.
fn file() -> Result<Value> {
    let text = std::fs::read_to_string(root()?.join(FILE)).context(FILE)?;
    serde_saphyr::from_str(&text).context(FILE)
}

fn launch() -> Result<Launch> {
    Ok(Launch { root: root()?, environment: Vec::new() })
}

/// Puts `value` in the place of what is there.
fn put(file: &mut Value, pointer: &str, value: Value) -> Result<()> {
    *file.pointer_mut(pointer).with_context(|| format!("{FILE} has no {pointer}"))? = value;
    Ok(())
}

#[tokio::test]
async fn envoy_accepts_the_file_as_it_is() -> Result<()> {
    let seen = validate(&file()?.to_string(), &launch()?).await?;
    ensure!(seen.exit.success(), "{}", seen.log);
    ensure!(!seen.log.contains("][warning]["), "warnings\n{}", seen.log);
    Ok(())
}

/// A route to the cluster, which the file has not, stands for the call-outs of a filter.
#[tokio::test]
async fn scripts_reach_redis_on_a_kept_connection_and_a_killed_gateway_is_not_asked_twice() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let mut webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let mut file = file()?;
    let route = "/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0";
    let here = |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    // Even one that asks for it is not tried again.
    let again = json!({ "retry_on": "connect-failure,reset,5xx", "num_retries": 3 });
    let route_to = json!({ "cluster": "redis-rate-limit", "retry_policy": again });
    let to_redis = json!({ "match": { "prefix": "/" }, "route": route_to });
    put(&mut file, &format!("/static_resources/listeners/0{route}"), to_redis)?;
    put(&mut file, "/static_resources/listeners/0/address", here(0))?;
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
    put(&mut file, &format!("/static_resources/clusters/0{endpoint}"), here(webdis.addr().port()))?;
    file.as_object_mut().context("an object")?.insert("admin".to_owned(), json!({ "address": here(0) }));
    let envoy = Envoy::start(&file.to_string(), &launch()?).await?;
    let gateway = envoy.listener("ingress").await?;
    let script = "return {redis.call('INCRBY', KEYS[1], 1), ARGV[#ARGV]}";
    let body = encode(&["EVAL", script, "1", "portcullis:rl:x", NONCE]).into_bytes();
    let call = || {
        let headers = vec![("content-length".to_owned(), body.len().to_string().into_bytes())];
        let request = Request { headers, body: Some(vec![body.clone()]), ..Request::new("POST", "/") };
        async move { send(gateway, &request).await?.response.map_err(anyhow::Error::msg) }
    };
    for count in 1..=5 {
        let response = call().await?;
        let seen = String::from_utf8_lossy(&response.body).into_owned();
        ensure!(response.status == 200, "{} {seen}", response.status);
        ensure!(seen == format!(r#"{{"EVAL":[{count},"{NONCE}"]}}"#), "{seen}");
    }
    let stat = |name: &'static str| {
        let envoy = &envoy;
        async move {
            let name = format!("cluster.redis-rate-limit.{name}");
            let stats = envoy.stats(&format!("^{name}$")).await?;
            stats.first().map(|(_, value)| *value).with_context(|| format!("no {name}"))
        }
    };
    ensure!(stat("upstream_cx_total").await? == 1, "more than one connection for calls one after the other");
    webdis.kill().await?;
    let down = call().await?;
    ensure!(down.status == 503, "{}", down.status);
    ensure!(stat("upstream_rq_retry").await? == 0, "a call was made twice");
    webdis.restart(backends::Ready::Serves).await?;
    let again = call().await?;
    ensure!(again.status == 200, "{}", again.status);
    envoy.stop().await
}
