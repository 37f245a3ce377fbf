//! More connections than one worker takes, and what each of them costs.

use anyhow::{Context as _, Result, ensure};
use edge::gateway::{EdgeGateway, Surroundings};
use edge::services::Api;
use edge::services::api::User;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use suite::patience::until;
use tokio::task::JoinSet;

use crate::wire::{Dialer, MANAGER, Wire, replace};
use crate::{Secrets, alone};

/// What the file allows one worker.
const MOST: usize = 2048;
/// What is tried where this machine allows too few open files.
const FEW: usize = 256;
/// Open files of either side besides the connections.
const BESIDES: u64 = 512;
/// Handshakes at a time.
const AT_ONCE: usize = 16;
/// Connections before anything is measured: what is made once is made then.
const WARM: usize = 48;
/// Most bytes that a thousand connections may cost.
const BUDGET: u64 = 150_000_000;
const REQUEST: &[u8] = b"GET /catalogue HTTP/1.1\r\nHost: api.example.com\r\n\r\n";

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_and_the_others_served() -> Result<()> {
    let _alone = alone().await;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::try_from(MOST)?.saturating_add(BESIDES);
    let most = if hard >= needed { MOST } else { FEW };
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    if most != MOST {
        println!(
            "only {hard} open files are allowed here, {needed} are needed: {most} connections instead of {MOST}"
        );
    }
    let secrets = Secrets::new()?;
    let api = Api::start(0, User { name: "alice".to_owned(), password: "nobody's".to_owned() })?;
    let surroundings = Surroundings { api: api.addr(), ..Surroundings::default() };
    let gateway = EdgeGateway::start_changed(&secrets.authority, &surroundings, |tree| {
        let limit = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/max_connections";
        replace(tree, limit, json!(MOST), json!(most))?;
        // The first one must still be there when the last one comes.
        let idle = format!("{MANAGER}/common_http_protocol_options/idle_timeout");
        replace(tree, &idle, json!("60s"), json!("3600s"))
    })
    .await?;
    until("the API", || async { Ok(gateway.stat("cluster.api.membership_healthy").await? == 1) }).await?;
    let dialer = Dialer::new(&secrets.authority, b"http/1.1", None)?;

    let mut open = Vec::new();
    grow(&gateway, &dialer, &mut open, WARM).await?;
    ask(&mut open).await?;
    let before = memory(&gateway).await?;
    let measured = most.saturating_sub(WARM).min(1000);
    grow(&gateway, &dialer, &mut open, WARM + measured).await?;
    let after = memory(&gateway).await?;
    report("TLS connections, nothing asked", measured, before, after)?;
    ask(&mut open).await?;
    report("the same, each asked once and kept", measured, before, memory(&gateway).await?)?;

    grow(&gateway, &dialer, &mut open, most).await?;
    ensure!(gateway.stat("connection_limit.ingress.limited_connections").await? == 0, "refused too early");
    for _ in 0..3 {
        ensure!(dialer.dial(gateway.addresses().tls).await.is_err(), "one more than {most} is served");
    }
    let refused = gateway.stat("connection_limit.ingress.limited_connections").await?;
    ensure!(refused == 3, "{refused} connections were refused, not 3");
    ask(&mut open).await?;
    let active = gateway.stat("http.ingress.downstream_cx_active").await?;
    ensure!(active == u64::try_from(most)?, "{active} connections are open");
    println!("with {most} connections open the next 3 are refused, the {most} are answered");

    // One leaves, one may come.
    drop(open.pop().context("a connection")?);
    until("room for one", || async {
        Ok(gateway.stat("connection_limit.ingress.active_connections").await? < u64::try_from(most)?)
    })
    .await?;
    grow(&gateway, &dialer, &mut open, most).await?;
    drop(open);
    gateway.end().await
}

/// Opens connections until there are so many.
async fn grow(gateway: &EdgeGateway, dialer: &Dialer, open: &mut Vec<Wire>, count: usize) -> Result<()> {
    let addr = gateway.addresses().tls;
    while open.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - open.len()) {
            let dialer = dialer.clone();
            opening.spawn(async move { dialer.dial(addr).await });
        }
        while let Some(wire) = opening.join_next().await {
            open.push(wire??);
        }
    }
    Ok(())
}

/// Each of them asks, and is answered by the API.
async fn ask(open: &mut [Wire]) -> Result<()> {
    for wire in open {
        wire.say(REQUEST).await?;
        let answer = wire.answer().await?;
        ensure!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    Ok(())
}

/// What Envoy's allocator has handed out, and what is resident, in bytes.
async fn memory(gateway: &EdgeGateway) -> Result<(u64, u64)> {
    let page: Value = serde_json::from_str(&gateway.envoy().admin("/memory").await?)?;
    let allocated = page.get("allocated").and_then(Value::as_str).context("no `allocated`")?.parse()?;
    let id = gateway.envoy().id().context("Envoy has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = resident.trim().trim_end_matches("kB").trim().parse()?;
    Ok((allocated, kilobytes * 1024))
}

fn report(what: &str, count: usize, before: (u64, u64), after: (u64, u64)) -> Result<()> {
    let per_thousand = |before: u64, after: u64| after.saturating_sub(before) * 1000 / count as u64;
    let (allocated, resident) = (per_thousand(before.0, after.0), per_thousand(before.1, after.1));
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!("{what}: {:.1} MB allocated, {:.1} MB resident for 1,000", mb(allocated), mb(resident));
    ensure!(allocated.max(resident) <= BUDGET, "{what}: more than {BUDGET} bytes for 1,000 connections");
    Ok(())
}
