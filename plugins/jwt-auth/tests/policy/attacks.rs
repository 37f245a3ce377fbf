//! Bytes of strangers: none of them passes, none stops the filter.

use crate::world::{Seen, Vars, World, config, keys, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::TestCx;
use testkit::jwt::{SECRET, SigningKey, jwks, signed, text, token};

/// A provider of every algorithm.
fn every_algorithm() -> World {
    let names = jwt_auth::alg::Algorithm::ALL.map(jwt_auth::alg::Algorithm::name);
    let secret = |algorithm: &str| json!({ "secret": { "key": { "env": "SECRET" }, "kid": "secret", "algorithm": algorithm } });
    let public: Vec<SigningKey> =
        SigningKey::ALL.into_iter().filter(|key| *key != SigningKey::Secret).collect();
    let provider = json!({
        "algorithms": names, "allow_symmetric": true,
        "keys": [{ "jwks": jwks(&public) }, secret("HS256"), secret("HS384"), secret("HS512")],
    });
    let env = Vars(&[(
        "SECRET",
        "YSBzZWNyZXQgb2Ygc2l4dHktZm91ciBieXRlcyB0aGF0IGV2ZXJ5Ym9keSBjYW4gcmVhZCBpbiB0aGUgdGVzdA",
    )]);
    World::in_env(TestCx::default(), &config(provider, json!({})), &env)
}

/// Each algorithm with a key for it.
fn signers() -> impl Iterator<Item = (SigningKey, &'static str)> {
    let keys =
        SigningKey::ALL.into_iter().filter(|key| !matches!(key, SigningKey::RsaTwo | SigningKey::P256Two));
    keys.flat_map(|key| key.algorithms().iter().map(move |algorithm| (key, *algorithm)))
}

#[test]
fn a_token_with_one_byte_changed_is_no_token() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut world = every_algorithm();
    let claims = world.claims(json!({ "jti": "1" }));
    let mut changed = 0;
    for (key, algorithm) in signers() {
        let good = token(key, &json!({ "alg": algorithm }), &claims);
        assert_eq!(world.bearer(&good).reason(), "passed", "{algorithm}");
        for at in 0..good.len() {
            let was = good.as_bytes()[at];
            let place = ALPHABET.iter().position(|byte| *byte == was);
            // The least bit of a digit or the greatest, and what is none.
            let others = match place {
                Some(place) => vec![ALPHABET[place ^ if at % 2 == 0 { 1 } else { 32 }], b'.', b'='],
                None => b"A-=+".to_vec(),
            };
            for other in others {
                let mut bytes = good.clone().into_bytes();
                bytes[at] = other;
                let seen = world.bearer(std::str::from_utf8(&bytes).unwrap());
                assert_eq!(seen.status(), 401, "{algorithm}: {} at {at}", char::from(other));
                changed += 1;
            }
        }
        // One more, one less.
        for other in
            [format!("{good}A"), format!("A{good}"), good[1..].to_owned(), good[..good.len() - 1].to_owned()]
        {
            assert_eq!(world.bearer(&other).status(), 401, "{algorithm}: {other}");
        }
        assert_eq!(world.bearer(&good).reason(), "passed", "{algorithm}");
    }
    assert!(changed > 10_000, "{changed}");
}

#[test]
fn no_signature_is_one_of_another_algorithm_or_key() {
    let mut world = every_algorithm();
    let claims = world.claims(json!({})).to_string();
    for (key, algorithm) in signers() {
        for (other, said) in signers() {
            let header = json!({ "alg": said, "kid": other.kid() }).to_string();
            let forged = signed(key, algorithm, &header, &claims);
            let good = (key, algorithm) == (other, said);
            assert_eq!(
                world.bearer(&forged).status() == 200,
                good,
                "{algorithm} of {} as {said} of {}",
                key.kid(),
                other.kid()
            );
        }
    }
}

#[test]
fn signatures_that_prove_nothing() {
    let mut world = every_algorithm();
    let claims = text(world.claims(json!({})).to_string().as_bytes());
    for (key, algorithm) in signers() {
        let header = text(json!({ "alg": algorithm, "kid": key.kid() }).to_string().as_bytes());
        for octets in [1, 32, 48, 63, 64, 65, 96, 114, 132, 256, 257, 512] {
            // Zeros (r and s of nothing), ones, and an empty DER sequence at the start.
            for mut signature in [vec![0; octets], vec![0xff; octets], vec![1; octets]] {
                let tried = format!("{header}.{claims}.{}", text(&signature));
                assert_eq!(world.bearer(&tried).reason(), "jwt.signature", "{algorithm}, {octets}");
                signature[0] = 0x30;
                let tried = format!("{header}.{claims}.{}", text(&signature));
                assert_eq!(world.bearer(&tried).reason(), "jwt.signature", "{algorithm}, {octets}");
            }
        }
        assert_eq!(world.bearer(&format!("{header}.{claims}.")).reason(), "jwt.malformed", "{algorithm}");
        assert_eq!(world.bearer(&format!("{header}.{claims}")).reason(), "jwt.malformed", "{algorithm}");
    }
}

#[test]
fn a_header_that_brings_its_own_key_brings_nothing() {
    let mut world = World::new(&config(json!({}), json!({})));
    let claims = world.claims(json!({}));
    let own = SigningKey::P256Two.jwk();
    for header in [
        json!({ "jwk": own }),
        json!({ "jwk": own, "kid": null }),
        json!({ "jwk": own, "kid": "p256" }),
        json!({ "jku": "https://evil.example.com/jwks", "kid": "p256" }),
        json!({ "x5u": "https://evil.example.com/x5u", "kid": "p256" }),
        json!({ "x5c": ["AAAA"], "kid": "p256" }),
        json!({ "kid": "../../../../dev/null" }),
        json!({ "kid": "p256' OR '1'='1" }),
        json!({ "kid": "p256\u{0}" }),
        json!({ "kid": "P256" }),
        json!({ "kid": "" }),
        json!({ "kid": 0 }),
        json!({ "kid": ["p256"] }),
        json!({ "alg": "none" }),
        json!({ "alg": "None" }),
        json!({ "alg": "NONE" }),
        json!({ "alg": "nOnE" }),
        json!({ "alg": "" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "es256" }),
        json!({ "alg": "ES256K" }),
        json!({ "alg": "RSA1_5" }),
        json!({ "alg": ["ES256"] }),
        json!({ "alg": null }),
        json!({ "crit": ["exp"] }),
        json!({ "crit": [] }),
        json!({ "b64": false }),
        json!({ "b64": true }),
    ] {
        let forged = token(SigningKey::P256Two, &header, &claims);
        assert_eq!(world.bearer(&forged).status(), 401, "{header}");
        assert_eq!(world.cx.dialled(), [], "{header}");
    }
    // The same members beside a signature that is good are not looked at.
    let harmless = json!({ "jwk": own, "jku": "https://evil.example.com/", "x5c": ["AAAA"], "zip": "DEF" });
    assert_eq!(world.bearer(&token(SigningKey::P256, &harmless, &claims)).status(), 200);
}

#[test]
fn what_says_two_things_says_nothing() {
    let mut world = World::new(&config(json!({}), json!({})));
    let claims = world.claims(json!({})).to_string();
    let twice = claims.replacen('{', "{\"sub\":\"admin\",", 1);
    let nested = claims.replacen('{', "{\"a\":[{\"b\":1,\"b\":2}],", 1);
    let escaped = claims.replacen('{', "{\"s\\u0075b\":\"admin\",", 1);
    let header = r#"{"alg":"ES256","kid":"p256"}"#;
    for payload in [
        &twice,
        &nested,
        &escaped,
        &format!("{claims} x"),
        &format!("[{claims}]"),
        &"null".to_owned(),
        &claims.replacen('{', "{\"a\":\"\\ud800\",", 1),
    ] {
        assert_eq!(
            world.bearer(&signed(SigningKey::P256, "ES256", header, payload)).reason(),
            "jwt.malformed",
            "{payload}"
        );
    }
    for header in [
        r#"{"alg":"none","alg":"ES256","kid":"p256"}"#,
        r#"{"alg":"ES256","kid":"x","kid":"p256"}"#,
        r#"{"alg":"ES256","kid":"p256"}{}"#,
    ] {
        assert_eq!(
            world.bearer(&signed(SigningKey::P256, "ES256", header, &claims)).reason(),
            "jwt.malformed",
            "{header}"
        );
    }
    let good = signed(SigningKey::P256, "ES256", header, &claims);
    assert_eq!(world.bearer(&good).status(), 200);
}

/// Tokens wherever they may stand.
fn places() -> String {
    let from = json!({
        "headers": [{ "name": "authorization", "prefix": "Bearer " }, { "name": "x-token" }],
        "cookies": ["t"], "query": { "name": "t" },
    });
    config(json!({ "from": from, "claim_headers": [{ "claim": "sub", "header": "x-user" }] }), json!({}))
}

/// Something like what is meant, and anything.
fn near(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = good.len();
    let cut = good.clone();
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,90}".prop_map(String::into_bytes),
        (0..length).prop_map(move |end| cut[..end].to_vec()),
        prop::collection::vec((0..length, any::<u8>()), 1..4).prop_map(move |changes| {
            let mut bytes = good.clone();
            changes.iter().for_each(|(at, byte)| bytes[*at] ^= byte.max(&1));
            bytes
        }),
    ]
}

fn good() -> Vec<u8> {
    World::new(&config(json!({}), json!({}))).token(SigningKey::P256, json!({})).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_near_a_token_passes(value in near(good()), place in 0..5_usize) {
        prop_assume!(value != good());
        let mut world = World::new(&places());
        let mut headers = vec![(&b":method"[..], b"GET".to_vec()), (b":authority", b"api.example.com".to_vec())];
        let of = |before: &[u8]| [before, value.as_slice()].concat();
        let path = if place == 0 { of(b"/a?t=") } else { b"/a".to_vec() };
        headers.push((b":path", path));
        match place {
            0 => {}
            1 => headers.push((b"authorization", of(b"Bearer "))),
            2 => headers.push((b"x-token", of(b""))),
            3 => headers.push((b"cookie", of(b"t="))),
            _ => headers.push((b"authorization", of(b""))),
        }
        let seen = world.begin(filter_core::message::Headers::from_pairs(headers));
        prop_assert!(matches!(seen.status(), 400 | 401), "{seen:?}");
        prop_assert_eq!(world.cx.dialled(), []);
    }

    #[test]
    fn the_order_of_fields_and_the_case_of_names_change_no_verdict(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        upper in any::<u8>(),
        which in 0..4_usize,
    ) {
        let mut world = World::new(&places());
        let good = String::from_utf8(good()).unwrap();
        let carried = match which {
            0 => ("authorization", format!("Bearer {good}")),
            1 => ("x-token", good),
            2 => ("cookie", format!("a=b; t={good}")),
            _ => ("authorization", "Bearer junk".to_owned()),
        };
        let fields = [
            (":method", "GET".to_owned()), (":path", "/a".to_owned()), (":authority", "api.example.com".to_owned()),
            carried, ("x-user", "admin".to_owned()), ("accept", "*/*".to_owned()),
        ];
        let cased = |i: usize, name: &str| if upper & (1 << i) == 0 { name.to_owned() } else { name.to_uppercase() };
        let fields = order.iter().map(|i| (cased(*i, fields[*i].0), fields[*i].1.as_str()));
        let seen = world.begin(filter_core::message::Headers::from_pairs(fields));
        match which {
            3 => prop_assert_eq!(seen.reason(), "jwt.malformed"),
            _ => prop_assert_eq!(seen.header("x-user"), Some("alice")),
        }
    }

    #[test]
    fn no_answer_of_a_key_server_stops_the_filter(body in near(jwks(&[SigningKey::P256, SigningKey::Ed25519]).to_string().into_bytes()), status in prop_oneof![Just(200_u16), any::<u16>()]) {
        let remote = json!([{ "remote": { "cluster": "idp", "authority": "idp.example.com", "path": "/jwks.json" } }]);
        let mut world = World::new(&config(json!({ "keys": remote }), json!({})));
        let token = String::from_utf8(good()).unwrap();
        let waits = matches!(world.bearer(&token), Seen::Waits(_));
        prop_assert!(waits);
        let (call, _) = world.called();
        let seen = world.answer(call, reply(status, &[("cache-control", "max-age=9"), ("date", "x")], body)).remove(0).1;
        prop_assert!(matches!(seen.reason(), "passed" | "jwks.unavailable" | "jwt.unknown_kid" | "jwt.signature"), "{seen:?}");
        // It recovers.
        world.cx.advance(Duration::from_secs(10));
        if let Seen::Waits(_) = world.bearer(&token) {
            let (call, _) = world.called();
            let _ = world.answer(call, keys(&[SigningKey::P256]));
        }
        world.cx.advance(Duration::from_secs(90));
        let _ = world.tick();
        if let Some((call, _)) = world.cx.dialled().pop() {
            let _ = world.answer(call, keys(&[SigningKey::P256]));
        }
        prop_assert!(world.bearer(&token).status() == 200 || status == 200);
    }

    #[test]
    fn no_metadata_stop_the_filter(body in near(json!({ "issuer": crate::world::ISSUER, "jwks_uri": "https://idp.example.com/k" }).to_string().into_bytes())) {
        let mut world = World::new(&config(json!({ "keys": [{ "discovery": { "cluster": "idp" } }] }), json!({})));
        let _ = world.tick();
        let (call, _) = world.called();
        let _ = world.answer(call, reply(200, &[], body));
        for (_, call) in world.cx.dialled() {
            prop_assert!(call.path.starts_with('/') && &*call.cluster == "idp", "{call:?}");
        }
    }

    #[test]
    fn no_answer_of_redis_stops_the_filter_and_only_one_that_says_so_lets_pass(
        body in near(br#"{"EVALSHA":["","","","NONCE"]}"#.to_vec()), mode in 0..2_usize,
    ) {
        let mode = ["check", "sync"][mode];
        let mut world = World::new(&config(json!({ "revocation": { "mode": mode, "redis": { "cluster": "r" } } }), json!({})));
        let token = world.token(SigningKey::P256, json!({ "jti": "a", "sid": "s" }));
        if mode == "sync" {
            let _ = world.tick();
        } else {
            let waits = matches!(world.bearer(&token), Seen::Waits(_));
            prop_assert!(waits);
        }
        let (call, sent) = world.called();
        let sent = String::from_utf8(sent.body).unwrap();
        let nonce = sent.rsplit('/').next().unwrap();
        let filled = match String::from_utf8(body) {
            Ok(text) => text.replace("NONCE", nonce).into_bytes(),
            Err(bytes) => bytes.into_bytes(),
        };
        let value: Option<Value> = serde_json::from_slice(&filled).ok();
        let said = value.is_some_and(|value| value["EVALSHA"] == json!(["", "", "", nonce]));
        let came_to = world.answer(call, reply(200, &[], filled));
        let seen = came_to.into_iter().next().map_or_else(|| world.bearer(&token), |(_, seen)| seen);
        if mode == "check" {
            prop_assert_eq!(seen.status() == 200, said, "{:?}", seen);
        } else {
            prop_assert!(matches!(seen.reason(), "passed" | "revocation.unavailable" | "jwt.revoked"), "{seen:?}");
        }
    }
}

#[test]
fn the_secret_of_the_tests_is_the_one_in_the_environment() {
    assert_eq!(
        text(&SECRET),
        "YSBzZWNyZXQgb2Ygc2l4dHktZm91ciBieXRlcyB0aGF0IGV2ZXJ5Ym9keSBjYW4gcmVhZCBpbiB0aGUgdGVzdA"
    );
}
