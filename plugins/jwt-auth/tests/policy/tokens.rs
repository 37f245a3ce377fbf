//! Tokens with keys that are at hand.

use crate::world::{AUDIENCE, ISSUER, World, config};
use serde_json::json;
use std::time::Duration;
use testkit::jwt::{SigningKey, jwks, signed, token};

#[test]
fn a_good_token_passes_and_does_not_go_on() {
    let mut world = World::new(&config(json!({}), json!({})));
    for key in [SigningKey::RsaOne, SigningKey::P256, SigningKey::Ed25519] {
        for _ in 0..2 {
            let token = world.token(key, json!({}));
            let seen = world.bearer(&token);
            assert_eq!((seen.status(), seen.header("authorization")), (200, None), "{key:?}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_by_its_reason() {
    let mut world = World::new(&config(json!({ "require_jti": true }), json!({})));
    let now = world.now();
    let key = SigningKey::RsaOne;
    let good = json!({ "jti": "1" });
    assert_eq!(world.bearer(&world.token(key, good.clone())).reason(), "passed");
    let cases = [
        ("jwt.issuer", json!({ "iss": "https://other.example.com/" })),
        ("jwt.issuer", json!({ "iss": null })),
        ("jwt.audience", json!({ "aud": "somebody" })),
        ("jwt.audience", json!({ "aud": null })),
        ("jwt.expired", json!({ "exp": now - 60 })),
        ("jwt.not_yet", json!({ "nbf": now + 61 })),
        ("jwt.not_yet", json!({ "iat": now + 61 })),
        ("jwt.claim", json!({ "exp": null })),
        ("jwt.claim", json!({ "exp": "soon" })),
        ("jwt.claim", json!({ "jti": null })),
        ("jwt.claim", json!({ "sub": 7 })),
    ];
    for (reason, claims) in cases {
        let mut all = good.clone();
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let seen = world.bearer(&world.token(key, all.clone()));
        assert_eq!((seen.status(), seen.reason()), (401, reason), "{all}");
    }
    let claims = world.claims(good);
    let headers = [
        ("jwt.unknown_kid", json!({ "kid": "nobody" })),
        ("jwt.algorithm", json!({ "alg": "none" })),
        ("jwt.algorithm", json!({ "alg": "RS384" })),
        ("jwt.algorithm", json!({ "alg": "HS256" })),
        ("jwt.unknown_kid", json!({ "alg": "ES256" })),
        ("jwt.malformed", json!({ "crit": ["exp"] })),
    ];
    for (reason, header) in headers {
        let seen = world.bearer(&token(key, &header, &claims));
        assert_eq!((seen.status(), seen.reason()), (401, reason), "{header}");
    }
    // Signed by another key under the name of a good one.
    let forged = token(SigningKey::RsaTwo, &json!({ "kid": "rsa-one" }), &claims);
    assert_eq!(world.bearer(&forged).reason(), "jwt.signature");
    assert_eq!(world.send("GET", "/orders", &[]).reason(), "jwt.missing");
    let two = [("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")];
    assert_eq!(world.send("GET", "/orders", &two).reason(), "jwt.ambiguous");
}

#[test]
fn the_public_key_is_no_secret_to_hmac_with() {
    // The classic: HS256 with the text of the public key as the secret, whose only use here would be a key for RS256.
    let mut world = World::new(&config(json!({}), json!({})));
    let claims = world.claims(json!({})).to_string();
    let forged = signed(SigningKey::Secret, "HS256", r#"{"alg":"HS256","kid":"rsa-one"}"#, &claims);
    assert_eq!(world.bearer(&forged).reason(), "jwt.algorithm");
    let set = jwks(&[SigningKey::RsaOne, SigningKey::Secret]);
    let errors = World::errors(&config(json!({ "keys": [{ "jwks": set }] }), json!({})));
    assert!(errors.contains("keys[0].jwks.keys[1]"), "{errors}");
}

#[test]
fn a_token_that_was_kept_is_asked_again_what_time_changes() {
    let mut world = World::new(&config(json!({}), json!({})));
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).reason(), "passed");
    // The same text but for a byte of the payload is another token, whatever was kept.
    let mut other = token.clone().into_bytes();
    let at = other.iter().position(|b| *b == b'.').unwrap() + 10;
    other[at] = if other[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(world.bearer(std::str::from_utf8(&other).unwrap()).status(), 401);
    world.cx.advance(Duration::from_secs(359));
    assert_eq!(world.bearer(&token).reason(), "passed");
    world.cx.advance(Duration::from_secs(1));
    assert_eq!(world.bearer(&token).reason(), "jwt.expired");
}

#[test]
fn what_the_upstream_hears_is_ours_alone() {
    let provider = json!({
        "payload_header": "x-jwt-payload",
        "claim_headers": [
            { "claim": "sub", "header": "x-user" },
            { "claim": "realm.roles", "header": "x-roles" },
            { "claim": "missing", "header": "x-missing" },
            { "claim": "evil", "header": "x-evil" },
        ],
    });
    let rules = json!([{ "name": "open", "match": { "path": { "prefix": "/open" } }, "require": "none" }]);
    let mut world = World::new(&config(provider, json!({ "rules": rules })));
    let claims = json!({ "realm": { "roles": ["a", "b"] }, "evil": "x\r\nx-admin: 1" });
    let token = format!("Bearer {}", world.token(SigningKey::P256, claims));
    let forged = ["x-user", "x-roles", "x-missing", "x-evil", "x-jwt-payload"].map(|name| (name, "forged"));
    let mut headers = forged.to_vec();
    let open = world.send("GET", "/open/a", &headers);
    headers.push(("authorization", &token));
    let seen = world.send("GET", "/orders", &headers);
    for name in ["x-user", "x-roles", "x-missing", "x-evil", "x-jwt-payload"] {
        assert_eq!(open.header(name), None, "{name} on a route without tokens");
    }
    assert_eq!((seen.header("x-user"), seen.header("x-roles")), (Some("alice"), Some("a,b")));
    assert_eq!((seen.header("x-missing"), seen.header("x-evil"), seen.header("x-admin")), (None, None, None));
    let payload = token.split('.').nth(1).unwrap();
    assert_eq!(seen.header("x-jwt-payload"), Some(payload));
}

#[test]
fn rules_ask_for_what_their_routes_need() {
    let rules = json!([
        { "name": "open", "match": { "path": { "prefix": "/open" } }, "require": "none" },
        { "name": "either", "match": { "path": { "prefix": "/either" } }, "optional": true },
        { "name": "write", "match": { "path": { "prefix": "/write" } }, "scopes": ["orders:write"] },
        { "name": "some", "match": { "path": { "prefix": "/some" } }, "any_scope": ["orders:write", "orders:read"] },
        { "name": "admin", "match": { "path": { "prefix": "/admin" } },
          "claims": [{ "claim": "realm.roles", "contains": "admin" }] },
        { "name": "watch", "match": { "path": { "prefix": "/watch" } }, "mode": "shadow" },
    ]);
    let mut world = World::new(&config(json!({}), json!({ "rules": rules })));
    let good = format!("Bearer {}", world.token(SigningKey::P256, json!({ "scope": "orders:read" })));
    let write =
        format!("Bearer {}", world.token(SigningKey::P256, json!({ "scope": "orders:read orders:write" })));
    let admin =
        format!("Bearer {}", world.token(SigningKey::P256, json!({ "realm": { "roles": ["admin"] } })));
    for (path, token, reason) in [
        ("/open/a", None, "passed"),
        ("/open/a", Some("Bearer junk"), "passed"),
        ("/either/a", None, "passed"),
        ("/either/a", Some(good.as_str()), "passed"),
        ("/either/a", Some("Bearer junk"), "jwt.malformed"),
        ("/write/a", None, "jwt.missing"),
        ("/write/a", Some(&good), "jwt.scope"),
        ("/write/a", Some(&write), "passed"),
        ("/some/a", Some(&good), "passed"),
        ("/some/a", Some(&admin), "jwt.scope"),
        ("/admin/a", Some(&good), "jwt.scope"),
        ("/admin/a", Some(&admin), "passed"),
        ("/watch/a", None, "passed"),
        ("/watch/a", Some("Bearer junk"), "passed"),
        ("/elsewhere", None, "jwt.missing"),
        ("/open/../elsewhere", None, "path.ambiguous"),
        ("/open%2f..%2felsewhere", None, "path.ambiguous"),
        ("/open/%zz", None, "path.malformed"),
    ] {
        let headers: Vec<(&str, &str)> = token.iter().map(|token| ("authorization", *token)).collect();
        assert_eq!(world.send("GET", path, &headers).reason(), reason, "{path} {token:?}");
    }
}

#[test]
fn a_preflight_needs_no_token_and_anything_like_it_does() {
    let mut world = World::new(&config(json!({}), json!({})));
    let (origin, asks) = (("origin", "https://shop.example.com"), ("access-control-request-method", "PUT"));
    for (method, headers, reason) in [
        ("OPTIONS", &[origin, asks][..], "passed"),
        ("OPTIONS", &[origin], "jwt.missing"),
        ("OPTIONS", &[asks], "jwt.missing"),
        ("GET", &[origin, asks], "jwt.missing"),
    ] {
        assert_eq!(world.send(method, "/orders", headers).reason(), reason, "{method} {headers:?}");
    }
    let mut strict = World::new(&config(json!({}), json!({ "pass_preflight": false })));
    assert_eq!(strict.send("OPTIONS", "/orders", &[origin, asks]).reason(), "jwt.missing");
}

#[test]
fn every_token_of_all_is_asked_for_and_each_is_taken_out() {
    let second = json!({
        "name": "partner", "issuers": ["https://partner.example.com/"], "audiences": "any", "algorithms": ["ES256"],
        "keys": [{ "jwks": jwks(&[SigningKey::P256Two]) }],
        "from": { "headers": [{ "name": "x-partner" }] },
    });
    let first = json!({
        "name": "idp", "issuers": [ISSUER], "audiences": [AUDIENCE], "algorithms": ["RS256"],
        "keys": [{ "jwks": jwks(&[SigningKey::RsaOne]) }],
    });
    let whole =
        json!({ "providers": [first, second], "default": { "require": { "all_of": ["idp", "partner"] } } });
    let mut world = World::new(&config(json!({}), whole));
    let one = format!("Bearer {}", world.token(SigningKey::RsaOne, json!({})));
    let other = world.token(SigningKey::P256Two, json!({ "iss": "https://partner.example.com/" }));
    let seen = world.send("GET", "/", &[("authorization", &one), ("x-partner", &other)]);
    assert_eq!((seen.header("authorization"), seen.header("x-partner")), (None, None));
    assert_eq!(world.send("GET", "/", &[("authorization", &one)]).reason(), "jwt.missing");
    assert_eq!(world.send("GET", "/", &[("x-partner", &other)]).reason(), "jwt.missing");
    // Each in its own place: one provider's token is no other's.
    let same = one.trim_start_matches("Bearer ");
    assert_eq!(
        world.send("GET", "/", &[("authorization", &one), ("x-partner", same)]).reason(),
        "jwt.issuer"
    );
}

#[test]
fn a_token_is_bound_to_a_certificate() {
    // SHA-256 of "certificate".
    let digest = "1d6b2b4f3b3a6d1f0b8e5ff0c6a7e8b9d0c1e2f3a4b5c6d7e8f90a1b2c3d4e5f";
    let bytes: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&digest[2 * i..2 * i + 2], 16).unwrap()).collect();
    let bound = json!({ "cnf": { "x5t#S256": testkit::jwt::text(&bytes) } });
    let with = |config: &str| {
        let path = ["connection", "sha256_peer_certificate_digest"];
        World::with(testkit::TestCx::default().property(&path, digest), config)
    };
    let config_of = |binding: &str| config(json!({ "certificate_binding": binding }), json!({}));
    for (binding, claims, certificate, reason) in [
        ("if_present", bound.clone(), true, "passed"),
        ("if_present", bound.clone(), false, "jwt.binding"),
        ("if_present", json!({}), false, "passed"),
        ("if_present", json!({ "cnf": { "x5t#S256": "AAAA" } }), true, "jwt.binding"),
        ("if_present", json!({ "cnf": { "x5t#S256": 7 } }), true, "jwt.binding"),
        ("require", bound.clone(), true, "passed"),
        ("require", json!({}), true, "jwt.binding"),
        ("ignore", bound, false, "passed"),
    ] {
        let config = config_of(binding);
        let mut world = if certificate { with(&config) } else { World::new(&config) };
        let token = world.token(SigningKey::P256, claims.clone());
        assert_eq!(world.bearer(&token).reason(), reason, "{binding} {claims} {certificate}");
    }
}
