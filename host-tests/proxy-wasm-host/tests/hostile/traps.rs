//! A trap in every callback, under every policy; and callbacks that never end.

use std::time::{Duration, Instant};

use proxy_wasm_host::{Exchange, FailurePolicy, Host, Options};

use super::{Servers, guest, host, plugin, send, status};

/// Traps in this callback of three numbers and an answer, or as the signature says.
fn trapping(name: &str, signature: &str) -> Vec<u8> {
    guest("", &format!(r#"(func (export "{name}") {signature} unreachable)"#))
}

const THREE: &str = "(param i32 i32 i32) (result i32)";
const TWO: &str = "(param i32 i32) (result i32)";

/// Callbacks of a stream, and what the client gets when they trap and the policy is closed.
const CALLBACKS: [(&str, &str, u16); 9] = [
    ("proxy_on_request_headers", THREE, 503),
    ("proxy_on_request_body", THREE, 503),
    ("proxy_on_request_trailers", TWO, 503),
    ("proxy_on_response_headers", THREE, 503),
    // The head has left: the rest is cut off.
    ("proxy_on_response_body", THREE, 0),
    ("proxy_on_done", "(param i32) (result i32)", 200),
    ("proxy_on_log", "(param i32)", 200),
    ("proxy_on_delete", "(param i32)", 200),
    ("proxy_on_tick", "(param i32)", 200),
];

fn outcome(exchange: &Exchange) -> (u16, usize) {
    (status(exchange), exchange.traps.len())
}

#[test]
fn closed_means_503_from_then_on() {
    for (name, signature, first) in CALLBACKS {
        let mut host = host(&trapping(name, signature), FailurePolicy::Closed);
        let traps = usize::from(name != "proxy_on_tick");
        assert_eq!(outcome(&send(&mut host)), (first, traps), "{name}");
        let again = if traps == 1 { (503, 0) } else { (200, 0) };
        assert_eq!(outcome(&send(&mut host)), again, "{name}, after it");
    }
}

#[test]
fn open_means_that_the_filter_is_passed_over() {
    for (name, signature, first) in CALLBACKS {
        let mut host = host(&trapping(name, signature), FailurePolicy::Open);
        let traps = usize::from(name != "proxy_on_tick");
        // The request in which it happens is refused all the same.
        assert_eq!(outcome(&send(&mut host)), (first, traps), "{name}");
        assert_eq!(outcome(&send(&mut host)), (200, 0), "{name}, after it");
    }
}

#[test]
fn reload_means_a_fresh_vm_after_the_back_off() {
    let mut host = host(&trapping("proxy_on_request_headers", THREE), FailurePolicy::Reload);
    assert_eq!(outcome(&send(&mut host)), (503, 1));
    // It failed less than a second ago.
    assert_eq!(outcome(&send(&mut host)), (503, 0), "no fresh VM yet");
    let now = host.now();
    host.run_until(now + Duration::from_secs(1));
    assert_eq!(outcome(&send(&mut host)), (503, 1), "a fresh VM, which traps too");
}

#[test]
fn a_request_callback_that_never_ends_ends() {
    let endless = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (loop (br 0)) (i32.const 0))"#;
    let plugin = plugin(&guest("", endless), FailurePolicy::Reload);
    let mut host = Host::new(vec![plugin], Options::default(), Servers).unwrap();
    let begin = Instant::now();
    let exchange = send(&mut host);
    // The limit is 30 ms of CPU time, looked at every 5 ms; a busy machine stretches that, but it ends.
    println!("it ended after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(outcome(&exchange), (503, 1));
    assert!(exchange.traps[0].reason.contains("CPU time"), "{:?}", exchange.traps);
    let now = host.now();
    host.run_until(now + Duration::from_secs(1));
    assert_eq!(outcome(&send(&mut host)), (503, 1), "a fresh VM served it, and ran too long again");
}

#[test]
fn recursion_without_end_is_a_trap() {
    let deep = r#"(func $deep (param i32 i32 i32) (result i32)
        (call $deep (local.get 0) (local.get 1) (local.get 2)))
        (export "proxy_on_request_headers" (func $deep))"#;
    let exchange = send(&mut host(&guest("", deep), FailurePolicy::Closed));
    assert_eq!(outcome(&exchange), (503, 1));
    assert!(exchange.traps[0].reason.contains("stack"), "{:?}", exchange.traps);
}

#[test]
fn a_trap_in_a_tick_kills_the_vm_of_its_thread() {
    let imports =
        r#"(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))"#;
    let functions = r#"
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $tick (i32.const 10))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) unreachable)"#;
    let mut host = host(&guest(imports, functions), FailurePolicy::Closed);
    assert_eq!(outcome(&send(&mut host)), (200, 0), "no tick yet");
    let now = host.now();
    host.run_until(now + Duration::from_millis(50));
    assert_eq!(host.take_traps().len(), 2, "on the worker and on the main thread, once each");
    assert_eq!(outcome(&send(&mut host)), (503, 0));
}
