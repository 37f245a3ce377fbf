//! R29: what clients get of an upstream's errors.

use super::after;
use filter_core::config;
use filter_core::denial::LocalReply;
use filter_core::filter::Flow;
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use serde_json::{Value, json};
use testkit::{Exchange, RequestBuilder, TestCx, request, response};

const MASKED: &str =
    r#"{"version": 1, "security_headers": {"preset": "api"}, "mask_errors": {"statuses": [404, "5xx"]}}"#;

fn grpc() -> RequestBuilder {
    request("POST", "/").header("content-type", "application/grpc+proto").header("te", "trailers")
}

/// The exchange after this request, `details` being what the host says of where the answer comes from.
fn asked(config: &str, head: RequestBuilder, details: Option<&str>) -> Exchange<RequestPolicy> {
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    if let Some(details) = details {
        exchange.cx = TestCx::default().property(&["response", "code_details"], details);
    }
    assert_eq!(exchange.request(head).flow, Flow::Continue);
    exchange
}

/// What the client gets instead of this answer of the upstream.
fn replaced(config: &str, head: RequestBuilder, answer: &Headers) -> Option<LocalReply> {
    let outcome = asked(config, head, Some("via_upstream")).response(answer);
    match outcome.flow {
        Flow::Reply(reply) => {
            assert_eq!(outcome.headers, []);
            Some(reply)
        }
        _ => None,
    }
}

fn body(reply: &LocalReply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// Values of one header of the reply.
fn values<'r>(reply: &'r LocalReply, name: &str) -> Vec<&'r str> {
    let found = reply.headers.iter().filter(|(other, _)| other == name);
    found.map(|(_, value)| value.to_str().unwrap_or_default()).collect()
}

#[test]
fn r29_a_masked_status_is_answered_with_a_problem_document() {
    for (upstream, status, title) in [
        (404, 404, "Not Found"),
        (500, 500, "Internal Server Error"),
        (503, 503, "Service Unavailable"),
        (599, 599, "Error"),
        // RFC 9110 section 15: to be taken for a 5xx, and none that a gateway could say.
        (9, 502, "Bad Gateway"),
        (600, 502, "Bad Gateway"),
        (999, 502, "Bad Gateway"),
    ] {
        let answer = response(upstream, &[("content-type", "text/html"), ("content-length", "9000")]);
        let reply = replaced(MASKED, request("GET", "/").header("x-request-id", "a-1"), &answer).unwrap();
        assert_eq!(reply.status, status);
        assert_eq!(reply.details, "portcullis_upstream.masked");
        assert_eq!(reply.grpc_status, None);
        assert_eq!(values(&reply, "content-type"), ["application/problem+json"]);
        assert_eq!(
            body(&reply),
            json!({"type": "about:blank", "title": title, "status": status, "request_id": "a-1"})
        );
    }
}

#[test]
fn r29_every_other_answer_passes() {
    for status in [200, 302, 400, 401, 403, 405, 499] {
        assert_eq!(replaced(MASKED, request("GET", "/"), &response(status, &[])), None, "{status}");
    }
    for (config, status) in [(r#"{"version": 1}"#, 500), (&*MASKED.replace("5xx", "4xx"), 500)] {
        assert_eq!(replaced(config, request("GET", "/"), &response(status, &[])), None);
    }
    // Without its head there is no telling.
    assert_eq!(replaced(MASKED, request("GET", "/"), &Headers::default()), None);
}

#[test]
fn r29_answers_that_are_not_the_upstreams_pass() {
    for details in
        [None, Some("route_not_found"), Some("upstream_reset_before_response_started{connection_failure}")]
    {
        let outcome = asked(MASKED, request("GET", "/"), details).response(&response(503, &[]));
        assert_eq!(outcome.flow, Flow::Continue, "{details:?}");
        assert!(!outcome.headers.is_empty(), "it is decorated");
    }
}

#[test]
fn r29_headers_stay_but_for_those_of_the_content() {
    let answer = [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("retry-after", "5"),
        ("www-authenticate", "Bearer"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("cache-control", "max-age=5"),
        ("x-own", "caf\u{e9}"),
    ];
    let dropped = [
        "accept-ranges",
        "connection",
        "content-digest",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "digest",
        "etag",
        "grpc-message",
        "grpc-status-details-bin",
        "keep-alive",
        "last-modified",
        "proxy-connection",
        "repr-digest",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let mut fields = answer.to_vec();
    fields.extend(dropped.map(|name| (name, "upstream")));
    fields.extend([("server", "nginx"), ("x-frame-options", "ALLOWALL")]);
    let reply = replaced(MASKED, request("GET", "/"), &response(500, &fields)).unwrap();
    let got: Vec<(&str, &[u8])> =
        reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    for (name, value) in answer {
        assert!(got.contains(&(name, value.as_bytes())), "{name}: {got:?}");
    }
    assert!(got.iter().all(|(name, value)| !name.starts_with(':') && *value != b"upstream"), "{got:?}");
    // It carries and loses what any other answer does: no filter will see it again.
    assert_eq!(values(&reply, "x-frame-options"), ["DENY"]);
    assert_eq!(values(&reply, "strict-transport-security").len(), 1);
    assert_eq!(values(&reply, "server"), [""; 0]);
}

#[test]
fn r29_conditions_see_the_answer_the_client_gets() {
    let config = MASKED.replace(
        r#""preset": "api""#,
        r#""when": [{"statuses": [500], "set": {"x-status": "1"}},
            {"content_types": ["application/problem+json"], "set": {"x-problem": "1"}},
            {"content_types": ["text/html"], "set": {"x-html": "1"}}]"#,
    );
    let answer = response(500, &[("content-type", "text/html")]);
    let reply = replaced(&config, request("GET", "/"), &answer).unwrap();
    assert_eq!(["x-status", "x-problem", "x-html"].map(|name| values(&reply, name).len()), [1, 1, 0]);
}

#[test]
fn r29_a_request_id_that_is_none_is_left_out() {
    let long = "a".repeat(129);
    for id in [None, Some(""), Some("a\"b"), Some("<b>"), Some("a b"), Some(long.as_str())] {
        let head = request("GET", "/");
        let head = id.into_iter().fold(head, |head, id| head.header("x-request-id", id));
        let reply = replaced(MASKED, head, &response(404, &[])).unwrap();
        assert_eq!(
            body(&reply),
            json!({"type": "about:blank", "title": "Not Found", "status": 404}),
            "{id:?}"
        );
    }
}

#[test]
fn r29_a_grpc_client_gets_a_grpc_status() {
    for (status, own, expected) in [
        (500, None, 2),
        (502, None, 14),
        (503, None, 14),
        (504, None, 14),
        (404, None, 12),
        (500, Some("8"), 8),
        (503, Some("16"), 16),
        (503, Some("17"), 14),
        (503, Some("-1"), 14),
        (503, Some("+5"), 14),
        (503, Some("5,5"), 14),
        (503, Some(""), 14),
    ] {
        let mut fields =
            vec![("content-type", "text/html"), ("grpc-message", "at Foo.java:7"), ("x-own", "1")];
        fields.extend(own.map(|own| ("grpc-status", own)));
        let reply = replaced(MASKED, grpc(), &response(status, &fields)).unwrap();
        assert_eq!((reply.status, reply.grpc_status), (status, Some(expected)), "{status} {own:?}");
        let message = String::from_utf8(reply.body.clone()).unwrap();
        assert!(
            ["Internal Server Error", "Bad Gateway", "Service Unavailable", "Gateway Timeout", "Not Found"]
                .contains(&message.as_str())
        );
        for name in ["content-type", "grpc-status", "grpc-message"] {
            assert_eq!(values(&reply, name), [""; 0], "{name}");
        }
        assert_eq!(values(&reply, "x-own"), ["1"]);
    }
    for (status, expected) in [(400, 13), (401, 16), (403, 7), (429, 14), (418, 2)] {
        let config = MASKED.replace("5xx", "4xx");
        let reply = replaced(&config, grpc(), &response(status, &[])).unwrap();
        assert_eq!(reply.grpc_status, Some(expected), "{status}");
    }
}

/// The fields of a head or of trailers that the client gets.
fn grpc_fields(config: &str, head: RequestBuilder, fields: &[(&str, &str)]) -> [Vec<(String, String)>; 2] {
    let undecorated = config.replace(r#""preset": "api""#, r#""preset": "none""#);
    let mut exchange = asked(&undecorated, head, Some("via_upstream"));
    let trailers = Headers::from_pairs(fields.iter().copied());
    let head = response(200, fields);
    let mut in_head = after(&head, &exchange.response(&head).headers);
    in_head.retain(|(name, _)| name != ":status");
    [in_head, after(&trailers, &exchange.response_trailers(&trailers).headers)]
}

#[test]
fn r29_the_message_of_a_grpc_error_is_replaced_and_its_status_kept() {
    let text = |fields: &[(&str, &str)]| -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let said = [("grpc-message", "at Foo.java:7"), ("grpc-status-details-bin", "CgA"), ("x-own", "1")];
    for status in ["2", "13", "15", "17", "02", "-1", "x", ""] {
        let own = [("grpc-status", status)];
        let expected = text(&[("grpc-status", status), ("grpc-message", "Upstream error"), ("x-own", "1")]);
        let got = grpc_fields(MASKED, grpc(), &[&own[..], &said].concat());
        assert_eq!(got, [expected.clone(), expected], "{status:?}");
        let expected = text(&[("grpc-status", status), ("grpc-message", "Upstream error")]);
        assert_eq!(grpc_fields(MASKED, grpc(), &own), [expected.clone(), expected], "{status:?}");
    }
    for status in ["0", "1", "3", "5", "12", "14", "16"] {
        let fields = [&[("grpc-status", status)], &said[..]].concat();
        assert_eq!(grpc_fields(MASKED, grpc(), &fields), [text(&fields), text(&fields)], "{status}");
    }
    // Trailers of other kinds, other clients, no masking.
    let fields = [&[("grpc-status", "13")], &said[..]].concat();
    let unmasked = r#"{"version": 1, "security_headers": {"preset": "api"}}"#;
    for (config, head, fields) in
        [(MASKED, grpc(), &said[..]), (MASKED, request("GET", "/"), &fields), (unmasked, grpc(), &fields)]
    {
        assert_eq!(grpc_fields(config, head, fields), [text(fields), text(fields)]);
    }
}

#[test]
fn r29_a_rule_may_mask_otherwise() {
    let config = MASKED.replace(
        r#""version": 1"#,
        r#""version": 1, "rules": [
            {"name": "open", "match": {"path": {"prefix": "/open"}}, "mask_errors": {}},
            {"name": "strict", "match": {"path": {"prefix": "/strict"}}, "mask_errors": {"statuses": ["4xx"]}}]"#,
    );
    for (path, status, masked) in [
        ("/", 500, true),
        ("/", 403, false),
        ("/open", 500, false),
        ("/open", 404, false),
        ("/strict", 403, true),
        ("/strict", 500, false),
    ] {
        let reply = replaced(&config, request("GET", path), &response(status, &[]));
        assert_eq!(reply.is_some(), masked, "{path} {status}");
    }
}

#[test]
fn r29_in_shadow_the_upstream_has_its_say() {
    let plugin = MASKED.replace(r#""version": 1"#, r#""version": 1, "mode": "shadow""#);
    let rule = MASKED.replace(r#""version": 1"#, r#""version": 1, "default": {"mode": "shadow"}"#);
    for config in [plugin, rule] {
        assert_eq!(replaced(&config, request("GET", "/"), &response(500, &[])), None);
        let fields = [("grpc-status", "13"), ("grpc-message", "x")];
        let [_, trailers] = grpc_fields(&config, grpc(), &fields);
        assert_eq!(trailers.last().map(|(_, value)| value.as_str()), Some("x"));
    }
}

#[test]
fn only_errors_can_be_masked() {
    let errors = |statuses: &str| {
        let config = format!(r#"{{"version": 1, "mask_errors": {{"statuses": {statuses}}}}}"#);
        let errors = config::load::<RequestPolicy>(config.as_bytes(), &()).err();
        errors.map(|errors| errors.to_string()).unwrap_or_default()
    };
    const MESSAGE: &str = "only errors are masked: 400 to 599, \"4xx\" or \"5xx\"";
    assert_eq!(
        errors(r#"[400, 399, "5xx", "3xx", 200, "1xx", 599]"#),
        [1, 3, 4, 5].map(|i| format!("mask_errors.statuses[{i}]: {MESSAGE}")).join("\n")
    );
    assert_eq!(errors("[]"), "");
}
