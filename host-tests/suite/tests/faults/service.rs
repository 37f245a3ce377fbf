//! The faults of an HTTP service, in a real Envoy.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use recorder::CallOuts;
use replay::step::scripted;
use serde_json::{Value, json};

use crate::drill::{AT_ONCE, Drill, OnFailure, alone};
use crate::rounds::{ANSWERS, Due, in_time};
use crate::table::{answer, of_a_service};

const TIMEOUT: Duration = Duration::from_millis(50);

/// The servers of one cluster.
pub struct Cluster {
    name: &'static str,
    servers: CallOuts,
}

impl Cluster {
    /// # Errors
    /// There is no port.
    pub async fn start(name: &'static str) -> Result<Self> {
        Ok(Self { name, servers: CallOuts::start([name.to_owned()], Vec::new()).await? })
    }

    /// Where it is.
    ///
    /// # Errors
    /// It is nowhere.
    pub fn addr(&self) -> Result<std::net::SocketAddr> {
        self.servers.addrs().get(self.name).copied().context("the cluster has an address")
    }

    /// From now on calls are answered so, the last answer for ever.
    ///
    /// # Errors
    /// No server can.
    pub async fn answers(&self, answers: &[&Value]) -> Result<()> {
        let answers = answers.iter().map(|members| answer(self.name, members)).collect::<Result<Vec<_>>>()?;
        self.servers.begin(scripted(&answers)?).await
    }

    /// # Errors
    /// Something arrived that was no call.
    pub fn end(self) -> Result<()> {
        let problems = self.servers.take_problems();
        ensure!(problems.is_empty(), "{problems:?}");
        Ok(())
    }
}

#[tokio::test]
async fn every_fault_of_a_service_is_answered_as_configured_in_time() -> Result<()> {
    let _alone = alone().await;
    let cluster = Cluster::start("http").await?;
    for on_failure in OnFailure::BOTH {
        let drill = Drill::start("http", TIMEOUT, on_failure, cluster.addr()?).await?;
        for fault in of_a_service() {
            let what = format!("service, {on_failure:?}: {}", fault.name);
            cluster.answers(&[&fault.answer]).await?;
            let due = Due { timeout: TIMEOUT, silent: fault.silent };
            in_time(&what, due, async || {
                let seen = drill.ask_apart(ANSWERS, AT_ONCE, due.apart(AT_ONCE)).await?;
                seen.iter().try_for_each(|seen| drill.failed(seen, fault.reason))?;
                Ok(seen)
            })
            .await
            .with_context(|| what.clone())?;
            drill.nothing_pending().await.with_context(|| what.clone())?;
            cluster.answers(&[&json!({ "body": "well" })]).await?;
            let after = drill.ask().await?;
            ensure!((after.status, &*after.caller) == (200, "well"), "after {what}: {after:?}");
        }
        drill.end().await?;
    }
    cluster.end()
}

/// Of the cluster that is small.
const MOST: usize = 2;

/// How a full cluster shows.
#[derive(Clone, Copy)]
struct Full {
    /// What is called.
    calls: &'static str,
    /// What those beyond the limit are told, and those who wait in vain.
    beyond: &'static str,
    silent: &'static str,
    /// What is answered afterwards, and what is learnt of it.
    well: (&'static str, &'static str),
}

/// Envoy's own circuit breaker: what is beyond it is answered while the others still wait, and nothing of it is sent.
#[tokio::test]
async fn a_full_circuit_breaker_of_the_cluster_is_answered_at_once() -> Result<()> {
    let _alone = alone().await;
    let http =
        Full { calls: "http", beyond: "NotSent", silent: "status 504", well: (r#"{"body":"well"}"#, "well") };
    let redis = Full {
        calls: "redis",
        beyond: "not_sent",
        silent: "timeout",
        well: (r#"{"redis":{"values":[7,"well"]}}"#, "7/well"),
    };
    for full in [http, redis] {
        for on_failure in OnFailure::BOTH {
            filled(full, on_failure).await.with_context(|| format!("{}, {on_failure:?}", full.calls))?;
        }
    }
    Ok(())
}

async fn filled(full: Full, on_failure: OnFailure) -> Result<()> {
    // Those beyond are to be answered meanwhile, on whatever machine.
    const LONG: Duration = Duration::from_secs(5);
    let cluster = Cluster::start(full.calls).await?;
    cluster.answers(&[&json!({ "fault": "timeout" })]).await?;
    let most = u32::try_from(MOST)?;
    let drill = Drill::start_with_most(full.calls, LONG, on_failure, cluster.addr()?, most).await?;
    let some = || drill.ask_many(MOST, MOST);
    // HTTP/1.1: as many as there may be connections are sent, and as many more wait for a connection.
    let then = async || {
        drill.under_way(MOST, 0).await?;
        let (waiting, beyond) = tokio::join!(some(), beyond(&drill, full, on_failure));
        beyond.and(waiting)
    };
    let (sent, waiting) = tokio::join!(some(), then());
    for seen in waiting?.into_iter().chain(sent?) {
        drill.failed(&seen, full.silent)?;
    }
    drill.nothing_pending().await?;
    let (answer, learnt) = full.well;
    cluster.answers(&[&serde_json::from_str(answer)?]).await?;
    drill.heals_to(&["circuit_open"], |seen| (seen.status, &*seen.caller) == (200, learnt)).await?;
    drill.end().await?;
    cluster.end()
}

/// Asks while the cluster is full: everybody is told at once, and nothing is sent.
async fn beyond(drill: &Drill, full: Full, on_failure: OnFailure) -> Result<()> {
    drill.under_way(MOST, MOST).await?;
    let due = Due { timeout: Duration::ZERO, silent: false };
    let round = async |count: usize| {
        let seen = drill.ask_many(count, AT_ONCE).await?;
        seen.iter().try_for_each(|seen| drill.failed(seen, full.beyond))?;
        Ok(seen)
    };
    if full.calls == "http" {
        in_time(&format!("full cluster, {on_failure:?}"), due, async || round(ANSWERS).await).await?;
    } else {
        // One more, and the caller's own circuit breaker would have its say.
        round(4).await?;
    }
    drill.under_way(MOST, MOST).await?;
    let calls = drill.calls().await?;
    ensure!(calls == u64::try_from(MOST)?, "{calls} calls were made, {MOST} can be");
    Ok(())
}
