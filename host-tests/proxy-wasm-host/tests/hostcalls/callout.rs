//! HTTP and gRPC of a guest's own.

use std::time::Duration;

use proxy_wasm_host::{HeaderMap, Kind, Response};

use crate::guest::{FAR, Guest, OUT, OUT2, OUT3, call, pairs};
use crate::scenario::Scenario;

const ALL: u32 = u32::MAX;

fn good() -> Vec<u8> {
    pairs(&[(":method", "POST"), (":path", "/call"), (":authority", "b.test")])
}

fn http() -> Scenario {
    let without = |name: &str| {
        let all = [(":method", "POST"), (":path", "/call"), ("Host", "b.test")];
        pairs(&all.into_iter().filter(|(have, _)| *have != name).collect::<Vec<_>>())
    };
    let steps = vec![
        call!("6", "proxy_http_call", FAR, 1u32, good(), "", "", 1000u32, OUT),
        call!("6", "proxy_http_call", "api", FAR, 1u32, "", "", 1000u32, OUT),
        call!("6", "proxy_http_call", "api", good(), FAR, 1u32, "", 1000u32, OUT),
        call!("6", "proxy_http_call", "api", good(), "", FAR, 1u32, 1000u32, OUT),
        call!("6", "proxy_http_call", "api", good(), "", "", 1000u32, FAR),
        call!("6", "proxy_http_call", "none", good(), "", "", ALL, FAR),
        call!(Word, "2 0", "proxy_http_call", "api", good(), "", "", ALL, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", good(), "", "", 0x8000_0000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "none", good(), "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "", good(), "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", "", "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", "not pairs", "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", without(":method"), "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", without(":path"), "", "", 1000u32, OUT),
        call!(Word, "2 0", "proxy_http_call", "api", without("Host"), "", "", 1000u32, OUT),
        call!(Word, "0 4", "proxy_http_call", "api", without(""), "", "", 1000u32, OUT),
        call!(Word, "0 8", "proxy_http_call", "api", good(), "body", pairs(&[("t", "1")]), 1000u32, OUT),
    ];
    let answer = vec![
        call!(Text, "0 200", "proxy_get_header_map_value", 6u32, ":status", OUT, OUT2),
        call!(Text, "1 ", "proxy_get_header_map_value", 6u32, "x-none", OUT, OUT2),
        call!("2", "proxy_get_header_map_value", 7u32, "x-none", OUT, OUT2),
        call!("2", "proxy_add_header_map_value", 6u32, "x-none", "1"),
        call!("2", "proxy_get_header_map_size", 6u32, OUT),
        call!("2", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!(Text, "0 answer", "proxy_get_buffer_bytes", 4u32, 0u32, ALL, OUT, OUT2),
        call!(Text, "0 nswer", "proxy_get_buffer_bytes", 4u32, 1u32, ALL, OUT, OUT2),
        call!(Words, "0 6 0", "proxy_get_buffer_status", 4u32, OUT, OUT2),
        call!("2", "proxy_set_buffer_bytes", 4u32, 0u32, 0u32, "x"),
        call!(Word, "0 0", "proxy_get_status", OUT, OUT2, OUT3),
    ];
    let guest = Guest::new().answering("proxy_on_request_headers", 1, steps);
    Scenario::new(guest.on("proxy_on_http_call_response", answer))
}

/// `envoy.config.core.v3.GrpcService` with the name of a cluster for Envoy's own client.
fn service(cluster: &str) -> Vec<u8> {
    let length = u8::try_from(cluster.len()).unwrap();
    [&[0x0a, length + 2, 0x0a, length], cluster.as_bytes()].concat()
}

fn grpc() -> Scenario {
    let api = || service("api");
    let steps = vec![
        call!("6", "proxy_grpc_call", FAR, 1u32, "s", "m", "", "", 1000u32, OUT),
        call!("6", "proxy_grpc_call", api(), FAR, 1u32, "m", "", "", 1000u32, OUT),
        call!("6", "proxy_grpc_call", api(), "s", FAR, 1u32, "", "", 1000u32, OUT),
        call!("6", "proxy_grpc_call", api(), "s", "m", FAR, 1u32, "", 1000u32, OUT),
        call!("6", "proxy_grpc_call", api(), "s", "m", "", FAR, 1u32, 1000u32, OUT),
        call!("4", "proxy_grpc_call", "none", "s", "m", "", "", 1000u32, OUT),
        call!("4", "proxy_grpc_call", vec![0x0a, 0xff], "s", "m", "", "", 1000u32, FAR),
        call!(Word, "0 5", "proxy_grpc_call", "api", "s", "m", "", "", 1000u32, OUT),
        call!(Word, "0 9", "proxy_grpc_call", api(), "s", "m", "", "message", 1000u32, OUT),
        call!("6", "proxy_grpc_call", api(), "s", "m", "", "", 1000u32, FAR),
        call!("10", "proxy_grpc_call", service("none"), "s", "m", "", "", 1000u32, OUT),
        call!("6", "proxy_grpc_stream", FAR, 1u32, "s", "m", "", OUT),
        call!("6", "proxy_grpc_stream", api(), FAR, 1u32, "m", "", OUT),
        call!("6", "proxy_grpc_stream", api(), "s", FAR, 1u32, "", OUT),
        call!("6", "proxy_grpc_stream", api(), "s", "m", FAR, 1u32, OUT),
        call!("4", "proxy_grpc_stream", "none", "s", "m", "", OUT),
        call!(Word, "0 6", "proxy_grpc_stream", api(), "s", "m", "", OUT),
        call!(Word, "0 10", "proxy_grpc_stream", api(), "s", "m", "", OUT),
        call!("10", "proxy_grpc_stream", service("none"), "s", "m", "", OUT),
        call!("6", "proxy_grpc_send", 0u32, FAR, 1u32, 0u32),
        call!("2", "proxy_grpc_send", 0u32, "x", 0u32),
        call!("2", "proxy_grpc_send", 5u32, "x", 0u32),
        call!("2", "proxy_grpc_send", 7u32, "x", 0u32),
        call!("1", "proxy_grpc_send", 98u32, "x", 0u32),
        call!("0", "proxy_grpc_send", 6u32, "x", 0u32),
        call!("0", "proxy_grpc_send", 6u32, "", 1u32),
        call!("2", "proxy_grpc_close", 0u32),
        call!("2", "proxy_grpc_close", 7u32),
        call!("1", "proxy_grpc_close", 97u32),
        call!("1", "proxy_grpc_close", 98u32),
        call!("0", "proxy_grpc_close", 5u32),
        call!("1", "proxy_grpc_close", 5u32),
        call!("0", "proxy_grpc_close", 6u32),
        call!("0", "proxy_grpc_close", 6u32),
        call!("2", "proxy_grpc_cancel", 0u32),
        call!("2", "proxy_grpc_cancel", 7u32),
        call!("1", "proxy_grpc_cancel", 97u32),
        call!("0", "proxy_grpc_cancel", 9u32),
        call!("1", "proxy_grpc_cancel", 9u32),
        call!("0", "proxy_grpc_cancel", 10u32),
        call!("1", "proxy_grpc_cancel", 10u32),
        call!("1", "proxy_grpc_send", 10u32, "x", 0u32),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// Nobody listens: the call fails, and then is closed all the same.
fn grpc_to_nobody() -> Scenario {
    let steps = vec![
        call!(Word, "10 4008636142", "proxy_grpc_call", service("none"), "s", "m", "", "", 1000u32, OUT),
        call!(Word, "0 9", "proxy_grpc_call", service("api"), "s", "m", "", "", 1000u32, OUT),
        call!("0", "proxy_grpc_cancel", 9u32),
        call!(Word, "10 4008636142", "proxy_grpc_stream", service("none"), "s", "m", "", OUT),
    ];
    let close = vec![call!(TextAndWord, "0 Cluster not available 14", "proxy_get_status", OUT3, OUT, OUT2)];
    let guest = Guest::new().answering("proxy_on_request_headers", 1, steps);
    Scenario::new(guest.on("proxy_on_grpc_close", close))
}

#[test]
fn of_http() {
    let scenario = http();
    scenario.check(&[
        "proxy_on_request_headers",
        "proxy_on_http_call_response",
        "proxy_on_http_call_response",
    ]);
    let calls = scenario.exchange().call_outs;
    let length = |index: usize| calls[index].headers.get(b"content-length").map(<[u8]>::to_vec);
    assert_eq!((calls.len(), length(0), length(1)), (2, None, Some(b"4".to_vec())));
    assert_eq!(calls[1].trailers.as_ref().and_then(|trailers| trailers.get(b"t")), Some(&b"1"[..]));
    assert_eq!(calls[1].timeout, Some(Duration::from_secs(1)));
}

#[test]
fn an_answer_that_is_not_owed_is_handed_over_and_what_is_under_way_stays_so() {
    let ask = vec![call!(Word, "0 4", "proxy_http_call", "api", good(), "", "", 1000u32, OUT)];
    let read = vec![call!(Text, "0 200", "proxy_get_header_map_value", 6u32, ":status", OUT, OUT2)];
    let guest = Guest::new().answering("proxy_on_request_headers", 1, ask);
    let scenario = Scenario::new(guest.on("proxy_on_http_call_response", read));
    let mut host = scenario.host();
    host.submit(scenario.request());
    let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200")]);
    let answer = Response { headers, ..Response::default() };
    // Before its time, to nobody's call, and to plugins that are not there.
    for (worker, plugin, token) in [(0, 0, 4), (0, 0, 400), (0, 1, 4), (9, 0, 4)] {
        host.misdeliver(worker, plugin, token, Some(answer.clone()));
    }
    let line = |line: proxy_wasm_host::LogLine| line.text;
    let told: Vec<String> = host.take_logs().into_iter().map(line).collect();
    assert_eq!(told, vec!["proxy_get_header_map_value: 0 200"; 2]);
    host.run();
    let told: Vec<String> = host.next_finished().unwrap().logs.into_iter().map(line).collect();
    assert_eq!(told, ["proxy_http_call: 0 4", "proxy_get_header_map_value: 0 200"]);
    // Once more, long after it is over.
    host.misdeliver(0, 0, 4, Some(answer));
    assert_eq!(host.take_logs().len(), 1);
    assert_eq!(host.take_traps(), []);
}

#[test]
fn outstanding_calls_have_a_bound() {
    let steps = vec![
        call!("0", "proxy_http_call", "api", good(), "", "", 0u32, OUT),
        call!(Word, "10 0", "proxy_http_call", "api", good(), "", "", 0u32, OUT),
        call!("0", "proxy_grpc_call", "api", "s", "m", "", "", 0u32, OUT),
        call!("10", "proxy_grpc_stream", "api", "s", "m", "", OUT),
    ];
    let mut scenario = Scenario::new(Guest::new().on("proxy_on_request_headers", steps));
    scenario.limits.call_outs = 1;
    scenario.check(&["proxy_on_request_headers"]);
}

#[test]
fn of_grpc() {
    grpc().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_grpc_to_nobody() {
    grpc_to_nobody().check(&["proxy_on_request_headers", "proxy_on_grpc_close", "proxy_on_grpc_close"]);
}
