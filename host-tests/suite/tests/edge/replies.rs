//! What Envoy answers itself: problem documents with security headers, before any filter and behind all of them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use edge::gateway::{EdgeGateway, Surroundings};
use http::Response;
use http_body_util::Full;
use replay::client::send;
use replay::request::Request;
use suite::patience::until;
use suite::server::Server;

use crate::s_client::{ask, connect};
use crate::{Secrets, alone};

const HEADERS: [&str; 6] = [
    "content-security-policy: default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options: nosniff",
    "x-frame-options: DENY",
    "referrer-policy: no-referrer",
    "cache-control: no-store",
    "strict-transport-security: max-age=31536000; includeSubDomains",
];

#[tokio::test]
async fn what_envoy_answers_is_a_problem_document_with_security_headers() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    // It is well, breaks off, or does not answer.
    let api = Server::start(0, async |request| match request.uri().path() {
        "/healthz" => Ok(Response::new(Full::new(Bytes::new()))),
        "/catalogue" if request.uri().query() == Some("slow") => std::future::pending().await,
        _ => anyhow::bail!("it breaks off"),
    })?;
    let surroundings = Surroundings { api: api.addr(), ..Surroundings::default() };
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    let addr = gateway.addresses().tls;
    until("the API", || async { Ok(gateway.stat("cluster.api.membership_healthy").await? == 1) }).await?;
    let get = |path: &str, more: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: api.example.com\r\n{more}Connection: close\r\n\r\n")
    };
    let large = format!("x-large: {}\r\n", "a".repeat(40_000));
    println!("| what | answer |\n|---|---|");
    for (what, request, status) in [
        ("a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n".to_owned(), 400),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), 426),
        ("a header of 40,000 bytes", get("/catalogue", &large), 431),
        ("an API that breaks off", get("/catalogue", ""), 502),
        ("an API that does not answer in time", get("/catalogue?slow", ""), 504),
    ] {
        let seen = connect(addr, &["-ign_eof"], &request).await?;
        let answer = seen.text.split_once("HTTP/1.1 ").with_context(|| format!("{what}: {}", seen.text))?.1;
        ensure!(answer.starts_with(&status.to_string()), "{what}: {answer}");
        for header in HEADERS {
            ensure!(answer.contains(header), "{what}: no {header:?} in {answer}");
        }
        ensure!(answer.contains("content-type: application/problem+json"), "{what}: {answer}");
        ensure!(answer.contains(&format!("\"status\":{status}")), "{what}: {answer}");
        ensure!(!answer.contains("\r\nserver:"), "{what}: {answer}");
        println!("| {what} | {status} |");
    }
    drop(api);
    until("an API that is away", || async { Ok(gateway.stat("cluster.api.membership_healthy").await? == 0) })
        .await?;
    let seen = ask(addr, &[]).await?;
    ensure!(seen.text.contains("HTTP/1.1 503") && seen.text.contains("\"status\":503"), "{}", seen.text);
    println!("| no healthy API | 503 |");
    // Draining is told to load balancers.
    let ask = async |addr: SocketAddr, method: &str, path: &str| -> Result<u16> {
        let answer = send(addr, &Request::new(method, path)).await?.response;
        Ok(answer.map_err(anyhow::Error::msg)?.status)
    };
    let health = gateway.addresses().health;
    ensure!(ask(health, "GET", "/healthz").await? == 200, "it says that it is ill");
    ensure!(ask(gateway.admin(), "POST", "/healthcheck/fail").await? == 200, "no administration");
    ensure!(ask(health, "GET", "/healthz").await? == 503, "it does not say that it drains");
    // Of the administration there is one page for those who collect metrics.
    let metrics = gateway.addresses().metrics;
    ensure!(ask(metrics, "GET", "/stats/prometheus").await? == 200, "no metrics");
    for (method, path) in [("POST", "/stats/prometheus"), ("GET", "/config_dump"), ("POST", "/quitquitquit")]
    {
        ensure!(ask(metrics, method, path).await? == 404, "{method} {path}");
    }
    gateway.end().await
}
