//! Redis and the gateway to it hang and die. Everything heals by itself; neither Envoy nor the filter is started anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use backends::{Data, Options, Ready};
use filter_core::keys::Claim;
use suite::clients::Answer;

use crate::alone;
use crate::load::Probe;
use crate::revocation::{INTERVAL, Mode, TTL, World};

/// For so long it must be as it has become.
const SURE: Duration = Duration::from_millis(1500);

/// What happens.
#[derive(Debug, Clone, Copy)]
enum Fault {
    RedisStopped,
    RedisKilled,
    WebdisStopped,
    WebdisKilled,
}

impl Fault {
    const ALL: [Self; 4] = [Self::RedisStopped, Self::RedisKilled, Self::WebdisStopped, Self::WebdisKilled];

    async fn begin(self, world: &mut World) -> Result<()> {
        match self {
            Self::RedisStopped => world.redis.pause().await,
            Self::RedisKilled => world.redis.kill().await,
            Self::WebdisStopped => world.webdis.pause().await,
            Self::WebdisKilled => world.webdis.kill().await,
        }
    }

    async fn end(self, world: &mut World) -> Result<()> {
        match self {
            Self::RedisStopped => world.redis.resume(),
            Self::RedisKilled => world.redis.restart(Data::Kept, &Options::default()).await,
            Self::WebdisStopped => world.webdis.resume(),
            Self::WebdisKilled => world.webdis.restart(Ready::Serves).await,
        }
    }
}

/// Those who ask of a provider.
struct Clients {
    mode: Mode,
    good: Probe,
    revoked: Probe,
}

impl Clients {
    async fn start(world: &World, mode: Mode) -> Result<Self> {
        let clients = Self {
            mode,
            good: mode.client(&world.gateway, 1).await?,
            revoked: mode.client(&world.gateway, 2).await?,
        };
        world.revoke(mode, Claim::Jti, 2).await?;
        Ok(clients)
    }

    /// Good tokens pass, and the revoked one does not.
    async fn healthy(&self) -> Result<()> {
        let failed = if self.mode.allows() { 200 } else { 503 };
        self.good.becomes(failed, 200, SURE).await.context("good tokens")?;
        self.revoked.becomes(failed, 401, SURE).await.context("the revoked token")?;
        Ok(())
    }

    /// Nothing can be learnt: what is configured happens. Of the revoked token it may still be known that it is.
    async fn fails(&self, skipped: &Skipped<'_>) -> Result<()> {
        if self.mode.allows() {
            let before = skipped.count().await?;
            self.revoked.becomes(401, 200, SURE).await.context("the revoked token")?;
            self.good.becomes(200, 200, SURE).await.context("good tokens")?;
            ensure!(skipped.count().await? > before, "nobody counts what passes");
            return Ok(());
        }
        self.good.becomes(200, 503, SURE).await.context("good tokens")?;
        self.revoked.becomes(401, 503, SURE).await.context("the revoked token")?;
        let unavailable = |answer: &Answer| answer.status == 503 && !answer.header("retry-after").is_empty();
        let answers = self.good.ask().await?;
        ensure!(answers.iter().all(unavailable), "{answers:?}");
        Ok(())
    }
}

/// The counter of tokens of which nothing could be learnt.
struct Skipped<'w>(&'w World);

impl Skipped<'_> {
    async fn count(&self) -> Result<u64> {
        let stats = self.0.gateway.envoy.stats("revocation_skipped").await?;
        Ok(stats.iter().map(|(_, count)| count).sum())
    }
}

#[tokio::test]
async fn every_fault_of_redis_is_answered_as_configured_and_heals() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    let mut all = Vec::new();
    for mode in Mode::ALL {
        all.push(Clients::start(&world, mode).await?);
    }
    // The lists know of it.
    tokio::time::sleep(2 * INTERVAL.max(TTL)).await;
    for fault in Fault::ALL {
        for clients in &all {
            clients.healthy().await.with_context(|| format!("before {fault:?}, {}", clients.mode.name))?;
        }
        fault.begin(&mut world).await?;
        let begin = Instant::now();
        for clients in &all {
            let what = || format!("{fault:?}, {}", clients.mode.name);
            clients.fails(&Skipped(&world)).await.with_context(what)?;
        }
        let failed = begin.elapsed();
        fault.end(&mut world).await?;
        let end = Instant::now();
        for clients in &all {
            clients.healthy().await.with_context(|| format!("after {fault:?}, {}", clients.mode.name))?;
        }
        println!("{fault:?}: as configured for {failed:.1?}; all healed {:.1?} after its end", end.elapsed());
    }
    world.gateway.end().await
}
