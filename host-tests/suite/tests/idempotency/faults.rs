//! Redis and Webdis that fail: what the configuration says happens.

use anyhow::{Result, ensure};

use crate::alone;
use crate::api::Does;
use crate::client::{answers, count};
use crate::world::World;

/// What fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Nobody listens where Webdis was.
    WebdisGone,
    /// Webdis finds no Redis.
    RedisGone,
    /// Redis does not answer.
    RedisStalled,
}

const REQUESTS: usize = 40;

async fn failed(bootstrap: &str, fault: Fault, status: u16, code: &str, seen: usize) -> Result<()> {
    let mut world = World::start(bootstrap).await?;
    world.api.does(Does::Answers(200));
    let mut asking = world.crowd.posts(1, "before", "amount=1")?;
    let before = answers(&mut asking, 1).await?;
    ensure!(count(&before, 200, "") == 1, "{before:?}");
    match fault {
        Fault::WebdisGone => world.webdis.kill().await?,
        Fault::RedisGone => world.redis.kill().await?,
        Fault::RedisStalled => world.redis.pause().await?,
    }
    let mut asking = world.crowd.posts(REQUESTS, "after", "amount=1")?;
    let after = answers(&mut asking, REQUESTS).await?;
    println!(
        "{bootstrap}, {fault:?}: {} × {status} {code}, upstream {}",
        count(&after, status, code),
        world.api.all()
    );
    ensure!(count(&after, status, code) == REQUESTS, "{fault:?}: {after:?}");
    ensure!(world.api.seen("after") == seen, "{fault:?}: the upstream has seen {}", world.api.seen("after"));
    world.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_answered_as_configured() -> Result<()> {
    let _alone = alone().await;
    for fault in [Fault::WebdisGone, Fault::RedisGone, Fault::RedisStalled] {
        let deny = "host-tests/suite/envoy/idempotency/deny.yaml";
        failed(deny, fault, 503, "idempotency.unavailable", 0).await?;
        let allow = "host-tests/suite/envoy/idempotency/allow.yaml";
        failed(allow, fault, 200, "", REQUESTS).await?;
    }
    Ok(())
}
