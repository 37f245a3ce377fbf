//! R11: shadow mode changes nothing and reports what it would have refused.

use super::verdict;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use serde_json::Value;
use testkit::{Exchange, drive, request, response};

const RULES: &str = r#"[
    { "name": "old", "match": { "path": { "prefix": "/old" } }, "methods": ["GET"], "method_override": "refuse" },
    { "name": "new", "match": { "path": { "prefix": "/new" } }, "mode": "shadow", "methods": ["GET"],
      "method_override": "refuse" },
    { "name": "strip", "match": { "path": { "prefix": "/strip" } }, "mode": "shadow" }
]"#;

fn config(mode: &str, on_ambiguous_path: &str) -> String {
    format!(
        r#"{{"version": 1, "mode": "{mode}", "on_ambiguous_path": "{on_ambiguous_path}", "rules": {RULES},
            "default": {{"mode": "shadow", "methods": ["GET"]}}}}"#
    )
}

/// The reasons that were reported in filter state; checks that log and counters agree.
fn reported(outcome: &Outcome) -> String {
    let state = |what: &str| {
        let key = format!("portcullis.request-policy.{what}");
        let found = outcome.exports.iter().find(|(other, _)| *other == key);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let list = state("shadow").unwrap_or_default();
    let reasons: Vec<&str> = list.split(',').filter(|reason| !reason.is_empty()).collect();
    let counters: Vec<String> = reasons
        .iter()
        .map(|reason| format!("portcullis_request_policy_shadowed_instance=request-policy_reason={reason}"))
        .collect();
    assert_eq!(outcome.counters, counters);
    let logged: Vec<String> = outcome
        .logs
        .iter()
        .map(|line| {
            let line: Value = serde_json::from_str(&line.text).unwrap_or_default();
            let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(text("event"), "shadow");
            text("reason").to_owned()
        })
        .collect();
    assert_eq!(logged, reasons);
    let decision = if reasons.is_empty() { None } else { Some("shadow".to_owned()) };
    assert_eq!(state("decision"), decision);
    list
}

#[test]
fn r11_a_plugin_in_shadow_refuses_nothing_changes_nothing_and_reports() {
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("GET", "/old", &[], ""),
        ("PUT", "/old", &[], "method.not_allowed"),
        ("P T", "/old", &[], "method.malformed"),
        ("GET", "/old", &["x-http-method"], "method.override"),
        ("PUT", "/old", &["x-http-method", "x_http_method"], "method.not_allowed,method.override"),
        ("GET", "/strip", &["x-http-method"], ""),
        ("GET", "/%zz", &[], "path.malformed"),
        ("PUT", "/%zz", &["x-http-method"], "path.malformed"),
        ("GET", "/a/../old", &[], "path.ambiguous"),
        ("PUT", "/a/../old", &["x-http-method"], "path.ambiguous,method.not_allowed,method.override"),
    ];
    for (method, path, headers, reasons) in cases {
        for on_ambiguous_path in ["reject", "normalize"] {
            let head = headers.iter().fold(request(method, path), |head, name| head.header(name, "DELETE"));
            let outcome = drive::<RequestPolicy>(&config("shadow", on_ambiguous_path), head);
            assert_eq!(
                (&outcome.flow, outcome.headers.as_slice()),
                (&Flow::Continue, [].as_slice()),
                "{path}"
            );
            // Normalising is no refusal: there is nothing to report.
            let reasons = match on_ambiguous_path {
                "normalize" => reasons.trim_start_matches("path.ambiguous").trim_start_matches(','),
                _ => reasons,
            };
            assert_eq!(reported(&outcome), reasons, "{method} {path} {headers:?} {on_ambiguous_path}");
        }
    }
}

#[test]
fn r11_a_host_that_is_none_is_reported_and_no_rule_applies() {
    let outcome = drive::<RequestPolicy>(
        &config("shadow", "reject"),
        request("PUT", "/a/../old").authority("a,b").header("x-http-method", "DELETE"),
    );
    assert_eq!((&outcome.flow, outcome.headers.as_slice()), (&Flow::Continue, [].as_slice()));
    assert_eq!(reported(&outcome), "path.ambiguous,header.host");
}

#[test]
fn r11_a_plugin_in_shadow_leaves_answers_alone() {
    let mut exchange = Exchange::<RequestPolicy>::new(r#"{"version": 1, "mode": "shadow"}"#);
    let _ = exchange.request(request("GET", "/"));
    for answer in [response(200, &[("server", "nginx"), ("x-powered-by", "PHP")]), Headers::default()] {
        assert_eq!(exchange.response(&answer), Outcome::flow(Flow::Continue));
    }
}

#[test]
fn r11_a_rule_in_shadow_refuses_nothing_and_reports() {
    let cases: &[(&str, &str, &[&str], &str, &str)] = &[
        ("PUT", "/old", &[], "405 method.not_allowed", "-"),
        ("GET", "/old", &["x-http-method"], "400 method.override", "-"),
        ("PUT", "/new", &[], "pass", "method.not_allowed"),
        ("PUT", "/new", &["x-http-method"], "pass", "method.not_allowed,method.override"),
        ("P T", "/new", &[], "pass", "method.malformed"),
        ("PUT", "/other", &[], "pass", "method.not_allowed"),
        // What is wrong with a path is not a rule's business.
        ("GET", "/new/../new", &[], "400 path.ambiguous", "-"),
        ("GET", "/new%zz", &[], "400 path.malformed", "-"),
        ("GET", "/new;v=1", &[], "400 path.ambiguous", "-"),
    ];
    for (method, path, headers, expected, reasons) in cases {
        let head = headers.iter().fold(request(method, path), |head, name| head.header(name, "DELETE"));
        let outcome = drive::<RequestPolicy>(&config("enforce", "reject"), head);
        assert_eq!(verdict(&outcome), *expected, "{method} {path}");
        assert_eq!(outcome.headers, [], "{method} {path}");
        if *expected == "pass" {
            assert_eq!(reported(&outcome), *reasons, "{method} {path}");
        }
    }
}

#[test]
fn r11_a_rule_in_shadow_strips_nothing_but_the_answer_is_decorated() {
    let mut exchange = Exchange::<RequestPolicy>::new(&config("enforce", "reject"));
    let outcome = exchange.request(request("GET", "/strip").header("x-http-method", "PUT"));
    assert_eq!((verdict(&outcome).as_str(), outcome.headers.len()), ("pass", 0));
    let outcome = exchange.response(&response(200, &[("server", "nginx")]));
    assert!(!outcome.headers.is_empty());
}

#[test]
fn r11_a_rule_in_shadow_is_no_shadow_for_the_host() {
    let config = config("enforce", "reject");
    let outcome = drive::<RequestPolicy>(&config, request("GET", "/new").authority("a,b"));
    assert_eq!(verdict(&outcome), "400 header.host");
}

#[test]
fn r11_the_rule_is_named_in_the_report() {
    let outcome = drive::<RequestPolicy>(&config("enforce", "reject"), request("PUT", "/new/1?token=s3cr3t"));
    let line: Value = serde_json::from_str(&outcome.logs[0].text).unwrap();
    assert_eq!((&line["rule"], &line["path"]), (&"new".into(), &"/new/1?token=*".into()));
}
