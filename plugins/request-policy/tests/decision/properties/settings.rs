//! A configuration with every option in use, in several settings.

use request_policy::RequestPolicy;
use serde_json::json;
use std::cell::RefCell;
use testkit::{Exchange, TestCx};

/// The settings that a property is about; all others are [`config`]'s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Setting {
    pub(super) mode: &'static str,
    pub(super) on_ambiguous_path: &'static str,
    /// What happens to untrusted headers and to names with underscores.
    untrusted: &'static str,
    underscores: &'static str,
}

const SETTING: Setting =
    Setting { mode: "enforce", on_ambiguous_path: "reject", untrusted: "strip", underscores: "strip" };

pub(super) const SETTINGS: [Setting; 6] = [
    SETTING,
    Setting { on_ambiguous_path: "normalize", underscores: "allow", ..SETTING },
    Setting { untrusted: "refuse", underscores: "refuse", ..SETTING },
    Setting { on_ambiguous_path: "normalize", untrusted: "allow", underscores: "allow", ..SETTING },
    Setting { mode: "shadow", ..SETTING },
    Setting { mode: "shadow", on_ambiguous_path: "normalize", untrusted: "refuse", underscores: "refuse" },
];

/// A configuration with every option in use. Limits are small, so that they are reached.
fn config(setting: &Setting) -> String {
    let Setting { mode, on_ambiguous_path, untrusted, underscores } = setting;
    let config = json!({
        "version": 1,
        "mode": mode,
        "limits": { "uri": 300, "header_count": 14, "header": 100, "headers": 400 },
        "allowed_hosts": ["api.example.com", "*.example.org"],
        "on_ambiguous_path": on_ambiguous_path,
        "request_headers": {
            "untrusted": untrusted, "underscores": underscores, "duplicates": "refuse",
            "strip": ["x-internal"], "refuse": ["x-debug"], "keep": ["x-real-ip"],
        },
        "client_address": { "trusted_hops": 1 },
        "security_headers": {
            "preset": "owasp", "set": { "x-a": "1" }, "if_absent": { "cache-control": "no-store" },
            "append": { "vary": "x-b" }, "remove": ["x-c", "clear-site-data"],
            "when": [{
                "statuses": ["4xx"], "content_types": ["text/*"], "set": { "x-d": "1" }, "if_absent": { "x-e": "1" },
                "append": { "vary": "x-f" }, "remove": ["x-a"],
            }],
        },
        "mask_errors": { "statuses": ["5xx"] },
        "rules": [
            {
                "name": "admin", "match": { "path": { "prefix": "/admin" } },
                "methods": ["GET"], "method_override": "refuse",
            },
            {
                "name": "tried out", "match": { "path": { "regex": "/[a-f]+" } }, "mode": "shadow",
                "methods": ["GET"], "max_body": 4, "csrf": { "check": "always" },
            },
            {
                "name": "order", "match": { "path": { "template": "/orders/{id}" } },
                "addresses": {}, "max_body": 4, "require_content_length": true, "mask_errors": {},
                "cors": {
                    "allow_origins": [{ "regex": "https://[ab]\\.example\\.com" }], "on_mismatch": "silent",
                    "allow_private_network": true,
                },
                "security_headers": { "preset": "none" },
            },
            {
                "name": "beta", "methods": ["POST"], "content_types": [],
                "match": { "hosts": ["*.example.org"], "headers": [{ "name": "x-beta", "exact": "1" }] },
            },
        ],
        "default": {
            "methods": ["GET", "POST", "PUT", "OPTIONS"],
            "addresses": { "allow": ["192.0.2.0/24", "2001:db8::/32"], "deny": ["192.0.2.66"] },
            "cors": {
                "allow_origins": ["https://a.example.com", "http://*.example.org:*"],
                "allow_headers": ["x-beta"], "expose_headers": ["etag"], "allow_credentials": true,
            },
            "csrf": { "check": "cookies", "trusted_origins": ["https://a.example.com"], "allow_unknown": true },
            "max_body": 64,
            "content_types": [{ "methods": ["PUT"], "types": ["text/*"] }, { "types": ["application/json"] }],
        },
    });
    config.to_string()
}

thread_local! {
    /// A filter for each setting: most of the time would else go into compiling configurations.
    static FILTERS: RefCell<Vec<Exchange<RequestPolicy>>> =
        RefCell::new(SETTINGS.iter().map(|setting| Exchange::new(&config(setting))).collect());
}

/// Drives the filter of a setting with a request of its own, from a client at `source`.
pub(super) fn with_filter<T>(
    setting: &Setting,
    source: &[u8],
    drive: impl FnOnce(&mut Exchange<RequestPolicy>) -> T,
) -> T {
    let index = SETTINGS.iter().position(|other| other == setting).unwrap();
    FILTERS.with_borrow_mut(|filters| {
        let exchange = &mut filters[index];
        exchange.next_stream();
        exchange.cx = TestCx::default()
            .property(&["source", "address"], source)
            .property(&["response", "code_details"], "via_upstream");
        drive(exchange)
    })
}
