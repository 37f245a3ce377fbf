//! R9 and R10: the operator's own lists of headers, and those for some answers only.

use super::answer::{delivered, fields, owned};
use filter_core::config;
use filter_core::message::Headers;
use proptest::prelude::*;
use request_policy::RequestPolicy;
use serde_json::{Value, json};
use testkit::response;

fn config(lists: &str) -> String {
    format!(r#"{{"version": 1, "security_headers": {{{lists}}}}}"#)
}

/// What a client gets of these fields over TLS, where no preset adds to it.
fn listed(lists: &str, answer: &[(&str, &str)]) -> Vec<(String, String)> {
    fields(&config(&format!(r#""preset": "none", {lists}"#)), "https", answer)
}

/// The values of one header where the answer has this status and these fields.
fn values(lists: &str, status: u16, answer: &[(&str, &str)], name: &str) -> Vec<String> {
    let fields = delivered(&config(lists), "https", &response(status, answer)).into_iter();
    fields.filter(|(other, _)| other == name).map(|(_, value)| value).collect()
}

#[test]
fn r9_if_absent_fills_a_gap_and_leaves_one_value() {
    let lists = r#""if_absent": {"X-Own": "default"}"#;
    assert_eq!(listed(lists, &[]), owned(&[("x-own", "default")]));
    for value in ["1", "", "default"] {
        assert_eq!(listed(lists, &[("x-own", value)]), owned(&[("x-own", value)]));
    }
    let several = [("x-own", "1"), ("x-kept", "a"), ("x-own", "2"), ("x-own", "3")];
    assert_eq!(listed(lists, &several), owned(&[("x-own", "1"), ("x-kept", "a")]));
}

#[test]
fn r9_append_adds_beside_what_is_there() {
    let lists = r#""append": {"vary": "Accept-Language", "link": "</a>; rel=help"}"#;
    let own = [("vary", "Accept-Language"), ("link", "</a>; rel=help")];
    assert_eq!(listed(lists, &[]), owned(&own));
    let upstream = [("vary", "Accept"), ("link", "</b>; rel=next"), ("link", "</c>; rel=prev")];
    assert_eq!(listed(lists, &upstream), owned(&[&upstream[..], &own].concat()));
}

#[test]
fn r9_what_the_operator_says_of_a_header_replaces_what_a_preset_does_with_it() {
    let csp = "content-security-policy";
    for (list, expected) in [
        (r#""set": {"Content-Security-Policy": "own"}"#, &["own"][..]),
        (r#""if_absent": {"Content-Security-Policy": "own"}"#, &["upstream"]),
        (r#""append": {"Content-Security-Policy": "own"}"#, &["upstream", "own"]),
        (r#""remove": ["Content-Security-Policy"]"#, &[]),
    ] {
        assert_eq!(values(list, 200, &[(csp, "upstream")], csp), expected, "{list}");
        // And a name on the list of those that are removed.
        let list = list.replace("Content-Security-Policy", "Server");
        assert_eq!(values(&list, 200, &[("server", "upstream")], "server"), expected, "{list}");
    }
}

#[test]
fn r9_hsts_in_any_list_is_for_answers_over_tls() {
    let hsts = |lists: &str, scheme: &str| -> Vec<String> {
        let config = config(&format!(r#""preset": "none", {lists}"#));
        let upstream =
            [("strict-transport-security", "max-age=1"), ("strict-transport-security", "max-age=2")];
        fields(&config, scheme, &upstream).into_iter().map(|(_, value)| value).collect()
    };
    for (lists, expected) in [
        (r#""set": {"strict-transport-security": "own"}"#, &["own"][..]),
        (r#""if_absent": {"strict-transport-security": "own"}"#, &["max-age=1"]),
        (r#""append": {"strict-transport-security": "own"}"#, &["max-age=1", "max-age=2", "own"]),
        (r#""when": [{"set": {"strict-transport-security": "own"}}]"#, &["own"]),
    ] {
        assert_eq!(hsts(lists, "https"), expected, "{lists}");
        assert_eq!(hsts(lists, "http"), [""; 0], "{lists}");
    }
}

#[test]
fn r9_a_condition_is_about_status_and_media_type() {
    let json = Some("application/json; charset=utf-8");
    for (condition, status, content_type, holds) in [
        ("", 200, None, true),
        (r#""statuses": [404],"#, 404, None, true),
        (r#""statuses": [404],"#, 403, None, false),
        (r#""statuses": [404, "5xx"],"#, 500, None, true),
        (r#""statuses": [404, "5xx"],"#, 599, None, true),
        (r#""statuses": [404, "5xx"],"#, 499, None, false),
        (r#""statuses": ["2xx"],"#, 204, None, true),
        (r#""content_types": ["application/json"],"#, 200, json, true),
        (r#""content_types": ["Application/JSON"],"#, 200, Some("application/Json"), true),
        (r#""content_types": ["text/html", "application/*+json"],"#, 200, json, false),
        (r#""content_types": ["text/html", "application/*+json"],"#, 200, Some("application/hal+json"), true),
        (r#""content_types": ["text/*"],"#, 200, Some("text/html;charset=utf-8"), true),
        (r#""content_types": ["*/*"],"#, 200, Some("a/b"), true),
        (r#""content_types": ["*/*"],"#, 200, None, false),
        (r#""content_types": ["*/*"],"#, 200, Some("html"), false),
        (r#""statuses": ["4xx"], "content_types": ["text/html"],"#, 404, Some("text/html"), true),
        (r#""statuses": ["4xx"], "content_types": ["text/html"],"#, 200, Some("text/html"), false),
        (r#""statuses": ["4xx"], "content_types": ["text/html"],"#, 404, json, false),
    ] {
        let lists = format!(r#""when": [{{{condition} "set": {{"x-own": "1"}}}}]"#);
        let fields: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
        let expected = if holds { &["1"][..] } else { &[] };
        assert_eq!(values(&lists, status, &fields, "x-own"), expected, "{lists} {status} {content_type:?}");
    }
}

#[test]
fn r9_a_condition_has_the_last_word_on_its_headers() {
    let lists = r#""set": {"x-frame-options": "SAMEORIGIN"}, "when": [
        {"content_types": ["text/html"], "set": {"x-frame-options": "ALLOW-FROM", "x-own": "html"}},
        {"statuses": ["4xx"], "set": {"x-own": "error"}, "remove": ["cache-control", "x-frame-options"]},
        {"statuses": [404], "if_absent": {"x-own": "unused", "cache-control": "max-age=5"}, "append": {"x-own": "404"}}
    ]"#;
    // A header in two lists of one condition.
    assert!(config::load::<RequestPolicy>(config(lists).as_bytes(), &()).is_err());
    let lists = lists.replace(r#""x-own": "unused", "#, "");
    let html = [("content-type", "text/html"), ("x-frame-options", "upstream"), ("x-frame-options", "twice")];
    for (status, fields, frame, own, cache) in [
        (200, &[][..], &["SAMEORIGIN"][..], &[][..], "no-store"),
        (200, &html, &["ALLOW-FROM"], &["html"], "no-store"),
        (403, &html, &[], &["error"], ""),
        (404, &html, &[], &["error", "404"], "max-age=5"),
    ] {
        let got = |name: &str| values(&lists, status, fields, name);
        assert_eq!(got("x-frame-options"), frame, "{status}");
        assert_eq!(got("x-own"), own, "{status}");
        assert_eq!(got("cache-control").join("|"), cache, "{status}");
        // What no condition mentions is as ever.
        assert_eq!(got("x-content-type-options"), ["nosniff"], "{status}");
    }
}

#[test]
fn r9_a_condition_on_an_answer_that_cannot_be_seen_does_not_hold() {
    let lists = r#""preset": "none", "when": [{"statuses": ["2xx"], "set": {"x-status": "1"}},
        {"content_types": ["*/*"], "set": {"x-type": "1"}}, {"set": {"x-any": "1"}, "remove": ["x-internal"]}]"#;
    let got = delivered(&config(lists), "https", &Headers::default());
    assert_eq!(got, owned(&[("x-any", "1")]));
}

#[test]
fn a_header_is_in_one_list_only_and_nobody_elses() {
    let errors = |lists: &str| -> Vec<String> {
        let errors = config::load::<RequestPolicy>(config(lists).as_bytes(), &()).err();
        errors.map(|errors| errors.to_string().lines().map(str::to_owned).collect()).unwrap_or_default()
    };
    let lists = r#""set": {"x-a": "1", "x-b": "1", "Vary": "x"}, "if_absent": {"X-A": "1", "te": "1"},
        "append": {"x-b": "1", "vary": "Accept", "Access-Control-Allow-Origin": "*"},
        "remove": ["x-c", "x-a", "access-control-max-age", "Connection"]"#;
    let expected = [
        r#".set.vary: CORS owns the header"#,
        r#".if_absent["x-a"]: the header is also in `set`"#,
        r#".if_absent.te: the header frames the message; Envoy owns it"#,
        r#".append["x-b"]: the header is also in `set`"#,
        r#".append.vary: the header is also in `set`"#,
        r#".append["access-control-allow-origin"]: CORS owns the header"#,
        r#".remove[1]: the header is also in `set`"#,
        r#".remove[2]: CORS owns the header"#,
        r#".remove[3]: the header frames the message; Envoy owns it"#,
    ];
    let at = |place: &str| expected.map(|line| format!("{place}{line}"));
    assert_eq!(errors(lists), at("security_headers"));
    assert_eq!(errors(&format!(r#""when": [{{}}, {{{lists}}}]"#)), at("security_headers.when[1]"));
    let remove = r#""if_absent": {"x-a": "1"}, "append": {"x-b": "1"}, "remove": ["x-b", "x-a"]"#;
    assert_eq!(
        errors(remove),
        [
            "security_headers.remove[0]: the header is also in `append`",
            "security_headers.remove[1]: the header is also in `if_absent`"
        ]
    );
    // A condition may say again what was said for every answer.
    let again =
        r#""set": {"x-a": "1"}, "remove": ["x-b"], "when": [{"remove": ["x-a"], "set": {"x-b": "1"}}]"#;
    assert_eq!(errors(again), [""; 0]);
    assert_eq!(errors(r#""append": {"vary": "Accept"}, "when": [{"append": {"Vary": "Accept"}}]"#), [""; 0]);
}

#[test]
fn a_status_or_media_type_that_is_none_is_an_error() {
    const STATUS: &str = "not a status: a number from 100 to 599, or a class as \"5xx\"";
    const MEDIA: &str = "not a media type; expected as application/json, application/*+json, text/* or */*, without parameters";
    let error = |key: &str, value: &str| {
        let lists = format!(r#""when": [{{"{key}": {value}}}]"#);
        let errors = config::load::<RequestPolicy>(config(&lists).as_bytes(), &()).err();
        errors.map(|errors| errors.to_string()).unwrap_or_default()
    };
    for value in
        ["0", "99", "600", "-404", "404.5", "70036", r#""404""#, r#""6xx""#, r#""0xx""#, r#""5XX""#, r#""""#]
    {
        let expected = format!("security_headers.when[0].statuses[0]: {STATUS}");
        assert_eq!(error("statuses", &format!("[{value}]")), expected, "{value}");
    }
    let expected = "security_headers.when[0].statuses[1]: expected a status, got a boolean";
    assert_eq!(error("statuses", "[404, true]"), expected);
    for text in [
        "",
        "json",
        "application/",
        "/json",
        "*",
        "*/json",
        "*/*+json",
        "application/json; charset=utf-8",
        "application/json ",
        "application/*json",
        "application/*+",
        "application/x*",
        "a/b/c",
        "ap*/json",
        "text/é",
    ] {
        let expected = format!("security_headers.when[0].content_types[0]: {MEDIA}");
        assert_eq!(error("content_types", &format!("[{text:?}]")), expected, "{text}");
    }
    for key in ["statuses", "content_types"] {
        let expected = format!("security_headers.when[0].{key}: must not be empty; leave the key out");
        assert_eq!(error(key, "[]"), expected);
    }
    for text in ["application/vnd.api+json", "*/*", "text/*", "image/*+xml", "x!#$%&'+-.^_`|~/y"] {
        assert_eq!(error("content_types", &format!("[{text:?}]")), "", "{text}");
    }
}

const NAMES: [&str; 4] = ["x-a", "x-b", "x-c", "strict-transport-security"];

/// What one place of the configuration does with each of [`NAMES`]: nothing, `set`, `if_absent`, `append`, `remove`.
type Place = [u8; 4];

fn lists(place: &Place, value: &str) -> Value {
    let fields = |action: u8| -> Value {
        let named = NAMES.iter().zip(place).filter(|(_, own)| **own == action);
        named.map(|(name, _)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
    };
    let removed: Vec<&str> =
        NAMES.iter().zip(place).filter(|(_, own)| **own == 4).map(|(name, _)| *name).collect();
    json!({"set": fields(1), "if_absent": fields(2), "append": fields(3), "remove": removed})
}

/// The same, on the values of one header.
fn apply(action: u8, value: &str, values: &mut Vec<String>, hsts_in_clear: bool) {
    match action {
        0 => {}
        1..=3 if hsts_in_clear => values.clear(),
        1 => *values = vec![value.to_owned()],
        2 if values.is_empty() => values.push(value.to_owned()),
        2 => values.truncate(1),
        3 => values.push(value.to_owned()),
        _ => values.clear(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The operations of all lists together do what the lists do one after the other.
    #[test]
    fn r9_lists_act_one_after_the_other(
        base: [u8; 4],
        conditions in prop::collection::vec((prop::sample::select(&["2xx", "4xx"][..]), any::<[u8; 4]>()), 0..4),
        upstream in prop::collection::vec((prop::sample::select(&NAMES[..]), "[pq]"), 0..8),
        tls: bool,
    ) {
        let place = |bytes: [u8; 4]| bytes.map(|byte| byte % 5);
        let mut security = lists(&place(base), "base");
        security["preset"] = "none".into();
        let when = conditions.iter().enumerate().map(|(i, (status, bytes))| {
            let mut lists = lists(&place(*bytes), &i.to_string());
            lists["statuses"] = json!([status]);
            lists
        });
        security["when"] = when.collect();
        let config = json!({"version": 1, "security_headers": security}).to_string();
        let fields: Vec<(&str, &str)> = upstream.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let got = fields_of(&config, tls, &fields);
        for (i, name) in NAMES.iter().enumerate() {
            let mut expected: Vec<String> =
                upstream.iter().filter(|(other, _)| other == name).map(|(_, value)| value.clone()).collect();
            let hsts_in_clear = !tls && name.starts_with("strict");
            apply(place(base)[i], "base", &mut expected, hsts_in_clear);
            for (j, (_, bytes)) in conditions.iter().enumerate().filter(|(_, (status, _))| *status == "2xx") {
                apply(place(*bytes)[i], &j.to_string(), &mut expected, hsts_in_clear);
            }
            let own: Vec<&String> =
                got.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
            prop_assert_eq!(own, expected.iter().collect::<Vec<_>>(), "{} {}", name, &config);
        }
    }
}

fn fields_of(config: &str, tls: bool, answer: &[(&str, &str)]) -> Vec<(String, String)> {
    fields(config, if tls { "https" } else { "http" }, answer)
}
