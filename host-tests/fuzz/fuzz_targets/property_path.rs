//! A guest asks for any attribute, and writes any: the host answers, in a status it has.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Module, Network, Options, Plugin, Request,
    Response, StreamId, UpstreamRequest,
};

/// Reads and writes the attribute whose path is the request's body, and reads it again; a status above 12 is a trap.
const GUEST: &str = r#"(module
    (import "env" "proxy_get_buffer_bytes" (func $body (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 4)
    (global $next (mut i32) (i32.const 1024))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param $size i32) (result i32)
        (global.get $next)
        (global.set $next (i32.add (global.get $next) (local.get $size))))
    (func $checked (param $status i32)
        (if (i32.gt_u (local.get $status) (i32.const 12)) (then (unreachable))))
    (func $read (call $checked (call $get (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 8) (i32.const 12))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (global.set $next (i32.const 1024)) (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (if (i32.eqz (local.get 2)) (then (return (i32.const 1))))
        (call $checked (call $body (i32.const 0) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
        (call $read)
        (call $checked (call $set (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0) (i32.const 4)))
        (call $read)
        (i32.const 0)))"#;

struct Servers;

impl Network for Servers {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        Some(Response {
            headers: HeaderMap::from_pairs(Kind::Response, [(":status", "200")]),
            ..Response::default()
        })
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        CallOutAnswer::Silence
    }
}

fn host() -> Host<Servers> {
    let engine = Engine::new(false).expect("this machine runs WebAssembly");
    let module = Module::new(&engine, &wat::parse_str(GUEST).expect("the guest above")).expect("a module");
    let mut options = Options::default();
    // Built to find mistakes, it is slow.
    options.limits.callback = std::time::Duration::from_secs(60);
    Host::new(vec![Plugin::new("fuzz", module, "")], options, Servers).expect("it starts")
}

thread_local! {
    static HOST: RefCell<Host<Servers>> = RefCell::new(host());
}

fuzz_target!(|path: &[u8]| {
    HOST.with_borrow_mut(|host| {
        let headers = [
            (":authority", "a"),
            (":path", "/p?q#f"),
            (":method", "POST"),
            (":scheme", "http"),
            ("x-a", "1"),
        ];
        host.submit(Request {
            headers: HeaderMap::from_pairs(Kind::Request, headers),
            body: vec![path.to_vec()],
            source: "127.0.0.1:50000".to_owned(),
            ..Request::default()
        });
        host.run();
        let exchange = host.next_finished().expect("the request ended");
        assert_eq!(exchange.traps, []);
        assert!(exchange.upstream.is_some_and(|seen| seen.complete), "{:?}", exchange.details);
    });
});
