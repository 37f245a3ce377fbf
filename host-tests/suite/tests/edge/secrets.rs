//! Secrets in every place that a client puts them, in requests that pass and that are refused in every way: none of them is in
//! a log, a statistic, the configuration that the administration shows, or an answer of the gateway's own.

mod requests;
mod world;

use std::hash::{BuildHasher as _, RandomState};

use anyhow::{Result, ensure};
use bytes::Bytes;
use edge::authority::HOST;
use edge::client::{Client, Trust};
use edge::gateway::EdgeGateway;
use http::Request;
use serde_json::json;

use crate::wire::{Dialer, Heard, logged, plain, tcp};
use crate::{Secrets, alone};
use requests::{Ask, asks};
use world::{World, certificate, own};

/// 128 bits that nobody has written before.
fn fresh() -> String {
    format!("{:016x}{:016x}", RandomState::new().hash_one(1), RandomState::new().hash_one(2))
}

/// What was planted, each under the name of its place.
#[derive(Default)]
struct Planted(Vec<(&'static str, String)>);

impl Planted {
    /// A new secret for this place.
    fn new_in(&mut self, place: &'static str) -> String {
        let secret = fresh();
        self.add(place, &secret);
        secret
    }

    fn add(&mut self, place: &'static str, secret: &str) {
        self.0.push((place, secret.to_owned()));
    }

    /// A token is a secret, and so are its parts: whoever has the payload has the claims.
    fn token(&mut self, token: String) -> String {
        token
            .split('.')
            .skip(1)
            .filter(|part| part.len() > 8)
            .for_each(|part| self.add("part of a token", part));
        token
    }

    fn found(&self, what: &str, text: &str) -> Vec<String> {
        let hits = self.0.iter().filter(|(_, secret)| text.contains(secret.as_str()));
        hits.map(|(place, secret)| format!("{what}: the {place} {secret}")).collect()
    }
}

#[tokio::test]
async fn no_secret_is_in_a_log_a_statistic_or_an_answer() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let mut planted = Planted::default();
    own(&secrets, &mut planted)?;
    let subject = planted.new_in("subject of a certificate");
    let shown = certificate(secrets.folder.path(), &subject)?;
    let world = World::start(&secrets, &mut planted).await?;
    let gateway = &world.gateway;
    let addresses = gateway.addresses();
    let dialer = Dialer::new(&secrets.authority, b"http/1.1", None)?;
    let known = Dialer::new(&secrets.authority, b"http/1.1", Some(&shown))?;
    let mut answers = String::new();
    let mut differ = Vec::new();

    let asks = asks(&world, &mut planted)?;
    let count = asks.len();
    for (what, ask, status) in asks {
        let heard = dialer.ask(addresses.tls, &ask.bytes()).await?;
        keep(gateway, what, &heard, status, &mut answers, &mut differ).await?;
    }
    for (what, path, status) in
        [("with a certificate", "/catalogue", 200), ("with a certificate, no token", "/orders", 401)]
    {
        let ask = Ask::new(&mut planted, "GET", path, "");
        let heard = known.ask(addresses.mtls, &ask.bytes()).await?;
        keep(gateway, what, &heard, status, &mut answers, &mut differ).await?;
    }
    let credentials = Ask::new(&mut planted, "GET", "/catalogue", &fresh());
    let query = Ask { fields: Vec::new(), ..Ask::new(&mut planted, "GET", "/catalogue", "") };
    let token = Ask {
        path: format!("/catalogue?token={}", planted.new_in("token of a query")),
        fields: Vec::new(),
        ..Ask::new(&mut planted, "GET", "/", "")
    };
    for (what, ask) in [
        ("port 80 with credentials", credentials),
        ("port 80 with a query", query),
        ("port 80 with a token", token),
    ] {
        let heard = plain(addresses.redirect, &ask.bytes()).await?;
        keep(gateway, what, &heard, 403, &mut answers, &mut differ).await?;
    }
    let client = Client::new(Trust::read(&secrets.authority.root())?, HOST)?;
    for (token, status) in
        [(planted.new_in("token of a call"), "16"), (world.token(&json!({}), &mut planted)?, "0")]
    {
        let call = Request::post("/example.v1.Orders/Echo")
            .header("host", HOST)
            .header("authorization", format!("Bearer {token}"));
        let answer = client
            .call(tcp(addresses.tls).await?, call.body(Bytes::from(planted.new_in("message")))?)
            .await?;
        ensure!(answer.grpc_status() == Some(status), "{answer:?}");
        if status != "0" {
            answers.push_str(&format!("{answer:?}"));
        }
    }
    ensure!(differ.is_empty(), "{}", differ.join("\n"));

    // What was planted is really there: the API has it.
    let arrived = format!("{:?}", world.api.arrived("secrets"));
    let reached = planted.0.iter().filter(|(_, secret)| arrived.contains(secret.as_str())).count();
    ensure!(reached > 50 && arrived.contains(&subject), "only {reached} secrets have reached the API");
    let mut found = planted.found("log", &gateway.envoy().log());
    found.extend(planted.found("answers", &answers));
    for page in [
        "/stats",
        "/stats/prometheus",
        "/config_dump?include_eds",
        "/clusters?format=json",
        "/certs",
        "/listeners?format=json",
        "/server_info",
        "/init_dump",
        "/contention",
    ] {
        match gateway.envoy().admin(page).await {
            Ok(text) => found.extend(planted.found(page, &text)),
            Err(why) => ensure!(page == "/contention", "{why:#}"),
        }
    }
    found.sort();
    found.dedup();
    ensure!(found.is_empty(), "{} secrets found:\n{}", found.len(), found.join("\n"));
    println!(
        "{} secrets planted in {count} requests over TLS and 7 others, {reached} of them seen by the API: 0 found in {} bytes of log, the gateway's own answers and 8 pages of the administration",
        planted.0.len(),
        gateway.envoy().log().len(),
    );
    world.gateway.end().await
}

/// Remembers the answer if it is the gateway's own, and whether it is another one than expected.
async fn keep(
    gateway: &EdgeGateway,
    what: &str,
    heard: &Heard,
    status: u16,
    answers: &mut String,
    differ: &mut Vec<String>,
) -> Result<()> {
    let line = logged(gateway, heard.peer).await?;
    let got = heard.status().unwrap_or(0);
    if got != status {
        differ.push(format!("{what}: {got} instead of {status}: {}", heard.text()));
    }
    // What the API says is its own affair, also where it is said again.
    let own = got >= 300 && line.iter().all(|line| line["details"] != "via_upstream");
    if own {
        answers.push_str(&heard.text());
        answers.push('\n');
    }
    Ok(())
}

/// Two spellings that a filter's own line shows as they are.
#[tokio::test]
async fn no_secret_of_an_odd_spelling_is_in_a_log() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let dialer = Dialer::new(&secrets.authority, b"http/1.1", None)?;
    let mut planted = Planted::default();
    let user = format!("alice:{}@{HOST}", planted.new_in("password before a host"));
    let query = format!("/orders%3Ftoken={}", planted.new_in("token behind an encoded question mark"));
    for request in [
        format!("GET /orders HTTP/1.1\r\nHost: {user}\r\nConnection: close\r\n\r\n"),
        format!("GET {query} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"),
    ] {
        let heard = dialer.ask(gateway.addresses().tls, request.as_bytes()).await?;
        ensure!(heard.status()? >= 400, "{}", heard.text());
        logged(&gateway, heard.peer).await?;
    }
    let found = planted.found("log", &gateway.envoy().log());
    ensure!(found.is_empty(), "{}\n{}", found.join("\n"), gateway.envoy().log_tail());
    gateway.end().await
}
