//! Several providers: whose a token is, and where it is looked for.

use crate::world::{AUDIENCE, ISSUER, LOST, Seen, World, config, reply};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::jwt::{SigningKey, jwks};

fn provider(name: &str, keys: &[SigningKey], further: Value) -> Value {
    let mut provider = json!({
        "name": name, "issuers": [ISSUER], "audiences": [AUDIENCE], "algorithms": ["ES256", "RS256"],
        "keys": [{ "jwks": jwks(keys) }],
    });
    provider.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    provider
}

fn world(providers: Value, further: Value) -> World {
    let mut whole = json!({ "providers": providers });
    whole.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    World::new(&config(json!({}), whole))
}

#[test]
fn each_provider_reads_a_header_in_its_own_way() {
    let bare = provider(
        "bare",
        &[SigningKey::P256],
        json!({ "from": { "headers": [{ "name": "authorization" }] } }),
    );
    let bearer = provider("bearer", &[SigningKey::P256Two], json!({}));
    for providers in [json!([bare, bearer]), json!([bearer, bare])] {
        let mut world = world(providers, json!({}));
        let (one, other) =
            (world.token(SigningKey::P256, json!({})), world.token(SigningKey::P256Two, json!({})));
        assert_eq!(world.send("GET", "/", &[("authorization", &one)]).status(), 200);
        assert_eq!(world.bearer(&other).status(), 200);
        assert_eq!(world.bearer("two words").reason(), "jwt.malformed");
        assert_eq!(world.send("GET", "/", &[("authorization", "Basic YTpi")]).reason(), "jwt.malformed");
        assert_eq!(world.send("GET", "/", &[]).reason(), "jwt.missing");
    }
}

#[test]
fn a_second_token_is_one_whoever_reads_it() {
    let cookie =
        provider("cookie", &[SigningKey::P256], json!({ "from": { "headers": [], "cookies": ["t"] } }));
    let bearer = provider("bearer", &[SigningKey::P256Two], json!({}));
    for providers in [json!([cookie, bearer]), json!([bearer, cookie])] {
        let mut world = world(providers, json!({}));
        let (one, other) =
            (world.token(SigningKey::P256, json!({})), world.token(SigningKey::P256Two, json!({})));
        let (one, other) = (format!("t={one}"), format!("Bearer {other}"));
        assert_eq!(world.send("GET", "/", &[("cookie", &one)]).status(), 200);
        assert_eq!(world.send("GET", "/", &[("authorization", &other)]).status(), 200);
        let both = [("cookie", one.as_str()), ("authorization", other.as_str())];
        assert_eq!(world.send("GET", "/", &both).reason(), "jwt.ambiguous");
        let broken = [("cookie", "t=\"x\""), ("authorization", other.as_str())];
        assert_eq!(world.send("GET", "/", &broken).reason(), "jwt.malformed");
    }
}

#[test]
fn providers_of_one_issuer_are_told_apart() {
    let user = |header: &str| json!({ "claim_headers": [{ "claim": "sub", "header": header }] });
    let mut world = world(
        json!([
            provider("a", &[SigningKey::P256], user("x-a")),
            provider("b", &[SigningKey::P256Two], user("x-b"))
        ]),
        json!({}),
    );
    for _ in 0..3 {
        let (one, other) =
            (world.token(SigningKey::P256, json!({})), world.token(SigningKey::P256Two, json!({})));
        let seen = world.bearer(&one);
        assert_eq!((seen.header("x-a"), seen.header("x-b")), (Some("alice"), None));
        let seen = world.bearer(&other);
        assert_eq!((seen.header("x-a"), seen.header("x-b")), (None, Some("alice")));
    }
    let stranger = world.token(SigningKey::RsaOne, json!({}));
    assert_eq!(world.bearer(&stranger).reason(), "jwt.unknown_kid");
}

#[test]
fn what_is_remembered_changes_no_verdict() {
    // Both take the token. On a route for either it is the first one's, though a route of the second's saw it before.
    let header = |name: &str| json!({ "claim_headers": [{ "claim": "sub", "header": name }] });
    let rules =
        json!([{ "name": "b", "match": { "path": { "prefix": "/b" } }, "require": { "any_of": ["b"] } }]);
    let providers = json!([
        provider("a", &[SigningKey::P256], header("x-a")),
        provider("b", &[SigningKey::P256], header("x-b"))
    ]);
    let mut world = world(providers, json!({ "rules": rules }));
    let bearer = format!("Bearer {}", world.token(SigningKey::P256, json!({})));
    for _ in 0..2 {
        assert_eq!(world.send("GET", "/b", &[("authorization", &bearer)]).header("x-b"), Some("alice"));
        let seen = world.send("GET", "/", &[("authorization", &bearer)]);
        assert_eq!((seen.header("x-a"), seen.header("x-b")), (Some("alice"), None));
    }
}

#[test]
fn a_remembered_token_that_one_provider_no_longer_takes_another_may() {
    let providers = json!([
        provider("strict", &[SigningKey::P256], json!({ "clock_skew": "0s" })),
        provider("lax", &[SigningKey::P256], json!({ "clock_skew": "300s" })),
    ]);
    let mut world = world(providers, json!({}));
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).status(), 200);
    world.cx.advance(Duration::from_secs(301));
    assert_eq!(world.bearer(&token).status(), 200);
    world.cx.advance(Duration::from_secs(300));
    assert_eq!(world.bearer(&token).reason(), "jwt.expired");
}

#[test]
fn a_route_of_one_provider_takes_nobody_elses_token_remembered_or_not() {
    let other = json!({ "issuers": ["https://b.example.com/"] });
    let rules = json!([
        { "name": "a", "match": { "path": { "prefix": "/a" } }, "require": { "any_of": ["a"] } },
        { "name": "b", "match": { "path": { "prefix": "/b" } }, "require": { "any_of": ["b"] } },
        { "name": "w", "match": { "path": { "prefix": "/w" } }, "scopes": ["write"] },
    ]);
    let providers =
        json!([provider("a", &[SigningKey::P256], json!({})), provider("b", &[SigningKey::P256], other)]);
    let mut world =
        world(providers, json!({ "rules": rules, "default": { "require": { "any_of": ["a"] } } }));
    let a = format!("Bearer {}", world.token(SigningKey::P256, json!({})));
    let b = format!(
        "Bearer {}",
        world.token(SigningKey::P256, json!({ "iss": "https://b.example.com/", "scope": "write" }))
    );
    for _ in 0..2 {
        for (path, token, reason) in [
            ("/a", &a, "passed"),
            ("/a", &b, "jwt.issuer"),
            ("/b", &b, "passed"),
            ("/b", &a, "jwt.issuer"),
            ("/", &a, "passed"),
            ("/", &b, "jwt.issuer"),
            // A rule that does not say whose asks for those of `default`.
            ("/w", &a, "jwt.scope"),
            ("/w", &b, "jwt.issuer"),
        ] {
            assert_eq!(world.send("GET", path, &[("authorization", token)]).reason(), reason, "{path}");
        }
    }
}

#[test]
fn of_two_tokens_in_one_field_one_goes_on() {
    let places = |name: &str| json!({ "headers": [], "cookies": [name] });
    for (forward, left) in [
        ((false, false), None),
        ((true, false), Some("a")),
        ((false, true), Some("b")),
        ((true, true), Some("ab")),
    ] {
        let providers = json!([
            provider("a", &[SigningKey::P256], json!({ "from": places("a"), "forward": forward.0 })),
            provider("b", &[SigningKey::P256Two], json!({ "from": places("b"), "forward": forward.1 })),
        ]);
        let mut world = world(providers, json!({ "default": { "require": { "all_of": ["a", "b"] } } }));
        let (a, b) = (world.token(SigningKey::P256, json!({})), world.token(SigningKey::P256Two, json!({})));
        let seen = world.send("GET", "/", &[("cookie", &format!("a={a}; b={b}"))]);
        let expected = left.map(|names| {
            let pair = |name: char| format!("{name}={}", if name == 'a' { &a } else { &b });
            names.chars().map(pair).collect::<Vec<_>>().join("; ")
        });
        assert_eq!(seen.header("cookie"), expected.as_deref(), "{forward:?}");
    }
}

#[test]
fn a_provider_without_keys_is_no_reason_to_throw_a_token_away() {
    let remote = json!([{ "remote": { "cluster": "idp", "authority": "idp.example.com", "path": "/keys" } }]);
    let mut world = world(
        json!([
            provider("a", &[], json!({ "keys": remote })),
            provider("b", &[SigningKey::P256Two], json!({}))
        ]),
        json!({}),
    );
    let (one, other) =
        (world.token(SigningKey::P256, json!({})), world.token(SigningKey::P256Two, json!({})));
    assert!(matches!(world.bearer(&one), Seen::Waits(_)));
    let (call, _) = world.called();
    let came_to = world.answer(call, LOST);
    assert_eq!(came_to[0].1.reason(), "jwks.unavailable");
    assert_eq!(world.answered_with("retry-after").as_deref(), Some("1"));
    assert_eq!(world.bearer(&other).reason(), "passed");
}

#[test]
fn the_deny_list_is_asked_about_each_token_and_each_answer_is_that_tokens() {
    let revocation =
        json!({ "revocation": { "mode": "check", "by": ["jti"], "redis": { "cluster": "redis" } } });
    let header = |name: &str| {
        let mut further = revocation.clone();
        further["from"] = json!({ "headers": [{ "name": name }] });
        further
    };
    for (first, second, reason) in [("", "", "passed"), ("1", "", "jwt.revoked"), ("", "1", "jwt.revoked")] {
        let providers = json!([
            provider("a", &[SigningKey::P256], header("x-a")),
            provider("b", &[SigningKey::P256Two], header("x-b")),
        ]);
        let mut world = world(providers, json!({ "default": { "require": { "all_of": ["a", "b"] } } }));
        let a = world.token(SigningKey::P256, json!({ "jti": "of-a" }));
        let b = world.token(SigningKey::P256Two, json!({ "jti": "of-b" }));
        let both = [("x-b", b.as_str()), ("x-a", a.as_str())];
        assert!(matches!(world.send("GET", "/", &both), Seen::Waits(_)));
        let mut seen = Seen::Waits(0);
        for (id, answer) in [("%7Ba%7D:jti:of-a", first), ("%7Bb%7D:jti:of-b", second)] {
            let (call, sent) = world.called();
            let body = String::from_utf8(sent.body).unwrap();
            assert!(body.contains(id), "{body}");
            let nonce = body.rsplit('/').next().unwrap();
            let answer = reply(200, &[], json!({ "EVALSHA": [answer, nonce] }).to_string());
            seen = world.answer(call, answer).remove(0).1;
            if !matches!(seen, Seen::Waits(_)) {
                break;
            }
        }
        assert_eq!(seen.reason(), reason, "{first} {second}");
        // Remembered: each with its own token.
        assert_eq!(world.send("GET", "/", &both).reason(), reason);
    }
}
