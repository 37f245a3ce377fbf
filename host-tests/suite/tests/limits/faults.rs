//! Redis and Webdis that fail under a limit: what the configuration says happens, and nobody waits for ever.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use suite::clients::Answer;

use crate::alone;
use crate::crowd::{Crowd, count};
use crate::world::{World, limit};

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

impl Fault {
    const ALL: [Self; 3] = [Self::WebdisGone, Self::RedisGone, Self::RedisStalled];

    async fn happens(self, world: &mut World) -> Result<()> {
        match self {
            Self::WebdisGone => world.webdis.kill().await,
            Self::RedisGone => world.redis.kill().await,
            Self::RedisStalled => world.redis.pause().await,
        }
    }
}

const MODES: [&str; 2] = ["exact", "lease"];
const ON_ERROR: [&str; 3] = ["local", "allow", "deny"];
/// Requests after the fault.
const REQUESTS: usize = 120;

fn limits(mode: &str, on_error: &str) -> Vec<Value> {
    vec![limit("shared", "60r/h", 19, &json!({ "mode": mode, "on_error": on_error }))]
}

fn reasons(answers: &[Answer]) -> String {
    format!(
        "{} passed, {} got 429, {} got 503",
        count(answers, 200),
        count(answers, 429),
        count(answers, 503)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_answered_as_configured() -> Result<()> {
    let _alone = alone().await;
    for fault in Fault::ALL {
        for mode in MODES {
            for on_error in ON_ERROR {
                let mut world = World::start(2, &limits(mode, on_error)).await?;
                let crowd = Crowd::of(&world.gateways).await?;
                fault.happens(&mut world).await?;
                let answers = crowd.burst("fault", REQUESTS).await?;
                let what = format!("{fault:?}, {mode}, on_error {on_error}");
                println!("{what}: {}", reasons(&answers));
                let (passed, refused, unavailable) =
                    (count(&answers, 200), count(&answers, 429), count(&answers, 503));
                let expected = match on_error {
                    // Half of twenty for each of two gateways.
                    "local" => passed == 20 && refused == REQUESTS - 20,
                    "allow" => passed == REQUESTS,
                    _ => unavailable == REQUESTS,
                };
                ensure!(expected, "{what}: {}", reasons(&answers));
                world.end().await?;
            }
        }
    }
    Ok(())
}
