//! What becomes of a stream.

use proxy_wasm_host::abi::Level;

use crate::guest::{FAR, Guest, OUT, OUT2, call, pairs};
use crate::scenario::Scenario;

const NONE: u32 = u32::MAX;

fn refusals() -> Scenario {
    let steps = vec![
        call!("2", "proxy_continue_stream", 4u32),
        call!("2", "proxy_continue_stream", u32::MAX),
        call!("0", "proxy_continue_stream", 2u32),
        call!("12", "proxy_continue_stream", 3u32),
        call!("2", "proxy_close_stream", 4u32),
        call!("0", "proxy_close_stream", 2u32),
        call!("0", "proxy_close_stream", 3u32),
        call!("6", "proxy_send_local_response", 403u32, FAR, 1u32, "", "", NONE),
        call!("6", "proxy_send_local_response", 403u32, "", FAR, 1u32, "", NONE),
        call!("6", "proxy_send_local_response", 403u32, "", "", FAR, 1u32, NONE),
        call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// In a root context there is no stream, and nothing to be wrong with it.
fn in_a_root_context() -> Scenario {
    let steps = vec![
        call!("0", "proxy_continue_stream", 0u32),
        call!("0", "proxy_continue_stream", 1u32),
        call!("0", "proxy_close_stream", 0u32),
        call!("0", "proxy_send_local_response", 403u32, "", "", "", NONE),
        call!("2", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("2", "proxy_add_header_map_value", 0u32, "x-one", "1"),
        call!("2", "proxy_get_header_map_size", 2u32, OUT),
        call!("0", "proxy_get_header_map_pairs", 0u32, OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_configure", steps))
}

/// Once it is let go, the request is out of sight.
fn going_on() -> Scenario {
    let steps = vec![
        call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_continue_stream", 0u32),
        call!("2", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("2", "proxy_add_header_map_value", 0u32, "x-one", "2"),
        call!("0", "proxy_continue_stream", 0u32),
    ];
    Scenario::new(Guest::new().answering("proxy_on_request_headers", 1, steps))
}

/// An answer whose header would end the head.
fn local_reply() -> Scenario {
    let headers = pairs(&[("x-good", "1"), ("x-bad", "1\r\nx-evil: 1"), ("x\n", "1"), ("x-nul", "\0")]);
    let steps = vec![
        call!("0", "proxy_send_local_response", 70_000u32, "a b\tc", "body", headers, NONE),
        call!("0", "proxy_send_local_response", 200u32, "", "second", "", NONE),
        call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

fn closing() -> Scenario {
    let steps = vec![call!("0", "proxy_close_stream", 0u32)];
    Scenario::new(Guest::new().answering("proxy_on_request_headers", 1, steps))
}

#[test]
fn of_a_stream() {
    refusals().check(&["proxy_on_request_headers"]);
    assert_eq!(refusals().exchange().details.as_deref(), Some("via_upstream"));
}

#[test]
fn of_a_root_context() {
    in_a_root_context().check_start(&["proxy_on_configure"]);
}

#[test]
fn a_request_goes_on() {
    going_on().check(&["proxy_on_request_headers"]);
    let exchange = going_on().exchange();
    assert_eq!(exchange.details.as_deref(), Some("via_upstream"));
    assert_eq!(exchange.upstream.unwrap().headers.joined(b"x-one"), Some(b"1".to_vec()));
}

#[test]
fn a_request_is_answered() {
    let exchange = local_reply().exchange();
    let logged: Vec<_> = exchange.logs.iter().filter(|line| line.level == Level::Warn).collect();
    assert_eq!(logged.len(), 3, "{logged:?}");
    assert!(logged[0].text.contains("x-bad"), "{logged:?}");
    let response = exchange.response.unwrap();
    assert_eq!(response.headers.get(b":status"), Some(&b"4464"[..]));
    assert_eq!(response.headers.get(b"x-good"), Some(&b"1"[..]));
    assert!(
        response.headers.iter().all(|(name, _)| !name.starts_with(b"x-bad") && !name.starts_with(b"x-evil"))
    );
    assert_eq!(response.body, b"body");
    assert_eq!(exchange.details.as_deref(), Some("a_b_c"));
    assert_eq!(exchange.upstream, None);
}

#[test]
fn a_request_is_cut_off() {
    let exchange = closing().exchange();
    assert_eq!((exchange.response, exchange.details.as_deref()), (None, Some("wasm_close_stream")));
}
