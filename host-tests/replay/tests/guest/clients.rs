//! What a filter sees of the client, and that it is the same in every run.

use crate::lab::{CALLER, Lab};

/// Logs the request id and the client's address at level trace.
fn lab() -> Lab<'static> {
    Lab { module: CALLER, changes: &[], file: "callouts: [ { cluster: keys, path: /check?a } ]" }
}

fn steps(steps: &[(&str, &str)]) -> String {
    let step = |(members, says): &(&str, &str)| {
        let (h1, h2) = (format!("{members}, http: 1"), format!("{members}, http: 2"));
        let expect = format!("expect: {{ status: 200, callouts: [ {{ body: '{says}' }} ] }}");
        format!("  - {{ {h1}, {expect} }}\n  - {{ {h2}, {expect} }}\n")
    };
    format!("- id: a\n  steps:\n{}", steps.iter().map(step).collect::<String>())
}

#[tokio::test]
async fn what_is_made_up_is_the_same_every_time() {
    let cases = steps(&[
        ("headers: [[x-calls, a]]", "00000000-0000-4000-8000-000000000000 127.0.0.1:50000"),
        ("headers: [[x-calls, a], [x-request-id, mine]]", "mine 127.0.0.1:50000"),
    ]);
    let report = lab().passes(&cases).await;
    let first = &report.runs[0].steps[0].observation;
    let logs = first.logs.as_ref().unwrap();
    assert_eq!(logs[0].to_string(), "trace guest: 00000000-0000-4000-8000-000000000000 127.0.0.1:50000");
    let upstream = &first.upstream[0].headers;
    let id = ("x-request-id".to_owned(), b"00000000-0000-4000-8000-000000000000".to_vec());
    assert!(upstream.contains(&id), "{upstream:?}");
}

#[tokio::test]
async fn a_client_has_the_address_the_step_says() {
    let cases = steps(&[
        ("headers: [[x-calls, a], [x-request-id, mine]], src: '203.0.113.9:4711'", "mine 203.0.113.9:4711"),
        (
            "headers: [[x-calls, a], [x-request-id, mine]], src: '[2001:db8::9]:4711'",
            "mine [2001:db8::9]:4711",
        ),
        ("headers: [[x-calls, a], [x-request-id, mine]]", "mine 127.0.0.1:50000"),
        (
            "method: POST, body: '0123456789', headers: [[x-calls, a]], src: '203.0.113.9:4711'",
            "00000000-0000-4000-8000-000000000000 203.0.113.9:4711",
        ),
    ]);
    lab().passes(&cases).await;
    let raw = r#"
- id: raw
  steps:
  - { src: "203.0.113.9:4711", raw: "GET / HTTP/1.1\r\nhost: a\r\nx-calls: a\r\nx-request-id: b\r\n\r\n", expect: { callouts: [ { body: "b 203.0.113.9:4711" } ] } }
"#;
    lab().passes(raw).await;
}
