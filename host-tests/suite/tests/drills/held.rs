//! `hold_headers` without `allow_on_headers_stop_iteration`: Envoy never shows the bodies, and nothing hangs.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Module, Network, Options, Plugin, Response,
    StreamId, UpstreamRequest,
};
use replay::client;
use replay::request::{Protocol, Request};
use serde_json::json;
use suite::gateway::Gateway;
use suite::settings;
use tokio::task::JoinSet;

use crate::alone;
use crate::figures::spread;

/// Requests that are held at the same time: more than a filter may answer within one callback of Envoy's.
const MANY: usize = 500;
/// How long each is held at least.
const HELD: Duration = Duration::from_secs(5);

async fn send(gateway: &Gateway, protocol: Protocol) -> Result<Vec<(u16, Vec<u8>, Duration)>> {
    let mut sent = JoinSet::new();
    for _ in 0..MANY {
        let body = Some(vec![b"good".to_vec()]);
        let headers = vec![("content-length".to_owned(), b"4".to_vec())];
        let request = Request { protocol, body, headers, ..Request::new("POST", "/") };
        let addr = gateway.addr;
        sent.spawn(async move {
            let begin = Instant::now();
            let response = client::send(addr, &request).await?.response.map_err(anyhow::Error::msg)?;
            Ok((response.status, response.body, begin.elapsed()))
        });
    }
    sent.join_all().await.into_iter().collect()
}

fn complaints(gateway: &Gateway) -> usize {
    let says = |text: &str| text.contains("allow_on_headers_stop_iteration: true");
    gateway.envoy.filter_log().iter().filter(|line| line.level == "critical" && says(&line.text)).count()
}

#[tokio::test]
async fn bodies_that_are_never_shown_are_refused_and_the_log_says_why_once() -> Result<()> {
    let _alone = alone().await;
    let policy = json!({ "version": 1, "body": "await", "hold_headers": true });
    let gateway = Gateway::start_flagged("probe", &policy, &[], 1, false).await?;
    for protocol in [Protocol::H1, Protocol::H2] {
        let all = send(&gateway, protocol).await?;
        println!("{MANY} requests, each held {}", spread(all.iter().map(|(_, _, took)| *took)));
        for (status, body, took) in all {
            let body = String::from_utf8_lossy(&body);
            ensure!(status == 500 && body.contains("urn:portcullis:policy.misconfigured"), "{status} {body}");
            ensure!(took >= HELD, "after {took:?}");
        }
    }
    let said = complaints(&gateway);
    ensure!(said == 1, "the log says {said} times within a minute what is wrong");
    gateway.end().await
}

/// Whoever is behind the gateway of the host, it must not be contacted.
struct Nobody;

impl Network for Nobody {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        None
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        CallOutAnswer::Silence
    }
}

/// The same on the module in the host, in virtual time: who is overdue hears of it at the next tick, and no more than a few ticks
/// of 10 ms later.
#[test]
fn the_last_of_many_is_refused_soon_after_the_first() -> Result<()> {
    const WORKERS: usize = 2;
    let module = Module::new(&Engine::new(false)?, &std::fs::read(settings()?.dist.join("probe.wasm"))?)?;
    let policy = json!({ "version": 1, "body": "await", "hold_headers": true });
    let plugin = Plugin::new("probe", module, policy.to_string());
    let mut host = Host::new(vec![plugin], Options { workers: WORKERS, ..Options::default() }, Nobody)?;
    let begin = host.now();
    let fields =
        [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "api.example.com")];
    for number in 0..MANY {
        host.submit(proxy_wasm_host::Request {
            headers: HeaderMap::from_pairs(Kind::Request, fields),
            body: vec![b"good".to_vec()],
            end_with_last: true,
            worker: Some(number % WORKERS),
            ..proxy_wasm_host::Request::default()
        });
    }
    host.run_until(begin + HELD);
    ensure!(host.next_finished().is_none(), "one is refused before its time");
    // The probe ticks every second.
    host.run_until(begin + HELD + Duration::from_millis(1500));
    let mut refused = 0;
    while let Some(exchange) = host.next_finished() {
        let status = exchange.response.as_ref().and_then(|response| response.headers.get(b":status"));
        ensure!(status == Some(b"500") && exchange.upstream.is_none(), "{exchange:?}");
        refused += 1;
    }
    let said = host.take_logs().iter().filter(|line| line.level.as_str() == "critical").count();
    ensure!((refused, said) == (MANY, WORKERS), "{refused} refused, said {said} times");
    ensure!(host.open() == 0 && host.take_traps().is_empty(), "something is left");
    Ok(())
}
