//! What a CORS section may say.

use super::policy;
use filter_core::config;
use request_policy::RequestPolicy;

/// The errors of a CORS section, paths without what all have in common.
fn errors(cors: &str) -> Vec<String> {
    let errors = config::load::<RequestPolicy>(policy(cors).as_bytes(), &()).err();
    let lines = errors.map(|errors| errors.to_string()).unwrap_or_default();
    lines.lines().map(|line| line.replace("default.cors.", "")).collect()
}

#[test]
fn an_origin_that_no_browser_would_send_is_an_error() {
    const PATH: &str = "an origin has no path; write https://app.example.com";
    const QUERY: &str = "an origin has no query and no fragment; write https://app.example.com";
    const SCHEME: &str = "an origin starts with its scheme; write https://app.example.com";
    const HOST: &str =
        "not a host; expected as app.example.com, *.example.com, **.example.com, 192.0.2.1 or [2001:db8::1]";
    const PORT: &str = "not a port: 1 to 65535, or `*`";
    const STAR: &str = "`*` stands for labels in front of a domain: https://*.example.com for one, \
                        https://**.example.com for one or more; write {\"regex\": \"…\"} for anything else";
    let cases = [
        ("https://app.example.com/", PATH),
        ("https://app.example.com/login", PATH),
        ("https://app.example.com\\\\x", PATH),
        ("https://app.example.com?a=1", QUERY),
        ("https://app.example.com#a", QUERY),
        (
            "https://user:pw@app.example.com",
            "an origin has no user information; write https://app.example.com",
        ),
        ("app.example.com", SCHEME),
        ("app.example.com:443", SCHEME),
        ("//app.example.com", SCHEME),
        ("://app.example.com", SCHEME),
        ("*://app.example.com", SCHEME),
        ("1https://app.example.com", SCHEME),
        ("https:app.example.com", SCHEME),
        ("Null", SCHEME),
        ("", SCHEME),
        ("**", SCHEME),
        ("https://", HOST),
        ("https://.example.com", HOST),
        ("https://example.com.", HOST),
        ("https://a..example.com", HOST),
        ("https://a b.example.com", HOST),
        ("https://*.", HOST),
        ("https://[::1", HOST),
        ("https://[::1]x", HOST),
        ("https://[::g]", "not an IPv6 address"),
        ("https://*.[::1]", "not an IPv6 address"),
        ("https://192.0.2.256", "not an IPv4 address as browsers write it"),
        ("https://192.0.2.01", "not an IPv4 address as browsers write it"),
        ("https://3221225985", "not an IPv4 address as browsers write it"),
        ("https://0xc0000201", "not an IPv4 address as browsers write it"),
        ("https://*.0.2.1", "not an IPv4 address as browsers write it"),
        (
            "https://bücher.example",
            "browsers send a host in its ASCII form; write it so, as https://xn--bcher-kva.example",
        ),
        ("https://app.example.com:", PORT),
        ("https://app.example.com:0", PORT),
        ("https://app.example.com:08443", PORT),
        ("https://app.example.com:+80", PORT),
        ("https://app.example.com:65536", PORT),
        ("https://app.example.com:84*", PORT),
        ("https://*", STAR),
        ("https://app-*.example.com", STAR),
        ("https://app.*.com", STAR),
        ("https://*.*.example.com", STAR),
        ("https://***.example.com", STAR),
        ("https://*example.com", STAR),
        ("https://example.*", STAR),
    ];
    for (origin, message) in cases {
        let got = errors(&format!(r#""allow_origins": ["https://ok.example", "{origin}"]"#));
        assert_eq!(got, [format!("allow_origins[1]: {message}")], "{origin}");
    }
}

#[test]
fn an_origin_of_another_kind_is_an_error() {
    let cases = [
        ("1", "allow_origins[0]: expected an origin, got a number"),
        (r#"["*"]"#, "allow_origins[0]: expected an origin, got an array"),
        ("{}", "allow_origins[0].regex: is required"),
        (r#"{"regex": ""}"#, "allow_origins[0].regex: must not be empty"),
        (r#"{"regexp": "a"}"#, "allow_origins[0].regexp: unknown key; did you mean \"regex\"?"),
    ];
    for (origin, expected) in cases {
        assert!(
            errors(&format!(r#""allow_origins": [{origin}]"#)).contains(&expected.to_owned()),
            "{origin}"
        );
    }
    for regex in ["(", "a)|(b", "(?=a)", "a{1000}{1000}"] {
        let got = errors(&format!(r#""allow_origins": [{{"regex": "{regex}"}}]"#));
        assert!(got[0].starts_with("allow_origins[0].regex: not a regular expression"), "{got:?}");
    }
    let long = "a".repeat(1025);
    let got = errors(&format!(r#""allow_origins": [{{"regex": "{long}"}}]"#));
    assert_eq!(got, ["allow_origins[0].regex: the expression has 1025 bytes; at most 1024 are accepted"]);
}

#[test]
fn what_does_not_go_together_is_an_error() {
    const CREDENTIALS: &str =
        "not with allow_credentials: every page of the web could act as its visitor; list the origins";
    let cases: &[(&str, &[&str])] = &[
        (
            r#""allow_origins": ["https://a.example", "*"], "allow_credentials": true"#,
            &[&format!("allow_origins[1]: {CREDENTIALS}")],
        ),
        (
            r#""allow_origins": ["*", "https://a.example"]"#,
            &["allow_origins[0]: `*` is every origin; leave the others out, or `*`"],
        ),
        (
            r#""allow_origins": ["https://a.example", "https://b.example", "HTTPS://A.example:443"]"#,
            &["allow_origins[2]: the same origin as default.cors.allow_origins[0]"],
        ),
        (
            r#""allow_origins": ["http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]:80", {"regex": "a"}, {"regex": "a"}]"#,
            &[
                "allow_origins[1]: the same origin as default.cors.allow_origins[0]",
                "allow_origins[3]: the same origin as default.cors.allow_origins[2]",
            ],
        ),
        (
            r#""allow_origins": [], "max_age": "86401s""#,
            &["max_age: browsers keep the answer to a preflight a day at most; at most \"24h\""],
        ),
        (
            r#""allow_origins": [], "allow_headers": ["x-a", "*"], "allow_methods": ["GET", {"extension": "*"}]"#,
            &[
                "allow_methods[1]: `*` is no method; list the methods",
                "allow_headers[1]: `*` is no header; list the headers",
            ],
        ),
        (
            r#""allow_origins": [], "expose_headers": ["x-a", "*"], "allow_credentials": true"#,
            &["expose_headers[1]: not with allow_credentials; list the headers"],
        ),
        (r#""allow_origins": ["*"], "expose_headers": ["*"]"#, &[]),
        (
            r#""allow_origins": ["null", "https://*.a.example", "https://**.a.example"], "allow_credentials": true"#,
            &[],
        ),
    ];
    for (cors, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|line| line.replace("default.cors.", "")).collect();
        assert_eq!(errors(cors), expected, "{cors}");
    }
}
