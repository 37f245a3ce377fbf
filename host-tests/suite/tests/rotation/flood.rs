//! Ten thousand tokens name as many keys that nobody has.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use suite::clients::Clients;
use suite::gateway::{Gateway, Memory};
use suite::patience::until;
use testkit::jwt::SigningKey::{P256, RsaOne};

use crate::key_server::KeyServer;
use crate::load::{Load, Probe, each};
use crate::tokens::{many, of_unknown_keys, one};
use crate::{SLACK, TICK, alone, since};

/// Tokens of a flood.
const MANY: usize = 10_000;
/// How many there are: what the first leaves behind is what a worker needs, what the others add to it is lost.
const FLOODS: usize = 4;
/// Of those who flood. Each has a request on its way.
const CONNECTIONS: usize = 50;
/// Least time between two fetches on behalf of unknown keys.
const REFETCH: Duration = Duration::from_secs(1);
/// Nothing is fetched meanwhile but on their behalf.
const CACHE: &str = "10m";

/// What Envoy uses once nobody who floods is connected.
async fn at_rest(gateway: &Gateway) -> Result<Memory> {
    until("rest", || async { Ok(gateway.stat("http.ingress.downstream_cx_active").await? == 0) }).await?;
    gateway.memory().await
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_fetch_an_interval_and_leaves_nothing_behind() -> Result<()> {
    let _alone = alone().await;
    let server = KeyServer::start(&[RsaOne])?;
    let gateway = server.gateway(&json!({ "cache_duration": CACHE, "refetch_interval": "1s" })).await?;
    let valid = many(RsaOne)?;
    Probe::start(&gateway, &one("idp", RsaOne, 0)?).await?.becomes(503, 200, TICK).await?;
    let mut rests = vec![at_rest(&gateway).await?];
    let (begin, fetches) = (Instant::now(), server.asked().len());
    for flood in 0..FLOODS {
        let tokens = of_unknown_keys(flood, MANY)?;
        let (begin, fetches) = (Instant::now(), server.asked().len());
        let clients = Clients::connect(gateway.addr, CONNECTIONS).await?;
        let answers = each(&clients, CONNECTIONS, &tokens).await?;
        let took = begin.elapsed();
        for answer in &answers {
            let challenge = answer.header("www-authenticate");
            ensure!(answer.status == 401 && challenge.contains("invalid_token"), "{answer:?}");
        }
        drop(clients);
        let rest = at_rest(&gateway).await?;
        println!(
            "{} unknown keys in {took:.1?}, {:.0}/s: {} fetches; then {rest}",
            answers.len(),
            answers.len() as f64 / took.as_secs_f64(),
            server.asked().len() - fetches,
        );
        rests.push(rest);
    }
    let (count, nearest) = (server.asked().len() - fetches, server.nearest(fetches).unwrap_or(REFETCH));
    println!("{count} fetches in {:.1?}, at least {nearest:.2?} apart", begin.elapsed());
    ensure!(nearest >= REFETCH, "two fetches in an interval: {nearest:?}");
    ensure!(count > 0, "nobody asked for an unknown key");
    let [fresh, first, .., last] = rests.as_slice() else { anyhow::bail!("{rests:?}") };
    println!("before {fresh}; after the first {first}; after the last {last}");
    ensure!(last.allocated <= first.allocated + first.allocated / 20, "{first}, later {last}");
    ensure!(last.resident <= first.resident + first.resident / 20, "{first}, later {last}");

    // Those who have valid tokens notice nothing of it, and a new key is found although every interval is used.
    let (load, tokens) = (Load::start(&gateway, &valid).await?, of_unknown_keys(FLOODS, MANY)?);
    let clients = Clients::connect(gateway.addr, CONNECTIONS).await?;
    let newest = Probe::start(&gateway, &one("idp", P256, 0)?).await?;
    let fetches = server.asked().len();
    let publish = async {
        until("a fetch", || async { Ok(server.asked().len() > fetches) }).await?;
        server.publish(&[RsaOne, P256]);
        let published = Instant::now();
        anyhow::Ok(since(published, newest.becomes(401, 200, REFETCH).await?))
    };
    let (flooded, refused) = tokio::try_join!(each(&clients, CONNECTIONS, &tokens), publish)?;
    ensure!(flooded.iter().all(|answer| answer.status == 401), "an unknown key passes");
    load.ran("valid tokens in the flood")?;
    println!("a key that was published in the flood was refused for {refused:.2?}");
    ensure!(refused <= REFETCH + SLACK, "the new key is refused for {refused:?}");
    load.end().await?;
    gateway.end().await
}
