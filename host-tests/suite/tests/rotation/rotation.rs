//! Keys come and go, the key server too, while a thousand requests a second want to pass.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;
use serde_json::json;
use suite::gateway::Gateway;
use suite::patience::until;
use testkit::jwt::SigningKey::{self, P256, RsaOne, RsaTwo};

use crate::key_server::KeyServer;
use crate::load::{Load, Probe};
use crate::tokens::{many, one};
use crate::{SLACK, TICK, alone, since};

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

/// A key server, the gateway in front of which clients ask all the time, and some who ask with another token.
struct Drill {
    server: KeyServer,
    gateway: Gateway,
    load: Load,
}

impl Drill {
    async fn start() -> Result<Self> {
        let server = KeyServer::start(&[RsaOne])?;
        let remote = json!({ "cache_duration": "2s", "refetch_interval": "1s" });
        let (gateway, tokens) = (server.gateway(&remote).await?, many(RsaOne)?);
        Probe::start(&gateway, &one("idp", RsaOne, 0)?).await?.becomes(503, 200, TICK).await?;
        let load = Load::start(&gateway, &tokens).await?;
        Ok(Self { server, gateway, load })
    }

    async fn probe(&self, key: SigningKey) -> Result<Probe> {
        Probe::start(&self.gateway, &one("idp", key, 0)?).await
    }

    /// Waits until the keys are fetched once more.
    async fn fetched(&self) -> Result<Instant> {
        let before = self.server.asked().len();
        until("a fetch", || async { Ok(self.server.asked().len() > before) }).await?;
        self.server.asked().get(before).copied().context("a fetch")
    }

    /// All tokens are signed with a new key at once. The last fetch is longer ago than the interval, and the next by
    /// itself is still to come.
    async fn a_new_key_signs(&self) -> Result<()> {
        let tokens = many(RsaTwo)?;
        let due = |last| (REFETCH..REFETCH + CACHE / 4).contains(&last);
        until("a moment between fetches", || async { Ok(self.server.publish_if(&[RsaOne, RsaTwo], due)) })
            .await?;
        let (published, fetches) = (Instant::now(), self.server.asked().len());
        self.load.switch(&tokens);
        let asked = self.fetched().await?;
        self.load.runs("a new key is published, and signs at once", CACHE * 2).await?;
        let nearest = self.server.nearest(fetches).context("no second fetch")?;
        println!(
            "the new key was fetched after {:.1?}; fetches of both workers: {}, at least {nearest:.2?} apart",
            asked.saturating_duration_since(published),
            self.server.asked().len() - fetches,
        );
        ensure!(nearest >= REFETCH, "two fetches in an interval: {nearest:?}");
        Ok(())
    }

    async fn the_old_key_is_withdrawn(&self, old: &Probe) -> Result<()> {
        self.server.publish(&[RsaTwo]);
        let withdrawn = Instant::now();
        let served = since(withdrawn, old.becomes(200, 401, CACHE + TICK).await?);
        self.load.ran("the old key is withdrawn")?;
        println!("the old key served for {served:.2?} after that");
        ensure!(served <= CACHE + 2 * TICK + SLACK, "the old key serves for {served:?}");
        Ok(())
    }

    /// At worst a key comes when somebody has just asked.
    async fn a_new_key_comes_too_late(&self) -> Result<()> {
        let newest = self.probe(P256).await?;
        self.fetched().await?;
        self.server.publish(&[RsaTwo, P256]);
        let refused = since(Instant::now(), newest.becomes(401, 200, REFETCH).await?);
        self.load.ran("another key is published right after a fetch")?;
        println!("that key was refused for {refused:.2?}");
        ensure!(refused <= REFETCH + SLACK, "the new key is refused for {refused:?}");
        Ok(())
    }

    async fn the_key_server_fails(&mut self) -> Result<()> {
        self.server.goes();
        self.load.runs("the key server is down", 10 * CACHE).await?;
        self.server.answers(StatusCode::OK, "");
        self.server.comes()?;
        for (status, body) in GARBAGE {
            self.server.answers(StatusCode::from_u16(status)?, body);
            self.fetched().await?;
            self.load.runs(&format!("it answers {status} {body:?}"), TICK).await?;
        }
        Ok(())
    }

    /// It is well again, and its keys are others.
    async fn the_key_server_is_well(&self, old: &Probe) -> Result<()> {
        self.server.publish(&[RsaTwo, RsaOne]);
        let refused = since(Instant::now(), old.becomes(401, 200, REFETCH).await?);
        self.load.ran("the key server is well again")?;
        println!("the new key was refused for {refused:.2?}");
        ensure!(refused <= REFETCH + SLACK, "the new key is refused for {refused:?}");
        Ok(())
    }
}

#[tokio::test]
async fn no_valid_token_is_refused_while_keys_rotate_and_the_key_server_fails() -> Result<()> {
    let _alone = alone().await;
    let mut drill = Drill::start().await?;
    drill.a_new_key_signs().await?;
    let old = drill.probe(RsaOne).await?;
    drill.the_old_key_is_withdrawn(&old).await?;
    drill.a_new_key_comes_too_late().await?;
    drill.the_key_server_fails().await?;
    drill.the_key_server_is_well(&old).await?;
    drill.load.end().await?;
    drill.gateway.end().await
}
