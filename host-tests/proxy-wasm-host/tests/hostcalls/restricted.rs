//! When only some functions may be called, what a guest may not call at all, and what no host has.

use proxy_wasm_host::abi::Level;
use proxy_wasm_host::{Engine, LoadError, Module, StartError};

use crate::guest::{Guest, Malloc, OUT, OUT2, call};
use crate::scenario::Scenario;

#[test]
fn an_allocator_may_log() {
    let steps = vec![call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2)];
    let scenario = Scenario::new(Guest::new().malloc(Malloc::Log).on("proxy_on_request_headers", steps));
    let exchange = scenario.exchange();
    assert_eq!(exchange.traps, []);
    let logs: Vec<_> = exchange.logs.iter().map(|line| (line.prefix.as_str(), line.text.as_str())).collect();
    assert_eq!(logs, [("", ""), ("plugin root vm", "proxy_get_header_map_value: 0 1")]);
}

#[test]
fn an_allocator_may_not_do_more() {
    for (malloc, reason) in [(Malloc::Restricted, "restricted_callback"), (Malloc::Trap, "unreachable")] {
        let steps = vec![call!("0", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2)];
        let scenario = Scenario::new(Guest::new().malloc(malloc).on("proxy_on_request_headers", steps));
        let exchange = scenario.exchange();
        let reasons: Vec<_> = exchange.traps.iter().map(|trap| trap.reason.as_str()).collect();
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reasons:?}");
        assert_eq!(exchange.response.unwrap().headers.get(b":status"), Some(&b"503"[..]));
    }
}

#[test]
fn a_start_may_call_some_functions() {
    let steps = vec![
        call!("0", "clock_time_get", 0u32, 0u64, OUT),
        call!("0", "environ_sizes_get", OUT, OUT2),
        call!("0", "fd_sync", 1u32),
    ];
    Scenario::new(Guest::new().on("_initialize", steps.clone())).check_start(&["_initialize"]);
    Scenario::new(Guest::new().on("_start", steps)).check_start(&["_start"]);
}

#[test]
fn a_start_may_not_do_more() {
    let calls = [
        call!("0", "proxy_get_current_time_nanoseconds", OUT),
        call!("0", "proxy_set_tick_period_milliseconds", 1u32),
        call!("0", "fd_close", 1u32),
        call!("0", "sched_yield"),
        call!("0", "proc_exit", 0u32),
    ];
    for step in calls {
        let function = step.function;
        let scenario = Scenario::new(Guest::new().on("_initialize", vec![step]));
        let error = scenario.try_host().err().unwrap();
        assert!(
            matches!(&error, StartError::Trap { trap, .. } if trap.reason == "restricted_callback"),
            "{function}: {error}"
        );
    }
}

/// What is not among the capabilities is there, and refuses.
fn capabilities() -> Scenario {
    let steps = vec![
        call!("10", "proxy_get_header_map_value", 9u32, "x-one", OUT, OUT2),
        call!("10", "proxy_get_current_time_nanoseconds", OUT),
        call!(Text, "0 vm", "proxy_get_property", "plugin_vm_id", OUT, OUT2),
        call!("76", "fd_close", 1u32),
        call!("0", "fd_sync", 1u32),
        call!("0", "proc_exit", 1u32),
    ];
    Scenario {
        capabilities: &["proxy_log", "proxy_get_property", "fd_sync", "proxy_on_request_headers"],
        ..Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
    }
}

#[test]
fn a_guest_lacks_capabilities() {
    let scenario = capabilities();
    let logs = scenario.exchange().logs;
    let (refused, rest): (Vec<_>, Vec<_>) = logs.into_iter().partition(|line| line.level == Level::Error);
    let rest: Vec<_> = rest.into_iter().map(|line| line.text).collect();
    assert_eq!(rest, scenario.guest.expected("proxy_on_request_headers"));
    let refused: Vec<_> = refused.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        refused,
        [
            "Attempted call to restricted proxy-wasm capability: proxy_get_header_map_value",
            "Attempted call to restricted proxy-wasm capability: proxy_get_current_time_nanoseconds",
            "Attempted call to restricted WASI capability: fd_close",
            "Attempted call to restricted WASI capability: proc_exit",
        ]
    );
}

fn load(import: &str, abi: &str) -> Result<Module, LoadError> {
    let text = format!(
        r#"(module (import {import}) (memory (export "memory") 1)
            (func (export "proxy_abi_version_{abi}")) (func (export "malloc") (param i32) (result i32) unreachable))"#
    );
    Module::new(&Engine::new(false).unwrap(), &wat::parse_str(text).unwrap())
}

#[test]
fn an_import_that_no_host_has() {
    let imports = [
        (r#""env" "proxy_nothing" (func)"#, "env.proxy_nothing"),
        (r#""env" "fd_write" (func (param i32 i32 i32 i32) (result i32))"#, "env.fd_write"),
        (
            r#""wasi_snapshot_preview1" "proxy_log" (func (param i32 i32 i32) (result i32))"#,
            "wasi_snapshot_preview1.proxy_log",
        ),
        (r#""wasi_snapshot_preview1" "thread_spawn" (func)"#, "wasi_snapshot_preview1.thread_spawn"),
        (
            r#""env" "proxy_get_configuration" (func (param i32 i32) (result i32))"#,
            "env.proxy_get_configuration",
        ),
        (r#""env" "global" (global i32)"#, "env.global"),
        (r#""env" "table" (table 1 funcref)"#, "env.table"),
    ];
    for (import, name) in imports {
        let error = load(import, "0_2_1").unwrap_err();
        assert!(matches!(&error, LoadError::MissingImport(missing) if missing == name), "{error}");
    }
    let error = load(r#""env" "proxy_get_log_level" (func (param i32) (result i32))"#, "0_2_0").unwrap_err();
    assert_eq!(error.to_string(), "missing import: env.proxy_get_log_level");
}

#[test]
fn an_import_of_another_type() {
    let error = load(r#""env" "proxy_record_metric" (func (param i32 i32))"#, "0_2_0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "import type mismatch: env.proxy_record_metric, want: i32 i32 -> void, but host exports: i32 i64 -> i32"
    );
    let error = load(r#""wasi_unstable" "proc_exit" (func (result i32))"#, "0_1_0").unwrap_err();
    assert_eq!(
        error.to_string(),
        "import type mismatch: wasi_unstable.proc_exit, want: void -> i32, but host exports: i32 -> void"
    );
}

#[test]
fn what_a_compiler_imports_is_there() {
    for module in ["wasi_unstable", "wasi_snapshot_preview1"] {
        load(&format!(r#""{module}" "fd_write" (func (param i32 i32 i32 i32) (result i32))"#), "0_1_0")
            .unwrap();
    }
    load(r#""env" "pthread_equal" (func (param i32 i32) (result i32))"#, "0_2_0").unwrap();
    load(r#""env" "emscripten_notify_memory_growth" (func (param i32))"#, "0_2_1").unwrap();
}
