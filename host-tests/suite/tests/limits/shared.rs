//! Two gateways of two workers that count together: how much passes, who is refused without need, what a burst may take.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use filter_core::policy::Timestamp;
use rate_limit::Algorithm;
use rate_limit::quota::Quota;
use serde_json::json;
use suite::clients::Answer;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::alone;
use crate::crowd::{Crowd, count};
use crate::world::{World, limit};

/// Requests per second of the limit.
const RATE: u32 = 100;
/// How long a flood lasts.
const FLOOD: Duration = Duration::from_secs(10);
/// How often a drill is tried: Redis, Webdis, two gateways and their clients share the cores of this machine with others.
const ROUNDS: usize = 3;

fn quota(burst: u32) -> Result<Quota> {
    Ok(Quota::new(Algorithm::TokenBucket, RATE, Duration::from_secs(1), burst)?)
}

/// Whether one bucket, to which everybody goes at once, lets each pass; in the order of their sending.
fn ideal(answers: &[Answer], burst: u32) -> Result<Vec<bool>> {
    let quota = quota(burst)?;
    let begin = answers.first().map(|answer| answer.sent);
    let mut record = None;
    let mut passed = Vec::new();
    for answer in answers {
        let since = begin.map(|begin| answer.sent.saturating_duration_since(begin)).unwrap_or_default();
        let now = Timestamp(1_800_000_000_000_000 + u64::try_from(since.as_micros())?);
        let (decision, next) = quota.take(record, now, 1);
        record = Some(next);
        passed.push(decision.granted == 1);
    }
    Ok(passed)
}

/// Flat out for ten seconds: how far from the ideal number the requests are that passed, as a share of it.
async fn flooded(mode: &str, burst: u32) -> Result<f64> {
    let world = World::start(2, &[limit("shared", "100r/s", burst, &json!({ "mode": mode }))]).await?;
    let crowd = Crowd::of(&world.gateways).await?;
    let answers = crowd.flood("flood", FLOOD).await?;
    let passed = count(&answers, 200);
    ensure!(passed + count(&answers, 429) == answers.len(), "answers other than 200 and 429");
    let ideal = ideal(&answers, burst)?.iter().filter(|passed| **passed).count();
    let off = passed as f64 / ideal as f64 - 1.0;
    println!(
        "{mode}, burst {burst}: {} requests in {FLOOD:?}, {passed} passed, ideal {ideal}: {:+.2} %",
        answers.len(),
        100.0 * off
    );
    world.end().await?;
    Ok(off)
}

/// Until a round is within `most`.
async fn within(most: f64, mode: &str, burst: u32) -> Result<()> {
    let mut off = f64::INFINITY;
    for _ in 0..ROUNDS {
        off = flooded(mode, burst).await?;
        if off.abs() <= most {
            return Ok(());
        }
    }
    anyhow::bail!(
        "{mode}, burst {burst}: {:+.2} % off the ideal number in the last of {ROUNDS} rounds",
        100.0 * off
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_admitted_as_the_limit_says() -> Result<()> {
    let _alone = alone().await;
    within(0.01, "exact", 10).await?;
    within(0.02, "lease", 10).await?;
    within(0.02, "lease", 50).await
}

/// Clients at nine tenths of the rate, each with a bucket of its own.
const STEADY: usize = 8;
/// Requests of each.
const STEPS: usize = 900;

/// Requests that were refused although one bucket would have let them pass, and all requests.
async fn refused(burst: u32) -> Result<(usize, usize)> {
    let world = World::start(2, &[limit("shared", "100r/s", burst, &json!({}))]).await?;
    let crowd = Crowd::of(&world.gateways).await?;
    let mut clients = JoinSet::new();
    for client in 0..STEADY {
        let crowd = crowd.clone();
        clients.spawn(async move {
            let name = format!("steady-{client}");
            let mut asking = JoinSet::new();
            let mut due = interval(Duration::from_secs_f64(1.0 / (0.9 * f64::from(RATE))));
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for step in 0..STEPS {
                due.tick().await;
                let (crowd, name) = (crowd.clone(), name.clone());
                // Over all connections, and so over all workers.
                asking.spawn(async move { crowd.ask(step * 7 + client, &name).await });
            }
            let mut answers = Vec::new();
            while let Some(answer) = asking.join_next().await {
                answers.push(answer??);
            }
            answers.sort_by_key(|answer: &Answer| answer.sent);
            anyhow::Ok(answers)
        });
    }
    let (mut falsely, mut all) = (0, 0);
    while let Some(answers) = clients.join_next().await {
        let answers = answers??;
        let ideal = ideal(&answers, burst)?;
        let allowed = ideal.iter().filter(|passed| **passed).count();
        falsely += allowed.saturating_sub(count(&answers, 200));
        all += answers.len();
    }
    world.end().await?;
    Ok((falsely, all))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hardly_anybody_within_the_limit_is_refused() -> Result<()> {
    let _alone = alone().await;
    for burst in [10, 20] {
        let mut share = 1.0;
        for _ in 0..ROUNDS {
            let (falsely, all) = refused(burst).await?;
            share = falsely as f64 / all as f64;
            println!(
                "lease, burst {burst}, 90 % load: {falsely} of {all} refused without need, {:.2} %",
                100.0 * share
            );
            if share <= 0.005 {
                break;
            }
        }
        ensure!(share <= 0.005, "{:.2} % are refused without need", 100.0 * share);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_exceeds_the_limit_by_no_more_than_what_is_leased() -> Result<()> {
    let _alone = alone().await;
    for burst in [10_u32, 20, 100] {
        let world = World::start(2, &[limit("shared", "100r/s", burst, &json!({}))]).await?;
        let crowd = Crowd::of(&world.gateways).await?;
        // So that every worker holds a lease, as much as it ever does.
        crowd.flood("bursting", Duration::from_secs(1)).await?;
        let rest = Instant::now();
        let refill = Duration::from_secs_f64(f64::from(burst + 1) / f64::from(RATE));
        suite::patience::until("the bucket is full again", || async { Ok(rest.elapsed() > refill) }).await?;
        let begin = Instant::now();
        let answers = crowd.burst("bursting", 400).await?;
        let took = begin.elapsed();
        let passed = count(&answers, 200);
        let ideal = f64::from(burst + 1) + f64::from(RATE) * took.as_secs_f64();
        // A quarter of the burst at most, of each of four workers, and at least one request.
        let leased = 4.0 * f64::from((burst / 4).max(1));
        println!(
            "lease, burst {burst}: of 400 at once {passed} passed in {took:.0?}, {ideal:.0} of one bucket; at most {leased:.0} more"
        );
        ensure!(passed as f64 <= ideal + leased, "{passed} passed");
        world.end().await?;
    }
    Ok(())
}
