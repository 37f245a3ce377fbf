//! Guests that want more than their share. The host says no, and what it keeps itself stays bounded.

use std::time::Duration;

use proxy_wasm_host::{FailurePolicy, Host, Limits, Options};

use super::{Servers, guest, host, limits, plugin, send, status};

/// `:method`, `:path` and `:authority`, one byte each.
const PAIRS: &str = r"\03\00\00\00\07\00\00\00\01\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00x\00:path\00/\00:authority\00a\00";
/// Bytes of [`PAIRS`].
const PAIRS_SIZE: u32 = 4 + 6 * 4 + 7 + 5 + 10 + 3 + 6;

/// A guest that in one request makes this call so many times, the number of the round at address 1024, and then
/// logs a text as long as there were answers other than 0.
fn floods(import: &str, rounds: u32, call: &str) -> Vec<u8> {
    let log = r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
    let log = if import.contains("$log") { "" } else { log };
    guest(
        &format!("{import} {log}"),
        &format!(
            r#"(data (i32.const 2048) "{PAIRS}") (data (i32.const 4096) "c")
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (local $i i32) (local $no i32)
                (loop $again
                    (i32.store (i32.const 1024) (local.get $i))
                    (if {call} (then (local.set $no (i32.add (local.get $no) (i32.const 1)))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $i) (i32.const {rounds}))))
                (drop (call $log (i32.const 2) (i32.const 0) (local.get $no)))
                (i32.const 0))"#
        ),
    )
}

/// How many of the calls were refused in one request.
fn refused(import: &str, rounds: u32, call: &str) -> usize {
    // As long as it takes: what is looked at here is how much.
    let limits = Limits { callback: Duration::from_secs(60), ..limits() };
    let plugin = plugin(&floods(import, rounds, call), FailurePolicy::Closed);
    let mut host = Host::new(vec![plugin], Options { limits, ..Options::default() }, Servers).unwrap();
    let exchange = send(&mut host);
    assert_eq!(status(&exchange), 200, "{:?}", exchange.traps);
    exchange.logs.last().expect("a line").text.len()
}

#[test]
fn memory() {
    let grow = floods("", 100, "(i32.eq (memory.grow (i32.const 16)) (i32.const -1))");
    let mut host = host(&grow, FailurePolicy::Closed);
    let exchange = send(&mut host);
    // 64 pages are allowed, and 2 are there.
    assert_eq!(exchange.logs.last().expect("a line").text.len(), 100 - 3);
    assert!(host.memory_bytes() <= 2 * (4 << 20), "on the worker and on the main thread");
}

#[test]
fn outstanding_call_outs() {
    let import = r#"(import "env" "proxy_http_call"
        (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let call = format!(
        "(call $call (i32.const 4096) (i32.const 1) (i32.const 2048) (i32.const {PAIRS_SIZE}) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))"
    );
    // Envoy's circuit breaker lets 1,024 pass.
    assert_eq!(refused(import, 20_000, &call), 20_000 - 1024);
}

#[test]
fn shared_data() {
    let import =
        r#"(import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))"#;
    let call = "(call $set (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 65536) (i32.const 0))";
    // 64 MiB hold 1,022 values of 64 KiB with their keys and what keeping them costs.
    assert_eq!(refused(import, 1100, call), 1100 - 1022);
}

#[test]
fn queues_and_what_is_in_them() {
    let register =
        r#"(import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))"#;
    let call = "(call $register (i32.const 1024) (i32.const 4) (i32.const 512))";
    assert_eq!(refused(register, 10_100, call), 100);
    let import = format!(
        r#"{register} (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))"#
    );
    let call = "(block (result i32)
        (drop (call $register (i32.const 4096) (i32.const 1) (i32.const 512)))
        (call $enqueue (i32.load (i32.const 512)) (i32.const 0) (i32.const 65536)))";
    // 16 MiB hold 255 items of 64 KiB.
    assert_eq!(refused(&import, 300, call), 300 - 255);
}

#[test]
fn metrics() {
    let import =
        r#"(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))"#;
    let call = "(call $define (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 512))";
    assert_eq!(refused(import, 100_010, call), 10);
}

#[test]
fn headers() {
    let import =
        r#"(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))"#;
    let call = "(call $add (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 8192) (i32.const 50000))";
    let no = refused(import, 100, call);
    // 2 MiB hold 41 values of 50,000 bytes.
    assert_eq!(no, 100 - 41);
}

#[test]
fn filter_state() {
    let import = r#"(import "env" "proxy_set_property" (func $set (param i32 i32 i32 i32) (result i32)))"#;
    let call = "(call $set (i32.const 1024) (i32.const 4) (i32.const 8192) (i32.const 50000))";
    // 1 MiB holds 20 values of 50,000 bytes.
    assert_eq!(refused(import, 100, call), 100 - 20);
}

#[test]
fn log_lines() {
    let import = r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
    let call = "(call $log (i32.const 2) (i32.const 8192) (i32.const 50000))";
    let exchange = send(&mut host(&floods(import, 1000, call), FailurePolicy::Closed));
    let kept: usize = exchange.logs.iter().map(|line| line.text.len()).sum();
    assert!((1 << 19..=1 << 20).contains(&kept), "{kept} bytes kept");
    assert_eq!(
        exchange.logs.last().map(|line| line.text.as_str()),
        Some("more log lines than the host keeps")
    );
}

#[test]
fn queues_that_wake_each_other_for_ever_do_not_stop_time() {
    let imports = r#"
        (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
        (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
        (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))"#;
    let functions = r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $register (i32.const 4096) (i32.const 1) (i32.const 512)))
            (drop (call $enqueue (i32.load (i32.const 512)) (i32.const 0) (i32.const 0)))
            (i32.const 0))
        (func (export "proxy_on_queue_ready") (param i32 i32)
            (drop (call $dequeue (local.get 1) (i32.const 516) (i32.const 520)))
            (drop (call $enqueue (local.get 1) (i32.const 0) (i32.const 0))))"#;
    let mut host = host(&guest(imports, functions), FailurePolicy::Closed);
    assert_eq!(status(&send(&mut host)), 200);
    let now = host.now();
    host.run_until(now + Duration::from_millis(100));
    assert_eq!(status(&send(&mut host)), 200);
}

#[test]
fn call_outs_made_again_on_every_failure_do_not_stop_time() {
    let imports = r#"(import "env" "proxy_http_call"
        (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let functions = format!(
        r#"(data (i32.const 2048) "{PAIRS}") (data (i32.const 4096) "c")
        (func $again (drop (call $call (i32.const 4096) (i32.const 1) (i32.const 2048) (i32.const {PAIRS_SIZE})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 512))))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $again) (i32.const 1))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (call $again))"#
    );
    // The request is held for ever, and given up.
    let exchange = send(&mut host(&guest(imports, &functions), FailurePolicy::Closed));
    assert_eq!((status(&exchange), exchange.details.as_deref()), (504, Some("stream_idle_timeout")));
}
