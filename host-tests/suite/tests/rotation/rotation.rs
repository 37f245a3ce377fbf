//! Keys come and go, the key server too, while a thousand requests a second want to pass.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::StatusCode;
use serde_json::json;
use suite::patience::until;
use testkit::jwt::SigningKey::{P256, RsaOne, RsaTwo};

use crate::key_server::KeyServer;
use crate::load::{Load, Probe};
use crate::tokens::many;
use crate::{SLACK, TICK, alone};

/// How long keys serve.
const CACHE: Duration = Duration::from_secs(2);
/// Least time between two fetches on behalf of unknown keys.
const REFETCH: Duration = Duration::from_secs(1);
/// Answers that are no key sets, with a status that a key server has in a maintenance or behind a login page.
const GARBAGE: [(u16, &str); 6] = [
    (200, "<html><body>We are back soon</body></html>"),
    (200, ""),
    (200, "{\"keys\":[{\"kty\":\"RSA\",\"n\""),
    (200, "[]"),
    (500, "{\"keys\":[]}"),
    (302, ""),
];

#[tokio::test]
async fn no_valid_token_is_refused_while_keys_rotate_and_the_key_server_fails() -> Result<()> {
    let _alone = alone().await;
    let mut server = KeyServer::start(&[RsaOne])?;
    let remote = json!({ "cache_duration": "2s", "refetch_interval": "1s" });
    let gateway = server.gateway(&remote).await?;
    let (one, two, three) = (many(RsaOne)?, many(RsaTwo)?, many(P256)?);
    Probe::start(&gateway, &one[0]).await?.becomes(503, 200, TICK).await?;
    let load = Load::start(&gateway, &one).await?;

    // The last fetch is longer ago than the interval, and the next by itself is still to come.
    let due = |last| (REFETCH..REFETCH + CACHE / 4).contains(&last);
    until("a moment between fetches", || async { Ok(server.publish_if(&[RsaOne, RsaTwo], due)) }).await?;
    let (published, fetches) = (Instant::now(), server.asked().len());
    load.switch(&two);
    until("a fetch", || async { Ok(server.asked().len() > fetches) }).await?;
    let asked = server.asked()[fetches];
    load.runs("a new key is published, and signs at once", CACHE * 2).await?;
    let all = &server.asked()[fetches..];
    let nearest = all.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(CACHE);
    println!(
        "the new key was fetched after {:.1?}; fetches of both workers: {}, at least {nearest:.2?} apart",
        asked - published,
        all.len()
    );
    ensure!(nearest >= REFETCH, "two fetches in an interval: {nearest:?}");

    let (begin, old) = (Instant::now(), Probe::start(&gateway, &one[0]).await?);
    server.publish(&[RsaTwo]);
    let withdrawn = Instant::now();
    let last = old.becomes(200, 401, CACHE + TICK).await?;
    let served = last.map(|last| last.saturating_duration_since(withdrawn)).unwrap_or_default();
    load.ran("the old key is withdrawn", begin)?;
    println!("the old key served for {served:.2?} after that");
    ensure!(served <= CACHE + 2 * TICK + SLACK, "the old key serves for {served:?}");

    // At worst a key comes when somebody has just asked.
    let newest = Probe::start(&gateway, &three[0]).await?;
    let fetches = server.asked().len();
    let begin = Instant::now();
    until("a fetch", || async { Ok(server.asked().len() > fetches) }).await?;
    server.publish(&[RsaTwo, P256]);
    let published = Instant::now();
    let last = newest.becomes(401, 200, REFETCH).await?;
    let refused = last.map(|last| last.saturating_duration_since(published)).unwrap_or_default();
    load.ran("another key is published right after a fetch", begin)?;
    println!("that key was refused for {refused:.2?}");
    ensure!(refused <= REFETCH + SLACK, "the new key is refused for {refused:?}");

    server.goes();
    load.runs("the key server is down", 10 * CACHE).await?;
    server.answers(StatusCode::OK, "");
    server.comes()?;
    for (status, body) in GARBAGE {
        server.answers(StatusCode::from_u16(status)?, body);
        let fetches = server.asked().len();
        load.runs(&format!("it answers {status} {body:?}"), REFETCH + TICK + TICK / 5).await?;
        let fetched = server.asked().len() - fetches;
        println!("it was asked {fetched} times meanwhile");
        ensure!(fetched > 0, "nobody asked");
    }
    // It is well again, and its keys are others.
    let begin = Instant::now();
    server.publish(&[RsaTwo, RsaOne]);
    let last = old.becomes(401, 200, REFETCH).await?;
    let refused = last.map(|last| last.saturating_duration_since(begin)).unwrap_or_default();
    load.ran("the key server is well again", begin)?;
    println!("the new key was refused for {refused:.2?}");
    ensure!(refused <= REFETCH + SLACK, "the new key is refused for {refused:?}");
    load.end().await?;
    gateway.end().await
}
