//! However often a request comes, and through whichever gateway: it is done once.

use std::time::Instant;

use anyhow::{Result, ensure};
use suite::patience::until;

use crate::alone;
use crate::api::Does;
use crate::client::{Answer, answers, count};
use crate::world::World;

const BOOTSTRAP: &str = "host-tests/suite/envoy/idempotency/real.yaml";
/// The same request so many times at once.
const DUPLICATES: usize = 200;
const BODY: &str = "amount=1";

fn summary(answers: &[Answer]) -> String {
    let mut kinds: Vec<String> =
        answers.iter().map(|answer| format!("{} {}", answer.status, answer.code)).collect();
    kinds.sort();
    kinds.dedup();
    let counted = kinds.iter().map(|kind| {
        let many = answers.iter().filter(|answer| format!("{} {}", answer.status, answer.code) == *kind);
        format!("{} × {}", many.count(), kind.trim_end())
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// One of them gets to the upstream, which takes its time; all others are told that it is on its way. Then the upstream
/// answers: the first hears that.
async fn duplicates(world: &World, key: &str, seen: usize, status: u16) -> Result<()> {
    world.api.does(Does::Waits);
    let begin = Instant::now();
    let mut asking = world.crowd.posts(DUPLICATES, key, BODY)?;
    let others = answers(&mut asking, DUPLICATES - 1).await?;
    let took = begin.elapsed();
    ensure!(count(&others, 409, "idempotency.in_flight") == DUPLICATES - 1, "{}", summary(&others));
    ensure!(world.api.seen(key) == seen, "the upstream has seen it {} times", world.api.seen(key));
    world.api.does(Does::Answers(status));
    let first = answers(&mut asking, 1).await?;
    ensure!(count(&first, status, "") == 1, "{}", summary(&first));
    println!("{DUPLICATES} at once: {} in {took:?}, then {}", summary(&others), summary(&first));
    Ok(())
}

/// Every further one is told that it was done.
async fn completed(world: &World, key: &str, seen: usize) -> Result<()> {
    until("the key is completed", || async { Ok(world.records().await? == ["c"]) }).await?;
    let mut asking = world.crowd.posts(DUPLICATES, key, BODY)?;
    let later = answers(&mut asking, DUPLICATES).await?;
    ensure!(count(&later, 409, "idempotency.completed") == DUPLICATES, "{}", summary(&later));
    let mut asking = world.crowd.posts(4, key, "amount=2")?;
    let others = answers(&mut asking, 4).await?;
    ensure!(count(&others, 422, "idempotency.reused") == 4, "{}", summary(&others));
    ensure!(world.api.seen(key) == seen, "the upstream has seen it {} times", world.api.seen(key));
    println!("later: {}; with another body: {}", summary(&later), summary(&others));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_at_once_the_upstream_sees_one() -> Result<()> {
    let _alone = alone().await;
    let world = World::start(BOOTSTRAP).await?;
    duplicates(&world, "payment-1", 1, 200).await?;
    completed(&world, "payment-1", 1).await?;
    world.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failure_one_more_passes() -> Result<()> {
    let _alone = alone().await;
    let world = World::start(BOOTSTRAP).await?;
    duplicates(&world, "payment-2", 1, 500).await?;
    until("the key is free", || async { Ok(world.records().await?.is_empty()) }).await?;
    duplicates(&world, "payment-2", 2, 200).await?;
    completed(&world, "payment-2", 2).await?;
    world.end().await
}

/// Keys, each of which comes so often.
const KEYS: usize = 20;
const TIMES: usize = 10;

/// The upstream answers at once: some duplicates come before that and some after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_at_once_are_each_done_once() -> Result<()> {
    let _alone = alone().await;
    let world = World::start(BOOTSTRAP).await?;
    world.api.does(Does::Answers(201));
    let mut asking = tokio::task::JoinSet::new();
    for time in 0..TIMES {
        for key in 0..KEYS {
            asking.spawn(world.crowd.post(time * KEYS + key + time, &format!("key-{key}"), BODY)?);
        }
    }
    let all = answers(&mut asking, KEYS * TIMES).await?;
    ensure!(count(&all, 201, "") == KEYS, "{}", summary(&all));
    let refused = count(&all, 409, "idempotency.in_flight") + count(&all, 409, "idempotency.completed");
    ensure!(refused == KEYS * (TIMES - 1), "{}", summary(&all));
    for key in 0..KEYS {
        ensure!(
            world.api.seen(&format!("key-{key}")) == 1,
            "key-{key}: {}",
            world.api.seen(&format!("key-{key}"))
        );
    }
    until("all keys are completed", || async { Ok(world.records().await? == vec!["c"; KEYS]) }).await?;
    println!("{KEYS} keys, each {TIMES} times: {}", summary(&all));
    world.end().await
}
