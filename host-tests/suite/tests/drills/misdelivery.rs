//! Webdis hands answers to the wrong connection after a time-out. Redis stalls under load: wrong answers are delivered, and none
//! of them is believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use backends::{Options, Redis, User, Webdis};
use serde_json::json;
use suite::gateway::{Called, Gateway};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clients::{Answer, Clients};
use crate::figures::{outcomes, spread};
use crate::{DEADLINE, alone};

/// Client connections, each with one request at a time.
const CONNECTIONS: usize = 32;
/// Calls to be made at least.
const CALLS: u64 = 10_000;
/// For how long Redis runs and stands still, in turns. Twice the caller's timeout: all that is under way is given up, and
/// answered all the same when Redis goes on.
const RUNS: Duration = Duration::from_millis(20);
const STALLS: Duration = Duration::from_millis(200);

/// What came of the calls of one connection: every answer, and whether it was believed and is another call's.
type Calls = Vec<(Answer, bool)>;

/// What all connections know.
#[derive(Default)]
struct Common {
    over: AtomicBool,
    /// Replies to another call: refused for their nonce, or believed.
    delivered: AtomicUsize,
}

/// Calls until it is over, each with a name of its own.
async fn calls(clients: Arc<Clients>, connection: usize, common: Arc<Common>) -> Result<Calls> {
    let (key, mut calls) = (format!("c{connection}"), Calls::new());
    while !common.over.load(Ordering::SeqCst) {
        let id = format!("{key}-{}", calls.len());
        let answer = clients.ask(connection, &[("x-key", &key), ("x-id", &id)]).await?;
        let wrong = answer.status == 200 && answer.said().split_once('/').is_none_or(|(_, said)| said != id);
        if wrong || answer.said() == "nonce" {
            common.delivered.fetch_add(1, Ordering::SeqCst);
        }
        calls.push((answer, wrong));
    }
    Ok(calls)
}

#[tokio::test]
async fn no_answer_to_another_call_is_believed() -> Result<()> {
    let _alone = alone().await;
    let mut redis = Redis::start(&Options::default()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let cluster = Called { name: "redis".to_owned(), addr: webdis.addr(), most: 20_000 };
    let redis_of_caller = json!({ "cluster": "redis", "timeout": "100ms" });
    let caller = json!({ "version": 1, "redis": redis_of_caller, "breaker": false });
    let gateway = Gateway::start(&caller, &[cluster], 1).await?;
    let clients = Arc::new(Clients::connect(gateway.addr, CONNECTIONS).await?);
    let (begin, common) = (Instant::now(), Arc::<Common>::default());
    let mut running = JoinSet::new();
    for connection in 0..CONNECTIONS {
        running.spawn(calls(Arc::clone(&clients), connection, Arc::clone(&common)));
    }
    let sent = || gateway.stat("cluster.redis.upstream_rq_total");
    let delivered = || common.delivered.load(Ordering::SeqCst);
    while (sent().await? < CALLS || delivered() == 0) && begin.elapsed() < DEADLINE {
        // These times are the fault.
        sleep(RUNS).await;
        redis.pause().await?;
        sleep(STALLS).await;
        redis.resume()?;
    }
    common.over.store(true, Ordering::SeqCst);
    let mut all = Calls::new();
    while let Some(calls) = running.join_next().await {
        all.extend(calls??);
    }
    let (count, took) = (sent().await?, begin.elapsed());
    let accepted = all.iter().filter(|(_, wrong)| *wrong).count();
    let all: Vec<Answer> = all.into_iter().map(|(answer, _)| answer).collect();
    let outcomes = outcomes(&all);
    let delivered = delivered();
    println!(
        "{count} calls in {took:.0?} over {CONNECTIONS} connections: {delivered} wrong replies delivered, {accepted} \
         accepted; {outcomes:?}; {}",
        spread(all.iter().map(|answer| answer.took)),
    );
    ensure!(count >= CALLS, "the machine is too slow: {count} calls");
    ensure!(accepted == 0, "{accepted} answers to another call were believed");
    ensure!(delivered > 0, "the drill shows nothing: Webdis mixed up no replies");
    ensure!(outcomes.contains_key("200 count/id"), "no call was served");
    gateway.end().await
}
