//! Two thousand requests wait for one call-out, on the module in the host: in virtual time, so that what happens without
//! anything having elapsed shows.

use std::time::Duration;

use anyhow::{Result, ensure};
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, Exchange, HeaderMap, Host, Kind, Limits, Module, Network, Options,
    Plugin, Request, Response, StreamId, UpstreamRequest,
};
use suite::settings;

use crate::shared::{MANY, configuration};

/// How long the answer takes. The caller's ticks come every 250 ms: none falls between its end and [`SOON`].
const TAKES: Duration = Duration::from_millis(1100);
/// Until then all go on. They do bit by bit, and the host takes 10 µs to wake a worker.
const SOON: Duration = Duration::from_millis(10);

/// Answers everything.
#[derive(Default)]
struct Servers {
    call_outs: usize,
}

impl Network for Servers {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        Some(answer("upstream", Duration::ZERO))
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        self.call_outs += 1;
        CallOutAnswer::Response(answer(&format!("answer {}", self.call_outs), TAKES))
    }
}

fn answer(body: &str, delay: Duration) -> Response {
    let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200")]);
    Response { headers, body: body.into(), end_with_last: true, delay, ..Response::default() }
}

fn request(worker: usize) -> Request {
    let fields = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "api.example.com")];
    Request {
        headers: HeaderMap::from_pairs(Kind::Request, fields),
        end_with_last: true,
        source: "192.0.2.1:4711".to_owned(),
        worker: Some(worker),
        ..Request::default()
    }
}

/// A gateway with the caller, and what it was begun at.
fn gateway(share: &str, workers: usize, limits: Limits) -> Result<(Host<Servers>, Duration)> {
    let module = Module::new(&Engine::new(false)?, &std::fs::read(settings()?.dist.join("caller.wasm"))?)?;
    let plugin = Plugin::new("caller", module, configuration(share).to_string());
    let options = Options { workers, limits, ..Options::default() };
    let host = Host::new(vec![plugin], options, Servers::default())?;
    let begin = host.now();
    Ok((host, begin))
}

/// Who is over by now.
fn finished(host: &mut Host<Servers>) -> Vec<Exchange> {
    std::iter::from_fn(|| host.next_finished()).collect()
}

/// Every one got 200 with an answer; how often each came.
fn answered(exchanges: &[Exchange]) -> Result<std::collections::BTreeMap<String, usize>> {
    let mut counts = std::collections::BTreeMap::new();
    for exchange in exchanges {
        ensure!(exchange.traps.is_empty(), "{:?}", exchange.traps);
        let headers = exchange.response.as_ref().map(|response| &response.headers);
        let field = |name: &[u8]| {
            let value = headers.and_then(|headers| headers.get(name));
            String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
        };
        ensure!(field(b":status") == "200", "{}: {exchange:?}", field(b":status"));
        *counts.entry(field(b"x-caller")).or_default() += 1;
    }
    Ok(counts)
}

/// The drill: how many requests got the answer of each call-out, all of them before the next tick.
fn drill(share: &str, workers: usize) -> Result<Vec<usize>> {
    let (mut host, begin) = gateway(share, workers, Limits::default())?;
    for number in 0..MANY {
        host.submit(request(number % workers));
    }
    host.run_until(begin + TAKES - Duration::from_nanos(1));
    ensure!(host.next_finished().is_none(), "one goes on before the answer");
    let call_outs = host.network().call_outs;
    host.run_until(begin + TAKES + SOON);
    let exchanges = finished(&mut host);
    ensure!(exchanges.len() == MANY, "{} of {MANY} went on", exchanges.len());
    let counts = answered(&exchanges)?;
    ensure!(counts.len() == call_outs, "{counts:?} of {call_outs} call-outs");
    // What was learnt serves later ones, on every worker, and nobody asks again by itself.
    host.run_until(begin + TAKES + Duration::from_secs(20));
    for worker in 0..workers {
        host.submit(request(worker));
    }
    host.run();
    ensure!(answered(&finished(&mut host))?.values().sum::<usize>() == workers);
    ensure!(host.network().call_outs == call_outs, "a later call-out");
    ensure!(host.open() == 0 && host.take_traps().is_empty(), "something is left");
    Ok(counts.into_values().collect())
}

#[test]
fn many_requests_of_a_worker_share_one_call_out() -> Result<()> {
    ensure!(drill("worker", 1)? == [MANY]);
    Ok(())
}

#[test]
fn every_worker_makes_its_own_call_out() -> Result<()> {
    ensure!(drill("worker", 2)? == [MANY / 2, MANY / 2]);
    Ok(())
}

/// The second worker is woken: its requests go on between two ticks.
#[test]
fn the_requests_of_two_workers_share_one_call_out() -> Result<()> {
    ensure!(drill("gateway", 2)? == [MANY]);
    Ok(())
}

#[test]
fn the_requests_of_eight_workers_share_one_call_out() -> Result<()> {
    ensure!(drill("gateway", 8)? == [MANY]);
    Ok(())
}

/// A worker that has no queue to wake itself goes on at its ticks: later, but nobody is forgotten.
#[test]
fn without_queues_all_go_on_all_the_same() -> Result<()> {
    const SOME: usize = 100;
    let (mut host, begin) = gateway("worker", 1, Limits { queues: 0, ..Limits::default() })?;
    for _ in 0..SOME {
        host.submit(request(0));
    }
    host.run();
    let counts = answered(&finished(&mut host))?;
    ensure!(counts == [("answer 1".to_owned(), SOME)].into(), "{counts:?}");
    // 16 at the answer, and with each tick, which comes every 250 ms.
    ensure!(host.now() < begin + TAKES + Duration::from_secs(2), "{:?}", host.now() - begin);
    Ok(())
}
