//! R28: what every answer says about CORS.

use super::{
    ANSWERED, APP, Got, NAMES, VARY_OF_OPTIONS, after, app_only, exchange, preflight, simple, talkative,
    verdict,
};
use filter_core::message::Headers;
use request_policy::RequestPolicy;
use testkit::{Exchange, RequestBuilder, request, response};

#[test]
fn r28_our_own_refusals_can_be_read_by_an_allowed_page() {
    let config = r#"{"version": 1, "default": {
        "methods": ["GET"], "cors": {"allow_origins": ["https://app.example.com"]}}}"#;
    let head = request("POST", "/").header("origin", APP);
    let got = exchange(config, head, &response(200, &[]));
    assert_eq!(
        (got.verdict.as_str(), got.all("access-control-allow-origin")),
        ("405 method.not_allowed", vec![APP])
    );
}

#[test]
fn r28_what_the_upstream_says_about_cors_is_replaced() {
    const OTHER: (&str, &str) = ("access-control-allow-originally", "kept");
    let config = app_only(r#""expose_headers": ["x-b", "x-a", "X-B"], "allow_credentials": true,"#);
    let own = [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-origin", APP),
        OTHER,
        ("access-control-expose-headers", "x-a, x-b"),
    ];
    for head in [simple(APP), request("OPTIONS", "/").header("origin", APP)] {
        assert_eq!(exchange(&config, head, &talkative()).cors(), own);
    }
    for head in [request("GET", "/"), request("OPTIONS", "/"), simple("https://api.example.com")] {
        assert_eq!(exchange(&config, head, &talkative()).cors(), [OTHER]);
    }
    let got = exchange(&app_only(""), simple(APP), &talkative());
    assert_eq!(got.cors(), [("access-control-allow-origin", APP), OTHER]);
}

#[test]
fn r28_without_a_cors_section_it_is_the_upstreams_business() {
    let config = r#"{"version": 1, "security_headers": {"preset": "none"}}"#;
    for head in [simple("https://evil.test"), preflight("https://evil.test", "PUT")] {
        let got = exchange(config, head, &talkative());
        assert_eq!(got.verdict, "pass");
        assert_eq!((got.cors().len(), got.all("vary").len()), (1 + 2 * NAMES.len(), 0));
    }
}

#[test]
fn r28_vary_is_merged_with_what_is_there() {
    let config = app_only("");
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&[], &["Origin"], &[VARY_OF_OPTIONS]),
        (&[""], &["Origin"], &[VARY_OF_OPTIONS]),
        (
            &["Accept"],
            &["Accept, Origin"],
            &["Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
        ),
        (
            &["Accept", "accept-encoding ,, Cookie"],
            &["Accept, accept-encoding, Cookie, Origin"],
            &[
                "Accept, accept-encoding, Cookie, Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ],
        ),
        (
            &["origin"],
            &["origin"],
            &["origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
        ),
        (
            &["access-control-request-headers", "ORIGIN"],
            &["access-control-request-headers", "ORIGIN"],
            &["access-control-request-headers, ORIGIN, Access-Control-Request-Method"],
        ),
        (&[VARY_OF_OPTIONS], &[VARY_OF_OPTIONS], &[VARY_OF_OPTIONS]),
        (&["*"], &["*"], &["*"]),
        (&["Accept", "*, Cookie"], &["Accept", "*, Cookie"], &["Accept", "*, Cookie"]),
        (
            &["Originality"],
            &["Originality, Origin"],
            &["Originality, Origin, Access-Control-Request-Method, Access-Control-Request-Headers"],
        ),
    ];
    for (there, other, options) in cases {
        let fields: Vec<(&str, &str)> = there.iter().map(|value| ("vary", *value)).collect();
        for origin in [APP, "https://api.example.com"] {
            let got = exchange(&config, simple(origin), &response(200, &fields));
            assert_eq!(got.all("vary"), *other, "{there:?}");
            let got =
                exchange(&config, request("OPTIONS", "/").header("origin", origin), &response(200, &fields));
            assert_eq!(got.all("vary"), *options, "{there:?}");
        }
    }
}

#[test]
fn r28_an_answer_whose_fields_cannot_be_seen_gets_everything_all_the_same() {
    let config = app_only(r#""expose_headers": ["x-a"], "allow_credentials": true,"#);
    let unseen = |head: RequestBuilder, there: &Headers| {
        let mut exchange = Exchange::<RequestPolicy>::new(&config);
        let verdict = verdict(&exchange.request(head));
        let operations = exchange.response(&Headers::default()).headers;
        Got { verdict, fields: after(there, &operations) }
    };
    let mut there = talkative();
    there.push(b"vary", b"Accept");
    let got = unseen(simple(APP), &there);
    assert_eq!(
        got.cors(),
        [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", APP),
            ("access-control-allow-originally", "kept"),
            ("access-control-expose-headers", "x-a"),
        ]
    );
    assert_eq!(got.all("vary"), ["Accept", "Origin"], "what the upstream's answer depends on is not lost");
    let got = unseen(request("GET", "/"), &there);
    assert_eq!(got.cors(), [("access-control-allow-originally", "kept")]);
    // The answer to a preflight is our own: what it says stays.
    let own = response(204, &[("access-control-allow-methods", "GET")]);
    let got = unseen(preflight(APP, "GET"), &own);
    assert_eq!(got.verdict, ANSWERED);
    assert_eq!(got.all("access-control-allow-methods"), ["GET"]);
}
