//! The caller's own circuit breaker in a real Envoy: a gateway to Redis that fails is left alone, and found again.

use std::time::Duration;

use anyhow::{Result, ensure};
use backends::{Options, Ready, Redis, User, Webdis};

use crate::drill::{AT_ONCE, Drill, OnFailure, alone, counted};
use crate::rounds::{ANSWERS, Due, in_time};

const TIMEOUT: Duration = Duration::from_millis(50);
/// As many failures in a row open it.
const THRESHOLD: usize = 5;

/// What happens to Webdis, and what a call then comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Stopped,
    Killed,
}

impl Fault {
    fn reason(self) -> &'static str {
        match self {
            Self::Stopped => "timeout",
            Self::Killed => "unreachable",
        }
    }

    async fn begin(self, webdis: &mut Webdis) -> Result<()> {
        match self {
            Self::Stopped => webdis.pause().await,
            Self::Killed => webdis.kill().await,
        }
    }

    async fn end(self, webdis: &mut Webdis) -> Result<()> {
        match self {
            Self::Stopped => webdis.resume(),
            Self::Killed => webdis.restart(Ready::Serves).await,
        }
    }
}

#[tokio::test]
async fn an_open_circuit_answers_at_once_without_a_call_and_closes_by_itself() -> Result<()> {
    let _alone = alone().await;
    let redis = Redis::start(&Options::default()).await?;
    let mut webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    for on_failure in OnFailure::BOTH {
        let drill = Drill::start("redis", TIMEOUT, on_failure, webdis.addr()).await?;
        let mut count = counted(&drill.ask().await?)?;
        // The second time, what closed it has left nothing behind.
        for fault in [Fault::Stopped, Fault::Killed] {
            fault.begin(&mut webdis).await?;
            for _ in 0..THRESHOLD {
                drill.failed(&drill.ask().await?, fault.reason())?;
            }
            open(&drill, fault, &format!("circuit open, {on_failure:?}, Webdis {fault:?}")).await?;
            fault.end(&mut webdis).await?;
            // What was asked while it was stopped it answers now, to nobody or to another call.
            let reasons = ["circuit_open", fault.reason(), "nonce", "timeout"];
            for seen in [vec![drill.heals(&reasons).await?], drill.ask_many(20, 1).await?].concat() {
                let before = std::mem::replace(&mut count, counted(&seen)?);
                ensure!(count > before, "{count} after {before}");
            }
        }
        drill.end().await?;
    }
    Ok(())
}

/// While nobody answers: everybody is told at once and nothing is sent, but for a probe after each pause.
async fn open(drill: &Drill, fault: Fault, what: &str) -> Result<()> {
    let due = Due { timeout: Duration::ZERO, silent: false };
    let before = drill.calls().await?;
    let mut probes = 0;
    in_time(what, due, async || {
        let seen = drill.ask_many(ANSWERS, AT_ONCE).await?;
        for seen in &seen {
            let probe = seen.caller == fault.reason();
            probes += u64::from(probe);
            drill.failed(seen, if probe { fault.reason() } else { "circuit_open" })?;
        }
        Ok(seen)
    })
    .await?;
    drill.nothing_pending().await?;
    let calls = drill.calls().await? - before;
    // A connection that is refused carries no call.
    let expected = if fault == Fault::Killed { 0 } else { probes };
    ensure!(calls == expected, "{what}: {calls} calls were made, {probes} requests were told of one");
    ensure!(probes < 10, "{what}: {probes} probes: the pauses do not get longer");
    Ok(())
}
