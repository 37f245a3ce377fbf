//! The faults of the gateway to Redis that real parts cannot show, and every error that Webdis can hand on, in a real
//! Envoy.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::doubling::Doubling;
use crate::drill::{Drill, OnFailure, Seen, alone, counted};
use crate::rounds::{Due, in_time};
use crate::service::Cluster;
use crate::table::{Fault, of_a_gateway, of_redis};

const TIMEOUT: Duration = Duration::from_millis(50);

fn well() -> Value {
    json!({ "redis": { "values": [7, "well"] } })
}

fn is_well(seen: &Seen) -> bool {
    (seen.status, &*seen.caller) == (200, "7/well")
}

/// So many failures, each followed by an answer: the caller's own circuit breaker, which has drills of its own, is not to
/// have its say.
async fn failures(drill: &Drill, cluster: &Cluster, fault: &Fault, count: usize) -> Result<Vec<Seen>> {
    let mut failed = Vec::new();
    for _ in 0..count {
        cluster.answers(&[&fault.answer]).await?;
        let before = drill.calls().await?;
        let seen = drill.ask().await?;
        drill.failed(&seen, fault.reason)?;
        let calls = drill.calls().await? - before;
        // A connection that is refused carries no call; NOSCRIPT is asked again once, and nothing else is.
        let most = if fault.reason == "no_script" { 2 } else { 1 };
        ensure!(calls <= most, "{calls} calls: {seen:?}");
        failed.push(seen);
        cluster.answers(&[&well()]).await?;
        let after = drill.ask().await?;
        ensure!(is_well(&after), "afterwards: {after:?}");
    }
    Ok(failed)
}

async fn matrix(faults: &[Fault], count: usize) -> Result<()> {
    let _alone = alone().await;
    let cluster = Cluster::start("redis").await?;
    for on_failure in OnFailure::BOTH {
        let drill = Drill::start("redis", TIMEOUT, on_failure, cluster.addr()?).await?;
        for fault in faults {
            let what = format!("redis, {on_failure:?}: {}", fault.name);
            let due = Due { timeout: TIMEOUT, silent: fault.silent };
            in_time(&what, due, async || failures(&drill, &cluster, fault, count).await)
                .await
                .with_context(|| what.clone())?;
            drill.nothing_pending().await.with_context(|| what.clone())?;
        }
        drill.end().await?;
    }
    cluster.end()
}

#[tokio::test]
async fn every_fault_of_the_gateway_to_redis_is_answered_as_configured_in_time() -> Result<()> {
    matrix(&of_a_gateway(), 20).await
}

#[tokio::test]
async fn every_error_of_redis_is_answered_as_configured() -> Result<()> {
    matrix(&of_redis()?, 5).await
}

/// Two answers to one call, on a connection that is kept: the second must not become the answer to the next call.
#[tokio::test]
async fn a_second_answer_to_a_call_is_for_nobody() -> Result<()> {
    let _alone = alone().await;
    let server = Doubling::start().await?;
    let drill = Drill::start("redis", TIMEOUT, OnFailure::Deny, server.addr()).await?;
    let mut own = 0;
    for seen in drill.ask_many(200, 1).await? {
        // Where Envoy notices too late it has reset the next call's connection: that is a failure, never an answer.
        match counted(&seen) {
            Ok(count) => {
                ensure!(count == 1, "{seen:?}");
                own += 1;
            }
            Err(_) => {
                let reasons = ["unreachable", "nonce", "status", "circuit_open"];
                ensure!(reasons.contains(&&*seen.caller), "{seen:?}");
                drill.failed(&seen, &seen.caller)?;
            }
        }
    }
    println!("redis: two answers to each call: {own} of 200 requests got their own, none another's");
    ensure!(own > 0, "nobody got an answer");
    server.only_once();
    let seen = drill.heals(&["unreachable", "nonce", "status", "circuit_open"]).await?;
    ensure!(counted(&seen)? == 1, "{seen:?}");
    drill.end().await
}
