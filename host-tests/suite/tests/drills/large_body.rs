//! Bodies of 15 MB over HTTP/2, to which Envoy's own limit on what it buffers does not apply, against a policy that takes 1 MiB.

use anyhow::{Result, ensure};
use replay::client;
use replay::request::{Protocol, Request};
use serde_json::json;
use suite::gateway::{Gateway, Memory};
use tokio::task::JoinSet;

use crate::alone;

/// Uploads at the same time.
const MANY: usize = 20;
/// Bytes of each.
const LARGE: usize = 15 * 1024 * 1024;
/// Bytes of the largest that may pass.
const LIMIT: usize = 1024 * 1024;
/// How often.
const ROUNDS: usize = 3;
/// The statuses of so many uploads at the same time, without a length, in pieces as most clients send them.
async fn upload(gateway: &Gateway, count: usize, size: usize) -> Result<Vec<u16>> {
    let mut sent = JoinSet::new();
    for _ in 0..count {
        let body = vec![b'a'; size].chunks(16 * 1024).map(<[u8]>::to_vec).collect();
        let request = Request { protocol: Protocol::H2, body: Some(body), ..Request::new("POST", "/") };
        let addr = gateway.addr;
        sent.spawn(async move {
            let exchange = client::send(addr, &request).await?;
            Ok(exchange.response.map_err(anyhow::Error::msg)?.status)
        });
    }
    sent.join_all().await.into_iter().collect()
}

#[tokio::test]
async fn a_body_of_fifteen_megabytes_costs_no_more_than_the_limit() -> Result<()> {
    let _alone = alone().await;
    let policy = json!({ "version": 1, "body": "await", "limit": LIMIT, "hold_headers": true });
    let gateway = Gateway::start_with("probe", &policy, &[], 1).await?;
    let fine = upload(&gateway, MANY, LIMIT).await?;
    ensure!(fine.iter().all(|status| *status == 200), "{fine:?}");
    let before = gateway.memory().await?;
    println!("after {MANY} bodies of {LIMIT} bytes: {before}");
    let mut after: Vec<Memory> = Vec::new();
    for _ in 0..ROUNDS {
        let refused = upload(&gateway, MANY, LARGE).await?;
        ensure!(refused.iter().all(|status| *status == 413), "{refused:?}");
        after.push(gateway.memory().await?);
    }
    for memory in &after {
        println!("after {MANY} of {LARGE} bytes: {memory}, {} MiB at most", memory.peak / 1_048_576);
        // As much again as was needed for bodies of the limit is a tenth of what is sent.
        let most = before.peak + u64::try_from(MANY * LIMIT)?;
        ensure!(memory.peak <= most, "{} bytes, before {}", memory.peak, before.peak);
    }
    gateway.end().await
}
