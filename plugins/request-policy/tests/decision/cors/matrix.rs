//! Every policy meets every origin in every kind of request.

use super::{ANSWERED, VARY_OF_OPTIONS, exchange, preflight, simple};
use testkit::response;

/// What a browser sends, what an attacker registers, and what no browser sends.
const ORIGINS: &[&str] = &[
    "https://app.example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://example.com",
    "https://a.example.com",
    "https://a.b.example.com",
    "https://a.example.com:8443",
    "http://a.example.com",
    "https://_a-1.example.com",
    "https://.example.com",
    "https://a..example.com",
    "https://aexample.com",
    "https://a.example.com.evil.test",
    "https://example.com.evil.test",
    "https://evil.test",
    "https://evil.test?.example.com",
    "https://evil.test/.example.com",
    "https://evil.test#.example.com",
    "https://evil.test@a.example.com",
    "https://a.example.com@evil.test",
    "https://a.example.com/",
    "https://a.example.com.",
    "https://a.example.com:443",
    "https://a.example.com:",
    "https://a.example.com:08443",
    "https://a.example.com:99999",
    "https://a%2e.example.com",
    "https://A.example.com",
    "HTTPS://a.example.com",
    "https://pr-1.preview.example.net",
    "https://pr-1x.preview.example.net",
    "https://xpr-1.preview.example.net.evil.test",
    "chrome-extension://abcdefghijklmnop",
    "capacitor://localhost",
    "http://localhost:5173",
    "http://localhost",
    "http://127.0.0.1:5173",
    "http://[::1]:5173",
    "null",
    "NULL",
    "",
    "*",
    "https://",
    "://a.example.com",
    "https:a.example.com",
];

struct Policy {
    cors: &'static str,
    /// Those of [`ORIGINS`] that may call.
    allowed: &'static [&'static str],
    credentials: bool,
}

const POLICIES: &[Policy] = &[
    Policy {
        cors: r#""allow_origins": ["HTTPS://App.Example.com:443", "capacitor://localhost"], "allow_credentials": true"#,
        allowed: &["https://app.example.com", "capacitor://localhost"],
        credentials: true,
    },
    Policy {
        cors: r#""allow_origins": ["https://*.example.com"]"#,
        allowed: &["https://app.example.com", "https://a.example.com", "https://_a-1.example.com"],
        credentials: false,
    },
    Policy {
        cors: r#""allow_origins": ["https://**.example.com"], "allow_credentials": true"#,
        allowed: &[
            "https://app.example.com",
            "https://a.example.com",
            "https://a.b.example.com",
            "https://_a-1.example.com",
        ],
        credentials: true,
    },
    Policy {
        cors: r#""allow_origins": ["https://*.example.com:*", "http://localhost:*", "http://[0:0::1]:5173"]"#,
        allowed: &[
            "https://app.example.com",
            "https://app.example.com:8443",
            "https://a.example.com",
            "https://a.example.com:8443",
            "https://_a-1.example.com",
            "http://localhost:5173",
            "http://localhost",
            "http://[::1]:5173",
        ],
        credentials: false,
    },
    Policy {
        cors: r#""allow_origins": ["https://*.example.com:8443", "http://127.0.0.1:*", "chrome-extension://abcdefghijklmnop"]"#,
        allowed: &[
            "https://app.example.com:8443",
            "https://a.example.com:8443",
            "http://127.0.0.1:5173",
            "chrome-extension://abcdefghijklmnop",
        ],
        credentials: false,
    },
    Policy {
        cors: r#""allow_origins": [{"regex": "https://pr-[0-9]+\\.preview\\.example\\.net|https://example\\.com"}], "allow_credentials": true"#,
        allowed: &["https://pr-1.preview.example.net", "https://example.com"],
        credentials: true,
    },
    Policy {
        cors: r#""allow_origins": ["null"], "allow_credentials": true"#,
        allowed: &["null"],
        credentials: true,
    },
    Policy { cors: r#""allow_origins": ["*"]"#, allowed: ORIGINS, credentials: false },
    Policy { cors: r#""allow_origins": []"#, allowed: &[], credentials: false },
    // Even a regular expression for everything allows only what is an origin.
    Policy {
        cors: r#""allow_origins": [{"regex": ".*"}]"#,
        allowed: &[
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://app.example.com",
            "https://example.com",
            "https://a.example.com",
            "https://a.b.example.com",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://_a-1.example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://aexample.com",
            "https://a.example.com.evil.test",
            "https://example.com.evil.test",
            "https://evil.test",
            "https://a.example.com.",
            "https://pr-1.preview.example.net",
            "https://pr-1x.preview.example.net",
            "https://xpr-1.preview.example.net.evil.test",
            "chrome-extension://abcdefghijklmnop",
            "capacitor://localhost",
            "http://localhost:5173",
            "http://localhost",
            "http://127.0.0.1:5173",
            "http://[::1]:5173",
        ],
        credentials: false,
    },
];

#[test]
fn r22_r23_r28_every_policy_answers_every_origin_in_every_way() {
    let refused = "403 cors.origin";
    for policy in POLICIES {
        let config = super::policy(&format!(
            r#"{}, "expose_headers": ["x-count"], "allow_headers": ["x-own"], "allow_methods": ["GET", "PUT"]"#,
            policy.cors
        ));
        let passed = response(200, &[("vary", "Accept-Encoding"), ("access-control-allow-origin", "*")]);
        let denied = response(401, &[("www-authenticate", "Bearer")]);
        for origin in ORIGINS {
            let allowed = policy.allowed.contains(origin);
            let echoed = if policy.cors.contains(r#"["*"]"#) { "*" } else { origin };
            let mut expected = Vec::new();
            if allowed {
                expected.push(("access-control-allow-origin", echoed));
            }
            if allowed && policy.credentials {
                expected.insert(0, ("access-control-allow-credentials", "true"));
            }
            let of_preflight = [
                ("access-control-allow-headers", "x-own"),
                ("access-control-allow-methods", "GET, HEAD, PUT"),
                ("access-control-max-age", "600"),
            ];
            let mut of_answer = expected.clone();
            if allowed {
                of_answer.push(("access-control-expose-headers", "x-count"));
            }
            let case = format!("{} {origin}", policy.cors);

            for head in [simple(origin), simple(origin).header("cookie", "a=1")] {
                let got = exchange(&config, head.clone(), &passed);
                assert_eq!(got.verdict, if allowed { "pass" } else { refused }, "{case}");
                assert_eq!(got.cors(), of_answer, "{case}");
                let merged = if allowed { "Accept-Encoding, Origin" } else { "Origin" };
                assert_eq!(got.all("vary"), [merged], "{case}");

                let got = exchange(&config, head, &denied);
                assert_eq!(got.cors(), of_answer, "{case}: a 401 of a later filter");
                assert_eq!(got.all("vary"), ["Origin"], "{case}: a 401 of a later filter");
            }

            let head = preflight(origin, "PUT").header("access-control-request-headers", "x-own");
            let got = exchange(&config, head, &passed);
            assert_eq!(got.verdict, if allowed { ANSWERED } else { refused }, "{case}");
            if allowed {
                expected.extend(of_preflight);
                expected.sort_unstable();
            }
            assert_eq!(got.cors(), expected, "{case}: preflight");
            assert_eq!(got.all("vary"), [VARY_OF_OPTIONS], "{case}: preflight");
        }
    }
}
