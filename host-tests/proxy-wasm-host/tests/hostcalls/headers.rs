//! Header maps.

use crate::guest::{FAR, Guest, Malloc, OUT, OUT2, call, pairs};
use crate::scenario::Scenario;

const REQUEST: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE: u32 = 2;
const RESPONSE_TRAILERS: u32 = 3;

/// Every function with every argument that cannot be, then what they are for.
fn request_headers() -> Scenario {
    let all =
        pairs(&[(":method", "PUT"), (":authority", "b.test"), (":path", "/new"), ("x-a", "1"), ("x-a", "2")]);
    let steps = vec![
        call!("2", "proxy_get_header_map_value", 8u32, FAR, 9u32, OUT, OUT2),
        call!("2", "proxy_get_header_map_value", u32::MAX, "x-one", OUT, OUT2),
        call!("6", "proxy_get_header_map_value", REQUEST, FAR, 9u32, OUT, OUT2),
        call!("6", "proxy_get_header_map_value", REQUEST, 0u32, u32::MAX, OUT, OUT2),
        call!("6", "proxy_get_header_map_value", REQUEST, u32::MAX, u32::MAX, OUT, OUT2),
        call!("6", "proxy_get_header_map_value", REQUEST, "x-one", FAR, OUT2),
        call!(Text, "6 ", "proxy_get_header_map_value", REQUEST, "x-one", OUT, FAR),
        call!(Text, "0 1", "proxy_get_header_map_value", REQUEST, "x-one", OUT, OUT2),
        call!(Text, "0 1", "proxy_get_header_map_value", REQUEST, "X-One", OUT, OUT2),
        call!(Text, "0 a", "proxy_get_header_map_value", REQUEST, "x-two", OUT, OUT2),
        call!(Text, "0 a.test", "proxy_get_header_map_value", REQUEST, "host", OUT, OUT2),
        call!(Text, "1 ", "proxy_get_header_map_value", REQUEST, "x-none", OUT, OUT2),
        call!(Text, "1 ", "proxy_get_header_map_value", REQUEST, "", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", REQUEST_TRAILERS, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", RESPONSE, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", RESPONSE_TRAILERS, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", 4u32, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", 5u32, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", 6u32, "x", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", 7u32, "x", OUT, OUT2),
        call!("2", "proxy_add_header_map_value", 8u32, FAR, 1u32, FAR, 1u32),
        call!("6", "proxy_add_header_map_value", RESPONSE, FAR, 1u32, "value"),
        call!("6", "proxy_add_header_map_value", RESPONSE, "name", FAR, 1u32),
        call!("2", "proxy_add_header_map_value", RESPONSE, "name", "value"),
        call!("2", "proxy_add_header_map_value", REQUEST_TRAILERS, "name", "value"),
        call!("2", "proxy_add_header_map_value", 6u32, "name", "value"),
        call!("0", "proxy_add_header_map_value", REQUEST, "X-Three", "3"),
        call!("0", "proxy_add_header_map_value", REQUEST, "", ""),
        call!(Text, "0 ", "proxy_get_header_map_value", REQUEST, "", OUT, OUT2),
        call!("0", "proxy_remove_header_map_value", REQUEST, ""),
        call!(Text, "0 3", "proxy_get_header_map_value", REQUEST, "x-three", OUT, OUT2),
        call!("2", "proxy_replace_header_map_value", 8u32, FAR, 1u32, FAR, 1u32),
        call!("6", "proxy_replace_header_map_value", RESPONSE, FAR, 1u32, "value"),
        call!("6", "proxy_replace_header_map_value", RESPONSE, "name", FAR, 1u32),
        call!("2", "proxy_replace_header_map_value", RESPONSE, "name", "value"),
        call!("0", "proxy_replace_header_map_value", REQUEST, "x-two", "c"),
        call!("0", "proxy_replace_header_map_value", REQUEST, "x-four", "4"),
        call!(Text, "0 c", "proxy_get_header_map_value", REQUEST, "x-two", OUT, OUT2),
        call!("2", "proxy_remove_header_map_value", 8u32, FAR, 1u32),
        call!("6", "proxy_remove_header_map_value", RESPONSE, FAR, 1u32),
        call!("2", "proxy_remove_header_map_value", RESPONSE, "name"),
        call!("0", "proxy_remove_header_map_value", REQUEST, "x-four"),
        call!("0", "proxy_remove_header_map_value", REQUEST, "x-four"),
        call!(Text, "1 ", "proxy_get_header_map_value", REQUEST, "x-four", OUT, OUT2),
        call!("2", "proxy_get_header_map_size", 8u32, FAR),
        call!("2", "proxy_get_header_map_size", RESPONSE, FAR),
        call!("2", "proxy_get_header_map_size", 4u32, OUT),
        call!("6", "proxy_get_header_map_size", REQUEST, FAR),
        call!("2", "proxy_get_header_map_pairs", 8u32, FAR, FAR),
        call!("6", "proxy_get_header_map_pairs", RESPONSE, FAR, OUT2),
        call!("6", "proxy_get_header_map_pairs", RESPONSE, OUT, FAR),
        call!(Words, "0 0 0", "proxy_get_header_map_pairs", RESPONSE, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_header_map_pairs", 7u32, OUT, OUT2),
        call!("6", "proxy_get_header_map_pairs", REQUEST, FAR, OUT2),
        call!("6", "proxy_get_header_map_pairs", REQUEST, OUT, FAR),
        call!("2", "proxy_set_header_map_pairs", 8u32, FAR, 1u32),
        call!("6", "proxy_set_header_map_pairs", RESPONSE, FAR, 1u32),
        call!("2", "proxy_set_header_map_pairs", RESPONSE, "not pairs"),
        call!("0", "proxy_set_header_map_pairs", REQUEST, all.clone()),
        call!(Hex, format!("0 {}", hex(&all)), "proxy_get_header_map_pairs", REQUEST, OUT, OUT2),
        call!(Word, "0 43", "proxy_get_header_map_size", REQUEST, OUT),
        call!(Text, "0 1", "proxy_get_header_map_value", REQUEST, "x-a", OUT, OUT2),
        call!("0", "proxy_set_header_map_pairs", REQUEST, "not pairs"),
        call!(Words, "0 0 0", "proxy_get_header_map_pairs", REQUEST, OUT, OUT2),
        call!(Word, "0 0", "proxy_get_header_map_size", REQUEST, OUT),
        call!("0", "proxy_set_header_map_pairs", REQUEST, all),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// Which maps are there in the other callbacks of a stream.
fn other_phases() -> Scenario {
    let look = |request: &'static str, response: &'static str| {
        vec![
            call!(Text, request, "proxy_get_header_map_value", REQUEST, "x-one", OUT, OUT2),
            call!("2", "proxy_add_header_map_value", REQUEST, "x-late", "1"),
            call!(Text, response, "proxy_get_header_map_value", RESPONSE, "x-up", OUT, OUT2),
        ]
    };
    let last = vec![
        call!(Text, "0 1", "proxy_get_header_map_value", REQUEST, "x-one", OUT, OUT2),
        call!(Text, "0 u", "proxy_get_header_map_value", RESPONSE, "x-up", OUT, OUT2),
        call!(Text, "1 ", "proxy_get_header_map_value", REQUEST_TRAILERS, "x", OUT, OUT2),
        call!(Text, "1 ", "proxy_get_header_map_value", RESPONSE_TRAILERS, "x", OUT, OUT2),
        call!("2", "proxy_add_header_map_value", REQUEST, "x-late", "1"),
        call!("2", "proxy_add_header_map_value", RESPONSE, "x-late", "1"),
        call!("2", "proxy_get_header_map_size", REQUEST, OUT),
    ];
    let guest = Guest::new()
        .on("proxy_on_request_body", look("2 ", "2 "))
        .on("proxy_on_response_headers", look("2 ", "0 u"))
        .on("proxy_on_response_body", look("2 ", "2 "))
        .on("proxy_on_log", last);
    Scenario {
        request: &[
            (":method", "POST"),
            (":authority", "a.test"),
            (":path", "/"),
            ("content-length", "2"),
            ("x-one", "1"),
        ],
        body: Some("ab"),
        ..Scenario::new(guest)
    }
}

/// In the first version a header that is not there is an empty one.
fn first_version() -> Scenario {
    let steps = vec![
        call!(Words, "0 0 0", "proxy_get_header_map_value", REQUEST, "x-none", OUT, OUT2),
        call!(Text, "2 ", "proxy_get_header_map_value", RESPONSE, "x-none", OUT, OUT2),
    ];
    let last = vec![call!(Words, "0 0 0", "proxy_get_header_map_value", RESPONSE_TRAILERS, "x", OUT, OUT2)];
    Scenario::new(Guest::new().abi("0_1_0").on("proxy_on_request_headers", steps).on("proxy_on_log", last))
}

/// Trailers can be made while the last of the body is at hand.
fn new_trailers() -> Scenario {
    let steps = vec![
        call!(Text, "2 ", "proxy_get_header_map_value", REQUEST_TRAILERS, "x", OUT, OUT2),
        call!(Word, "0 0", "proxy_get_header_map_size", REQUEST_TRAILERS, OUT),
        call!("0", "proxy_add_header_map_value", REQUEST_TRAILERS, "x", "1"),
        call!(Text, "0 1", "proxy_get_header_map_value", REQUEST_TRAILERS, "x", OUT, OUT2),
    ];
    let other = vec![call!("2", "proxy_get_header_map_size", RESPONSE_TRAILERS, OUT)];
    Scenario {
        request: &[
            (":method", "POST"),
            (":authority", "a.test"),
            (":path", "/"),
            ("transfer-encoding", "chunked"),
        ],
        body: Some("2\r\nab\r\n0\r\n\r\n"),
        ..Scenario::new(
            Guest::new().on("proxy_on_request_body", steps).on("proxy_on_response_headers", other),
        )
    }
}

/// A guest whose allocator does not give what is asked for.
fn no_memory(malloc: Malloc) -> Scenario {
    let steps = vec![
        call!(Text, "6 ", "proxy_get_header_map_value", REQUEST, "x-one", OUT, OUT2),
        call!(Text, "6 ", "proxy_get_header_map_pairs", REQUEST, OUT, OUT2),
        call!("1", "proxy_get_header_map_value", REQUEST, "x-none", OUT, OUT2),
        call!(Words, "0 0 0", "proxy_get_header_map_pairs", RESPONSE, OUT, OUT2),
    ];
    Scenario::new(Guest::new().malloc(malloc).on("proxy_on_request_headers", steps))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn of_a_request() {
    request_headers().check(&["proxy_on_request_headers"]);
}

#[test]
fn in_other_phases() {
    other_phases().check(&[
        "proxy_on_request_body",
        "proxy_on_request_body",
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_response_body",
        "proxy_on_log",
    ]);
}

#[test]
fn of_the_first_version() {
    first_version().check(&["proxy_on_request_headers", "proxy_on_log"]);
}

#[test]
fn trailers_are_made_at_the_end_of_the_body() {
    let scenario = new_trailers();
    let exchange = scenario.exchange();
    let lines: Vec<String> = exchange.logs.into_iter().map(|line| line.text).collect();
    let refused =
        ["get_header_map_value: 2 ", "get_header_map_size: 2 4008636142", "add_header_map_value: 2"];
    assert_eq!(lines[..3], refused.map(|line| format!("proxy_{line}")));
    assert_eq!(lines[4..8], scenario.guest.expected("proxy_on_request_body"));
    assert_eq!(lines[8..], scenario.guest.expected("proxy_on_response_headers"));
    let trailers = exchange.upstream.unwrap().trailers.unwrap();
    assert_eq!(trailers.get(b"x"), Some(&b"1"[..]));
}

#[test]
fn without_memory() {
    no_memory(Malloc::Null).check(&["proxy_on_request_headers"]);
    no_memory(Malloc::Far).check(&["proxy_on_request_headers"]);
}
