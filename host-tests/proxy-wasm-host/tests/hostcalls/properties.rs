//! Attributes and filter state.

use crate::guest::{FAR, Guest, OUT, OUT2, Step, call};
use crate::scenario::Scenario;

/// A property as text: its path with `|` between names.
fn text(path: &str, expected: &str) -> Step {
    call!(Text, expected, "proxy_get_property", path.replace('|', "\0").as_str(), OUT, OUT2)
}

/// A property in hexadecimal digits.
fn hex(path: &str, expected: &str) -> Step {
    call!(Hex, expected, "proxy_get_property", path.replace('|', "\0").as_str(), OUT, OUT2)
}

fn set(path: &str, value: &str, expected: &str) -> Step {
    call!(Nothing, expected, "proxy_set_property", path, value)
}

/// While the request's headers are at hand.
fn in_a_request() -> Scenario {
    let steps = vec![
        call!("6", "proxy_get_property", FAR, 1u32, OUT, OUT2),
        call!("6", "proxy_get_property", "plugin_name", FAR, OUT2),
        call!("6", "proxy_get_property", "plugin_name", OUT, FAR),
        call!("6", "proxy_set_property", FAR, 1u32, "value"),
        call!("6", "proxy_set_property", "name", FAR, 1u32),
        text("", "3 "),
        text("nothing", "1 "),
        text("request|path", "0 /p/q?x=1&y"),
        text("request|path|", "0 /p/q?x=1&y"),
        text("request||path", "1 "),
        text("request|path|more", "1 "),
        text("request|url_path", "0 /p/q"),
        text("request|query", "0 x=1&y"),
        text("request|host", "0 a.test"),
        text("request|scheme", "0 http"),
        text("request|method", "0 GET"),
        text("request|protocol", "0 HTTP/1.1"),
        text("request|referer", "1 "),
        text("request|useragent", "1 "),
        text("request|id", "1 "),
        text("request|headers|x-one", "0 1"),
        text("request|headers|X-One", "0 1"),
        text("request|headers|x-two", "0 a,b"),
        text("request|headers|x-none", "1 "),
        text("request|headers|:path", "0 /p/q?x=1&y"),
        text("request|headers|host", "0 a.test"),
        text("request|headers|x-one|more", "1 "),
        call!("0", "proxy_add_header_map_value", 0u32, "no token", "1"),
        text("request|headers|no token", "1 "),
        hex("request|size", "0 0000000000000000"),
        text("request|duration", "1 "),
        text("request|nothing", "1 "),
        text("request", "3 "),
        text("response", "3 "),
        text("source", "3 "),
        text("connection", "3 "),
        text("filter_state", "3 "),
        text("upstream", "3 "),
        text("destination", "3 "),
        text("xds", "3 "),
        hex("connection|mtls", "0 00"),
        text("connection|requested_server_name", "0 "),
        text("connection|tls_version", "1 "),
        text("connection|nothing", "1 "),
        text("source|nothing", "1 "),
        text("upstream|address", "1 "),
        text("xds|filter_chain_name", "0 "),
        text("xds|nothing", "1 "),
        text("metadata", "0 "),
        hex("metadata|filter_metadata", "0 00000000"),
        text("metadata|filter_metadata|name", "1 "),
        text("metadata|nothing", "1 "),
        text("response|code", "1 "),
        text("response|code_details", "1 "),
        hex("response|flags", "0 0000000000000000"),
        text("response|grpc_status", "1 "),
        hex("response|headers", "0 00000000"),
        hex("response|trailers", "0 00000000"),
        hex("response|size", "0 0000000000000000"),
        hex("response|total_size", "0 0000000000000000"),
        text("response|headers|x-up", "1 "),
        text("plugin_name", "0 plugin"),
        text("plugin_root_id", "0 root"),
        text("plugin_vm_id", "0 vm"),
        text("plugin_name|more", "1 "),
        text("listener_direction", "1 "),
        text("node", "1 "),
        text("cluster_name", "1 "),
        text("route_name", "1 "),
        set("own", "value", "0"),
        text("own", "0 value"),
        text("filter_state|wasm.own", "0 value"),
        text("filter_state|own", "1 "),
        text("own|more", "1 "),
        set("own", "", "0"),
        text("own", "0 "),
        set("request", "mine", "0"),
        text("request", "3 "),
        set("", "empty", "0"),
        set("a.b", "dotted", "0"),
        text("a.b", "0 dotted"),
        text("filter_state|wasm.a.b", "0 dotted"),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// What is left when the response comes, and at the end.
fn later() -> Scenario {
    let response = vec![
        text("request|path", "1 "),
        text("request|method", "1 "),
        text("request|scheme", "1 "),
        hex("request|headers", "0 00000000"),
        text("request|protocol", "0 HTTP/1.1"),
        text("request|duration", "1 "),
        hex("request|size", "0 0000000000000000"),
        hex("request|total_size", "0 0000000000000000"),
        hex("response|code", "0 c800000000000000"),
        text("response|code_details", "0 via_upstream"),
        text("response|headers|x-up", "0 u"),
        hex("response|grpc_status", "0 0200000000000000"),
        hex("response|size", "0 0000000000000000"),
    ];
    let last = vec![
        text("request|path", "0 /p/q?x=1&y"),
        text("request|method", "0 GET"),
        hex("response|code", "0 c800000000000000"),
        text("response|headers|x-up", "0 u"),
        hex("response|size", "0 0300000000000000"),
        text("response|code_details", "0 via_upstream"),
        set("late", "value", "0"),
        text("late", "0 value"),
    ];
    Scenario::new(Guest::new().on("proxy_on_response_headers", response).on("proxy_on_log", last))
}

/// After an answer of its own a filter still sees the request it has held.
fn after_an_answer() -> Scenario {
    let answer = vec![
        call!("0", "proxy_send_local_response", 403u32, "why not", "body", "", u32::MAX),
        text("response|code", "1 "),
        text("response|code_details", "1 "),
    ];
    let response = vec![
        text("request|path", "0 /p/q?x=1&y"),
        hex("response|code", "0 9301000000000000"),
        text("response|code_details", "0 why_not"),
        hex("response|flags", "0 0000000000000000"),
        hex("response|grpc_status", "0 0700000000000000"),
        hex("response|size", "0 0000000000000000"),
        text("response|headers|content-length", "0 4"),
    ];
    let last = vec![hex("response|size", "0 0400000000000000"), text("response|code_details", "0 why_not")];
    let guest = Guest::new().on("proxy_on_request_headers", answer).on("proxy_on_response_headers", response);
    Scenario::new(guest.on("proxy_on_log", last))
}

/// In a root context there is no stream.
fn in_a_root_context() -> Scenario {
    let steps = vec![
        text("plugin_name", "0 plugin"),
        text("plugin_root_id", "0 root"),
        text("plugin_vm_id", "0 vm"),
        text("request|path", "1 "),
        text("request", "1 "),
        text("response", "1 "),
        text("source", "1 "),
        text("filter_state", "1 "),
        text("metadata", "1 "),
        text("xds", "3 "),
        text("xds|route_name", "1 "),
        text("nothing", "1 "),
        text("", "3 "),
        set("own", "value", "1"),
    ];
    Scenario::new(Guest::new().on("proxy_on_configure", steps))
}

#[test]
fn of_a_request() {
    in_a_request().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_a_response() {
    later().check(&["proxy_on_response_headers", "proxy_on_log"]);
}

#[test]
fn of_an_answer_of_its_own() {
    after_an_answer().check(&["proxy_on_request_headers", "proxy_on_response_headers", "proxy_on_log"]);
}

/// What a test says of a request or of the gateway wins over what the host knows.
#[test]
fn that_a_test_gives() {
    let steps = vec![
        text("request|path", "0 of the gateway"),
        text("request|method", "0 of the request"),
        text("cluster_name", "0 of the request"),
        text("xds|route_name", "0 route"),
        text("xds|route_name|", "0 route"),
        text("request", "3 "),
    ];
    let root = vec![text("request|path", "1 "), text("xds|route_name", "1 "), text("xds|node|id", "0 node")];
    let scenario = Scenario {
        properties: &[("request|method", "of the request"), ("cluster_name", "of the request")],
        attributes: &[
            ("request|path", "of the gateway"),
            ("request|method", "of the gateway"),
            ("xds|route_name", "route"),
            ("xds|node|id", "node"),
        ],
        ..Scenario::new(Guest::new().on("proxy_on_request_headers", steps).on("proxy_on_configure", root))
    };
    scenario.check(&["proxy_on_request_headers"]);
    scenario.check_start(&["proxy_on_configure"]);
}

#[test]
fn of_a_root_context() {
    in_a_root_context().check_start(&["proxy_on_configure"]);
}
