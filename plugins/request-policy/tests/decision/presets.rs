//! R9 and R10: the lists that a preset stands for.

use super::answer::{LEAKS, fields, owned, without};

/// A preset's headers and how they get into an answer.
fn preset(name: &str, always: &[(&str, &str)], if_absent: &[(&str, &str)]) {
    let config = format!(r#"{{"version": 1, "security_headers": {{"preset": "{name}"}}}}"#);
    let sorted = |mut fields: Vec<(String, String)>| {
        fields.sort();
        fields
    };
    for scheme in ["https", "http"] {
        let own = |fields: &[(&str, &str)]| {
            let mut fields = owned(fields);
            fields.retain(|(name, _)| scheme == "https" || name != "strict-transport-security");
            fields
        };
        let expected = sorted([own(always), own(if_absent)].concat());
        assert_eq!(sorted(fields(&config, scheme, &[])), expected, "{name} over {scheme}");
        // The upstream has them all, twice, and says something else.
        let names =
            always.iter().chain(if_absent).flat_map(|(name, _)| [(*name, "first"), (*name, "second")]);
        let upstream: Vec<(&str, &str)> = names.collect();
        let first: Vec<(&str, &str)> = if_absent.iter().map(|(name, _)| (*name, "first")).collect();
        let expected = sorted([own(always), own(&first)].concat());
        assert_eq!(sorted(fields(&config, scheme, &upstream)), expected, "{name} over {scheme}");
    }
}

#[test]
fn r9_preset_api() {
    preset("api", &without("cache-control"), &[("cache-control", "no-store")]);
}

#[test]
fn r9_preset_web() {
    let always = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ];
    let if_absent = [
        (
            "content-security-policy",
            "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
        ),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ];
    preset("web", &always, &if_absent);
}

/// The values themselves are held against the published list by `make suites`.
#[test]
fn r9_preset_owasp_has_13_headers_12_of_them_in_clear() {
    let config = r#"{"version": 1, "security_headers": {"preset": "owasp"}}"#;
    let secure = fields(config, "https", &[]);
    let mut clear = secure.clone();
    clear.retain(|(name, _)| name != "strict-transport-security");
    assert_eq!((secure.len(), clear.len()), (13, 12));
    assert_eq!(fields(config, "http", &[]), clear);
    let fields: Vec<(&str, &str)> =
        secure.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    preset("owasp", &fields, &[]);
}

#[test]
fn r10_every_preset_removes_the_same_and_none_nothing() {
    let further = ["$wsep", "x-envoy-upstream-service-time", "x-b3-traceid", "x-ruxit-js-agent", "sourcemap"];
    let leaks: Vec<(&str, &str)> = LEAKS.iter().chain(&further).map(|name| (*name, "x")).collect();
    for preset in ["api", "web", "owasp", "none"] {
        let config = format!(r#"{{"version": 1, "security_headers": {{"preset": "{preset}"}}}}"#);
        let expected = if preset == "none" { owned(&leaks) } else { fields(&config, "https", &[]) };
        assert_eq!(fields(&config, "https", &leaks), expected, "{preset}");
    }
}
