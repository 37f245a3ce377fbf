//! Real parts: Redis and Webdis that are killed, stopped, full, overtaxed and started again. Everything heals by itself;
//! neither Envoy nor the filter is started anew.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::{Data, Options, Ready, Redis, User, Webdis};
use tokio::time::sleep;

use crate::drill::{AT_ONCE, Drill, OnFailure, Seen, alone, counted};
use crate::rounds::{ANSWERS, Due, in_time};

const TIMEOUT: Duration = Duration::from_millis(100);
/// More than a Webdis of ours has connections to Redis: 2 threads with 5 each.
const BEYOND_POOL: usize = 32;
/// While something comes back, a request is told that nobody was asked, that nobody is there, that the answer is another
/// call's (what Webdis does with late ones), or nothing in time.
const RETURNING: [&str; 4] = ["circuit_open", "unreachable", "nonce", "timeout"];

/// Redis, its Webdis, and two gateways in front.
struct World {
    redis: Redis,
    webdis: Webdis,
    drills: Vec<Drill>,
}

impl World {
    async fn start() -> Result<Self> {
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
        Self::before(redis, webdis).await
    }

    async fn before(redis: Redis, webdis: Webdis) -> Result<Self> {
        let mut drills = Vec::new();
        for on_failure in OnFailure::BOTH {
            drills.push(Drill::start("redis", TIMEOUT, on_failure, webdis.addr()).await?);
        }
        Ok(Self { redis, webdis, drills })
    }

    /// Webdis has found Redis again with every connection, of which each call takes another; no gateway is asked.
    async fn webdis_is_back(&self) -> Result<()> {
        let mut in_a_row = 0;
        while in_a_row < 4 * BEYOND_POOL {
            let answer = self.webdis.call(&["EVAL", "return 1", "0"]).await?;
            in_a_row = if answer.status == 200 { in_a_row + 1 } else { 0 };
            if answer.status != 200 {
                sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    /// Each gateway has its requests answered.
    async fn healthy(&self) -> Result<()> {
        for drill in &self.drills {
            for seen in drill.ask_many(AT_ONCE, AT_ONCE).await? {
                counted(&seen)?;
            }
        }
        Ok(())
    }

    /// Each gateway is told `reason`, as often as its circuit lets it ask, and in time.
    async fn fails(&self, what: &str, reason: &str) -> Result<()> {
        for drill in &self.drills {
            let due = Due { timeout: TIMEOUT, silent: false };
            in_time(what, due, async || {
                let seen = drill.ask_many(ANSWERS, AT_ONCE).await?;
                for seen in &seen {
                    let open = seen.caller == "circuit_open";
                    drill.failed(seen, if open { "circuit_open" } else { reason })?;
                }
                let told = seen.iter().filter(|seen| seen.caller == reason).count();
                println!("{what}: {told} of {} were told {reason}, the others circuit_open", seen.len());
                ensure!(told > 0, "{what}: nobody was told {reason}");
                Ok(seen)
            })
            .await?;
            drill.nothing_pending().await?;
        }
        Ok(())
    }

    async fn heals(&self) -> Result<()> {
        for drill in &self.drills {
            drill.heals(&RETURNING).await?;
        }
        // What was late has come by now, or comes to one of these.
        for drill in &self.drills {
            drill.nothing_pending().await?;
        }
        self.healthy().await
    }

    async fn end(self) -> Result<()> {
        for drill in self.drills {
            drill.end().await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn without_redis_webdis_says_so_and_a_restarted_one_is_found_again() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    for data in [Data::Kept, Data::Lost] {
        world.healthy().await?;
        world.redis.kill().await?;
        world.fails(&format!("Redis killed ({data:?} afterwards)"), "unreachable").await?;
        world.redis.restart(data, &Options::default()).await?;
        world.heals().await?;
    }
    world.redis.stop().await?;
    world.fails("Redis stopped (SIGTERM)", "unreachable").await?;
    world.redis.restart(Data::Kept, &Options::default()).await?;
    world.heals().await?;
    world.end().await
}

/// Of a Redis that comes back while nobody asks, nobody notices that it has forgotten the script.
#[tokio::test]
async fn a_script_that_redis_lost_is_sent_again_without_an_error() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    world.healthy().await?;
    world.redis.restart(Data::Lost, &Options::default()).await?;
    world.webdis_is_back().await?;
    let drill = world.drills.first().context("a gateway")?;
    let before = drill.calls().await?;
    let seen = drill.ask().await?;
    ensure!(counted(&seen)? == 1, "the first after everything was lost: {seen:?}");
    ensure!(drill.calls().await? - before == 2, "EVALSHA, then EVAL");
    let seen = drill.ask().await?;
    ensure!(counted(&seen)? == 2 && drill.calls().await? - before == 3, "{seen:?}");
    world.healthy().await?;
    world.end().await
}

/// Who is stopped in a wave of requests.
#[derive(Debug, Clone, Copy)]
enum Stopped {
    Redis,
    Webdis,
}

/// Waves of requests while somebody is stopped (SIGSTOP), each small enough that all are sent before the circuit opens, and
/// each followed by SIGCONT and recovery, until there are enough answers for a round.
async fn waves(stopped: Stopped, at_once: usize) -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    let drills = std::mem::take(&mut world.drills);
    for drill in &drills {
        let due = Due { timeout: TIMEOUT, silent: true };
        in_time(&format!("{stopped:?} stopped, {at_once} at once"), due, async || {
            let mut all_seen: Vec<Seen> = Vec::new();
            while all_seen.len() < ANSWERS {
                drill.heals(&RETURNING).await?;
                match stopped {
                    Stopped::Redis => world.redis.pause().await?,
                    Stopped::Webdis => world.webdis.pause().await?,
                }
                // All of them are sent before the first is told.
                let seen = drill.ask_apart(at_once, at_once, due.apart(at_once) / 2).await?;
                seen.iter().try_for_each(|seen| drill.failed(seen, "timeout"))?;
                drill.failed(&drill.ask().await?, "circuit_open")?;
                drill.nothing_pending().await?;
                match stopped {
                    Stopped::Redis => world.redis.resume()?,
                    Stopped::Webdis => world.webdis.resume()?,
                }
                all_seen.extend(seen);
            }
            Ok(all_seen)
        })
        .await?;
    }
    world.drills = drills;
    world.heals().await?;
    world.end().await
}

#[tokio::test]
async fn a_stopped_redis_is_waited_for_until_the_timeout() -> Result<()> {
    waves(Stopped::Redis, AT_ONCE).await
}

#[tokio::test]
async fn a_stopped_webdis_is_waited_for_until_the_timeout() -> Result<()> {
    waves(Stopped::Webdis, AT_ONCE).await
}

#[tokio::test]
async fn more_calls_than_webdis_has_connections_are_answered_at_the_timeout() -> Result<()> {
    waves(Stopped::Redis, BEYOND_POOL).await
}

#[tokio::test]
async fn a_killed_webdis_is_found_again() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    world.healthy().await?;
    world.webdis.kill().await?;
    world.fails("Webdis killed", "unreachable").await?;
    world.webdis.restart(Ready::Serves).await?;
    world.heals().await?;
    world.end().await
}

#[tokio::test]
async fn a_redis_that_takes_no_more_clients_is_told_as_unreachable() -> Result<()> {
    let _alone = alone().await;
    const CLIENTS: usize = 12;
    let redis = Redis::start(&Options::arguments(&["--maxclients", &CLIENTS.to_string()])).await?;
    let mut held = Vec::new();
    for _ in 0..CLIENTS {
        held.push(redis.connect(User::OperatorRead).await?);
    }
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default().listens()).await?;
    let world = World::before(redis, webdis).await?;
    world.fails("maxclients reached", "unreachable").await?;
    drop(held);
    // The login of a connection that Redis refused is gone: such a connection is closed, not kept.
    world.heals().await?;
    world.end().await
}

#[tokio::test]
async fn a_redis_without_memory_is_told_and_heals() -> Result<()> {
    let _alone = alone().await;
    let mut world = World::start().await?;
    world.healthy().await?;
    let full = Options::arguments(&["--maxmemory", "1kb", "--maxmemory-clients", "0"]);
    world.redis.restart(Data::Kept, &full).await?;
    world.webdis_is_back().await?;
    world.fails("out of memory", "out_of_memory").await?;
    world.redis.restart(Data::Kept, &Options::default()).await?;
    world.heals().await?;
    world.end().await
}
