//! The module in the host of this repository.

use super::requests;
use super::tally::Place;
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Limits, Module, Network, Options, Plugin, Request,
    Response, StreamId, UpstreamRequest,
};
use std::sync::LazyLock;
use std::time::Duration;
use suite::settings;
use verifier::{Answer, Question};

/// Compiled once.
static MODULE: LazyLock<Module> = LazyLock::new(|| {
    let file = settings().unwrap().dist.join("verifier.wasm");
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Module::new(&Engine::new(false).unwrap(), &bytes).unwrap()
});

/// For a request, which asks for hundreds of verifications, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The module answers everything itself.
struct Nobody;

impl Network for Nobody {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        panic!("a request went on")
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        panic!("a call-out")
    }
}

struct Wasm(Host<Nobody>);

impl Place for Wasm {
    const NAME: &'static str = "wasm";

    fn start() -> Self {
        let mut plugin = Plugin::new("verifier", MODULE.clone(), r#"{"version": 1}"#);
        plugin.allow_on_headers_stop_iteration = true;
        let limits = Limits { callback: PATIENCE, ..Limits::default() };
        Self(Host::new(vec![plugin], Options { limits, ..Options::default() }, Nobody).unwrap())
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Answer> {
        requests::ask(questions, |body| self.send(body))
    }

    fn end(mut self) {
        assert_eq!(self.0.open(), 0);
        assert!(self.0.take_traps().is_empty());
    }
}

impl Wasm {
    fn send(&mut self, body: Vec<u8>) -> Vec<u8> {
        let fields =
            [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "api.example.com")];
        self.0.submit(Request {
            headers: HeaderMap::from_pairs(Kind::Request, fields),
            body: vec![body],
            end_with_last: true,
            source: "192.0.2.1:4711".to_owned(),
            ..Request::default()
        });
        self.0.run();
        let exchange = self.0.next_finished().unwrap();
        assert!(exchange.traps.is_empty(), "{:?}", exchange.traps);
        let response = exchange.response.unwrap();
        assert_eq!(response.headers.get(b":status"), Some(b"200".as_slice()), "{response:?}");
        response.body
    }
}

super::every_family!(Wasm);
