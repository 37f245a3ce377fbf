//! Two thousand requests wait for one call-out, in Envoy.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::StatusCode;
use serde_json::{Value, json};
use suite::gateway::{Called, Gateway};

use crate::clients::{Answer, Clients, Sent, answers};
use crate::figures::spread;
use crate::gated::Gated;
use crate::{alone, until};

/// Requests that wait.
pub const MANY: usize = 2000;
/// With [`MANY`] requests: 50 each. Enough that every worker has some.
const CONNECTIONS: usize = 40;
/// How long the call-out may take.
const TIMEOUT: Duration = Duration::from_secs(9);
/// Until then a worker that is not woken waits (the lease of the worker that asks, `filter_core::filter`): what comes before
/// comes from the queue.
const POLLED: Duration = Duration::from_millis(9500);

/// The caller's configuration: a call-out that is shared, and whose outcome is kept for longer than any drill takes.
pub fn configuration(share: &str) -> Value {
    let http = json!({ "cluster": "called", "timeout": format!("{}s", TIMEOUT.as_secs()) });
    json!({ "version": 1, "http": http, "share": share, "keep": "10m" })
}

/// A gateway whose call-outs are held back, and its clients.
struct Drill {
    gateway: Gateway,
    called: Gated,
    clients: Clients,
    begin: Instant,
}

impl Drill {
    /// All requests are sent, and wait.
    async fn start(share: &str, workers: u32) -> Result<(Self, Vec<Sent>)> {
        Self::start_with(StatusCode::OK, share, workers).await
    }

    /// The same with this status of what is called.
    async fn start_with(status: StatusCode, share: &str, workers: u32) -> Result<(Self, Vec<Sent>)> {
        let called = Gated::start(status)?;
        let cluster = Called { name: "called".to_owned(), addr: called.addr, most: 20_000 };
        let gateway = Gateway::start(&configuration(share), &[cluster], workers).await?;
        let clients = Clients::connect(gateway.addr, CONNECTIONS).await?;
        let begin = Instant::now();
        let sent = clients.send_each(MANY / CONNECTIONS).await?;
        let drill = Self { gateway, called, clients, begin };
        drill.waiting(MANY).await?;
        // Every worker serves some of them.
        let serving = drill.gateway.serving().await?;
        ensure!(serving == usize::try_from(workers)?, "connections of {serving} workers");
        Ok((drill, sent))
    }

    /// Waits until so many requests are under way.
    async fn waiting(&self, count: usize) -> Result<()> {
        until("requests that wait", || async {
            Ok(self.gateway.stat("http.ingress.downstream_rq_active").await? == u64::try_from(count)?)
        })
        .await
    }

    /// Opens the gate: all are answered, and not by a worker that looked after a while. Ends everything.
    async fn finish(self, sent: Vec<Sent>) -> Result<(usize, BTreeMap<String, usize>)> {
        let (count, call_outs, opened) = (sent.len(), self.called.requests(), Instant::now());
        self.called.open();
        let all = answers(sent).await?;
        let (took, total) = (opened.elapsed(), self.begin.elapsed());
        ensure!(total < POLLED, "the machine is too slow to tell: {total:?}");
        let counts = said(&all)?;
        // What was learnt serves later requests, on every connection.
        let later = answers(self.clients.send_each(5).await?).await?;
        ensure!(said(&later)?.keys().all(|answer| counts.contains_key(answer)), "{later:?}");
        ensure!(self.called.requests() == call_outs, "a later call-out");
        ensure!(self.gateway.stat("cluster.called.upstream_rq_total").await? == u64::try_from(call_outs)?);
        self.waiting(0).await?;
        ensure!(self.gateway.stat("cluster.called.upstream_rq_active").await? == 0, "a call-out is left");
        let heard = self.gateway.envoy.stats("portcullis_caller_heard").await?;
        println!(
            "{count} requests, {call_outs} call-out(s): all answered {took:.1?} after the answer; waited {}; workers that \
             heard of it: {}",
            spread(all.iter().map(|answer| answer.took)),
            heard.iter().map(|(_, count)| count).sum::<u64>(),
        );
        self.gateway.end().await?;
        Ok((call_outs, counts))
    }
}

/// Every one got 200; how often each answer came.
fn said(answers: &[Answer]) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        ensure!(answer.status == 200 && answer.said().starts_with("answer "), "{answer:?}");
        *counts.entry(answer.said().into_owned()).or_default() += 1;
    }
    Ok(counts)
}

#[tokio::test]
async fn many_requests_of_a_worker_share_one_call_out() -> Result<()> {
    let _alone = alone().await;
    let (drill, sent) = Drill::start("worker", 1).await?;
    let (call_outs, counts) = drill.finish(sent).await?;
    ensure!(call_outs == 1 && counts == BTreeMap::from([("answer 1".to_owned(), MANY)]), "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn every_worker_makes_its_own_call_out() -> Result<()> {
    let _alone = alone().await;
    let (drill, sent) = Drill::start("worker", 2).await?;
    let (call_outs, counts) = drill.finish(sent).await?;
    ensure!(call_outs == 2 && counts.len() == 2, "{counts:?}");
    Ok(())
}

/// One fetch for both; the second is woken: it would look by itself only when the lease of the first ends.
#[tokio::test]
async fn the_requests_of_two_workers_share_one_call_out() -> Result<()> {
    let _alone = alone().await;
    let (drill, sent) = Drill::start("gateway", 2).await?;
    let (call_outs, counts) = drill.finish(sent).await?;
    ensure!(call_outs == 1 && counts == BTreeMap::from([("answer 1".to_owned(), MANY)]), "{counts:?}");
    Ok(())
}

/// Every other client leaves while it waits, the one for which the call-out was made among them.
#[tokio::test]
async fn those_who_leave_meanwhile_keep_nobody_waiting() -> Result<()> {
    let _alone = alone().await;
    for (share, workers) in [("worker", 1), ("gateway", 2)] {
        let (drill, mut sent) = Drill::start(share, workers).await?;
        let mut number = 0;
        sent.retain(|one| {
            number += 1;
            if number % 2 == 1 {
                one.abort();
            }
            number % 2 == 0
        });
        drill.waiting(MANY / 2).await?;
        let (call_outs, counts) = drill.finish(sent).await?;
        ensure!(
            call_outs == 1 && counts == BTreeMap::from([("answer 1".to_owned(), MANY / 2)]),
            "{counts:?}"
        );
    }
    Ok(())
}

/// A refusal passes the filter again at once: were all told in one go, each would be a level of Envoy's stack.
#[tokio::test]
async fn those_who_wait_for_what_fails_are_all_refused() -> Result<()> {
    let _alone = alone().await;
    let (drill, sent) = Drill::start_with(StatusCode::INTERNAL_SERVER_ERROR, "worker", 1).await?;
    drill.called.open();
    let all = answers(sent).await?;
    ensure!(all.iter().all(|answer| answer.status == 503 && answer.said() == "status 500"), "{all:?}");
    ensure!(drill.called.requests() == 1, "{} call-outs", drill.called.requests());
    drill.waiting(0).await?;
    // Nothing is kept, so the next asks again.
    let later = drill.clients.ask(0, &[]).await?;
    ensure!(later.said() == "status 500" && drill.called.requests() == 2, "{later:?}");
    println!("{MANY} refused after {}", spread(all.iter().map(|answer| answer.took)));
    drill.gateway.end().await
}
