//! A million clients against one table.

use anyhow::{Result, ensure};
use serde_json::json;
use suite::clients::{Clients, STREAMS, answers};
use suite::gateway::Gateway;

use crate::{WORKERS, alone};

/// Distinct clients.
const CLIENTS: usize = 1_000_000;
/// Connections to the gateway.
const CONNECTIONS: usize = 4;
/// Slots of the table, of 8 entries each.
const SLOTS: usize = 2048;
/// What the table takes at most, and what Envoy itself may take more under such a load, in bytes.
const MOST: u64 = (SLOTS * 1024 + 48 * 1024 * 1024) as u64;

#[tokio::test]
async fn a_million_clients_neither_fill_memory_nor_reset_a_victim() -> Result<()> {
    let _alone = alone().await;
    let configuration = json!({
        "version": 1,
        "table": { "slots": SLOTS },
        "limits": [{ "name": "clients", "rate": "1r/h", "burst": 1, "key": [{ "header": "x-client" }] }],
        "default": { "limits": ["clients"] },
    });
    let gateway = Gateway::start_with("rate-limit", &configuration, &[], WORKERS).await?;
    let clients = Clients::connect(gateway.addr, CONNECTIONS).await?;
    let victim = async |expected: u16| -> Result<()> {
        for connection in 0..CONNECTIONS {
            let status = clients.ask(connection, &[("x-client", "victim")]).await?.status;
            ensure!(status == expected, "the victim is answered {status}, not {expected}");
        }
        Ok(())
    };
    for _ in 0..2 {
        ensure!(
            clients.ask(0, &[("x-client", "victim")]).await?.status == 200,
            "the victim has two requests"
        );
    }
    victim(429).await?;
    // What the first requests take is no growth.
    flood(&clients, 0..10_000).await?;
    let before = gateway.memory().await?;
    let refused = flood(&clients, 10_000..CLIENTS).await?;
    let after = gateway.memory().await?;
    victim(429).await?;
    println!(
        "{CLIENTS} clients, {refused} of them refused in the overflow of a full table: before {before}, after {after}"
    );
    let grown = after.resident.saturating_sub(before.resident);
    ensure!(grown <= MOST, "{grown} bytes more are resident");
    gateway.end().await
}

/// One request of each of these clients; how many were refused.
async fn flood(clients: &Clients, numbers: std::ops::Range<usize>) -> Result<usize> {
    let mut refused = 0;
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let mut sent = Vec::new();
        for (at, number) in numbers.by_ref().take(STREAMS * CONNECTIONS).enumerate() {
            sent.push(clients.send(at % CONNECTIONS, &[("x-client", &format!("client-{number}"))]).await?);
        }
        for answer in answers(sent).await? {
            ensure!([200, 429].contains(&answer.status), "answered {}", answer.status);
            refused += usize::from(answer.status == 429);
        }
    }
    Ok(refused)
}
