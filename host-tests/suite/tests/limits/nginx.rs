//! nginx from Debian beside us: the same rate, the same burst, the same requests.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use backends::Nginx;
use replay::client;
use replay::request::Request;
use serde_json::json;
use suite::gateway::Gateway;
use suite::patience::until;
use tokio::task::JoinSet;

use crate::{WORKERS, alone};

const RATE: f64 = 10.0;
const BURST: u32 = 20;
/// How often it is tried: a burst that takes longer than a tenth of a second is another.
const ROUNDS: usize = 10;

/// Sends so many requests at once, each on a connection of its own; how many passed.
async fn burst(addr: std::net::SocketAddr, client: &str, count: usize) -> Result<usize> {
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let headers = vec![("x-client".to_owned(), client.as_bytes().to_vec())];
        let request = Request { headers, ..Request::new("GET", "/") };
        asking.spawn(async move { client::send(addr, &request).await });
    }
    let mut passed = 0;
    while let Some(exchange) = asking.join_next().await {
        let response = exchange??.response.map_err(anyhow::Error::msg)?;
        ensure!([200, 429].contains(&response.status), "answered {}", response.status);
        passed += usize::from(response.status == 200);
    }
    Ok(passed)
}

/// What passes of 30 at once, and of 30 half a second later, in nginx and here; `None` where either burst took so long that
/// one more request became due meanwhile.
async fn round(nginx: &Nginx, gateway: &Gateway, client: &str) -> Result<Option<[[usize; 2]; 2]>> {
    let mut found = [[0; 2]; 2];
    for (found, addr) in found.iter_mut().zip([nginx.addr(), gateway.addr]) {
        let begin = Instant::now();
        found[0] = burst(addr, client, 30).await?;
        let first = begin.elapsed();
        until("half a second", || async { Ok(begin.elapsed() >= Duration::from_millis(500)) }).await?;
        found[1] = burst(addr, client, 30).await?;
        // The whole of both bursts lies within one interval of a tenth of a second each.
        let interval = Duration::from_secs_f64(1.0 / RATE);
        if first >= interval || begin.elapsed() >= Duration::from_millis(500) + interval {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

#[tokio::test]
async fn a_burst_of_thirty_passes_as_in_nginx() -> Result<()> {
    let _alone = alone().await;
    let nginx = Nginx::limiting("10r/s", BURST).await?;
    let configuration = json!({
        "version": 1,
        "limits": [{
            "name": "clients", "algorithm": "leaky_bucket", "rate": "10r/s", "burst": BURST, "key": [{ "header": "x-client" }],
        }],
        "default": { "limits": ["clients"] },
    });
    let gateway = Gateway::start_with("rate-limit", &configuration, &[], WORKERS).await?;
    for number in 0..ROUNDS {
        if let Some([theirs, ours]) = round(&nginx, &gateway, &format!("client-{number}")).await? {
            println!("of 30 at once, and of 30 after 0.5 s: nginx {theirs:?}, rate-limit {ours:?}");
            ensure!(theirs == [21, 5], "nginx itself lets {theirs:?} pass; its log: {}", nginx.log());
            ensure!(ours == theirs, "nginx lets {theirs:?} pass, rate-limit {ours:?}");
            return gateway.end().await;
        }
    }
    anyhow::bail!(
        "in {ROUNDS} rounds 30 requests never passed within a tenth of a second: the machine is too busy"
    )
}
