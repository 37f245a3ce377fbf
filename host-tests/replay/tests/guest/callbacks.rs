//! Which callbacks a stream brings, with the sizes of the bodies (new bytes) and whether the stream ends.

use crate::lab::{Lab, TRACER, steps};

/// Request, then callbacks between the creation of the context and the end of the stream.
const STREAMS: [(&str, &str); 21] = [
    // HTTP/1 tells the end of a body by an event of its own, whatever the framing.
    ("{}", "request_headers 1, response_headers 0, response_body 3 0, response_body 0 1"),
    (
        "{ method: POST, body: '0123456789' }",
        "request_headers 0, request_body 10 0, request_body 0 1, response_headers 0, response_body 3 0, response_body 0 1",
    ),
    (
        "{ method: POST, headers: [[transfer-encoding, chunked]], body: '0123456789' }",
        "request_headers 0, request_body 10 0, request_body 0 1, response_headers 0, response_body 3 0, response_body 0 1",
    ),
    (
        "{ method: POST, body: '' }",
        "request_headers 1, response_headers 0, response_body 3 0, response_body 0 1",
    ),
    (
        "{ method: POST, body: '0123456789', trailers: [[a, b], [c, d]] }",
        "request_headers 0, request_body 10 0, request_trailers 2, response_headers 0, response_body 3 0, response_body 0 1",
    ),
    // HTTP/2: an event per frame, the end with the last one. The upstream speaks what the client speaks.
    ("{ http: 2 }", "request_headers 1, response_headers 0, response_body 3 1"),
    (
        "{ http: 2, method: POST, body: '0123456789' }",
        "request_headers 0, request_body 10 1, response_headers 0, response_body 3 1",
    ),
    ("{ http: 2, method: POST, body: '' }", "request_headers 1, response_headers 0, response_body 3 1"),
    (
        "{ http: 2, method: POST, body: '0123456789', chunks: [3, 3] }",
        "request_headers 0, request_body 3 0, request_body 3 0, request_body 4 1, response_headers 0, response_body 3 1",
    ),
    (
        "{ http: 2, method: POST, body: '0123456789', trailers: [[a, b]] }",
        "request_headers 0, request_body 10 0, request_trailers 1, response_headers 0, response_body 3 1",
    ),
    (
        "{ http: 2, method: POST, body: '0123456789', chunks: [3, 3], trailers: [[a, b]] }",
        "request_headers 0, request_body 3 0, request_body 3 0, request_body 4 0, request_trailers 1, response_headers 0, response_body 3 1",
    ),
    // Responses without a body, and those with one.
    ("{ method: HEAD }", "request_headers 1, response_headers 1"),
    ("{ response: { status: 204, body: '' } }", "request_headers 1, response_headers 1"),
    ("{ response: { status: 304, body: '' } }", "request_headers 1, response_headers 1"),
    ("{ response: { body: '' } }", "request_headers 1, response_headers 1"),
    (
        "{ response: { headers: [[transfer-encoding, chunked]], body: '0123456789' } }",
        "request_headers 1, response_headers 0, response_body 10 0, response_body 0 1",
    ),
    ("{ http: 2, method: HEAD, response: { body: '' } }", "request_headers 1, response_headers 1"),
    ("{ http: 2, response: { status: 204, body: '' } }", "request_headers 1, response_headers 1"),
    (
        "{ http: 2, response: { body: '0123456789' } }",
        "request_headers 1, response_headers 0, response_body 10 1",
    ),
    (
        "{ http: 2, response: { body: '0123456789', trailers: [[a, b]] } }",
        "request_headers 1, response_headers 0, response_body 10 0, response_trailers 1",
    ),
    // Nobody answers: Envoy's own answer comes in one piece.
    ("{ authority: nowhere }", "request_headers 1, response_headers 1"),
];

#[tokio::test]
async fn the_callbacks_of_a_stream_and_their_order_at_its_end() {
    let lab = Lab {
        module: TRACER,
        changes: &[("virtual_hosts: [", "virtual_hosts: [ { name: empty, domains: [nowhere], routes: [] },")],
        file: "",
    };
    let cases = steps(STREAMS.iter().map(|(request, callbacks)| {
        let middle = callbacks.split(", ").map(|callback| format!("info guest: on_{callback}"));
        let first = ["info guest: on_context_create 1".to_owned()];
        let last = ["on_log", "on_done", "on_delete"].map(|callback| format!("info guest: {callback}"));
        let logs: Vec<String> = first.into_iter().chain(middle).chain(last).collect();
        (*request, format!("{{ logs: {logs:?} }}"))
    }));
    lab.passes(&cases).await;
}
