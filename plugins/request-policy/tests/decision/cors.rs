//! R22, R23 and R28: which pages of other origins may call, the answers to preflights, and what every answer says.

mod answers;
mod config;
mod matrix;
mod properties;

use super::{after, verdict};
use filter_core::filter::Flow;
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use testkit::{Exchange, RequestBuilder, request, response};

const APP: &str = "https://app.example.com";

/// A policy with this CORS section and nothing else on its answers.
fn policy(cors: &str) -> String {
    format!(
        r#"{{"version": 1, "security_headers": {{"preset": "none"}}, "default": {{"cors": {{{cors}}}}}}}"#
    )
}

fn app_only(rest: &str) -> String {
    policy(&format!(r#""allow_origins": ["{APP}"], {rest} "allow_headers": ["content-type", "X-Own"]"#))
}

/// What a client gets: the verdict on its request and, with the answer's fields, who made the answer.
#[derive(Debug)]
struct Got {
    verdict: String,
    fields: Vec<(String, String)>,
}

impl Got {
    /// The values of one field.
    fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The fields of CORS, sorted.
    fn cors(&self) -> Vec<(&str, &str)> {
        let mut fields: Vec<_> = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| name.starts_with("access-control-"))
            .collect();
        fields.sort_unstable();
        fields
    }
}

/// One exchange; `answer` is what comes from behind the filter when it lets the request pass.
fn exchange(config: &str, head: RequestBuilder, answer: &Headers) -> Got {
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    let outcome = exchange.request(head);
    let verdict = verdict(&outcome);
    // Envoy sends a local reply of the request phase through the response phase.
    let answer = match outcome.flow {
        Flow::Reply(reply) => {
            let status = [(":status".to_owned(), reply.status.to_string().into_bytes())];
            let fields = reply.headers.iter();
            let fields = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
            Headers::from_pairs(status.into_iter().chain(fields))
        }
        _ => answer.clone(),
    };
    let outcome = exchange.response(&answer);
    assert_eq!(outcome.flow, Flow::Continue);
    Got { verdict, fields: after(&answer, &outcome.headers) }
}

fn simple(origin: &str) -> RequestBuilder {
    request("GET", "/").header("origin", origin)
}

fn preflight(origin: &str, method: &str) -> RequestBuilder {
    request("OPTIONS", "/").header("origin", origin).header("access-control-request-method", method)
}

const NAMES: &[&str] = &[
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "access-control-allow-private-network",
];

/// An answer that says everything about CORS twice.
fn talkative() -> Headers {
    let mut fields = vec![("access-control-allow-originally", "kept")];
    fields.extend(NAMES.iter().chain(NAMES).map(|name| (*name, "*")));
    response(200, &fields)
}

const ANSWERED: &str = "204 cors.preflight";
const VARY_OF_OPTIONS: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

#[test]
fn r22_a_request_without_an_origin_or_of_its_own_is_not_checked() {
    let config = app_only("");
    let heads = [
        request("GET", "/"),
        request("DELETE", "/"),
        simple("https://api.example.com"),
        simple("https://api.example.com").authority("API.example.com"),
        simple("https://api.example.com").authority("api.example.com:443"),
        simple("https://api.example.com:8443").authority("api.example.com:8443"),
        simple("http://api.example.com").scheme("http"),
        simple("http://api.example.com").scheme("http").authority("api.example.com:80"),
        simple("http://api.example.com:443").scheme("http").authority("api.example.com:443"),
        simple("https://api.example.com").scheme("http").header("x-forwarded-proto", "https"),
        simple("https://[2001:db8::1]:8443").authority("[2001:DB8::1]:8443"),
    ];
    for head in heads {
        let case = format!("{head:?}");
        let got = exchange(&config, head, &response(200, &[("access-control-allow-origin", "*")]));
        assert_eq!(
            (got.verdict.as_str(), got.cors(), got.all("vary")),
            ("pass", vec![], vec!["Origin"]),
            "{case}"
        );
    }
}

#[test]
fn r22_an_origin_that_is_nearly_the_requests_own_is_another() {
    let config = app_only("");
    let heads = [
        simple("http://api.example.com"),
        simple("https://api.example.com").scheme("http"),
        simple("https://api.example.com:8443"),
        simple("https://api.example.com").authority("api.example.com:8443"),
        simple("https://api.example.com:80").scheme("http").authority("api.example.com:80"),
        simple("https://API.example.com"),
        simple("https://api.example.com:443"),
        simple("https://api.example.com.").authority("api.example.com"),
        simple("https://example.com"),
        simple("null"),
    ];
    for head in heads {
        let case = format!("{head:?}");
        assert_eq!(exchange(&config, head, &response(200, &[])).verdict, "403 cors.origin", "{case}");
    }
}

#[test]
fn r22_an_address_is_compared_as_browsers_write_it() {
    let config = policy(r#""allow_origins": ["http://[::FFFF:1.2.3.4]", "http://[2001:DB8:0:0::1]:8080"]"#);
    for (origin, expected) in [
        ("http://[::ffff:102:304]", "pass"),
        ("http://[::ffff:1.2.3.4]", "403 cors.origin"),
        ("http://[2001:db8::1]:8080", "pass"),
        ("http://[2001:db8::1]", "403 cors.origin"),
    ] {
        assert_eq!(exchange(&config, simple(origin), &response(200, &[])).verdict, expected, "{origin}");
    }
}

#[test]
fn r22_an_origin_longer_than_any_host_is_not_looked_at() {
    let config = policy(r#""allow_origins": [{"regex": "https://a+"}]"#);
    for (length, expected) in [(512, "pass"), (513, "403 cors.origin"), (8000, "403 cors.origin")] {
        let origin = format!("https://{}", "a".repeat(length - "https://".len()));
        assert_eq!(exchange(&config, simple(&origin), &response(200, &[])).verdict, expected, "{length}");
    }
}

#[test]
fn r22_the_refusal_says_why_without_repeating_the_origin() {
    let mut exchange = Exchange::<RequestPolicy>::new(&app_only(""));
    let Flow::Reply(reply) = exchange.request(simple("https://evil.test")).flow else {
        panic!("not refused")
    };
    let body = String::from_utf8(reply.body).unwrap();
    assert!(body.contains(r#""detail":"the origin is not allowed""#), "{body}");
    assert!(!body.contains("evil"), "{body}");
}

#[test]
fn r22_a_mismatch_may_pass_in_silence() {
    let config = app_only(r#""on_mismatch": "silent","#);
    let answer = response(200, &[("access-control-allow-origin", "https://evil.test"), ("x-kept", "1")]);
    let got = exchange(&config, simple("https://evil.test"), &answer);
    assert_eq!((got.verdict.as_str(), got.cors(), got.all("vary")), ("pass", vec![], vec!["Origin"]));
    assert_eq!(got.all("x-kept"), ["1"]);
    let refused = [
        preflight("https://evil.test", "GET"),
        preflight(APP, "PROPFIND"),
        preflight(APP, "GET").header("access-control-request-headers", "x-other"),
    ];
    for head in refused {
        let got = exchange(&config, head, &answer);
        assert_eq!((got.verdict.as_str(), got.cors()), (ANSWERED, vec![]));
        assert_eq!((got.all("vary"), got.all("x-kept")), (vec![VARY_OF_OPTIONS], vec![]));
    }
    let got = exchange(&config, simple(APP), &answer);
    assert_eq!(got.cors(), [("access-control-allow-origin", APP)]);
}

#[test]
fn r23_the_answer_to_a_preflight_says_all_that_is_allowed() {
    let config = policy(
        r#""allow_origins": ["https://app.example.com"], "allow_methods": ["DELETE", "GET", {"extension": "PURGE"}],
           "allow_headers": ["X-Own", "content-type", "x-own"], "expose_headers": ["x-count"],
           "max_age": "2h", "allow_credentials": true"#,
    );
    let head = preflight(APP, "PURGE").header("access-control-request-headers", "content-type,x-own");
    let got = exchange(&config, head, &response(200, &[]));
    assert_eq!((got.verdict.as_str(), got.all(":status")), (ANSWERED, vec!["204"]));
    assert_eq!(
        got.cors(),
        [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-headers", "content-type, x-own"),
            ("access-control-allow-methods", "DELETE, GET, HEAD, PURGE"),
            ("access-control-allow-origin", APP),
            ("access-control-max-age", "7200"),
        ]
    );
    let got = exchange(
        &policy(r#""allow_origins": ["*"], "max_age": "24h""#),
        preflight("null", "GET"),
        &response(200, &[]),
    );
    assert_eq!(
        got.cors(),
        [
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            ("access-control-allow-origin", "*"),
            ("access-control-max-age", "86400"),
        ],
        "without allow_methods those of the rule; without allow_headers none is named"
    );
}

#[test]
fn r23_a_preflight_is_refused_for_the_first_thing_that_is_not_allowed() {
    let config = app_only(r#""allow_methods": ["GET", "PUT"],"#);
    let all = |origin: &str, method: &str, headers: &str, network: &str| {
        let head = preflight(origin, method)
            .header("access-control-request-headers", headers)
            .header("access-control-request-private-network", network);
        exchange(&config, head, &response(200, &[]))
    };
    let cases = [
        ("https://evil.test", "POST", "x-other", "true", "403 cors.origin"),
        (APP, "POST", "x-other", "true", "403 cors.method"),
        (APP, "put", "x-own", "", "403 cors.method"),
        (APP, "PUT ", "x-own", "", "403 cors.method"),
        (APP, "", "x-own", "", "403 cors.method"),
        (APP, "GET, PUT", "x-own", "", "403 cors.method"),
        (APP, "PUT", "x-other", "true", "403 cors.headers"),
        (APP, "PUT", "x-own", "true", "403 cors.private_network"),
        (APP, "PUT", "x-own", "", ANSWERED),
        (APP, "HEAD", "x-own", "?1", ANSWERED),
    ];
    for (origin, method, headers, network, expected) in cases {
        let got = all(origin, method, headers, network);
        assert_eq!(got.verdict, expected, "{origin} {method} {headers}");
        if expected != ANSWERED {
            assert_eq!(got.cors(), [], "{origin} {method} {headers}");
        }
        assert_eq!(got.all("vary"), [VARY_OF_OPTIONS]);
    }
}

#[test]
fn r23_requested_headers_are_a_list_of_allowed_names() {
    let config = app_only("");
    let asked = |fields: &[&str]| {
        let add = |head: RequestBuilder, value: &&str| head.header("access-control-request-headers", value);
        let head = fields.iter().fold(preflight(APP, "GET"), add);
        exchange(&config, head, &response(200, &[])).verdict
    };
    let commas = |count: usize| format!("x-own{}", ",".repeat(count));
    let allowed: &[&[&str]] = &[
        &[],
        &[""],
        &["x-own"],
        &["X-OWN,Content-Type"],
        &["content-type , \t x-own"],
        &["x-own,x-own,x-own"],
        &["x-own", "content-type"],
        &[",,x-own, ,"],
        &[&commas(16)],
    ];
    for fields in allowed {
        assert_eq!(asked(fields), ANSWERED, "{fields:?}");
    }
    let refused: &[&[&str]] = &[
        &["x-other"],
        &["x-own,x-other"],
        &["x-own", "x-other"],
        &["x-own content-type"],
        &["x own"],
        &["x-own;"],
        &["\"x-own\""],
        &["x-ow"],
        &["x-own1"],
        &["*"],
        // Safelisted names are in a list only when their values are not safe.
        &["accept"],
        &["range"],
        &["x-öwn"],
        &[&commas(17)],
        &[&",".repeat(16)],
    ];
    for fields in refused {
        assert_eq!(asked(fields), "403 cors.headers", "{fields:?}");
    }
}

#[test]
fn r23_a_private_network_is_open_to_a_public_one_only_when_configured() {
    let config = app_only(r#""allow_private_network": true,"#);
    let head = preflight(APP, "GET").header("access-control-request-private-network", "true");
    let got = exchange(&config, head, &response(200, &[]));
    assert_eq!(
        (got.verdict.as_str(), got.all("access-control-allow-private-network")),
        (ANSWERED, vec!["true"])
    );
    let vary = format!("{VARY_OF_OPTIONS}, Access-Control-Request-Private-Network");
    assert_eq!(got.all("vary"), [&vary]);
    let got = exchange(&config, preflight(APP, "GET"), &response(200, &[]));
    assert_eq!((got.verdict.as_str(), got.all("access-control-allow-private-network")), (ANSWERED, vec![]));
    assert_eq!(got.all("vary"), [&vary], "a cached answer must not depend on what was not asked");
    assert_eq!(exchange(&config, simple(APP), &response(200, &[])).all("vary"), ["Origin"]);
}

#[test]
fn r23_what_is_no_preflight_goes_on() {
    let config = app_only("");
    let heads = [
        request("OPTIONS", "/").header("origin", APP),
        request("OPTIONS", "/").header("access-control-request-method", "PUT"),
        preflight("https://api.example.com", "PUT"),
        request("GET", "/").header("origin", APP).header("access-control-request-method", "PUT"),
        request("POST", "/").header("origin", APP).header("access-control-request-headers", "x-other"),
    ];
    for head in heads {
        let case = format!("{head:?}");
        assert_eq!(exchange(&config, head, &response(200, &[])).verdict, "pass", "{case}");
    }
}

#[test]
fn r23_a_preflight_is_answered_where_the_rule_allows_no_options() {
    let config = r#"{"version": 1, "rules": [
        {"name": "orders", "match": {"path": {"prefix": "/orders"}}, "methods": ["GET", "PUT"]},
        {"name": "closed", "match": {"path": {"prefix": "/closed"}}, "cors": {"allow_origins": []}}
    ], "default": {"cors": {"allow_origins": ["https://app.example.com"]}}}"#;
    let ask = |path: &str, method: &str| {
        let head = request("OPTIONS", path).header("origin", APP);
        exchange(config, head.header("access-control-request-method", method), &response(200, &[]))
    };
    let got = ask("/orders", "PUT");
    assert_eq!(got.verdict, ANSWERED);
    assert_eq!(got.all("access-control-allow-methods"), ["GET, HEAD, PUT"], "those of the rule");
    assert_eq!(ask("/orders", "DELETE").verdict, "403 cors.method");
    assert_eq!(ask("/other", "DELETE").verdict, ANSWERED);
    assert_eq!(ask("/closed", "GET").verdict, "403 cors.origin");
}

#[test]
fn r11_in_shadow_cors_answers_and_adds_nothing() {
    let rules = r#""security_headers": {"preset": "none"}, "default": {"methods": ["GET"], "mode": "MODE", "cors": {
        "allow_origins": ["https://app.example.com"]}}"#;
    let configs = [
        format!(r#"{{"version": 1, "mode": "shadow", {}}}"#, rules.replace("MODE", "enforce")),
        format!(r#"{{"version": 1, {}}}"#, rules.replace("MODE", "shadow")),
    ];
    for config in configs {
        for head in [simple(APP), simple("https://evil.test"), preflight(APP, "GET"), preflight(APP, "PUT")] {
            let got = exchange(&config, head, &talkative());
            assert_eq!(got.verdict, "pass");
            assert_eq!((got.cors().len(), got.all("vary").len()), (1 + 2 * NAMES.len(), 0));
        }
    }
}

#[test]
fn r11_in_shadow_the_upstream_answers_preflights_and_those_only() {
    let config = r#"{"version": 1, "mode": "shadow", "default": {"methods": ["GET"], "cors": {
        "allow_origins": ["https://app.example.com"]}}}"#;
    let reported =
        |head: RequestBuilder| Exchange::<RequestPolicy>::new(config).request(head).counters.join(" ");
    assert_eq!(reported(preflight(APP, "GET")), "");
    assert!(reported(preflight(APP, "PUT")).ends_with("reason=cors.method"));
    assert!(reported(preflight("https://evil.test", "GET")).ends_with("reason=cors.origin"));
    assert!(reported(preflight("https://api.example.com", "GET")).ends_with("reason=method.not_allowed"));
}
