//! Buffers.

use crate::guest::{FAR, Guest, OUT, OUT2, call};
use crate::scenario::Scenario;

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const DOWNSTREAM: u32 = 2;
const UPSTREAM: u32 = 3;
const CALL_RESPONSE_BODY: u32 = 4;
const GRPC_MESSAGE: u32 = 5;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const CALL_DATA: u32 = 8;
const ALL: u32 = u32::MAX;

/// Every function with every argument that cannot be, where there is no body.
fn without_body() -> Scenario {
    let steps = vec![
        call!("2", "proxy_get_buffer_bytes", 9u32, 0u32, ALL, FAR, FAR),
        call!("2", "proxy_get_buffer_bytes", u32::MAX, 0u32, ALL, OUT, OUT2),
        call!("6", "proxy_get_buffer_bytes", REQUEST_BODY, 0u32, ALL, FAR, OUT2),
        call!("6", "proxy_get_buffer_bytes", REQUEST_BODY, 0u32, ALL, OUT, FAR),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", REQUEST_BODY, 0u32, ALL, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", DOWNSTREAM, 0u32, ALL, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", UPSTREAM, 0u32, ALL, OUT, OUT2),
        call!("1", "proxy_get_buffer_bytes", CALL_RESPONSE_BODY, 0u32, ALL, FAR, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", GRPC_MESSAGE, 0u32, ALL, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", CALL_DATA, 0u32, ALL, OUT, OUT2),
        call!(
            Text,
            "0 configuration of the VM",
            "proxy_get_buffer_bytes",
            VM_CONFIGURATION,
            0u32,
            ALL,
            OUT,
            OUT2
        ),
        call!(Text, "0 of the VM", "proxy_get_buffer_bytes", VM_CONFIGURATION, 14u32, ALL - 14, OUT, OUT2),
        call!(Text, "0 of", "proxy_get_buffer_bytes", VM_CONFIGURATION, 14u32, 2u32, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", VM_CONFIGURATION, 23u32, 5u32, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", VM_CONFIGURATION, 24u32, 5u32, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", VM_CONFIGURATION, 0u32, 0u32, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", VM_CONFIGURATION, ALL, ALL, OUT, OUT2),
        call!(Text, "0 f the VM", "proxy_get_buffer_bytes", VM_CONFIGURATION, 15u32, ALL, OUT, OUT2),
        call!("6", "proxy_get_buffer_bytes", VM_CONFIGURATION, 0u32, ALL, FAR, OUT2),
        call!("6", "proxy_get_buffer_bytes", VM_CONFIGURATION, 0u32, ALL, OUT, FAR),
        call!("1", "proxy_get_buffer_bytes", PLUGIN_CONFIGURATION, 0u32, ALL, OUT, OUT2),
        call!("2", "proxy_get_buffer_status", 9u32, FAR, FAR),
        call!("1", "proxy_get_buffer_status", CALL_RESPONSE_BODY, FAR, FAR),
        call!("1", "proxy_get_buffer_status", PLUGIN_CONFIGURATION, OUT, OUT2),
        call!("6", "proxy_get_buffer_status", VM_CONFIGURATION, FAR, OUT2),
        call!("6", "proxy_get_buffer_status", VM_CONFIGURATION, OUT, FAR),
        call!(Words, "0 23 0", "proxy_get_buffer_status", VM_CONFIGURATION, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_buffer_status", REQUEST_BODY, OUT, OUT2),
        call!("2", "proxy_set_buffer_bytes", 9u32, 0u32, 0u32, FAR, 1u32),
        call!("1", "proxy_set_buffer_bytes", CALL_RESPONSE_BODY, 0u32, 0u32, FAR, 1u32),
        call!("6", "proxy_set_buffer_bytes", REQUEST_BODY, 0u32, 0u32, FAR, 1u32),
        call!("2", "proxy_set_buffer_bytes", REQUEST_BODY, 0u32, 0u32, "x"),
        call!("2", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 0u32, "x"),
        call!("2", "proxy_set_buffer_bytes", VM_CONFIGURATION, 0u32, 0u32, "x"),
        call!("2", "proxy_set_buffer_bytes", CALL_DATA, 0u32, 0u32, "x"),
        call!("2", "proxy_set_buffer_bytes", GRPC_MESSAGE, 0u32, 0u32, "x"),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// Reading and writing a body, piece by piece.
fn body() -> Scenario {
    let steps = vec![
        call!(Text, "0 abc", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!(Text, "0 b", "proxy_get_buffer_bytes", RESPONSE_BODY, 1u32, 1u32, OUT, OUT2),
        call!(Words, "0 3 0", "proxy_get_buffer_status", RESPONSE_BODY, OUT, OUT2),
        call!("6", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 0u32, FAR, 1u32),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 0u32, "<"),
        call!(Text, "0 <abc", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 4u32, 0u32, ">"),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, ALL, ALL, "!"),
        call!(Text, "0 <abc>!", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!("2", "proxy_set_buffer_bytes", RESPONSE_BODY, 1u32, 0u32, "x"),
        call!("2", "proxy_set_buffer_bytes", RESPONSE_BODY, 5u32, 1u32, "x"),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 2u32, "B"),
        call!(Text, "0 Bbc>!", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 100u32, "new"),
        call!(Text, "0 new", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, ALL, ""),
        call!(Words, "0 0 0", "proxy_get_buffer_status", RESPONSE_BODY, OUT, OUT2),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 1u32, 0u32, "end"),
        call!(Text, "0 end", "proxy_get_buffer_bytes", RESPONSE_BODY, 0u32, ALL, OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_response_body", steps))
}

/// Which configuration is there when.
fn configurations() -> Scenario {
    let steps = vec![
        call!(
            Text,
            "0 configuration of the plugin",
            "proxy_get_buffer_bytes",
            PLUGIN_CONFIGURATION,
            0u32,
            ALL,
            OUT,
            OUT2
        ),
        call!(Words, "0 27 0", "proxy_get_buffer_status", PLUGIN_CONFIGURATION, OUT, OUT2),
        call!("2", "proxy_set_buffer_bytes", PLUGIN_CONFIGURATION, 0u32, 0u32, "x"),
        call!(
            Text,
            "0 configuration of the VM",
            "proxy_get_buffer_bytes",
            VM_CONFIGURATION,
            0u32,
            ALL,
            OUT,
            OUT2
        ),
        call!(Words, "0 0 0", "proxy_get_buffer_bytes", REQUEST_BODY, 0u32, ALL, OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_configure", steps))
}

#[test]
fn where_there_is_no_body() {
    without_body().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_a_body() {
    let scenario = body();
    scenario.check(&["proxy_on_response_body"]);
    // Once for the body, once for its end.
    assert_eq!(scenario.exchange().response.unwrap().body, b"endend");
}

#[test]
fn of_configurations() {
    configurations().check_start(&["proxy_on_configure"]);
}

#[test]
fn a_body_has_a_bound() {
    let steps = vec![
        call!("10", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 0u32, "0123456789abcdef"),
        call!("0", "proxy_set_buffer_bytes", RESPONSE_BODY, 0u32, 3u32, "0123456789abcdef"),
    ];
    let mut scenario = Scenario::new(Guest::new().on("proxy_on_response_body", steps));
    scenario.limits.buffer_h2 = 8;
    scenario.check(&["proxy_on_response_body"]);
}
