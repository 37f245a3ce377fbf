//! Answers that nobody is owed: early, twice, to a call-out of nobody. Envoy does not send these; a filter that believed
//! them would give one client another's decision.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Limits, Module, Network, Options, Plugin, Request,
    Response, StreamId, UpstreamRequest,
};
use serde_json::json;

const TIMEOUT: Duration = Duration::from_millis(50);
/// The numbers that the host gives to call-outs, in order.
const TOKENS: [u32; 3] = [4, 8, 12];

/// Answers calls with their number: one after 10 ms, the next after 20 ms, the third never.
#[derive(Default)]
struct Cluster {
    calls: u64,
}

fn with(body: &str) -> Response {
    let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200")]);
    Response { headers, body: body.into(), ..Response::default() }
}

impl Network for Cluster {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        Some(with("ok"))
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        self.calls += 1;
        let delay = match self.calls % 3 {
            0 => return CallOutAnswer::Silence,
            place => Duration::from_millis(place * 10),
        };
        CallOutAnswer::Response(Response { delay, ..with(&format!("own {}", self.calls)) })
    }
}

fn host() -> Result<Host<Cluster>> {
    let bytes = std::fs::read(suite::settings()?.dist.join("caller.wasm")).context("caller.wasm")?;
    let module = Module::new(&Engine::new(false)?, &bytes)?;
    let configuration = json!({ "version": 1, "http": { "cluster": "service", "timeout": "50ms" } });
    let plugin = Plugin {
        allow_on_headers_stop_iteration: true,
        ..Plugin::new("caller", module, configuration.to_string())
    };
    let limits = Limits { callback: Duration::from_secs(10), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    Host::new(vec![plugin], options, Cluster::default()).map_err(|refused| anyhow::anyhow!("{refused}"))
}

fn ask(host: &mut Host<Cluster>) -> StreamId {
    let head = [(":method", "GET"), (":authority", "a.test"), (":path", "/"), (":scheme", "http")];
    let headers = HeaderMap::from_pairs(Kind::Request, head);
    host.submit(Request { headers, end_with_last: true, ..Request::default() })
}

/// What every request that is over learnt, in the order of the requests.
fn over(host: &mut Host<Cluster>) -> Result<Vec<(StreamId, String)>> {
    let mut all = Vec::new();
    while let Some(exchange) = host.next_finished() {
        ensure!(exchange.traps.is_empty(), "{:?}", exchange.traps);
        let headers = exchange.response.context("no response")?.headers;
        all.push((
            exchange.id,
            String::from_utf8_lossy(headers.get(b"x-caller").unwrap_or_default()).into_owned(),
        ));
    }
    all.sort();
    Ok(all)
}

/// Another's, one that is none, the ones around those under way; and of gRPC, which has numbers of its own.
const FOREIGN: [u32; 10] = [0, 1, 2, 3, 5, 7, 16, 400, u32::MAX - 3, u32::MAX];

#[test]
fn an_answer_to_nobodys_call_changes_nothing() -> Result<()> {
    let mut host = host()?;
    let ids: Vec<StreamId> = (0..3).map(|_| ask(&mut host)).collect();
    for token in FOREIGN {
        for answer in [Some(with("evil")), Some(Response::default()), None] {
            host.misdeliver(0, 0, token, answer);
        }
    }
    ensure!(host.open() == 3, "{} of 3 requests wait", host.open());
    let started = host.now();
    host.run();
    let answers = ["own 1", "own 2", "status 504"].map(str::to_owned);
    ensure!(over(&mut host)? == ids.into_iter().zip(answers).collect::<Vec<_>>(), "others' answers");
    ensure!(host.now() == started + TIMEOUT, "the last one is answered at its timeout");
    ensure!(host.take_traps().is_empty(), "a trap");
    Ok(())
}

#[test]
fn an_answer_that_comes_twice_or_after_the_timeout_is_for_nobody() -> Result<()> {
    let mut host = host()?;
    for round in 0..3_u32 {
        let ids: Vec<StreamId> = (0..3).map(|_| ask(&mut host)).collect();
        let [first, second, third] = TOKENS.map(|token| token + round * 12);
        let started = host.now();
        // The first is answered; the others wait while the first's answer comes again and again.
        host.run_until(started + Duration::from_millis(15));
        for _ in 0..3 {
            host.misdeliver(0, 0, first, Some(with("twice")));
            host.misdeliver(0, 0, first, None);
        }
        ensure!(host.open() == 2, "{} requests wait", host.open());
        host.run();
        ensure!(host.now() == started + TIMEOUT, "the last one is answered at its timeout");
        // Now comes what it waited for.
        for token in [third, second, first] {
            host.misdeliver(0, 0, token, Some(with("late")));
        }
        let own = |at: u32| format!("own {}", 3 * round + at);
        let answers = [own(1), own(2), "status 504".to_owned()];
        ensure!(over(&mut host)? == ids.into_iter().zip(answers).collect::<Vec<_>>(), "round {round}");
        ensure!(host.take_traps().is_empty(), "a trap");
    }
    Ok(())
}

/// A host may answer before its time; what it then sends at the time is one answer too many.
#[test]
fn a_request_is_resumed_by_the_first_answer_alone() -> Result<()> {
    let mut host = host()?;
    let ids: Vec<StreamId> = (0..3).map(|_| ask(&mut host)).collect();
    host.misdeliver(0, 0, TOKENS[1], Some(with("early")));
    host.run_until(host.now() + Duration::from_millis(1));
    ensure!(host.open() == 2, "{} requests wait", host.open());
    host.run();
    host.run_until(host.now() + Duration::from_secs(2));
    let answers = ["own 1", "early", "status 504"].map(str::to_owned);
    ensure!(over(&mut host)? == ids.into_iter().zip(answers).collect::<Vec<_>>(), "another's answer");
    ensure!(host.take_traps().is_empty(), "a trap");
    Ok(())
}
