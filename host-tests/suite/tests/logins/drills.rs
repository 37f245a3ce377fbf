//! What reaches the API of each attack, and what users notice of it.

use anyhow::{Result, ensure};

use crate::alone;
use crate::world::{PER_ADDRESS, PER_PAIR, PER_USER, RIGHT, World};

const HOME: &str = "203.0.113.7";
const GUESSES: usize = 1000;

/// Addresses of an attacker: no two are one network.
fn address(i: usize) -> String {
    format!("198.{}.{}.1", 18 + i / 250, i % 250)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_and_a_thousand_users() -> Result<()> {
    let _alone = alone().await;
    let world = World::start().await?;
    let passed = world.guesses((0..GUESSES).map(|i| (address(0), format!("user{i}")))).await?;
    let reached = world.seen.count(|_, from| from == address(0));
    println!("one address, {GUESSES} users: {reached} guesses reached the API, {PER_ADDRESS} fit");
    ensure!(reached == passed && reached <= PER_ADDRESS, "{reached} reached the API, {passed} were answered");
    ensure!(reached > 0, "nothing reached the API");
    // Whom it tried to be can log in.
    for i in 0..20 {
        let status = world.tries(i, HOME, &format!("user{i}"), RIGHT).await?;
        ensure!(status == 200, "user{i} is answered {status}");
    }
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_addresses_and_one_user() -> Result<()> {
    let _alone = alone().await;
    let world = World::start().await?;
    ensure!(world.tries(0, HOME, "alice", RIGHT).await? == 200, "she cannot log in before");
    world.known(1).await?;
    let attack = world.guesses((0..GUESSES).map(|i| (address(i), "alice".to_owned())));
    let user = async {
        let (mut alice, mut bob) = (Vec::new(), Vec::new());
        for i in 0..50 {
            alice.push(world.tries(i, HOME, "alice", RIGHT).await?);
            bob.push(world.tries(i, "203.0.113.200", "bob", RIGHT).await?);
        }
        anyhow::Ok((alice, bob))
    };
    let (passed, seen) = tokio::join!(attack, user);
    let ((alice, bob), passed) = (seen?, passed?);
    let reached = world.seen.count(|user, from| user == "alice" && from != HOME);
    println!("{GUESSES} addresses, one user: {reached} guesses reached the API, {PER_USER} fit");
    ensure!(reached == passed && reached <= PER_USER, "{reached} reached the API, {passed} were answered");
    ensure!(reached > 0, "nothing reached the API");
    ensure!(alice.iter().all(|status| *status == 200), "at home she is answered {alice:?}");
    ensure!(bob.iter().all(|status| *status == 200), "another user is answered {bob:?}");
    ensure!(world.tries(0, HOME, "alice", RIGHT).await? == 200, "she cannot log in afterwards");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guesses_at_once() -> Result<()> {
    let _alone = alone().await;
    let world = World::start().await?;
    let passed = world.guesses((0..GUESSES).map(|_| (address(0), "alice".to_owned()))).await?;
    let reached = world.seen.count(|_, _| true);
    println!("{GUESSES} guesses at once: {reached} reached the API, {PER_PAIR} fit");
    ensure!(reached == passed && reached <= PER_PAIR, "{reached} reached the API, {passed} were answered");
    ensure!(reached > 0, "nothing reached the API");
    ensure!(world.tries(0, address(0).as_str(), "bob", RIGHT).await? == 200, "another user there is refused");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_typos_and_in() -> Result<()> {
    let _alone = alone().await;
    let world = World::start().await?;
    for i in 0..3 {
        ensure!(world.tries(i, HOME, "alice", "typo").await? == 401, "a typo is refused");
    }
    ensure!(world.tries(3, HOME, "alice", RIGHT).await? == 200, "three typos are too many");
    world.end().await
}
