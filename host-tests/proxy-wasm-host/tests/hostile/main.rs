//! Modules that mean harm, or are broken. Each has a documented outcome, and the host outlives all of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod bombs;
mod loading;
mod traps;

use std::time::Duration;

use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, Exchange, FailurePolicy, HeaderMap, Host, Kind, Limits, Module, Network,
    Options, Plugin, Request, Response, StreamId, UpstreamRequest,
};

/// An upstream that answers at once, and clusters that never do.
struct Servers;

impl Network for Servers {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200"), ("x-up", "1")]);
        Some(Response { headers, body: b"ok".to_vec(), ..Response::default() })
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        CallOutAnswer::Silence
    }
}

/// What every guest here begins with: the marker, an allocator, a memory.
const COMMON: &str = r#"
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 65536))
    (func (export "proxy_abi_version_0_2_1"))
    (func $allocate (export "proxy_on_memory_allocate") (param $size i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get $size))))
"#;

/// A module of these functions on top of [`COMMON`]; imports come first.
fn guest(imports: &str, functions: &str) -> Vec<u8> {
    let text = format!("(module {imports} {COMMON} {functions})");
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Tight limits, so that what is endless ends soon.
fn limits() -> Limits {
    Limits {
        callback: Duration::from_millis(20),
        configure: Duration::from_millis(30),
        memory: 4 << 20,
        ..Limits::default()
    }
}

fn plugin(bytes: &[u8], failure_policy: FailurePolicy) -> Plugin {
    let engine = Engine::new(false).unwrap();
    let module = Module::new(&engine, bytes).unwrap_or_else(|error| panic!("{error}"));
    Plugin { failure_policy, ..Plugin::new("hostile", module, "") }
}

fn host(bytes: &[u8], failure_policy: FailurePolicy) -> Host<Servers> {
    let options = Options { limits: limits(), ..Options::default() };
    Host::new(vec![plugin(bytes, failure_policy)], options, Servers).unwrap_or_else(|error| panic!("{error}"))
}

fn request() -> Request {
    let headers = [(":authority", "a"), (":path", "/"), (":method", "POST"), (":scheme", "http")];
    Request {
        headers: HeaderMap::from_pairs(Kind::Request, headers),
        body: vec![b"body".to_vec()],
        trailers: Some(HeaderMap::from_pairs(Kind::Trailers, [("x-t", "1")])),
        ..Request::default()
    }
}

/// Sends one request and lets everything happen.
fn send(host: &mut Host<Servers>) -> Exchange {
    host.submit(request());
    host.run();
    host.next_finished().expect("the request ended")
}

/// The status the client got; 0: nothing whole.
fn status(exchange: &Exchange) -> u16 {
    let response = exchange.response.as_ref().filter(|response| response.complete);
    let status = response.and_then(|response| response.headers.get(b":status"));
    status.map_or(0, |status| String::from_utf8_lossy(status).parse().unwrap())
}
