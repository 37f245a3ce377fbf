//! What a filter sees of each thing that can go wrong with a call-out.

use crate::lab::{CALLER, Lab};

/// What the filter logs of the answer: numbers of headers, bytes of body and trailers; headers; body.
async fn answer(script: &str) -> Vec<String> {
    let lab = Lab { module: CALLER, changes: &[], file: "" };
    let step = format!(
        "{{ headers: [[x-calls, a]], callouts: {script}, expect: {{ status: 200, upstream: true }} }}"
    );
    let report = lab.passes(&format!("- id: a\n  steps:\n  - {step}\n")).await;
    let logs = report.runs[0].steps[0].observation.logs.clone().unwrap();
    let [call, answer @ ..] = logs.as_slice() else { panic!("{}", report.table()) };
    // The call is a stream's, its answer comes to the root context.
    assert_eq!((call.level.as_str(), call.prefix.as_str()), ("trace", "guest"));
    assert!(answer.iter().all(|line| line.prefix.is_empty()), "{answer:?}");
    answer.iter().map(|line| line.text.clone()).collect()
}

async fn fault(name: &str) -> Vec<String> {
    answer(&format!("[{{ cluster: keys, path: /check?a, fault: {name}, body: part }}]")).await
}

#[tokio::test]
async fn refused() {
    let body =
        "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
    let headers = ":status: 503; content-length: 98; content-type: text/plain; ";
    let expected = ["answer: 3 98 0".to_owned(), format!("map 0: {headers}"), format!("body 0: {body}")];
    assert_eq!(fault("refused").await, expected);
    assert_eq!(answer("[]").await, expected, "what is not scripted is refused");
}

#[tokio::test]
async fn timeout() {
    let headers = ":status: 504; content-length: 24; content-type: text/plain; ";
    assert_eq!(
        fault("timeout").await,
        ["answer: 3 24 0", &format!("map 0: {headers}"), "body 0: upstream request timeout"]
    );
}

#[tokio::test]
async fn reset() {
    let body =
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination";
    let headers = ":status: 503; content-length: 95; content-type: text/plain; ";
    assert_eq!(
        fault("reset").await,
        ["answer: 3 95 0", &format!("map 0: {headers}"), &format!("body 0: {body}")]
    );
}

#[tokio::test]
async fn garbage() {
    let body = "upstream connect error or disconnect/reset before headers. reset reason: protocol error";
    let headers = ":status: 502; content-length: 87; content-type: text/plain; ";
    assert_eq!(
        fault("garbage").await,
        ["answer: 3 87 0", &format!("map 0: {headers}"), &format!("body 0: {body}")]
    );
}

/// At once; nothing of the part that came is shown.
#[tokio::test]
async fn truncated() {
    assert_eq!(fault("truncated").await, ["answer: 0 0 0", "map 0: ", "body 1: "]);
}

/// At the deadline of the call; nothing of the part that came is shown.
#[tokio::test]
async fn stalled() {
    assert_eq!(fault("stalled").await, ["answer: 0 0 0", "map 0: ", "body 1: "]);
}

#[tokio::test]
async fn an_answer_comes_whole() {
    let script =
        "[{ cluster: keys, path: /check?a, status: 403, headers: [[x-y, z], [x-y, w]], body: part }]";
    let mut seen = answer(script).await;
    let headers = seen.remove(1);
    // A real time stands at the end.
    let expected = "map 0: :status: 403; x-y: z; x-y: w; connection: close; content-length: 4; x-envoy-upstream-service-time: ";
    assert!(headers.starts_with(expected), "{headers}");
    assert_eq!(seen, ["answer: 6 4 0", "body 0: part"]);
    let seen = answer("[{ cluster: keys, path: /check?a }]").await;
    assert_eq!(seen[0], "answer: 4 0 0");
}
