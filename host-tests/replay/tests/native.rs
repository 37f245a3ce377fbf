//! What the native model says where Envoy would keep a client waiting or let the upstream see half a request, and of
//! call-outs.

#![allow(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

use std::path::Path;

use replay::{Kind, Settings, report::Report, run};

const PROBE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/probe.yaml");
const CALLER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suite/envoy/callouts/http.yaml");

async fn native(change: (&str, &str), case: &str) -> anyhow::Result<Report> {
    changed(PROBE, change, case).await
}

async fn changed(bootstrap: &str, change: (&str, &str), case: &str) -> anyhow::Result<Report> {
    let bootstrap = std::fs::read_to_string(bootstrap)?;
    assert!(bootstrap.contains(change.0), "{}", change.0);
    let dir = tempfile::tempdir()?;
    let config = dir.path().join("envoy.yaml");
    std::fs::write(&config, bootstrap.replace(change.0, change.1))?;
    let file = dir.path().join("cases.yaml");
    let case = format!("config: {}\ncases:\n- id: a\n  steps:\n  - {case}\n", config.display());
    std::fs::write(&file, case)?;
    run(&file, &[Kind::Native], &Settings::discover(Path::new(PROBE))?).await
}

#[tokio::test]
async fn a_filter_that_holds_without_envoys_flag_refuses_in_the_end() {
    let report = native(
        ("allow_on_headers_stop_iteration: true", "allow_on_headers_stop_iteration: false"),
        "{ method: POST, body: good, expect: { verdict: deny, reason: policy.hold, upstream: false } }",
    );
    let report = report.await.unwrap();
    assert!(report.passed(), "{}", report.table());
}

#[tokio::test]
async fn without_holding_the_upstream_sees_a_request_that_is_cut_off() {
    let report = native(
        (r#""hold_headers": true"#, r#""hold_headers": false"#),
        "{ method: POST, body: this is evil, expect: { verdict: deny, status: 413, upstream: { body: x } } }",
    );
    let table = report.await.unwrap().table();
    assert!(table.contains(r#"upstream.body: expected "x", got """#), "{table}");
    assert!(table.contains("a request that was cut off"), "{table}");
}

#[tokio::test]
async fn what_cannot_be_set_up_is_an_error() {
    for (from, to, says) in [
        (r#""limit": 24"#, r#""limit": 0"#, "counts: configuration refused:"),
        ("PROBE_SECRET: abc", "OTHER: abc", "holds: configuration refused:"),
        (
            "filters/probe.wasm",
            "filters/unknown.wasm",
            "no plugin is called \"unknown\"; there are request-policy, jwt-auth, schema-guard, rate-limit, login-guard, idempotency, probe, caller",
        ),
    ] {
        let error = format!("{:#}", native((from, to), "{ expect: {} }").await.unwrap_err());
        assert!(error.contains(says), "{says:?} is not in: {error}");
    }
}

#[tokio::test]
async fn call_outs_are_judged() {
    let change = ("port_value: 10000", "port_value: 10000");
    let asked = r#"[{ cluster: service, method: GET, path: /ask, body: "" }]"#;
    for (answer, callouts, says) in [
        ("body: granted", asked, ""),
        ("fault: timeout", asked, ""),
        ("fault: refused", "[]", ""),
        ("body: granted", "[]", "callouts: expected 0 call-outs, got service: GET /ask"),
        ("fault: refused", asked, "callouts: expected 1 call-outs, got none"),
    ] {
        let case = format!(
            "{{ callouts: [{{ cluster: service, path: /ask, {answer} }}], expect: {{ callouts: {callouts} }} }}"
        );
        let report = changed(CALLER, change, &case).await.unwrap();
        assert_eq!(report.passed(), says.is_empty(), "{}", report.table());
        assert!(report.table().contains(says), "{says:?} is not in: {}", report.table());
    }
}

#[tokio::test]
async fn time_moves_by_what_a_call_out_takes() {
    // What was learnt after four seconds serves the request of a second later, and not the one after that.
    let shared = r#""share": "worker", "keep": "1100ms", "http": {"#;
    let step = |callouts: &str, answer: &str, delay: u32| {
        format!(
            "{{ callouts: [{{ cluster: service, path: /ask, body: {answer}, delay_ms: {delay} }}], expect: {{ \
             headers: {{ x-caller: {answer} }}, callouts: {callouts} }} }}"
        )
    };
    let (first, second) = (step("[{ path: /ask }]", "one", 4000), step("[]", "one", 0));
    let third = step("[{ path: /ask }]", "three", 0);
    let steps = format!("{first}\n  - {second}\n  - {third}");
    let report = changed(CALLER, (r#""http": {"#, shared), &steps).await.unwrap();
    assert!(report.passed(), "{}", report.table());
}

/// What `every` asks for and the gateway would drop unseen is no silent success.
#[tokio::test]
async fn trailers_that_the_gateway_drops_are_an_error() {
    let step = "{ method: POST, body: good, expect: { verdict: pass } }\nevery: { trailers: [true] }";
    let report = native(("enable_trailers: true", "enable_trailers: true"), step).await.unwrap();
    assert!(report.passed() && report.runs.len() == 1, "{}", report.table());
    let change = ("http_protocol_options: { enable_trailers: true }\n          access_log", "access_log");
    let error = format!("{:#}", native(change, step).await.unwrap_err());
    assert!(error.contains("a: every.trailers: over HTTP/1 the gateway drops them"), "{error}");
}
