//! Each option of a configuration, by what would not be so without it.

use crate::world::{AUDIENCE, ISSUER, Seen, Vars, World, config};
use serde_json::{Value, json};
use testkit::TestCx;
use testkit::jwt::{SigningKey, token};

/// What a token with these claims comes to at a provider with these members.
fn judged(provider: Value, claims: Value) -> String {
    let mut world = World::new(&config(provider, json!({})));
    let token = world.token(SigningKey::P256, claims);
    world.bearer(&token).reason().to_owned()
}

/// The same with the claims of now, `now` given.
fn judged_at(provider: Value, claims: impl Fn(i64) -> Value) -> String {
    let now = World::new(&config(json!({}), json!({}))).now();
    judged(provider, claims(now))
}

#[test]
fn issuers_audiences_and_subjects() {
    let other = "https://other.example.com/";
    assert_eq!(judged(json!({ "issuers": [other, ISSUER] }), json!({})), "passed");
    assert_eq!(judged(json!({ "issuers": [other] }), json!({})), "jwt.issuer");
    // Byte for byte: no case, no slash at the end.
    for near in ["https://idp.example.com", "https://IDP.example.com/", "https://idp.example.com//"] {
        assert_eq!(judged(json!({}), json!({ "iss": near })), "jwt.issuer", "{near}");
    }
    assert_eq!(judged(json!({ "audiences": ["a", AUDIENCE] }), json!({ "aud": ["b", AUDIENCE] })), "passed");
    assert_eq!(judged(json!({ "audiences": ["a"] }), json!({})), "jwt.audience");
    assert_eq!(judged(json!({ "audiences": "any" }), json!({ "aud": null })), "passed");
    assert_eq!(judged(json!({ "audiences": "any" }), json!({ "aud": [] })), "jwt.claim");
    for (subject, reason) in
        [("alice", "passed"), ("svc-a", "passed"), ("alicex", "jwt.claim"), ("sv", "jwt.claim")]
    {
        let subjects = json!({ "subjects": [{ "exact": "alice" }, { "prefix": "svc-" }] });
        assert_eq!(judged(subjects, json!({ "sub": subject })), reason, "{subject}");
    }
    assert_eq!(judged(json!({ "subjects": [{ "exact": "alice" }] }), json!({ "sub": null })), "jwt.claim");
    assert_eq!(judged(json!({}), json!({ "sub": null })), "passed");
}

#[test]
fn algorithms_are_those_of_the_provider_and_of_the_key() {
    let all = json!({ "algorithms": ["ES256", "RS256", "RS384", "PS256"] });
    let mut world = World::new(&config(all, json!({})));
    let claims = world.claims(json!({}));
    for (algorithm, reason) in
        [("RS256", "passed"), ("RS384", "passed"), ("PS256", "passed"), ("PS512", "jwt.algorithm")]
    {
        let token = token(SigningKey::RsaOne, &json!({ "alg": algorithm }), &claims);
        assert_eq!(world.bearer(&token).reason(), reason, "{algorithm}");
    }
    // `alg` of the key narrows it further.
    let mut key = SigningKey::RsaOne.jwk();
    key["alg"] = "PS256".into();
    let narrow = json!({ "algorithms": ["RS256", "PS256"], "keys": [{ "jwks": { "keys": [key] } }] });
    let mut world = World::new(&config(narrow, json!({})));
    for (algorithm, reason) in [("PS256", "passed"), ("RS256", "jwt.unknown_kid")] {
        let token = token(SigningKey::RsaOne, &json!({ "alg": algorithm }), &claims);
        assert_eq!(world.bearer(&token).reason(), reason, "{algorithm}");
    }
}

#[test]
fn a_key_may_be_pem_or_a_secret() {
    let start = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";
    // The point of the P-256 key after the fixed beginning of its SubjectPublicKeyInfo.
    let jwk = SigningKey::P256.jwk();
    let point = |name: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap()
    };
    let encoded = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode([point("x"), point("y")].concat())
    };
    let whole = format!("{start}{encoded}");
    let (first, second) = whole.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    for (kid, named, without) in
        [(json!("p256"), "passed", "passed"), (Value::Null, "jwt.unknown_kid", "passed")]
    {
        let mut source = json!({ "text": pem });
        if !kid.is_null() {
            source["kid"] = kid;
        }
        let mut world = World::new(&config(json!({ "keys": [{ "pem": source }] }), json!({})));
        let claims = world.claims(json!({}));
        let good = world.bearer(&token(SigningKey::P256, &json!({}), &claims));
        assert_eq!(good.reason(), named);
        let good = world.bearer(&token(SigningKey::P256, &json!({ "kid": null }), &claims));
        assert_eq!(good.reason(), without);
    }
    let secret = json!({
        "allow_symmetric": true, "algorithms": ["HS256", "HS512"],
        "keys": [{ "secret": { "key": { "env": "SECRET" }, "kid": "secret", "algorithm": "HS256" } }],
    });
    let env = Vars(&[(
        "SECRET",
        "YSBzZWNyZXQgb2Ygc2l4dHktZm91ciBieXRlcyB0aGF0IGV2ZXJ5Ym9keSBjYW4gcmVhZCBpbiB0aGUgdGVzdA==",
    )]);
    let mut world = World::in_env(TestCx::default(), &config(secret, json!({})), &env);
    let claims = world.claims(json!({}));
    for (algorithm, reason) in [("HS256", "passed"), ("HS512", "jwt.unknown_kid")] {
        let token = token(SigningKey::Secret, &json!({ "alg": algorithm }), &claims);
        assert_eq!(world.bearer(&token).reason(), reason, "{algorithm}");
    }
}

#[test]
fn what_a_token_must_have() {
    let mut world = World::new(&config(json!({ "require_kid": true }), json!({})));
    let claims = world.claims(json!({}));
    let unnamed = token(SigningKey::P256, &json!({ "kid": null }), &claims);
    assert_eq!(world.bearer(&unnamed).reason(), "jwt.unknown_kid");
    let mut world = World::new(&config(json!({}), json!({})));
    assert_eq!(world.bearer(&unnamed).reason(), "passed");

    assert_eq!(judged(json!({ "require_jti": true }), json!({ "jti": "" })), "jwt.claim");
    assert_eq!(judged(json!({ "require_jti": true }), json!({ "jti": "1" })), "passed");
    assert_eq!(judged(json!({}), json!({})), "passed");
    assert_eq!(judged(json!({ "require_exp": false }), json!({ "exp": null })), "passed");
    assert_eq!(judged(json!({}), json!({ "exp": null })), "jwt.claim");
    for (typ, reason) in [
        (json!("at+jwt"), "passed"),
        (json!("application/AT+JWT"), "passed"),
        (json!("JWT"), "jwt.type"),
        (Value::Null, "jwt.type"),
    ] {
        let mut world = World::new(&config(json!({ "typ": ["at+jwt"] }), json!({})));
        let token = token(SigningKey::P256, &json!({ "typ": typ }), &claims);
        assert_eq!(world.bearer(&token).reason(), reason, "{typ}");
    }
}

#[test]
fn dates_and_their_skew() {
    for (skew, ago, reason) in [
        ("60s", 59, "passed"),
        ("60s", 60, "jwt.expired"),
        ("0s", 0, "jwt.expired"),
        ("0s", -1, "passed"),
        ("300s", 299, "passed"),
    ] {
        let seen = judged_at(json!({ "clock_skew": skew }), |now| json!({ "exp": now - ago }));
        assert_eq!(seen, reason, "{skew} {ago}");
    }
    let hour = json!({ "max_lifetime": "1h" });
    assert_eq!(judged_at(hour.clone(), |now| json!({ "iat": now, "exp": now + 3600 })), "passed");
    assert_eq!(judged_at(hour.clone(), |now| json!({ "iat": now, "exp": now + 3601 })), "jwt.claim");
    assert_eq!(judged_at(hour.clone(), |now| json!({ "exp": now + 3661 })), "jwt.claim");
    assert_eq!(judged_at(hour, |now| json!({ "iat": now - 10_000, "exp": now + 10 })), "jwt.claim");
    // Types and sizes that would be another date where they wrap around or are converted.
    for (claims, reason) in [
        (json!({ "exp": u64::MAX }), "passed"),
        (json!({ "exp": 1e300 }), "passed"),
        (json!({ "exp": -1 }), "jwt.expired"),
        (json!({ "exp": i64::MIN }), "jwt.expired"),
        (json!({ "exp": "99999999999" }), "jwt.claim"),
        (json!({ "exp": true }), "jwt.claim"),
        (json!({ "exp": [] }), "jwt.claim"),
        (json!({ "nbf": -1e300 }), "passed"),
        (json!({ "nbf": 1e300 }), "jwt.not_yet"),
        (json!({ "nbf": "0" }), "jwt.claim"),
        (json!({ "iat": u64::MAX }), "jwt.not_yet"),
        (json!({ "iat": i64::MIN }), "passed"),
    ] {
        assert_eq!(judged(json!({}), claims.clone()), reason, "{claims}");
    }
}

#[test]
fn the_largest_token() {
    let mut world = World::new(&config(json!({}), json!({})));
    let token = world.token(SigningKey::P256, json!({ "padding": "x".repeat(500) }));
    assert_eq!(world.bearer(&token).reason(), "passed");
    for (most, reason) in [(token.len(), "passed"), (token.len() - 1, "jwt.malformed")] {
        let mut world = World::new(&config(json!({ "max_token": most }), json!({})));
        assert_eq!(world.bearer(&token).reason(), reason);
    }
    let token = world.token(SigningKey::P256, json!({ "padding": "x".repeat(6000) }));
    assert!(token.len() > 8192);
    assert_eq!(world.bearer(&token).reason(), "jwt.malformed");
}

#[test]
fn the_places_of_a_token() {
    let from = json!({
        "headers": [{ "name": "X-Token" }, { "name": "x-other", "prefix": "JWT " }],
        "cookies": ["session"], "query": { "name": "access_token" },
    });
    let mut world = World::new(&config(
        json!({ "from": from, "claim_headers": [{ "claim": "sub", "header": "x-user" }] }),
        json!({}),
    ));
    let good = world.token(SigningKey::P256, json!({}));
    let query = format!("/a?x=1&access_token={good}&y=2");
    let cookie = format!("a=1; session={good}; b=2");
    for (path, headers) in [
        ("/a", vec![("x-token", good.clone())]),
        ("/a", vec![("x-other", format!("jwt {good}"))]),
        ("/a", vec![("cookie", cookie.clone())]),
        (query.as_str(), vec![]),
    ] {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let seen = world.send("GET", path, &headers);
        assert_eq!((seen.reason(), seen.header("x-user")), ("passed", Some("alice")), "{path} {headers:?}");
        let Seen::Passed(left) = &seen else { panic!("{seen:?}") };
        assert!(left.iter().all(|(_, value)| !value.contains(&good)), "{left:?}");
        match path {
            "/a" => assert_eq!(seen.header(":path"), Some("/a")),
            _ => assert_eq!(seen.header(":path"), Some("/a?x=1&y=2")),
        }
        // Two of them at once.
        let mut twice = headers.clone();
        twice.push(("x-token", &good));
        if path != "/a" || headers[0].0 != "x-token" {
            assert_eq!(world.send("GET", path, &twice).status(), 400, "{path} {headers:?}");
        }
    }
    assert_eq!(world.send("GET", "/a", &[("cookie", &cookie)]).header("cookie"), Some("a=1; b=2"));
    assert_eq!(world.bearer(&good).reason(), "jwt.missing");
    // The query is nobody's place unless it is made one.
    let mut plain = World::new(&config(json!({}), json!({})));
    assert_eq!(plain.send("GET", &query, &[]).reason(), "jwt.missing");
}

#[test]
fn a_token_that_goes_on() {
    let from =
        json!({ "headers": [{ "name": "x-token" }], "cookies": ["session"], "query": { "name": "t" } });
    let mut world = World::new(&config(json!({ "forward": true, "from": from }), json!({})));
    let good = world.token(SigningKey::P256, json!({}));
    let cookie = format!("session={good}");
    let query = format!("/a?t={good}");
    assert_eq!(world.send("GET", "/a", &[("x-token", &good)]).header("x-token"), Some(good.as_str()));
    assert_eq!(world.send("GET", "/a", &[("cookie", &cookie)]).header("cookie"), Some(cookie.as_str()));
    assert_eq!(world.send("GET", &query, &[]).header(":path"), Some(query.as_str()));
}

#[test]
fn what_goes_to_the_upstream_and_to_later_filters() {
    let provider = json!({
        "payload_header": "x-payload", "payload_header_padding": true,
        "claim_headers": [
            { "claim": "roles", "header": "x-csv" },
            { "claim": "roles", "header": "x-json", "format": "json" },
            { "claim": "https://example\\.com/level", "header": "x-level" },
            { "claim": "deep", "header": "x-deep", "format": "json" },
        ],
        "claim_state": ["sub", "roles", "https://example\\.com/level", "name", "evil", "long", "none"],
        "subject_state": true,
    });
    let mut world = World::new(&config(provider, json!({})));
    let claims = json!({
        "roles": ["a", "b"], "https://example.com/level": 3, "deep": { "a": [1, null] }, "name": "Zoë \"Z\"",
        "evil": "a\r\nb", "long": "x".repeat(5000),
    });
    let token = world.token(SigningKey::P256, claims);
    let seen = world.bearer(&token);
    assert_eq!(seen.header("x-csv"), Some("a,b"));
    assert_eq!(seen.header("x-json"), Some(r#"["a","b"]"#));
    assert_eq!(seen.header("x-level"), Some("3"));
    assert_eq!(seen.header("x-deep"), Some(r#"{"a":[1,null]}"#));
    let payload = seen.header("x-payload").unwrap().to_owned();
    assert!(payload.len().is_multiple_of(4) && token.contains(payload.trim_end_matches('=')), "{payload}");
    for (claim, value) in [
        ("sub", Some("alice")),
        ("roles", Some(r#"["a","b"]"#)),
        ("https://example\\.com/level", Some("3")),
        ("name", Some("Zoë \"Z\"")),
        ("evil", None),
        ("long", None),
        ("none", None),
    ] {
        let state = world.state(&format!("portcullis.claims.{claim}"));
        assert_eq!(state.as_deref(), value, "{claim}: {:?}", world.last.exports);
    }
    // What `printf 'idp\0alice' | sha256sum` begins with.
    assert_eq!(world.state("portcullis.subject").as_deref(), Some("4d7b2d9d09ac35ca"));
    // Nothing of it of a token that is refused.
    let _ = world.bearer(&format!("{token}x"));
    assert_eq!(world.state("portcullis.claims.sub"), None);
    assert_eq!(world.state("portcullis.subject"), None);
    // Nobody asked.
    let mut world = World::new(&config(json!({}), json!({})));
    let _ = world.bearer(&world.token(SigningKey::P256, json!({})));
    assert_eq!(world.state("portcullis.subject"), None);
}

#[test]
fn challenges_name_the_realm_and_say_nothing_else() {
    let mut world = World::new(&config(json!({}), json!({ "realm": "shop" })));
    assert_eq!(world.send("GET", "/", &[]).status(), 401);
    assert_eq!(world.answered_with("www-authenticate").as_deref(), Some("Bearer realm=\"shop\""));
    let expired = world.token(SigningKey::P256, json!({ "exp": world.now() - 100 }));
    assert_eq!(world.bearer(&expired).status(), 401);
    let told =
        "Bearer realm=\"shop\", error=\"invalid_token\", error_description=\"The access token is invalid\"";
    assert_eq!(world.answered_with("www-authenticate").as_deref(), Some(told));
    assert!(world.lines().contains("exp was 100 s ago, the skew is 60 s"), "{}", world.lines());
    let filter_core::filter::Flow::Reply(reply) = &world.last.flow else { panic!() };
    let body = String::from_utf8(reply.body.clone()).unwrap();
    assert!(!body.contains("exp") && !body.contains("skew") && !body.contains(ISSUER), "{body}");
    let two = [("authorization", "Bearer a.b.c"), ("authorization", "Bearer a.b.c")];
    assert_eq!(world.send("GET", "/", &two).status(), 400);
    assert_eq!(
        world.answered_with("www-authenticate").as_deref(),
        Some("Bearer realm=\"shop\", error=\"invalid_request\"")
    );
    let scopes = json!({ "default": { "scopes": ["a"] } });
    let mut world = World::new(&config(json!({}), scopes));
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).status(), 403);
    assert_eq!(
        world.answered_with("www-authenticate").as_deref(),
        Some("Bearer realm=\"api\", error=\"insufficient_scope\"")
    );
}

#[test]
fn a_grpc_client_hears_a_grpc_status() {
    let mut world = World::new(&config(json!({}), json!({ "default": { "scopes": ["a"] } })));
    let token = world.token(SigningKey::P256, json!({}));
    let bearer = format!("Bearer {token}");
    for (headers, status) in [
        (vec![], 16),
        (vec![("authorization", "Bearer junk")], 16),
        (vec![("authorization", bearer.as_str())], 7),
    ] {
        let mut headers = headers;
        headers.push(("content-type", "application/grpc"));
        let _ = world.send("POST", "/shop.Orders/Get", &headers);
        let filter_core::filter::Flow::Reply(reply) = &world.last.flow else { panic!() };
        assert_eq!(reply.grpc_status, Some(status), "{headers:?}");
    }
}

#[test]
fn what_shadow_mode_reports_it_does_not_do() {
    let provider =
        json!({ "claim_headers": [{ "claim": "sub", "header": "x-user" }], "claim_state": ["sub"] });
    let whole = json!({ "mode": "shadow", "default": { "scopes": ["write"] } });
    let mut world = World::new(&config(provider, whole));
    let forged = ("x-user", "admin");
    for (token, reason, user) in [
        (None, "jwt.missing", None),
        (Some("Bearer junk".to_owned()), "jwt.malformed", None),
        // Valid, only not enough: it is taken out, and what the upstream hears is the token's.
        (Some(format!("Bearer {}", world.token(SigningKey::P256, json!({})))), "jwt.scope", Some("alice")),
    ] {
        let mut headers = vec![forged];
        headers.extend(token.iter().map(|token| ("authorization", token.as_str())));
        let seen = world.send("GET", "/", &headers);
        assert_eq!((seen.status(), seen.header("x-user")), (200, user), "{reason}");
        assert_eq!(seen.header("authorization").is_some(), token.is_some() && user.is_none(), "{reason}");
        assert_eq!(world.state("portcullis.jwt-auth.shadow").as_deref(), Some(reason));
        assert_eq!(world.state("portcullis.claims.sub").as_deref(), user);
        assert!(
            world.last.counters.iter().any(|counter| counter.contains("shadowed")),
            "{:?}",
            world.last.counters
        );
    }
    // The mode of `default` alone, and of a rule: the plugin's stays.
    for mode in [json!({ "default": { "mode": "shadow" } }), json!({ "mode": "shadow" })] {
        assert_eq!(World::new(&config(json!({}), mode)).send("GET", "/", &[]).status(), 200);
    }
}
