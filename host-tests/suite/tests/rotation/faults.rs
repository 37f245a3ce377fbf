//! Redis and the gateway to it hang and die. Everything heals by itself; neither Envoy nor the filter is started anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use backends::{Data, Options, Ready};
use filter_core::keys::Claim;
use suite::clients::Answer;

use crate::load::Probe;
use crate::revocation::{Mode, World};
use crate::{alone, since};

/// For so long it must be as it has become.
const SURE: Duration = Duration::from_secs(1);

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

    /// What good tokens and the revoked one are answered: from the first to the second. When it was last the first.
    async fn turns(&self, good: (u16, u16), revoked: (u16, u16)) -> Result<Option<Instant>> {
        let (good, revoked) = tokio::try_join!(
            Box::pin(self.good.becomes(good.0, good.1, SURE)),
            Box::pin(self.revoked.becomes(revoked.0, revoked.1, SURE)),
        )
        .context(self.mode.name)?;
        Ok(good.max(revoked))
    }

    /// Of an answer while nothing can be learnt.
    fn failed(&self) -> u16 {
        if self.mode.allows() { 200 } else { 503 }
    }

    /// Good tokens pass, and the revoked one does not. When it was last otherwise.
    async fn healthy(&self) -> Result<Option<Instant>> {
        self.turns((self.failed(), 200), (self.failed(), 401)).await
    }

    /// Nothing can be learnt: what is configured happens. When it last did not, since an answer or the list served.
    async fn fails(&self, world: &World) -> Result<Option<Instant>> {
        let before = skipped(world).await?;
        let last = self.turns((200, self.failed()), (401, self.failed())).await?;
        if self.mode.allows() {
            ensure!(skipped(world).await? > before, "{}: nobody counts what passes", self.mode.name);
        } else {
            let later = |answer: &Answer| answer.status == 503 && answer.header("retry-after") == "1";
            ensure!(self.good.ask().await?.iter().all(later), "{}: no Retry-After", self.mode.name);
        }
        Ok(last)
    }
}

/// How many tokens passed although nothing could be learnt of them.
async fn skipped(world: &World) -> Result<u64> {
    let stats = world.gateway.envoy.stats("revocation_skipped").await?;
    Ok(stats.iter().map(|(_, count)| count).sum())
}

/// The last of these, as a time since then.
fn last<const N: usize>(times: [Option<Instant>; N], begin: Instant) -> Duration {
    since(begin, times.into_iter().max().flatten())
}

/// Clients of each provider.
struct All([Clients; 4]);

impl All {
    async fn start(world: &World) -> Result<Self> {
        let [a, b, c, d] = Mode::ALL.map(|mode| Box::pin(Clients::start(world, mode)));
        Ok(Self([a.await?, b.await?, c.await?, d.await?]))
    }

    async fn healthy(&self, begin: Instant) -> Result<Duration> {
        let [a, b, c, d] = &self.0;
        let times = tokio::try_join!(a.healthy(), b.healthy(), c.healthy(), d.healthy())?;
        Ok(last(times.into(), begin))
    }

    async fn fail(&self, world: &World, begin: Instant) -> Result<Duration> {
        let [a, b, c, d] = &self.0;
        let times = tokio::try_join!(a.fails(world), b.fails(world), c.fails(world), d.fails(world))?;
        Ok(last(times.into(), begin))
    }
}

#[tokio::test]
async fn every_fault_of_redis_is_answered_as_configured_and_heals() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    let all = All::start(&world).await?;
    all.healthy(Instant::now()).await?;
    for fault in Fault::ALL {
        fault.begin(&mut world).await?;
        let begin = Instant::now();
        let known = all.fail(&world, begin).await.with_context(|| format!("{fault:?}"))?;
        fault.end(&mut world).await?;
        let healed = all.healthy(Instant::now()).await.with_context(|| format!("after {fault:?}"))?;
        println!(
            "{fault:?}: the last answer from what was known {known:.2?} after its beginning; all healed {healed:.2?} after \
             its end"
        );
    }
    println!("{} tokens passed of which nothing could be learnt", skipped(&world).await?);
    world.gateway.end().await
}
