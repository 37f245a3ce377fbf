//! R2 to R7: which operation a request asks for.

use super::{GOOD, asked, config, plain, post, sent};
use serde_json::{Value, json};
use testkit::request;

/// What `unknown_routes` says, and the mode of the whole and of the rule.
fn unknown(setting: &str, mode: &str, rule: &str) -> String {
    let mut all: Value = serde_json::from_str(&plain()).unwrap();
    all["unknown_routes"] = json!(setting);
    all["mode"] = json!(mode);
    all["rules"][0]["mode"] = json!(rule);
    all.to_string()
}

#[test]
fn r4_a_path_that_no_rule_is_about_is_unknown() {
    for path in ["/", "/user", "/users/", "/Users", "/users/1"] {
        let seen = asked(&plain(), request("GET", path));
        assert_eq!(seen.verdict(), "404 schema.unknown_route", "{path}");
        let seen = sent(&plain(), post().header("x", path), GOOD);
        assert_eq!(seen.verdict(), "pass");
    }
    assert_eq!(asked(&plain(), request("GET", "/users?page=1")).verdict(), "pass");
}

#[test]
fn r5_a_method_without_an_operation_is_told_which_there_are() {
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "Post", "PURGE", ""] {
        let seen = asked(&plain(), request(method, "/users"));
        assert_eq!(seen.verdict(), "405 method.not_allowed", "{method}");
        assert_eq!(seen.header("allow").as_deref(), Some("GET, HEAD, POST"));
    }
}

#[test]
fn r5_unknown_routes_are_refused_passed_or_reported() {
    for (setting, mode, rule, path, method) in [
        ("deny", "enforce", "enforce", "404 schema.unknown_route", "405 method.not_allowed"),
        ("deny", "enforce", "shadow", "404 schema.unknown_route", "pass, shadow method.not_allowed"),
        ("deny", "shadow", "enforce", "pass, shadow schema.unknown_route", "pass, shadow method.not_allowed"),
        (
            "report",
            "enforce",
            "enforce",
            "pass, shadow schema.unknown_route",
            "pass, shadow method.not_allowed",
        ),
        (
            "report",
            "shadow",
            "shadow",
            "pass, shadow schema.unknown_route",
            "pass, shadow method.not_allowed",
        ),
        ("allow", "enforce", "enforce", "pass", "pass"),
        ("allow", "shadow", "enforce", "pass", "pass"),
    ] {
        let config = unknown(setting, mode, rule);
        assert_eq!(asked(&config, request("GET", "/other")).verdict(), path, "{setting} {mode} {rule}");
        assert_eq!(asked(&config, request("PUT", "/users")).verdict(), method, "{setting} {mode} {rule}");
    }
    // What passes unseen passes with a body, too.
    let head = request("POST", "/other").header("content-type", "a/b").header("content-encoding", "gzip");
    assert_eq!(sent(&unknown("allow", "enforce", "enforce"), head, "x").verdict(), "pass");
}

#[test]
fn r4_head_is_asked_as_get_is() {
    assert_eq!(asked(&plain(), request("HEAD", "/users")).verdict(), "pass");
    let own = r#"{"version": 1, "rules": [{"name": "a", "match": {}, "operations": {
        "GET": {}, "HEAD": {"body": {"content": {"*/*": {"skip": true}}}}}}]}"#;
    assert_eq!(asked(own, request("HEAD", "/")).verdict(), "400 schema.body_missing");
    let none = r#"{"version": 1, "rules": [{"name": "a", "match": {}, "operations": {"POST": {}}}]}"#;
    assert_eq!(asked(none, request("HEAD", "/")).verdict(), "405 method.not_allowed");
}

#[test]
fn r4_an_extension_method_has_an_operation_under_its_name() {
    let config =
        r#"{"version": 1, "rules": [{"name": "a", "match": {}, "operations": {"extension:PURGE": {}}}]}"#;
    assert_eq!(asked(config, request("PURGE", "/")).verdict(), "pass");
    let seen = asked(config, request("GET", "/"));
    assert_eq!(seen.header("allow").as_deref(), Some("PURGE"));
}

#[test]
fn r6_a_preflight_passes_unless_it_is_said_otherwise() {
    let preflight = |path: &str| {
        let head = request("OPTIONS", path).header("origin", "https://app.example.com");
        head.header("access-control-request-method", "POST")
    };
    for path in ["/users", "/other"] {
        assert_eq!(asked(&plain(), preflight(path)).verdict(), "pass", "{path}");
        // It has no body (R9).
        assert_eq!(sent(&plain(), preflight(path), "").verdict(), "pass");
        assert_eq!(sent(&plain(), preflight(path), "x").verdict(), "400 schema.body_unexpected");
        let announced = preflight(path).header("content-length", "1");
        assert_eq!(sent(&plain(), announced, "x").verdict(), "400 schema.body_unexpected");
    }
    let strict = config(json!({"pass_preflight": false}), json!({}));
    assert_eq!(asked(&strict, preflight("/users")).verdict(), "405 method.not_allowed");
    assert_eq!(asked(&strict, preflight("/other")).verdict(), "404 schema.unknown_route");
    // One of the two headers is not enough.
    for name in ["origin", "access-control-request-method"] {
        assert_eq!(asked(&plain(), preflight("/users").without(name)).verdict(), "405 method.not_allowed");
    }
}

#[test]
fn r6_an_operation_for_options_comes_first() {
    let config = r#"{"version": 1, "rules": [{"name": "a", "match": {}, "operations": {
        "OPTIONS": {"body": {"content": {"*/*": {"skip": true}}}}}}]}"#;
    let head =
        request("OPTIONS", "/").header("origin", "null").header("access-control-request-method", "PUT");
    assert_eq!(asked(config, head).verdict(), "400 schema.body_missing");
}

#[test]
fn r2_r3_a_request_with_two_readings_is_none() {
    for (head, expected) in [
        (request("GET", "//users"), "400 path.ambiguous"),
        (request("GET", "/a/../users"), "400 path.ambiguous"),
        (request("GET", "/users;a=b"), "400 path.ambiguous"),
        (request("GET", "/us%2fers"), "400 path.ambiguous"),
        (request("GET", "/users%zz"), "400 path.malformed"),
        (request("GET", "users"), "400 path.malformed"),
        (request("GET", "/users").authority("a.example.com,b.example.com"), "400 header.host"),
        (request("GET", "/%75sers"), "pass"),
    ] {
        assert_eq!(asked(&plain(), head.clone()).verdict(), expected, "{head:?}");
    }
    // Not even where unknown routes pass: it might be a known one's.
    let config = config(json!({"unknown_routes": "allow"}), json!({}));
    assert_eq!(asked(&config, request("GET", "//users")).verdict(), "400 path.ambiguous");
}

#[test]
fn r4_the_best_match_applies() {
    let config = r#"{"version": 1, "rules": [
        {"name": "all", "match": {"path": {"prefix": "/"}}, "operations": {"GET": {}}},
        {"name": "one", "match": {"path": {"template": "/a/{id}"}}, "operations": {"PUT": {}}},
        {"name": "host", "match": {"hosts": ["b.example.com"]}, "operations": {"PATCH": {}}}]}"#;
    for (head, allow) in [
        (request("DELETE", "/a"), "GET, HEAD"),
        (request("DELETE", "/a/1"), "PUT"),
        (request("DELETE", "/a/1").authority("b.example.com:8443"), "PATCH"),
    ] {
        let seen = asked(config, head);
        assert_eq!(
            (seen.verdict().as_str(), seen.header("allow").as_deref()),
            ("405 method.not_allowed", Some(allow))
        );
    }
}

#[test]
fn r8_a_connection_becomes_another_protocol_where_the_operation_says_so() {
    let upgrade = request("GET", "/users").header("upgrade", "websocket").header("connection", "upgrade");
    let config = |post: Value| {
        let mut all: Value = serde_json::from_str(&plain()).unwrap();
        all["rules"][0]["operations"]["GET"] = post;
        all["rules"][0]["match"] = json!({});
        all["rules"][0]["operations"]["CONNECT"] = all["rules"][0]["operations"]["GET"].clone();
        all.to_string()
    };
    let (refused, allowed) = (config(json!({})), config(json!({"upgrade": true})));
    let connect = request("CONNECT", "/").without(":path");
    for head in [upgrade.clone(), connect] {
        assert_eq!(sent(&refused, head.clone(), "frames").verdict(), "400 schema.body_unexpected");
        assert_eq!(sent(&allowed, head, "frames").verdict(), "pass");
    }
    // A body that is announced is one all the same.
    let head = upgrade.header("content-length", "6");
    assert_eq!(sent(&allowed, head, "frames").verdict(), "400 schema.body_unexpected");
}
