//! Ten thousand requests wait while Redis hangs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use backends::{Options, Redis, User, Webdis};
use serde_json::json;
use suite::gateway::{Called, Gateway, Memory};

use crate::clients::{Clients, STREAMS, Sent, answers};
use crate::figures::{outcomes, spread};
use crate::{alone, until};

/// Requests that wait.
const MANY: usize = 10_000;
/// As long as a policy may have a request wait for Redis at most.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Requests that are sent on each connection before the next look at how many wait.
const AT_ONCE: usize = 10;
/// How much earlier than [`TIMEOUT`] an answer may seem to come: Envoy counts from the beginning of the turn of its loop in
/// which it read the request.
const EARLY: Duration = Duration::from_millis(100);
/// How often Redis hangs.
const WAVES: usize = 3;
/// How often it is tried to have all wait at once.
const ATTEMPTS: usize = 8;
/// Requests to a circuit that is open.
const REFUSED: usize = 20;

struct Drill {
    redis: Redis,
    _webdis: Webdis,
    gateway: Gateway,
}

impl Drill {
    async fn start() -> Result<Self> {
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
        let gateway = gateway(webdis.addr()).await?;
        Ok(Self { redis, _webdis: webdis, gateway })
    }

    /// Sends all requests. `None`: on a machine that is busy not all waited at once; before the last one did the first was
    /// released, or a connection to Webdis took longer than Envoy waits for one.
    async fn hold(&self, clients: &Clients) -> Result<Option<Vec<Sent>>> {
        let failed = || self.gateway.stat("cluster.redis.upstream_cx_connect_fail");
        let (begin, before, mut sent) = (Instant::now(), failed().await?, Vec::with_capacity(MANY));
        while sent.len() < MANY {
            sent.extend(clients.send_each(AT_ONCE).await?);
            // Each is a connection to Webdis, and the kernel lets 4,096 wait for its `accept`: more at once time out.
            until("call-outs under way", || async {
                let calling = self.gateway.stat("cluster.redis.upstream_rq_active").await?;
                let over = begin.elapsed() >= TIMEOUT || failed().await? != before;
                Ok(calling == u64::try_from(sent.len())? || over)
            })
            .await?;
            if failed().await? != before {
                return Ok(None);
            }
        }
        Ok((begin.elapsed() < TIMEOUT).then_some(sent))
    }

    /// Redis hangs, and goes on after all that waited were answered. What Envoy used meanwhile; `None`: not all waited at once.
    async fn wave(&mut self) -> Result<Option<Memory>> {
        let clients = Clients::connect(self.gateway.addr, MANY / STREAMS).await?;
        self.redis.pause().await?;
        let begin = Instant::now();
        let Some(sent) = self.hold(&clients).await? else {
            self.redis.resume()?;
            self.recovers(&clients).await?;
            return Ok(None);
        };
        let (held, memory) = (begin.elapsed(), self.gateway.memory().await?);
        let all = answers(sent).await?;
        println!(
            "{MANY} requests held after {held:.2?} ({memory}), all answered after {:.2?}: {:?}; each waited {}",
            begin.elapsed(),
            outcomes(&all),
            spread(all.iter().map(|answer| answer.took)),
        );
        for answer in &all {
            ensure!(answer.status == 503 && answer.said() == "timeout", "{answer:?}");
            ensure!(answer.took + EARLY >= TIMEOUT, "before the deadline: {answer:?}");
        }
        self.circuit_open(&clients).await?;
        self.redis.resume()?;
        self.recovers(&clients).await?;
        Ok(Some(memory))
    }

    /// One request at most goes to see whether Redis is back; the others are refused at once.
    async fn circuit_open(&self, clients: &Clients) -> Result<()> {
        let sent = || self.gateway.stat("cluster.redis.upstream_rq_total");
        let (before, mut waiting) = (sent().await?, Vec::new());
        for _ in 0..REFUSED {
            waiting.push(clients.send(0, &[]).await?);
        }
        let all = answers(waiting).await?;
        let refused = all.iter().filter(|answer| answer.said() == "circuit_open").count();
        let probes = usize::try_from(sent().await? - before)?;
        println!(
            "circuit: {refused} of {REFUSED} refused at once, {probes} sent; {}",
            spread(all.iter().filter(|answer| answer.said() == "circuit_open").map(|answer| answer.took)),
        );
        ensure!(refused + probes == REFUSED && probes <= 1, "{all:?}");
        Ok(())
    }

    async fn recovers(&self, clients: &Clients) -> Result<()> {
        let begin = Instant::now();
        until("an answer of Redis", || async { Ok(clients.ask(0, &[]).await?.status == 200) }).await?;
        println!("served again {:.2?} after Redis went on", begin.elapsed());
        Ok(())
    }

    /// What Envoy uses once nobody is connected and nothing is under way.
    async fn at_rest(&self) -> Result<Memory> {
        until("rest", || async {
            let stats = self
                .gateway
                .envoy
                .stats(r"^(http.ingress.downstream_(cx|rq)_active|cluster.redis.upstream_rq_active)$");
            Ok(stats.await?.iter().all(|(_, value)| *value == 0))
        })
        .await?;
        self.gateway.memory().await
    }
}

async fn gateway(redis: SocketAddr) -> Result<Gateway> {
    let cluster = Called { name: "redis".to_owned(), addr: redis, most: 20_000 };
    let timeout = format!("{}s", TIMEOUT.as_secs());
    let caller = json!({ "version": 1, "redis": { "cluster": "redis", "timeout": timeout } });
    Gateway::start(&caller, &[cluster], 1).await
}

#[tokio::test]
async fn all_who_wait_for_a_redis_that_hangs_are_released_at_the_deadline() -> Result<()> {
    let _alone = alone().await;
    let mut drill = Drill::start().await?;
    drill.recovers(&Clients::connect(drill.gateway.addr, 1).await?).await?;
    let fresh = drill.at_rest().await?;
    println!("before: {fresh}");
    let mut rests = Vec::new();
    for _ in 0..ATTEMPTS {
        let wave = drill.wave().await?;
        let rest = drill.at_rest().await?;
        println!("at rest: {rest}");
        let Some(held) = wave else { continue };
        let (took, kept) =
            (held.allocated.saturating_sub(fresh.allocated), rest.allocated.saturating_sub(fresh.allocated));
        ensure!(kept <= took / 20, "of {took} bytes {kept} are not given back");
        rests.push(rest);
        if rests.len() == WAVES {
            break;
        }
    }
    // Pools and linear memory keep the size that the first needed; the others need no more.
    let [first, second, .., last] = rests.as_slice() else {
        anyhow::bail!("the machine is too slow: {rests:?}")
    };
    ensure!(last.allocated <= first.allocated + first.allocated / 20, "{first}, later {last}");
    ensure!(last.resident <= second.resident + second.resident / 20, "{second}, later {last}");
    drill.gateway.end().await
}
