//! Envoy's administration interface.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::POLL;
use crate::client;

/// Waits for the address in the file that Envoy writes when its administration listens.
pub(super) async fn address(file: &Path) -> SocketAddr {
    loop {
        if let Ok(text) = tokio::fs::read_to_string(file).await
            && let Ok(address) = text.trim().parse()
        {
            return address;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until the workers serve.
pub(super) async fn ready(admin: SocketAddr) {
    while !page(admin, "/ready").await.is_ok_and(|page| page.trim() == "LIVE") {
        tokio::time::sleep(POLL).await;
    }
}

pub(super) async fn page(admin: SocketAddr, path: &str) -> Result<String> {
    let response = client::get(admin, path).await?;
    ensure!(response.status == 200, "GET {path}: {}", response.status);
    String::from_utf8(response.body).with_context(|| format!("GET {path}"))
}

pub(super) async fn listener(admin: SocketAddr, name: &str) -> Result<SocketAddr> {
    let page = json(admin, "/listeners?format=json").await?;
    let all = page.get("listener_statuses").and_then(Value::as_array).into_iter().flatten();
    let find = |listener: &&Value| listener.get("name").and_then(Value::as_str) == Some(name);
    let socket = all.into_iter().find(find).and_then(|one| one.pointer("/local_address/socket_address"));
    let socket = socket.with_context(|| format!("envoy has no listener {name:?}: {page}"))?;
    let address = socket.get("address").and_then(Value::as_str).context("listener address")?;
    let port = socket.get("port_value").and_then(Value::as_u64).context("listener port")?;
    Ok(SocketAddr::new(address.parse()?, u16::try_from(port)?))
}

pub(super) async fn stats(admin: SocketAddr, filter: &str) -> Result<Vec<(String, u64)>> {
    let filter = percent_encoding::utf8_percent_encode(filter, percent_encoding::NON_ALPHANUMERIC);
    let page = json(admin, &format!("/stats?format=json&filter={filter}")).await?;
    let all = page.get("stats").and_then(Value::as_array).into_iter().flatten();
    let entry = |stat: &Value| {
        let name = stat.get("name")?.as_str()?.to_owned();
        // Histograms and text have no `value` that is a number.
        Some((name, stat.get("value")?.as_u64()?))
    };
    Ok(all.filter_map(entry).collect())
}

async fn json(admin: SocketAddr, path: &str) -> Result<Value> {
    serde_json::from_str(&page(admin, path).await?).with_context(|| format!("GET {path}"))
}
