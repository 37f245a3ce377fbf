//! Traps: what becomes of the stream and of those after it, and what a run makes of them.

use replay::report::{Report, Run};

use crate::lab::{Lab, TRACER};

/// A module that traps in this callback.
fn trapping(callback: &str) -> String {
    let mark = format!("(;trap {callback};)");
    assert!(TRACER.contains(&mark), "{mark}");
    TRACER.replace(&mark, "unreachable")
}

async fn run(callback: &str, policy: &str, cases: &str) -> Report {
    // Nobody waits for the new VM by chance.
    let policy = match policy {
        "FAIL_RELOAD" => format!("failure_policy: {policy}\n{RELOAD}{{ base_interval: 60s }} }}"),
        // Shorter than any pause between two requests. 1 ms would end Envoy 1.40 with a division by zero.
        "FAIL_RELOAD at once" => {
            format!("failure_policy: FAIL_RELOAD\n{RELOAD}{{ base_interval: 0.002s }} }}")
        }
        _ => format!("failure_policy: {policy}"),
    };
    let changes = [("failure_policy: FAIL_CLOSED", policy.as_str())];
    Lab { module: &trapping(callback), changes: &changes, file: "" }.run(cases).await.unwrap()
}

const RELOAD: &str = "                reload_config: { backoff: ";

fn passed(report: &Report) {
    assert!(report.passed(), "{}", report.table());
}

/// A request with a body.
const POST: &str = "method: POST, http: 2, body: abc";
/// Envoy's own answer, without a text.
const FAILED: &str = "status: 503, verdict: pass, headers: { content-type: null, server: null }, body: ''";

/// Nothing is called any more in a VM that trapped: not even the end of the stream.
#[tokio::test]
async fn the_stream_that_traps_fails_whatever_the_policy() {
    const CREATE: &str = "'info guest: on_context_create 1', 'info guest: on_request_headers 0'";
    const BODY: &str = "'info guest: on_request_body 3 1'";
    const HEAD: &str = "'info guest: on_response_headers 0'";
    let whole = "status: 200, body: \"ok\\n\", upstream: true";
    // The head is on its way already; the connection or stream is cut.
    let cut = "status: 200, verdict: error, body: '', upstream: true";
    for policy in ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"] {
        for (callback, outcome, logs) in [
            ("on_request_headers", format!("{FAILED}, upstream: false"), CREATE.to_owned()),
            ("on_request_body", FAILED.to_owned(), format!("{CREATE}, {BODY}")),
            ("on_response_headers", format!("{FAILED}, upstream: true"), format!("{CREATE}, {BODY}, {HEAD}")),
            (
                "on_response_body",
                cut.to_owned(),
                format!("{CREATE}, {BODY}, {HEAD}, 'info guest: on_response_body 3 1'"),
            ),
            (
                "on_log",
                whole.to_owned(),
                format!("{CREATE}, {BODY}, {HEAD}, 'info guest: on_response_body 3 1', 'info guest: on_log'"),
            ),
        ] {
            let after = match policy {
                "FAIL_OPEN" => "status: 200, logs: []".to_owned(),
                _ => format!("{FAILED}, logs: [], upstream: false"),
            };
            let cases = format!(
                "- id: {callback}\n  steps:\n  - {{ {POST}, expect: {{ {outcome}, logs: [{logs}], traps: 1 }} }}\n  \
                 - {{ {POST}, expect: {{ {after} }} }}\n"
            );
            passed(&run(callback, policy, &cases).await);
        }
    }
}

#[tokio::test]
async fn a_trap_at_the_end_of_a_stream_is_noticed() {
    for callback in ["on_done", "on_delete"] {
        let cases =
            "- id: a\n  steps:\n  - { expect: { status: 200, traps: 1 } }\n  - { expect: { status: 503 } }\n";
        passed(&run(callback, "FAIL_CLOSED", cases).await);
    }
}

/// It starts when a request needs it, not before.
#[tokio::test]
async fn a_fresh_vm_serves_the_next_request_after_the_back_off() {
    let stream = "'info guest: on_context_create 1', 'info guest: on_request_headers 1'";
    let start =
        "'info: _initialize', 'info: on_context_create 0', 'info: on_vm_start 0', 'info: on_configure 0'";
    let cases = format!(
        "- id: a\n  steps:\n  - {{ expect: {{ {FAILED}, logs: [{stream}], traps: 1 }} }}\n  \
         - {{ expect: {{ {FAILED}, logs: [{start}, {stream}], traps: 1 }} }}\n"
    );
    passed(&run("on_request_headers", "FAIL_RELOAD at once", &cases).await);
}

#[tokio::test]
async fn an_unexpected_trap_fails_its_step_and_the_gateway() {
    let cases = "- id: a\n  steps:\n  - { expect: { status: 503 } }\n  - { expect: { status: 503 } }\n";
    let report = run("on_request_headers", "FAIL_CLOSED", cases).await;
    let table = report.table();
    assert!(table.contains("steps[0] traps: expected 0, got 1") && !table.contains("steps[1] "), "{table}");
    let [failure] = report.failures.as_slice() else { panic!("{table}") };
    let says = "Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable\n\
                Proxy-Wasm plugin in-VM backtrace:\n";
    assert!(failure.contains(says) && failure.contains("the end of envoy's log"), "{failure}");

    // Known to fail, or expected elsewhere: a trap nobody expected stays one.
    let cases = "- id: a\n  xfail: it traps\n  steps:\n  - { expect: { status: 503 } }\n\
                 - id: b\n  steps:\n  - { expect: { traps: 1 } }\n";
    let report = run("on_request_headers", "FAIL_CLOSED", cases).await;
    let passed: Vec<bool> = report.runs.iter().map(Run::passed).collect();
    assert!(passed == [true, false] && report.failures.len() == 1, "{}", report.table());
    assert!(report.table().contains("traps: expected 1, got 0"), "{}", report.table());
}
