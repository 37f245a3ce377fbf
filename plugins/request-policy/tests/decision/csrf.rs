//! R24: requests that another site makes a browser send.

use super::verdict;
use filter_core::config;
use proptest::prelude::*;
use request_policy::RequestPolicy;
use testkit::{RequestBuilder, drive, request};

const OWN: &str = "https://api.example.com";
const TRUSTED: &str = "https://app.example.com";
const EVIL: &str = "https://evil.test";

fn policy(rest: &str) -> String {
    format!(
        r#"{{"version": 1, "default": {{"csrf": {{"trusted_origins": ["{TRUSTED}", "https://*.partner.example"], {rest}}}}}}}"#
    )
}

/// The verdict on a POST with a cookie.
fn posted(rest: &str, fetch_site: Option<&str>, origin: Option<&str>) -> String {
    let head = with(request("POST", "/").header("cookie", "session=1"), fetch_site, origin);
    verdict(&drive::<RequestPolicy>(&policy(rest), head))
}

fn with(head: RequestBuilder, fetch_site: Option<&str>, origin: Option<&str>) -> RequestBuilder {
    let fields = [("sec-fetch-site", fetch_site), ("origin", origin)];
    fields.into_iter().fold(head, |head, (name, value)| match value {
        Some(value) => head.header(name, value),
        None => head,
    })
}

const CROSS: &str = "403 csrf.cross_site";
const UNKNOWN: &str = "403 csrf.unknown";

#[test]
fn r24_the_site_that_caused_a_request_decides() {
    let cases = [
        (Some("same-origin"), Some(OWN), "pass"),
        (Some("same-origin"), None, "pass"),
        (Some("same-origin"), Some("null"), "pass"),
        (Some("none"), None, "pass"),
        (Some("none"), Some("null"), "pass"),
        (Some("same-site"), Some("https://www.example.com"), CROSS),
        (Some("same-site"), Some(TRUSTED), "pass"),
        (Some("same-site"), None, CROSS),
        (Some("cross-site"), Some(EVIL), CROSS),
        (Some("cross-site"), Some("null"), CROSS),
        (Some("cross-site"), Some("https://a.partner.example"), "pass"),
        (Some("cross-site"), Some("https://a.b.partner.example"), CROSS),
        (Some("cross-site"), None, CROSS),
        // A browser that says cross-site does not send the own origin; whoever does is not believed.
        (Some("cross-site"), Some(OWN), CROSS),
        (Some("Same-Origin"), Some(OWN), CROSS),
        (Some(""), Some(OWN), CROSS),
        (Some("same-origin, cross-site"), Some(OWN), CROSS),
        (None, Some(OWN), "pass"),
        (None, Some(TRUSTED), "pass"),
        (None, Some(EVIL), CROSS),
        (None, Some("null"), CROSS),
        (None, Some(""), CROSS),
        (None, Some("http://api.example.com"), CROSS),
        (None, Some("https://api.example.com:8443"), CROSS),
        (None, Some("https://api.example.com.evil.test"), CROSS),
        (None, None, UNKNOWN),
    ];
    for (fetch_site, origin, expected) in cases {
        let case = format!("{fetch_site:?} {origin:?}");
        for check in ["cookies", "always"] {
            assert_eq!(posted(&format!(r#""check": "{check}""#), fetch_site, origin), expected, "{case}");
        }
        assert_eq!(posted(r#""check": "never""#, fetch_site, origin), "pass", "{case}");
    }
}

#[test]
fn r24_a_client_that_is_no_browser_may_be_let_through() {
    let rest = r#""check": "cookies", "allow_unknown": true"#;
    assert_eq!(posted(rest, None, None), "pass");
    assert_eq!(posted(rest, None, Some(EVIL)), CROSS);
    assert_eq!(posted(rest, Some("cross-site"), None), CROSS);
}

#[test]
fn r24_only_requests_with_cookies_are_checked_unless_all_are() {
    let head =
        || with(request("POST", "/").header("authorization", "Basic YTpi"), Some("cross-site"), Some(EVIL));
    let cookies = policy(r#""check": "cookies""#);
    assert_eq!(verdict(&drive::<RequestPolicy>(&cookies, head())), "pass");
    assert_eq!(verdict(&drive::<RequestPolicy>(&cookies, head().header("cookie", ""))), CROSS);
    assert_eq!(verdict(&drive::<RequestPolicy>(&policy(r#""check": "always""#), head())), CROSS);
}

#[test]
fn r24_safe_methods_pass() {
    let config = r#"{"version": 1, "default": {
        "methods": ["GET", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "QUERY"],
        "csrf": {"check": "always"}}}"#;
    let cases = [
        ("GET", "pass"),
        ("HEAD", "pass"),
        ("OPTIONS", "pass"),
        ("TRACE", "pass"),
        ("POST", CROSS),
        ("PUT", CROSS),
        ("PATCH", CROSS),
        ("DELETE", CROSS),
        // Safe by its definition, but no browser sends it without being asked: nothing is lost.
        ("QUERY", CROSS),
    ];
    for (method, expected) in cases {
        let head = with(request(method, "/"), Some("cross-site"), Some(EVIL));
        assert_eq!(verdict(&drive::<RequestPolicy>(config, head)), expected, "{method}");
    }
}

#[test]
fn r24_a_rule_has_its_own_protection() {
    let config = r#"{"version": 1, "default": {"csrf": {"check": "always"}}, "rules": [
        {"name": "hooks", "match": {"path": {"prefix": "/hooks"}}, "csrf": {"check": "never"}},
        {"name": "open", "match": {"path": {"prefix": "/open"}}, "csrf": {"check": "always", "allow_unknown": true}}]}"#;
    for (path, expected) in [("/", UNKNOWN), ("/hooks", "pass"), ("/open", "pass")] {
        assert_eq!(verdict(&drive::<RequestPolicy>(config, request("POST", path))), expected, "{path}");
    }
}

#[test]
fn r24_what_trusts_everybody_is_an_error() {
    let errors = |origins: &str| {
        let config =
            format!(r#"{{"version": 1, "default": {{"csrf": {{"trusted_origins": [{origins}]}}}}}}"#);
        let errors = config::load::<RequestPolicy>(config.as_bytes(), &()).err();
        errors.map(|errors| errors.to_string().replace("default.csrf.", "")).unwrap_or_default()
    };
    let cases = [
        (
            r#""https://a.example", "*""#,
            "trusted_origins[1]: every origin trusted is no protection; set check to \"never\"",
        ),
        (r#""null""#, "trusted_origins[0]: every page can give itself the origin null: it cannot be trusted"),
        (
            r#""https://a.example", "https://A.example:443""#,
            "trusted_origins[1]: the same origin as trusted_origins[0]",
        ),
        (
            r#""https://a.example/""#,
            "trusted_origins[0]: an origin has no path; write https://app.example.com",
        ),
        (r#""https://**.a.example:*", {"regex": "https://b\\.example"}"#, ""),
    ];
    for (origins, expected) in cases {
        assert_eq!(errors(origins), expected, "{origins}");
    }
}

proptest! {
    #[test]
    fn r24_no_bytes_in_the_fields_of_a_request_panic_or_forge_the_own_origin(
        fetch_site: Option<Vec<u8>>,
        origin: Vec<u8>,
    ) {
        let head = request("POST", "/").header("origin", &origin);
        let head = match &fetch_site {
            Some(value) => head.header("sec-fetch-site", value),
            None => head,
        };
        let config = r#"{"version": 1, "default": {"csrf": {"check": "always"}}}"#;
        let got = verdict(&drive::<RequestPolicy>(config, head));
        prop_assert!([CROSS, "400 header.control", "400 header.duplicate"].contains(&got.as_str()), "{got}");
    }
}
