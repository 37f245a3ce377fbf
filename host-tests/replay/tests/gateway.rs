//! The executors end to end, against a real Envoy (`$ENVOY`, or the one of `make tools`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use replay::envoy::{Envoy, Options, validate};
use replay::envoy_config::{Bootstrap, Rewrite};
use replay::{Kind, Settings, report, run, run_file};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn config(name: &str) -> (String, Settings) {
    let settings = Settings::discover(&fixture(name)).unwrap();
    let rewrite = Rewrite { upstream: ([127, 0, 0, 1], 9).into(), dist: &settings.dist, access_log: None };
    (Bootstrap::read(&fixture(name)).unwrap().rewritten(&rewrite).unwrap(), settings)
}

#[test]
fn all_executors_agree_without_a_filter_of_ours() {
    let report = run_file(&fixture("plain-cases.yaml"), &[]).unwrap();
    assert!(report.passed(), "{}", report.table());
    assert!(report.runs.iter().any(|run| run.executor == Kind::Native && run.xfail.is_some()));
}

#[test]
fn all_executors_agree_on_a_chain_that_holds_and_refuses() {
    let report = run_file(&fixture("probe-cases.yaml"), &[]).unwrap();
    assert!(report.passed(), "{}", report.table());
}

#[test]
fn a_difference_is_reported_in_full() {
    let report = run_file(&fixture("failing-cases.yaml"), &[]).unwrap();
    let table = report.table();
    let all = 2 * Kind::ALL.len();
    assert_eq!(report.failed(), all, "{table}");
    for line in [
        "status: expected 500, got 200",
        "upstream.path: expected \"/b\", got \"/a\"",
        "passes, but is marked as known to fail: it does not fail",
    ] {
        assert!(table.contains(line), "{line:?} is not in\n{table}");
    }
    assert_eq!(report::summary(std::slice::from_ref(&report)), format!("0 passed, {all} failed"));
    let xml = report::junit(&[report]).unwrap();
    assert!(xml.contains(&format!("failures=\"{all}\"")) && xml.contains("expected 500, got 200"), "{xml}");
}

/// A module that accepts every configuration and traps on the first request.
const TRAP: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;

#[tokio::test]
async fn a_trap_fails_the_run_whatever_the_cases_say() {
    let dist = tempfile::tempdir().unwrap();
    std::fs::write(dist.path().join("probe.wasm"), wat::parse_str(TRAP).unwrap()).unwrap();
    let file = fixture("trap-cases.yaml");
    let mut settings = Settings::discover(&file).unwrap();
    settings.dist = dist.path().to_owned();
    let report = run(&file, &[], &settings).await.unwrap();
    let [failure] = report.failures.as_slice() else { panic!("{}", report.table()) };
    assert!(
        failure.contains("proxy_on_request_headers") && failure.contains("the end of envoy's log"),
        "{failure}"
    );
    assert!(report.table().contains("steps[0] traps: expected 0, got 1"), "{}", report.table());
}

#[tokio::test]
async fn a_fence_passes_through_every_worker() {
    let (config, settings) = config("plain.yaml");
    let options = Options { workers: 3, traced: true };
    let envoy = Envoy::start_with(&config, &settings.launch(), &options).await.unwrap();
    let gateway = envoy.listener("ingress").await.unwrap();
    for round in 1..=2 {
        envoy.fence(gateway, b"", std::time::Duration::from_secs(10)).await.unwrap();
        let taken = envoy.stats(r"^listener\..*\.worker_\d\.downstream_cx_total$").await.unwrap();
        assert!(taken.len() == 3 && taken.iter().all(|(_, count)| *count >= round), "{taken:?}");
    }
    envoy.stop().await.unwrap();
}

#[tokio::test]
async fn how_a_dead_envoy_ended_is_told() {
    let (config, settings) = config("plain.yaml");
    let mut envoy = Envoy::start(&config, &settings.launch()).await.unwrap();
    let id = i32::try_from(envoy.id().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGKILL).unwrap();
    let told = envoy.obituary().await.unwrap();
    assert!(
        told.starts_with("envoy ended (signal: 9 (SIGKILL))\n") && told.contains("admin address"),
        "{told}"
    );
}

#[tokio::test]
async fn a_refused_configuration_is_an_error_with_the_log() {
    let (config, settings) = config("probe.yaml");
    let bad = config.replace("\\\"version\\\": 1", "\\\"version\\\": 9");
    assert_ne!(config, bad);
    let error = Envoy::start(&bad, &settings.launch()).await.unwrap_err().to_string();
    assert!(error.contains("envoy ended at its start") && error.contains("holds"), "{error}");
    let answer = validate(&bad, &settings.launch()).await.unwrap();
    assert!(!answer.exit.success() && answer.log.contains("version"), "{}", answer.log);
    let answer = validate(&config, &settings.launch()).await.unwrap();
    assert!(answer.exit.success(), "{}", answer.log);
}

#[tokio::test]
async fn a_dropped_envoy_is_gone() {
    let (config, settings) = config("plain.yaml");
    let envoy = Envoy::start(&config, &settings.launch()).await.unwrap();
    let address = envoy.listener("ingress").await.unwrap();
    assert!(envoy.admin("/server_info").await.unwrap().contains("LIVE"));
    let stats = envoy.stats("^server.live$").await.unwrap();
    assert_eq!(stats, [("server.live".to_owned(), 1)]);
    drop(envoy);
    let gone = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), gone).await.unwrap();
}

fn portcullis(arguments: &[&str], envoy: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("test").args(arguments).current_dir(fixture(""));
    command.envs(envoy.map(|path| ("ENVOY", path)));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn the_binary_answers_by_its_exit_code() {
    let (code, text) = portcullis(&["plain-cases.yaml", "--executor", "native"], None);
    assert!(code == Some(0) && text.ends_with("passed, 0 failed\n"), "{code:?} {text}");

    let dir = tempfile::tempdir().unwrap();
    let junit = dir.path().join("junit.xml");
    let arguments = ["failing-cases.yaml", "--executor", "native", "--junit", junit.to_str().unwrap()];
    let (code, text) = portcullis(&arguments, None);
    assert!(code == Some(1) && text.ends_with("0 passed, 2 failed\n"), "{code:?} {text}");
    assert!(std::fs::read_to_string(junit).unwrap().contains("<testsuite name=\"failing-cases.yaml\""));

    let (code, text) = portcullis(&["plain.yaml"], None);
    assert!(code == Some(2) && text.contains("plain.yaml"), "{code:?} {text}");
    let (code, text) = portcullis(&["plain-cases.yaml", "--executor", "envoy"], Some("/nowhere/envoy"));
    assert!(code == Some(2) && text.contains("make tools"), "{code:?} {text}");
}
