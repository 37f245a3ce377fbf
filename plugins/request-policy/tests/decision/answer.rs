//! R9 and R10: what every answer carries and loses.

use super::{after, verdict};
use filter_core::config;
use filter_core::filter::Flow;
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use testkit::{Exchange, request, response};

const API: &[(&str, &str)] = &[
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("cache-control", "no-store"),
];

/// What a client gets of an answer with these fields to a request over this scheme.
pub(crate) fn delivered(config: &str, scheme: &str, headers: &Headers) -> Vec<(String, String)> {
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    let _ = exchange.request(request("GET", "/").scheme(scheme));
    let outcome = exchange.response(headers);
    assert_eq!(outcome.flow, Flow::Continue);
    after(headers, &outcome.headers)
}

/// The fields beside the status.
pub(crate) fn fields(config: &str, scheme: &str, answer: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = delivered(config, scheme, &response(200, answer));
    fields.retain(|(name, _)| name != ":status");
    fields
}

pub(crate) fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    API.iter().copied().filter(|(other, _)| *other != name).collect()
}

const DEFAULT: &str = r#"{"version": 1}"#;

#[test]
fn r9_every_answer_carries_the_preset() {
    assert_eq!(fields(DEFAULT, "https", &[]), owned(API));
    let answer = [("content-type", "application/json"), ("set-cookie", "a=1"), ("set-cookie", "b=2")];
    assert_eq!(fields(DEFAULT, "https", &answer), owned(&[&answer, API].concat()));
}

#[test]
fn r9_the_preset_replaces_what_the_upstream_said_in_every_copy() {
    let answer = [
        ("x-frame-options", "ALLOWALL"),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "unsafe-url"),
    ];
    let mut got = fields(DEFAULT, "https", &answer);
    let mut expected = owned(API);
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
}

#[test]
fn r9_hsts_is_for_answers_over_tls() {
    for scheme in ["http", "", "HTTP", "ftp"] {
        assert_eq!(fields(DEFAULT, scheme, &[]), owned(&without("strict-transport-security")), "{scheme}");
    }
}

#[test]
fn r9_a_terminator_in_front_may_say_that_it_was_tls() {
    let carried = |config: &str, scheme: &str, proto: &str| {
        let mut exchange = Exchange::<RequestPolicy>::new(config);
        let _ = exchange.request(request("GET", "/").scheme(scheme).header("x-forwarded-proto", proto));
        let answer = response(200, &[]);
        let got = after(&answer, &exchange.response(&answer).headers);
        got.into_iter().any(|(name, _)| name == "strict-transport-security")
    };
    let own = r#"{"version": 1, "security_headers": {
        "preset": "none", "set": {"strict-transport-security": "max-age=60"}}}"#;
    for config in [DEFAULT, own] {
        assert!(carried(config, "http", "https"));
        assert!(carried(config, "https", "http"));
        for proto in ["http", "", "https,http", "wss"] {
            assert!(!carried(config, "http", proto), "{proto}");
        }
    }
}

#[test]
fn r9_own_hsts_is_for_answers_over_tls_too() {
    for preset in ["api", "none"] {
        let config = format!(
            r#"{{"version": 1, "security_headers": {{
                "preset": "{preset}", "set": {{"Strict-Transport-Security": "max-age=60"}}}}}}"#
        );
        let hsts = |scheme: &str, answer: &[(&str, &str)]| -> Vec<String> {
            let fields = fields(&config, scheme, answer).into_iter();
            fields.filter(|(name, _)| name == "strict-transport-security").map(|(_, value)| value).collect()
        };
        let upstream = [("strict-transport-security", "max-age=1")];
        assert_eq!(hsts("https", &[]), ["max-age=60"]);
        assert_eq!(hsts("https", &upstream), ["max-age=60"]);
        assert_eq!(hsts("http", &[]), [""; 0]);
        assert_eq!(hsts("http", &upstream), [""; 0], "it would not be sent over TLS alone");
    }
}

#[test]
fn r9_a_policy_without_hsts_leaves_it_to_the_upstream() {
    let upstream = [("strict-transport-security", "max-age=1")];
    let config = r#"{"version": 1, "security_headers": {"preset": "none"}}"#;
    for scheme in ["http", "https"] {
        assert_eq!(fields(config, scheme, &upstream), owned(&upstream), "{scheme}");
    }
}

#[test]
fn r9_what_an_answer_has_right_is_left_alone() {
    let config =
        r#"{"version": 1, "security_headers": {"if_absent": {"x-own": "1"}, "remove": ["x-internal"]}}"#;
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    let _ = exchange.request(request("GET", "/"));
    let answer = response(200, &[API, &[("x-own", "2"), ("x-kept", "1")]].concat());
    assert_eq!(exchange.response(&answer).headers, []);
}

#[test]
fn r9_what_an_answer_has_right_more_than_once_it_has_once() {
    let twice: Vec<(&str, &str)> = API.iter().flat_map(|field| [*field; 2]).collect();
    let mut got = fields(DEFAULT, "https", &twice);
    let mut expected = owned(API);
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
}

#[test]
fn r9_an_upstream_that_says_how_to_cache_is_believed() {
    for value in ["public, max-age=60", ""] {
        let got = fields(DEFAULT, "https", &[("cache-control", value)]);
        assert_eq!(got, owned(&[&[("cache-control", value)], without("cache-control").as_slice()].concat()));
    }
}

#[test]
fn r9_own_headers_replace_the_preset_and_the_upstream() {
    let config = r#"{"version": 1, "security_headers": {
        "set": {"X-Frame-Options": "SAMEORIGIN", "cache-control": "private", "x-own": "1"}}}"#;
    let mut expected = without("x-frame-options");
    expected.retain(|(name, _)| *name != "cache-control");
    expected.extend([("x-frame-options", "SAMEORIGIN"), ("cache-control", "private"), ("x-own", "1")]);
    assert_eq!(fields(config, "https", &[]), owned(&expected));
    let got =
        fields(config, "https", &[("cache-control", "public"), ("x-own", "upstream"), ("x-own", "twice")]);
    assert!(got.contains(&("cache-control".to_owned(), "private".to_owned())), "{got:?}");
    let own: Vec<_> =
        got.iter().filter(|(name, _)| name == "x-own").map(|(_, value)| value.as_str()).collect();
    assert_eq!(own, ["1"]);
}

#[test]
fn r9_remove_takes_a_header_from_the_preset_and_from_the_upstream() {
    let config = r#"{"version": 1, "security_headers": {
        "remove": ["Strict-Transport-Security", "x-internal", "x-internal"]}}"#;
    let answer = [("x-internal", "1"), ("strict-transport-security", "max-age=1"), ("x-internal", "2")];
    assert_eq!(fields(config, "https", &answer), owned(&without("strict-transport-security")));
}

#[test]
fn r9_without_a_preset_only_what_is_listed_happens() {
    let config = r#"{"version": 1, "security_headers": {
        "preset": "none", "set": {"x-own": "1"}, "remove": ["x-internal"]}}"#;
    let answer = [("server", "nginx"), ("x-powered-by", "PHP"), ("x-internal", "1")];
    let expected = [("server", "nginx"), ("x-powered-by", "PHP"), ("x-own", "1")];
    assert_eq!(fields(config, "https", &answer), owned(&expected));
}

#[test]
fn r9_our_own_refusals_carry_it_too() {
    let mut exchange = Exchange::<RequestPolicy>::new(DEFAULT);
    let outcome = exchange.request(request("TRACE", "/"));
    assert_eq!(verdict(&outcome), "405 method.not_allowed");
    let Flow::Reply(reply) = outcome.flow else { panic!("not refused") };
    assert!(
        reply.headers.iter().all(|(name, _)| name == "allow" || name == "content-type"),
        "decoration is left to the response phase: {:?}",
        reply.headers
    );
    let answer = response(405, &[("allow", "GET, HEAD"), ("content-type", "application/problem+json")]);
    let got = after(&answer, &exchange.response(&answer).headers);
    let undecorated =
        [(":status", "405"), ("allow", "GET, HEAD"), ("content-type", "application/problem+json")];
    assert_eq!(got, owned(&[&undecorated, API].concat()));
}

/// What the README lists, and what it counts.
pub(crate) const LEAKS: &[&str] = &[
    "server",
    "x-powered-by",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-php-version",
    "x-generator",
    "x-runtime",
    "x-version",
    "x-backend-server",
    "x-debug-token",
    "x-debug-token-link",
    "powered-by",
    "liferay-portal",
    "x-drupal-cache",
    "x-drupal-dynamic-cache",
    "x-powered-by-plesk",
    "x-powered-cms",
    "x-server-powered-by",
    "x-sourcefiles",
    "x-turbo-charged-by",
];

#[test]
fn r10_headers_that_name_the_software_are_removed_in_every_copy() {
    for name in LEAKS {
        for copies in [1, 2, 7] {
            let mut answer = vec![(*name, "PHP/8.1"); copies];
            answer.insert(1, ("x-kept", "1"));
            assert_eq!(
                fields(DEFAULT, "https", &answer),
                owned(&[&[("x-kept", "1")], API].concat()),
                "{name}"
            );
        }
    }
    let answer: Vec<(&str, &str)> = LEAKS.iter().map(|name| (*name, "x")).collect();
    assert_eq!(fields(DEFAULT, "https", &answer), owned(API));
}

#[test]
fn r10_a_name_that_is_only_similar_stays() {
    for name in ["servers", "x-server", "x-powered", "x-versions", "via"] {
        let answer = [(name, "1")];
        assert_eq!(fields(DEFAULT, "https", &answer), owned(&[&answer, API].concat()), "{name}");
    }
}

#[test]
fn r10_a_leaking_header_that_is_set_on_purpose_is_sent() {
    let config = r#"{"version": 1, "security_headers": {"set": {"server": "gateway"}}}"#;
    let got = fields(config, "https", &[("server", "nginx"), ("server", "php")]);
    let servers: Vec<_> = got.iter().filter(|(name, _)| name == "server").collect();
    assert_eq!(servers, [&("server".to_owned(), "gateway".to_owned())]);
}

#[test]
fn r10_an_answer_whose_fields_cannot_be_seen_is_cleaned_and_decorated_all_the_same() {
    let config = r#"{"version": 1, "security_headers": {"set": {"x-own": "1"}, "remove": ["x-internal"]}}"#;
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    let _ = exchange.request(request("GET", "/"));
    // The host could not hand the map over; the operations reach what is really there.
    let operations = exchange.response(&Headers::default()).headers;
    let mut there: Vec<(&str, &str)> = LEAKS.iter().flat_map(|name| [(*name, "x"); 2]).collect();
    there.extend([("x-internal", "1"), ("cache-control", "public"), ("x-kept", "1")]);
    let mut got = after(&Headers::from_pairs(there), &operations);
    let mut expected = owned(&[&[("x-kept", "1"), ("x-own", "1")], API].concat());
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
    // And where HSTS must not be, it is not.
    let mut exchange = Exchange::<RequestPolicy>::new(config);
    let _ = exchange.request(request("GET", "/").scheme("http"));
    let there = Headers::from_pairs([("strict-transport-security", "max-age=1")]);
    let got = after(&there, &exchange.response(&Headers::default()).headers);
    assert!(got.iter().all(|(name, _)| name != "strict-transport-security"), "{got:?}");
}

#[test]
fn a_header_that_is_both_set_and_removed_is_an_error() {
    let config = br#"{"version": 1, "security_headers": {
        "set": {"x-a": "1", "x-b": "1"}, "remove": ["x-c", "X-B", "x-a"]}}"#;
    let errors = config::load::<RequestPolicy>(config, &()).err().map(|errors| errors.to_string());
    let expected = "security_headers.remove[1]: the header is also in `set`\n\
                    security_headers.remove[2]: the header is also in `set`";
    assert_eq!(errors.as_deref(), Some(expected));
}

#[test]
fn a_header_that_frames_the_message_is_neither_set_nor_removed() {
    const FRAMING: &[&str] = &[
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let errors = |lists: &str| -> Vec<String> {
        let config = format!(r#"{{"version": 1, "security_headers": {{{lists}}}}}"#);
        let errors = config::load::<RequestPolicy>(config.as_bytes(), &()).err();
        errors.map(|errors| errors.to_string().lines().map(str::to_owned).collect()).unwrap_or_default()
    };
    const MESSAGE: &str = "the header frames the message; Envoy owns it";
    for name in FRAMING {
        let shown = if name.contains('-') { format!("[\"{name}\"]") } else { format!(".{name}") };
        let upper = name.to_uppercase();
        assert_eq!(
            errors(&format!(r#""set": {{"x-a": "1", "{upper}": "1"}}, "remove": ["x-b", "{upper}"]"#)),
            [
                format!("security_headers.set{shown}: {MESSAGE}"),
                format!("security_headers.remove[1]: {MESSAGE}")
            ],
        );
    }
    for name in ["content-lengths", "trailers", "content-encoding", "via"] {
        assert_eq!(errors(&format!(r#""set": {{"{name}": "1"}}"#)), [""; 0], "{name}");
        assert_eq!(errors(&format!(r#""remove": ["{name}"]"#)), [""; 0], "{name}");
    }
}
