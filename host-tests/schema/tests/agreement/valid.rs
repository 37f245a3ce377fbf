//! Configurations that exercise every option.

use serde_json::{Value, json};
use std::sync::LazyLock;

/// Configurations that together give every key.
pub static VALID: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let security_headers = json!({
        "preset": "owasp",
        "set": {"x-a": "1", "Content-Security-Policy": "default-src 'self'"},
        "if_absent": {"x-b": "a\tb"},
        "append": {"link": "</a>; rel=preload"},
        "remove": ["x-c", "X-D"],
        "when": [{
            "statuses": [404, "5xx"],
            "content_types": ["text/html", "application/*+json", "image/*", "*/*"],
            "set": {"x-e": ""},
            "if_absent": {"x-f": "1"},
            "append": {"x-g": "1"},
            "remove": ["x-h"],
        }],
    });
    let cors = json!({
        "allow_origins": [
            "https://app.example.com", "https://*.example.com", "http://**.example.org:*", "https://[2001:db8::1]:8443",
            "http://localhost:3000", {"regex": "https://[a-z]+\\.example\\.net"}, "null",
        ],
        "allow_methods": ["GET", "DELETE", {"extension": "PURGE"}],
        "allow_headers": ["x-request-id"],
        "expose_headers": ["etag"],
        "max_age": "90s",
        "allow_credentials": true,
        "allow_private_network": true,
        "on_mismatch": "silent",
    });
    let csrf = json!({
        "check": "cookies", "trusted_origins": ["https://a.example.com", {"regex": "https://b[0-9]"}], "allow_unknown": true,
    });
    let addresses = json!({
        "allow": ["192.0.2.0/24", "2001:db8::/0032", "::ffff:198.51.100.1"], "deny": ["192.0.2.7"],
    });
    let content_types = json!([{"methods": ["POST"], "types": ["application/json", "text/*"]}]);
    let section = json!({
        "mode": "shadow",
        "methods": ["GET", "POST", {"extension": "PURGE"}],
        "method_override": "refuse",
        "addresses": addresses,
        "cors": cors,
        "csrf": csrf,
        "max_body": 1_000_000,
        "require_content_length": true,
        "content_types": content_types,
    });
    let mut rule = section.clone();
    rule["name"] = json!("orders");
    rule["match"] = json!({
        "hosts": ["api.example.com", "*.example.com", "[2001:db8::1]"],
        "path": {"prefix": "/orders"},
        "headers": [{"name": "x-a", "exact": "b"}, {"name": "x-c"}],
    });
    rule["security_headers"] = security_headers.clone();
    rule["mask_errors"] = json!({"statuses": ["5xx", 404]});
    let whole = json!({
        "version": 1,
        "mode": "shadow",
        "limits": {"uri": 4096, "header_count": 50, "header": 4096, "headers": 32768},
        "allowed_hosts": ["api.example.com", "*.example.com"],
        "on_ambiguous_path": "normalize",
        "request_headers": {
            "untrusted": "refuse", "underscores": "allow", "duplicates": "allow",
            "strip": ["x-i"], "refuse": ["x-j"], "keep": ["x-k"],
        },
        "client_address": {"trusted_hops": 2},
        "security_headers": security_headers,
        "mask_errors": {"statuses": ["4xx", 500]},
        "rules": [rule],
        "default": section,
    });
    let paths = json!({
        "version": 1,
        "rules": [
            {"name": "exact", "match": {"path": {"exact": "/a"}}, "methods": ["GET"]},
            {"name": "template", "match": {"hosts": ["b.example.com"], "path": {"template": "/b/{id}"}}},
            {"name": "regex", "match": {"hosts": ["c.example.com"], "path": {"regex": "/c/[0-9]{4}"}}},
        ],
        "default": {"cors": {"allow_origins": ["*"]}, "content_types": [{"types": ["text/*"]}]},
    });
    [whole, paths]
});
