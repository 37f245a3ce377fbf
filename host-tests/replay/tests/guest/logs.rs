//! Log lines of filters, read back out of Envoy's own log.

use std::path::Path;
use std::time::Duration;

use replay::Settings;
use replay::envoy::{Envoy, Options};
use replay::envoy_config::{Bootstrap, Rewrite};

use crate::lab::{BOOTSTRAP, Lab, TRACER, assemble, steps};

const DEADLINE: Duration = Duration::from_secs(5);

/// Logs a text at a level.
fn saying(texts: &[(u32, &str)]) -> String {
    let say = |(level, text): &(u32, &str)| {
        let text = text.replace('\n', "\\n");
        format!("(call $text @\"{text}\") (call $say_at (i32.const {level}))\n")
    };
    let lines: String = texts.iter().map(say).collect();
    format!(
        r#"(module
          @include
          (func (export "proxy_on_context_create") (param i32 i32))
          (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
          (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
          (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {lines} (i32.const 0)))"#
    )
}

#[tokio::test]
async fn every_level_and_every_text_survives() {
    let texts = [
        (0, "trace"),
        (1, "debug"),
        (2, "info"),
        (3, "warn"),
        (4, "error"),
        (5, "critical"),
        (2, ""),
        (2, "a: b"),
        (2, " spaces "),
        (2, "two\nlines"),
        (2, "\n\nlines\n \n\n"),
        (2, "[2026-11-22 01:05:35.599][1][info][wasm] [x.cc:1] wasm log other: not me"),
        (2, "x\n[2026-11-22 01:05:35.599][1][info][wasm] [x.cc:1] wasm log other: nor me"),
        (2, "'quotes' and \\\\ back\\\\n slashes, \u{e9}\u{1f980}\t\r"),
        (2, "Function: proxy_on_log failed"),
    ];
    let levels = ["trace", "debug", "info", "warning", "error", "critical"];
    let expected: Vec<String> = texts
        .iter()
        .map(|(level, text)| {
            let level = levels[usize::try_from(*level).unwrap()];
            format!("{level} guest: {}", text.replace("\\\\", "\\"))
        })
        .collect();
    let module = saying(&texts);
    let lab = Lab { module: &module, changes: &[], file: "" };
    let logs = serde_json::to_string(&expected).unwrap();
    let cases =
        steps([("{}", format!("{{ logs: {logs} }}")), ("{ http: 2 }", format!("{{ logs: {logs} }}"))]);
    lab.passes(&cases).await;
}

#[tokio::test]
async fn the_prefix_names_instance_root_and_vm_as_far_as_they_have_names() {
    let tick = TRACER.replace("(i32.const 0 (;tick;))", "(i32.const 1)");
    for (root, vm, of_stream, of_root) in [
        ("", "", "guest", ""),
        ("r", "", "guest r", "r"),
        ("", "v", "guest v", "v"),
        ("r", "v", "guest r v", "r v"),
    ] {
        let (root_id, vm_id) = (format!("root_id: \"{root}\""), format!("vm_id: \"{vm}\""));
        let changes = [("root_id: \"\"", root_id.as_str()), ("vm_id: \"\"", vm_id.as_str())];
        let lines = started(&tick, &changes, 1, true).await;
        let prefixes = |callback: &str| -> Vec<&str> {
            let of = lines.iter().filter(|(_, text)| text.starts_with(callback));
            of.map(|(prefix, _)| prefix.as_str()).collect()
        };
        assert_eq!(prefixes("on_request_headers"), [of_stream]);
        assert_eq!(prefixes("on_configure"), [of_root; 3]);
        assert!(prefixes("on_tick").iter().all(|prefix| *prefix == of_root));
        // Before there is a root context, and with no word about which VM.
        assert_eq!(prefixes("_initialize"), [""; 4]);
    }
}

/// The base VM only initialises; then a canary that is thrown away, the main thread, and a VM per worker.
#[tokio::test]
async fn every_vm_logs_its_start() {
    const START: [&str; 4] = ["_initialize", "on_context_create 0", "on_vm_start 0", "on_configure 0"];
    let texts = |lines: Vec<(String, String)>| lines.into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    let lines = texts(started(TRACER, &[], 1, false).await);
    let vm = || START.map(str::to_owned).into_iter();
    let expected: Vec<String> =
        [START[0].to_owned()].into_iter().chain(vm()).chain(vm()).chain(vm()).collect();
    assert_eq!(lines, expected);

    // Workers start at the same time: their lines are in order among themselves only.
    let mut lines = texts(started(TRACER, &[], 2, false).await);
    assert_eq!(lines.drain(..9).collect::<Vec<_>>(), expected[..9]);
    let mut workers: Vec<String> = vm().chain(vm()).collect();
    workers.sort();
    lines.sort();
    assert_eq!(lines, workers);
}

/// Prefix and text of every line since the start, perhaps with a request.
async fn started(
    module: &str,
    changes: &[(&str, &str)],
    workers: u32,
    request: bool,
) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("guests")).unwrap();
    std::fs::write(dir.path().join("guests/guest.wasm"), assemble(module)).unwrap();
    let mut text = BOOTSTRAP.to_owned();
    for (from, to) in changes {
        text = text.replace(from, to);
    }
    let rewrite = Rewrite { upstream: ([127, 0, 0, 1], 9).into(), dist: dir.path(), access_log: None };
    let config = Bootstrap::parse(&text).unwrap().rewritten(&rewrite).unwrap();
    let launch = Settings::discover(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().launch();
    let options = Options { workers, traced: true };
    let envoy = Envoy::start_with(&config, &launch, &options).await.unwrap();
    let gateway = envoy.listener("ingress").await.unwrap();
    if request {
        let request = replay::request::Request::new("GET", "/");
        replay::client::send(gateway, &request).await.unwrap().response.unwrap();
    }
    envoy.fence(gateway, b"", DEADLINE).await.unwrap();
    envoy.caught_up(DEADLINE).await.unwrap();
    let lines = envoy.filter_log();
    envoy.stop().await.unwrap();
    lines.into_iter().map(|line| (line.prefix, line.text)).collect()
}

#[tokio::test]
async fn several_workers_serve() {
    let lab = Lab { module: TRACER, changes: &[], file: "workers: 2" };
    let logs = "{ logs: ['info guest: on_context_create 1', 'info guest: on_request_headers 1', 'info guest: on_response_headers 0', 'info guest: on_response_body 3 1', 'info guest: on_log', 'info guest: on_done', 'info guest: on_delete'] }";
    lab.passes(&steps((0..12).map(|_| ("{ http: 2 }", logs.to_owned())))).await;
}
