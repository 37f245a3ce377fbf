//! R1 to R8 and R12: what may enter.

use super::{after, answered, verdict};
use filter_core::effect::HeaderOp;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use serde_json::{Value, json};
use testkit::{Exchange, drive, request};

const CONFIG: &str = r#"{
    "version": 1,
    "rules": [
        { "name": "orders", "match": { "path": { "prefix": "/orders" } }, "methods": ["GET", "POST"] },
        { "name": "order", "match": { "path": { "template": "/orders/{id}" } }, "methods": ["PUT", "DELETE"] },
        { "name": "admin", "match": { "path": { "prefix": "/admin" } }, "methods": ["GET"], "method_override": "refuse" },
        { "name": "admin of operations", "match": { "hosts": ["ops.example.com"], "path": { "prefix": "/admin" } },
          "methods": ["GET", "POST"] },
        { "name": "beta", "match": { "path": { "prefix": "/orders" }, "headers": [{ "name": "x-beta" }] },
          "methods": ["PATCH"] },
        { "name": "cache", "match": { "path": { "exact": "/cache" } },
          "methods": [{ "extension": "PURGE" }, "TRACE", "TRACK", "CONNECT", "HEAD"] },
        { "name": "closed", "match": { "path": { "exact": "/closed" } }, "methods": [] }
    ],
    "default": { "methods": ["GET", "POST"] }
}"#;

fn decide(head: impl Into<Headers>) -> Outcome {
    drive::<RequestPolicy>(CONFIG, head)
}

#[test]
fn r1_without_a_valid_configuration_every_request_is_refused() {
    let mut exchange = Exchange::<RequestPolicy>::unconfigured();
    assert_eq!(verdict(&exchange.request(request("GET", "/"))), "503 policy.unavailable");
}

#[test]
fn r2_a_head_that_was_not_handed_over_is_refused_in_every_mode() {
    for mode in ["enforce", "shadow"] {
        let config = format!(r#"{{"version": 1, "mode": "{mode}"}}"#);
        assert_eq!(verdict(&drive::<RequestPolicy>(&config, Headers::default())), "431 header.too_many");
    }
}

#[test]
fn r3_a_path_without_a_safe_reading_is_refused_whatever_the_mode_for_ambiguous_ones() {
    for on_ambiguous_path in ["reject", "normalize"] {
        let config = format!(r#"{{"version": 1, "on_ambiguous_path": "{on_ambiguous_path}"}}"#);
        for path in
            ["", "orders", "/%", "/%zz", "/%252e", "/a%00", "/a\nb", "/a#b", "/%c0%af", "/\u{7f}", "/?a\r\nb"]
        {
            let outcome = drive::<RequestPolicy>(&config, request("GET", path));
            assert_eq!(verdict(&outcome), "400 path.malformed", "{path:?}");
            assert_eq!(outcome.headers, []);
        }
    }
}

/// Spelling, what it means, and what the client is told.
const AMBIGUOUS: &[(&str, &str, &str)] = &[
    ("//admin", "/admin", "the path has an empty segment"),
    ("/./admin", "/admin", "the path has a dot segment"),
    ("/public/../admin", "/admin", "the path has a dot segment"),
    ("/public/%2e%2e/admin?x=..", "/admin?x=..", "the path has a dot segment"),
    ("/public%2f..%2fadmin", "/admin", "the path has an encoded slash"),
    ("/public\\..\\admin", "/admin", "the path has a backslash"),
    ("/public%5c..%5cadmin", "/admin", "the path has a backslash"),
    ("/public/..;/admin", "/admin", "the path has segment parameters"),
    ("/admin;v=1/x", "/admin/x", "the path has segment parameters"),
];

#[test]
fn r4_a_path_with_more_than_one_reading_is_refused_with_the_reason() {
    for (path, _, detail) in AMBIGUOUS {
        let outcome = decide(request("GET", path));
        assert_eq!(verdict(&outcome), "400 path.ambiguous", "{path}");
        let Flow::Reply(reply) = outcome.flow else { panic!("not refused") };
        let expected = json!({
            "type": "urn:portcullis:path.malformed", "title": "Malformed path", "status": 400, "detail": detail,
        });
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), expected);
    }
}

#[test]
fn r4_normalize_decides_on_the_canonical_path_and_sends_it_upstream() {
    let config = CONFIG.replacen("\"version\"", "\"on_ambiguous_path\": \"normalize\", \"version\"", 1);
    for (path, canonical, _) in AMBIGUOUS {
        let head = request("GET", path).build();
        let outcome = drive::<RequestPolicy>(&config, head.clone());
        assert_eq!(verdict(&outcome), "pass", "{path}");
        assert_eq!(after(&head, &outcome.headers), after(&request("GET", canonical).build(), &[]), "{path}");

        let outcome = drive::<RequestPolicy>(&config, request("POST", path));
        assert_eq!(verdict(&outcome), "405 method.not_allowed", "{path}");
        assert_eq!(outcome.headers, [], "a refused request is not changed");
    }
    for (path, canonical) in [("/%61dmin", "/admin"), ("/caf%c3%a9", "/caf%C3%A9"), ("/a%20b?c", "/a%20b?c")]
    {
        let head = request("GET", path).build();
        let outcome = drive::<RequestPolicy>(&config, head.clone());
        assert_eq!(after(&head, &outcome.headers), after(&request("GET", canonical).build(), &[]), "{path}");
    }
    for path in ["/", "/orders?a=//..", "/orders/1,2(3)", "/caf%C3%A9", "*"] {
        assert_eq!(drive::<RequestPolicy>(&config, request("GET", path)).headers, [], "{path}");
    }
}

#[test]
fn r4_reject_never_changes_a_path() {
    for path in ["/%61dmin", "/caf%c3%a9", "/a b"] {
        let outcome = decide(request("GET", path));
        assert_eq!((verdict(&outcome).as_str(), outcome.headers.len()), ("pass", 0), "{path}");
    }
}

#[test]
fn r5_the_best_rule_applies_and_the_default_where_there_is_none() {
    const BETA: &[(&str, &str)] = &[("x-beta", "1")];
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, &str, Fields<'_>, &str)] = &[
        ("api.example.com", "/orders", &[], "GET, HEAD, POST"),
        ("api.example.com", "/orders/1/items", &[], "GET, HEAD, POST"),
        ("api.example.com", "/orders/1", &[], "PUT, DELETE"),
        ("api.example.com", "/orders/1", BETA, "PUT, DELETE"),
        ("api.example.com", "/orders", BETA, "PATCH"),
        ("api.example.com", "/admin", &[], "GET, HEAD"),
        ("api.example.com", "/%61dmin", &[], "GET, HEAD"),
        ("api.example.com", "/admin/users", &[], "GET, HEAD"),
        ("OPS.example.com.:8443", "/admin/users", &[], "GET, HEAD, POST"),
        ("ops.example.com.evil.test", "/admin", &[], "GET, HEAD"),
        ("api.example.com", "/administrator", &[], "GET, HEAD, POST"),
        ("api.example.com", "/Admin", &[], "GET, HEAD, POST"),
        ("api.example.com", "/", &[], "GET, HEAD, POST"),
        ("api.example.com", "*", &[], "GET, HEAD, POST"),
        ("[::1]:80", "/cache", &[], "PURGE, TRACE, TRACK, CONNECT, HEAD"),
        ("api.example.com", "/closed", &[], ""),
    ];
    for (host, path, headers, allow) in cases {
        let head =
            headers.iter().fold(request("FORBIDDEN", path), |head, (name, value)| head.header(name, value));
        let outcome = decide(head.authority(host));
        assert_eq!(verdict(&outcome), "405 method.not_allowed");
        assert_eq!(answered(&outcome, "allow").as_deref(), Some(*allow), "{host} {path} {headers:?}");
    }
}

#[test]
fn r6_a_method_that_is_no_token_is_refused_before_it_is_looked_up() {
    for method in
        ["", "GE T", "GET ", "GET\0", "GET\r\nX: y", "GET/", "G\u{e9}T", "\"GET\"", "GET,POST", "(GET)"]
    {
        let outcome = decide(request(method, "/closed"));
        assert_eq!(verdict(&outcome), "400 method.malformed", "{method:?}");
        assert_eq!(answered(&outcome, "allow"), None);
    }
    assert_eq!(verdict(&decide(request("GET", "/").without(":method"))), "400 method.malformed");
    for method in ["get", "M-SEARCH", "!#$%&'*+-.^_`|~09AZaz"] {
        assert_eq!(verdict(&decide(request(method, "/closed"))), "405 method.not_allowed", "{method}");
    }
}

#[test]
fn r7_a_method_that_is_not_listed_is_refused() {
    let cases: &[(&str, &str, bool)] = &[
        ("GET", "/orders", true),
        ("HEAD", "/orders", true),
        ("POST", "/orders", true),
        ("DELETE", "/orders", false),
        ("OPTIONS", "/orders", false),
        ("get", "/orders", false),
        ("Get", "/orders", false),
        ("GETX", "/orders", false),
        ("PURGE", "/orders", false),
        ("TRACE", "/orders", false),
        ("HEAD", "/orders/1", false),
        ("PURGE", "/cache", true),
        ("purge", "/cache", false),
        ("TRACE", "/cache", true),
        ("TRACK", "/cache", true),
        ("CONNECT", "/cache", true),
        ("HEAD", "/cache", true),
        ("GET", "/cache", false),
        ("GET", "/closed", false),
    ];
    for (method, path, allowed) in cases {
        let expected = if *allowed { "pass" } else { "405 method.not_allowed" };
        assert_eq!(verdict(&decide(request(method, path))), expected, "{method} {path}");
    }
}

#[test]
fn r7_the_built_in_list_has_neither_trace_nor_track_nor_connect() {
    let expected = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    for config in [r#"{"version": 1}"#, r#"{"version": 1, "rules": [{"name": "all", "match": {}}]}"#] {
        for method in expected.split(", ") {
            assert_eq!(verdict(&drive::<RequestPolicy>(config, request(method, "/"))), "pass", "{method}");
        }
        for method in ["TRACE", "TRACK", "CONNECT", "PROPFIND", "PURGE"] {
            let outcome = drive::<RequestPolicy>(config, request(method, "/"));
            assert_eq!(verdict(&outcome), "405 method.not_allowed", "{method}");
            assert_eq!(answered(&outcome, "allow").as_deref(), Some(expected));
        }
    }
}

#[test]
fn r7_a_method_listed_twice_is_allowed_and_named_once() {
    let config = r#"{"version": 1, "default": {"methods": ["POST", "HEAD", "GET", "POST", {"extension": "PURGE"}, {"extension": "PURGE"}]}}"#;
    let outcome = drive::<RequestPolicy>(config, request("PUT", "/"));
    assert_eq!(answered(&outcome, "allow").as_deref(), Some("POST, HEAD, GET, PURGE"));
}

#[test]
fn r7_connect_without_a_path_is_for_rules_without_one() {
    let config = |methods: &str| {
        format!(
            r#"{{"version": 1, "default": {{"methods": ["GET"]}}, "rules": [
                {{"name": "all paths", "match": {{"path": {{"prefix": "/"}}}}, "methods": ["CONNECT"]}},
                {{"name": "proxy", "match": {{"hosts": ["proxy.test"]}}, "methods": {methods}}}]}}"#
        )
    };
    let connect = |authority: &str| request("CONNECT", "").without(":path").authority(authority);
    for (authority, methods, expected) in [
        ("proxy.test:443", r#"["CONNECT"]"#, "pass"),
        ("proxy.test:443", r#"["GET"]"#, "405 method.not_allowed"),
        ("other.test:443", r#"["CONNECT"]"#, "405 method.not_allowed"),
    ] {
        let outcome = drive::<RequestPolicy>(&config(methods), connect(authority));
        assert_eq!(verdict(&outcome), expected, "{authority} {methods}");
    }
}

const OVERRIDES: &[&str] = &[
    "X-HTTP-Method-Override",
    "x-http-method-override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "x_http-method_override",
    "X_HTTP_METHOD",
    "X_Method_Override",
];

#[test]
fn r8_a_header_that_would_change_the_method_is_stripped() {
    for name in OVERRIDES {
        let head = request("POST", "/orders").header("x-kept", "1");
        let plain = after(&head.clone().build(), &[]);
        let head = head.header(name, "DELETE").header(name, "PUT").build();
        let outcome = decide(head.clone());
        assert_eq!(verdict(&outcome), "pass", "{name}");
        assert_eq!(after(&head, &outcome.headers), plain, "{name}");
    }
    let all = OVERRIDES.iter().fold(request("POST", "/"), |head, name| head.header(name, "DELETE")).build();
    assert_eq!(after(&all, &decide(all.clone()).headers), after(&request("POST", "/").build(), &[]));
}

#[test]
fn r8_or_refused_where_the_rule_says_so() {
    for name in OVERRIDES {
        let outcome = decide(request("GET", "/admin").header(name, ""));
        assert_eq!(verdict(&outcome), "400 method.override", "{name}");
        assert_eq!(outcome.headers, []);
    }
    // The method that was sent counts first.
    let outcome = decide(request("POST", "/admin").header("x-http-method", "GET"));
    assert_eq!(verdict(&outcome), "405 method.not_allowed");
}

#[test]
fn r8_headers_that_only_look_like_it_stay() {
    for name in [
        "x-http-methods",
        "x-http",
        "xx-http-method",
        "http-method",
        "x-http-method-overridden",
        "x--http-method",
    ] {
        for path in ["/orders", "/admin"] {
            let outcome = decide(request("GET", path).header(name, "DELETE"));
            assert_eq!(
                (verdict(&outcome).as_str(), outcome.headers.as_slice()),
                ("pass", &[] as &[HeaderOp]),
                "{name}"
            );
        }
    }
}

#[test]
fn r12_an_authority_that_is_not_one_host_is_refused() {
    for authority in [
        "",
        "api.example.com,api.example.com",
        "api.example.com,ops.example.com",
        "user@api.example.com",
        "ops.example.com@api.example.com",
        "api.example.com..",
        "api..example.com",
        "api%2eexample.com",
        "api.example.com:80:80",
        "api.example.com:http",
        "api.example.com/orders",
        "[::1",
        "[ops.example.com]",
        "\u{e9}.example.com",
    ] {
        let outcome = decide(request("GET", "/orders").authority(authority));
        assert_eq!(verdict(&outcome), "400 header.host", "{authority:?}");
        assert_eq!(outcome.headers, []);
        let Flow::Reply(reply) = outcome.flow else { panic!("not refused") };
        let expected =
            json!({ "type": "urn:portcullis:header.host", "title": "Malformed host", "status": 400 });
        assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), expected);
    }
    assert_eq!(verdict(&decide(request("GET", "/").without(":authority"))), "400 header.host");
    for authority in ["api.example.com.", "API.example.com:8443", "api.example.com:", "192.0.2.1", "[::1]:80"]
    {
        assert_eq!(verdict(&decide(request("GET", "/orders").authority(authority))), "pass", "{authority}");
    }
}

#[test]
fn r12_comes_after_the_path_and_before_the_method() {
    let head = |method: &str, path: &str| request(method, path).authority("a,b");
    assert_eq!(verdict(&decide(head("GET", "/./"))), "400 path.ambiguous");
    assert_eq!(verdict(&decide(head("GET", "/%zz"))), "400 path.malformed");
    assert_eq!(verdict(&decide(head("P T", "/closed"))), "400 header.host");
    assert_eq!(verdict(&decide(head("CONNECT", "").without(":path"))), "400 header.host");
}

#[test]
fn a_refusal_names_its_rule_in_the_log() {
    for (path, rule) in [("/admin", Some("admin")), ("/", Some("default")), ("/./", None)] {
        let outcome = decide(request("DELETE", path));
        let line: Value = serde_json::from_str(&outcome.logs[0].text).unwrap();
        assert_eq!(line.get("rule").and_then(Value::as_str), rule, "{path}");
    }
}
