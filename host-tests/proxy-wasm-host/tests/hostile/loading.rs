//! What is refused before it runs.

use proxy_wasm_host::{Engine, FailurePolicy, Host, Limits, LoadError, Module, Options, Plugin, StartError};

use super::{COMMON, Servers, guest, host, limits, send, status};

fn load(bytes: &[u8]) -> Result<Module, LoadError> {
    Module::new(&Engine::new(false).unwrap(), bytes)
}

fn error(text: &str) -> String {
    load(&wat::parse_str(text).unwrap()).expect_err(text).to_string()
}

fn start(bytes: &[u8], limits: Limits) -> StartError {
    let plugin = Plugin::new("hostile", load(bytes).unwrap(), "{}");
    match Host::new(vec![plugin], Options { limits, ..Options::default() }, Servers) {
        Ok(_) => panic!("it started"),
        Err(refused) => refused.error,
    }
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const MALLOC: &str = r#"(func (export "malloc") (param i32) (result i32) (i32.const 8))"#;
const MARKER: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;

#[test]
fn no_module_at_all() {
    for bytes in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\xff", b"MZ this is no module", &[0xff; 100]] {
        assert!(load(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn every_truncation_of_a_good_module_is_refused_or_whole() {
    let bytes = guest("", "");
    let whole = (0..=bytes.len()).filter(|end| load(&bytes[..*end]).is_ok()).collect::<Vec<_>>();
    // What follows the code is the names of functions, which nobody needs.
    assert_eq!(whole.len(), 2, "{whole:?}");
    assert_eq!(whole.last(), Some(&bytes.len()));
    let mut host = host(&bytes[..whole[0]], FailurePolicy::Closed);
    assert_eq!(status(&send(&mut host)), 200);
}

#[test]
fn the_abi_marker_decides() {
    let with = |markers: &str| format!("(module {MEMORY} {MALLOC} {markers})");
    assert_eq!(error(&with("")), "missing or unknown Proxy-Wasm ABI version");
    assert_eq!(
        error(&with(r#"(func (export "proxy_abi_version_0_3_0"))"#)),
        "missing or unknown Proxy-Wasm ABI version"
    );
    let global = r#"(global (export "proxy_abi_version_0_2_1") i32 (i32.const 0))"#;
    assert_eq!(error(&with(global)), "missing or unknown Proxy-Wasm ABI version");
    // Of two, the first counts, as in Envoy: this one may not ask for what only the second has.
    let both = r#"(func (export "proxy_abi_version_0_1_0")) (func (export "proxy_abi_version_0_2_1"))"#;
    let import = r#"(import "env" "proxy_get_log_level" (func (param i32) (result i32)))"#;
    let text = format!("(module {import} {MEMORY} {MALLOC} {both})");
    assert_eq!(error(&text), "missing import: env.proxy_get_log_level");
}

#[test]
fn what_the_host_needs_is_asked_for_by_name() {
    assert_eq!(
        error(&format!("(module {MEMORY} {MARKER})")),
        "missing malloc function (malloc or proxy_on_memory_allocate)"
    );
    assert_eq!(error(&format!("(module {MALLOC} {MARKER})")), "missing memory export");
    let import = |import: &str| error(&format!("(module {import} {MEMORY} {MALLOC} {MARKER})"));
    assert_eq!(import(r#"(import "env" "proxy_nonsense" (func))"#), "missing import: env.proxy_nonsense");
    assert_eq!(
        import(r#"(import "wasi_snapshot_preview1" "fd_pread64" (func))"#),
        "missing import: wasi_snapshot_preview1.fd_pread64"
    );
    assert_eq!(import(r#"(import "env" "errno" (global i32))"#), "missing import: env.errno");
}

#[test]
fn signatures_must_be_those_of_the_abi() {
    assert_eq!(
        error(&format!(
            r#"(module (import "env" "proxy_log" (func (param i32) (result i32))) {MEMORY} {MALLOC} {MARKER})"#
        )),
        "import type mismatch: env.proxy_log, want: i32 -> i32, but host exports: i32 i32 i32 -> i32"
    );
    let export = |function: &str| error(&format!("(module {MEMORY} {MALLOC} {MARKER} {function})"));
    assert_eq!(
        export(r#"(func (export "proxy_on_request_headers") (param i32) (result i32) (i32.const 0))"#),
        "bad function signature for: proxy_on_request_headers, want: i32 i32 i32 -> i32, but the module exports: \
         i32 -> i32"
    );
    assert_eq!(
        export(r#"(func (export "proxy_on_tick") (param i64))"#),
        "bad function signature for: proxy_on_tick, want: i32 -> void, but the module exports: i64 -> void"
    );
    let malloc = r#"(func (export "malloc") (result i32) (i32.const 8))"#;
    assert_eq!(
        error(&format!("(module {MEMORY} {malloc} {MARKER})")),
        "bad function signature for: malloc, want: i32 -> i32, but the module exports: void -> i32"
    );
}

#[test]
fn more_memory_or_tables_than_allowed_from_the_start() {
    let bytes =
        wat::parse_str(format!(r#"(module (memory (export "memory") 1000) {MALLOC} {MARKER})"#)).unwrap();
    let StartError::Load { source: LoadError::Instance(why), .. } = start(&bytes, limits()) else {
        panic!("another error");
    };
    assert!(why.contains("memory"), "{why}");
    let bytes =
        wat::parse_str(format!("(module {MEMORY} (table 100000000 funcref) {MALLOC} {MARKER})")).unwrap();
    assert!(matches!(start(&bytes, limits()), StartError::Load { source: LoadError::Instance(_), .. }));
}

#[test]
fn a_module_that_traps_or_never_ends_at_its_start() {
    for (function, name, says) in [
        (r#"(func (export "_initialize") unreachable)"#, "_initialize", "unreachable"),
        (r#"(func (export "_start") (loop (br 0)))"#, "_start", "CPU time"),
        (
            r#"(func (export "proxy_on_context_create") (param i32 i32) unreachable)"#,
            "proxy_on_context_create",
            "unreachable",
        ),
        (
            r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (loop (br 0)) (i32.const 1))"#,
            "proxy_on_vm_start",
            "CPU time",
        ),
        (
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (loop (br 0)) (i32.const 1))"#,
            "proxy_on_configure",
            "CPU time",
        ),
    ] {
        let StartError::Trap { trap, plugin } = start(&guest("", function), limits()) else {
            panic!("{name}")
        };
        assert_eq!((plugin.as_str(), trap.function.as_str()), ("hostile", name));
        assert!(trap.reason.contains(says), "{name}: {}", trap.reason);
    }
    let start_function = "(func $start (loop (br 0))) (start $start)";
    assert!(matches!(start(&guest("", start_function), limits()), StartError::Load { .. }));
}

#[test]
fn a_module_that_refuses() {
    let refuses = |name: &str| {
        let function = format!(r#"(func (export "{name}") (param i32 i32) (result i32) (i32.const 0))"#);
        start(&guest("", &function), limits()).to_string()
    };
    assert_eq!(refuses("proxy_on_vm_start"), "hostile: the module refuses to start");
    assert_eq!(refuses("proxy_on_configure"), "hostile: the module refuses its configuration");
}

#[test]
fn a_module_without_callbacks_lets_everything_pass() {
    let mut host = host(&wat::parse_str(format!("(module {COMMON})")).unwrap(), FailurePolicy::Closed);
    let exchange = send(&mut host);
    assert_eq!((status(&exchange), exchange.upstream.is_some_and(|seen| seen.complete)), (200, true));
}
