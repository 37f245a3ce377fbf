//! What is refused at configuration, and where it says so.

use crate::world::{ISSUER, World, config};
use serde_json::{Value, json};
use testkit::jwt::{SigningKey, jwks};

/// Members over a plain provider, place and words of the error.
#[test]
fn a_provider_that_cannot_be_meant() {
    let remote = |further: Value| {
        let mut remote = json!({ "cluster": "idp", "authority": "idp.example.com", "path": "/jwks.json" });
        remote.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        json!({ "keys": [{ "remote": remote }] })
    };
    let revocation = |further: Value| {
        let mut revocation = json!({ "mode": "check", "redis": { "cluster": "redis" } });
        revocation.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        json!({ "revocation": revocation })
    };
    let mut private = SigningKey::P256.jwk();
    private["d"] = "AAAA".into();
    let mut weak = SigningKey::RsaOne.jwk();
    weak["n"] = testkit::jwt::text(&[0xff; 128]).into();
    let cases = [
        (json!({ "name": "a b" }), "name", "1 to 64 letters"),
        (json!({ "name": "a".repeat(65) }), "name", "1 to 64 letters"),
        (json!({ "issuers": [] }), "issuers", "empty"),
        (json!({ "issuers": null }), "issuers", "required"),
        (json!({ "audiences": null }), "audiences", "required"),
        (json!({ "audiences": [] }), "audiences", "empty"),
        (json!({ "audiences": "all" }), "audiences", "\"any\""),
        (json!({ "subjects": [{ "suffix": "a" }] }), "subjects[0]", "exactly one of exact, prefix"),
        (json!({ "algorithms": null }), "algorithms", "required"),
        (json!({ "algorithms": [] }), "algorithms", "empty"),
        (json!({ "algorithms": ["none"] }), "algorithms[0]", "unknown algorithm"),
        (json!({ "algorithms": ["es256"] }), "algorithms[0]", "unknown algorithm"),
        (json!({ "algorithms": ["ES256", "HS256"] }), "algorithms[1]", "allow_symmetric"),
        (json!({ "keys": [] }), "keys", "empty"),
        (json!({ "keys": [{ "jwks": { "keys": [] } }] }), "keys[0].jwks.keys", "empty"),
        (json!({ "keys": [{ "jwks": { "keys": [private] } }] }), "keys[0].jwks.keys[0].d", "private key"),
        (json!({ "keys": [{ "jwks": { "keys": [weak] } }] }), "keys[0].jwks.keys[0].n", "1024 bits"),
        (
            json!({ "keys": [{ "jwks": jwks(&[SigningKey::Secret]) }], "allow_symmetric": true }),
            "keys[0].jwks",
            "`secret`",
        ),
        (json!({ "keys": [{ "pem": { "text": "junk" } }] }), "keys[0].pem.text", "PEM"),
        (
            json!({ "keys": [{ "secret": { "key": { "env": "A" }, "algorithm": "HS256" } }] }),
            "keys[0].secret",
            "allow_symmetric",
        ),
        (
            json!({ "keys": [{ "secret": { "key": { "env": "A" }, "algorithm": "HS256" } }], "allow_symmetric": true }),
            "keys[0].secret.key",
            "A is not set",
        ),
        (
            json!({ "keys": [{ "secret": { "key": "text", "algorithm": "HS256" } }], "allow_symmetric": true }),
            "keys[0].secret.key",
            "not written into",
        ),
        (remote(json!({ "path": "jwks.json" })), "keys[0].remote.path", "start with /"),
        (remote(json!({ "path": "/a b" })), "keys[0].remote.path", "as it is sent"),
        (remote(json!({ "timeout": "6s" })), "keys[0].remote.timeout", "at most \"5s\""),
        (remote(json!({ "cache_duration": "0s" })), "keys[0].remote.cache_duration", "longer than nothing"),
        (
            json!({ "keys": [{ "discovery": { "cluster": "idp" } }], "issuers": [ISSUER, "https://b/"] }),
            "keys[0].discovery",
            "exactly one issuer",
        ),
        (
            json!({ "keys": [{ "discovery": { "cluster": "idp" } }], "issuers": ["joe"] }),
            "keys[0].discovery",
            "URL",
        ),
        (
            json!({ "keys": [{ "discovery": { "cluster": "idp", "path": "x" } }] }),
            "keys[0].discovery.path",
            "start with /",
        ),
        (
            json!({ "keys": [{ "discovery": { "cluster": "idp", "timeout": "6s" } }] }),
            "keys[0].discovery.timeout",
            "at most",
        ),
        (json!({ "clock_skew": "301s" }), "clock_skew", "300s"),
        (json!({ "max_token": 0 }), "max_token", "at least 1"),
        (json!({ "from": { "headers": [{ "name": "Cookie" }] } }), "from.headers[0].name", "`cookies`"),
        (json!({ "from": { "headers": [{ "name": "host" }] } }), "from.headers[0].name", "needs"),
        (json!({ "from": { "cookies": ["a=b"] } }), "from.cookies[0]", "cookie name"),
        (json!({ "from": { "headers": [] } }), "from", "nowhere"),
        (json!({ "payload_header": "Content-Length" }), "payload_header", "needs"),
        (
            json!({ "payload_header": "x-a", "claim_headers": [{ "claim": "sub", "header": "X-A" }] }),
            "claim_headers[0].header",
            "another claim",
        ),
        (
            json!({ "claim_headers": [{ "claim": "sub", "header": "host" }] }),
            "claim_headers[0].header",
            "needs",
        ),
        (
            json!({ "claim_headers": [{ "claim": "a..b", "header": "x-a" }] }),
            "claim_headers[0].claim",
            "empty",
        ),
        (json!({ "claim_state": ["a\\b"] }), "claim_state[0]", "backslash"),
        (json!({ "certificate_binding": "maybe" }), "certificate_binding", "if_present"),
        (revocation(json!({ "ttl": "61s" })), "revocation.ttl", "60s"),
        (revocation(json!({ "mode": "sync", "interval": "31s" })), "revocation.max_age", "`interval`"),
        (revocation(json!({ "by": [] })), "revocation.by", "empty"),
        (revocation(json!({ "on_error": "ignore" })), "revocation.on_error", "deny"),
        (revocation(json!({ "mode": null })), "revocation.mode", "null"),
    ];
    for (provider, place, words) in cases {
        let errors = World::errors(&config(provider.clone(), json!({})));
        assert!(
            errors.contains(&format!("providers[0].{place}")) && errors.contains(words),
            "{provider}: {errors}"
        );
    }
}

#[test]
fn what_is_wrong_with_the_whole() {
    let rule = |further: Value| {
        let mut rule = json!({ "name": "a", "match": { "path": { "prefix": "/a" } } });
        rule.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        json!({ "rules": [rule] })
    };
    for (whole, place, words) in [
        (json!({ "version": 2 }), "version", "1"),
        (json!({ "providers": [] }), "providers", "empty"),
        (json!({ "crypto": "host_only" }), "providers[0].algorithms", "host_only"),
        (json!({ "realm": "a\"b" }), "realm", "quotes"),
        (json!({ "realm": "a\r\nb" }), "realm", "printable"),
        (json!({ "cache": { "entries": 0 } }), "cache.entries", "at least 1"),
        (json!({ "cache": { "bytes": 0 } }), "cache.bytes", "at least 1"),
        (
            json!({ "default": { "require": { "any_of": ["nobody"] } } }),
            "default.require.any_of[0]",
            "no provider",
        ),
        (json!({ "default": { "require": { "any_of": [] } } }), "default.require.any_of", "empty"),
        (json!({ "default": { "require": "nothing" } }), "default.require", "none"),
        (
            json!({ "default": { "require": "none", "scopes": ["a"] } }),
            "default.require",
            "nobody would look",
        ),
        (json!({ "default": { "scopes": ["a b"] } }), "default.scopes[0]", "no space"),
        (
            json!({ "default": { "claims": [{ "claim": "a", "equals": 1, "any": [1] }] } }),
            "default.claims[0]",
            "exactly one",
        ),
        (json!({ "default": { "claims": [{ "claim": "a" }] } }), "default.claims[0]", "exactly one"),
        (
            json!({ "default": { "claims": [{ "claim": "a", "equals": null }] } }),
            "default.claims[0].equals",
            "null",
        ),
        (
            json!({ "default": { "claims": [{ "claim": "a", "equals": [1] }] } }),
            "default.claims[0].equals",
            "a string",
        ),
        (
            rule(json!({ "require": { "all_of": ["idp", "nobody"] } })),
            "rules[0].require.all_of[1]",
            "no provider",
        ),
        (
            rule(json!({ "require": "none", "claims": [{ "claim": "a", "equals": 1 }] })),
            "rules[0].require",
            "nobody would look",
        ),
    ] {
        let errors = World::errors(&config(json!({}), whole.clone()));
        assert!(errors.contains(place) && errors.contains(words), "{whole}: {errors}");
    }
    // A rule is open because it says so, never because something else does.
    let mut whole = rule(json!({ "optional": true }));
    whole["default"] = json!({ "require": "none" });
    let errors = World::errors(&config(json!({}), whole));
    assert!(errors.contains("rules[0].require") && errors.contains("`default`"), "{errors}");
    let two: Value = serde_json::from_str(&config(json!({}), json!({}))).unwrap();
    let provider = two["providers"][0].clone();
    let errors = World::errors(&config(json!({}), json!({ "providers": [provider.clone(), provider] })));
    assert!(errors.contains("providers[1].name") && errors.contains("the same name"), "{errors}");
}
