//! Key servers and clocks that misbehave.

use crate::world::{ISSUER, LOST, Seen, World, config, keys, reply};
use filter_core::task::{Failure, TaskResult};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::jwt::{SigningKey, jwks, token};

fn remote(further: Value) -> String {
    let mut remote = json!({ "cluster": "idp", "authority": "idp.example.com", "path": "/jwks.json" });
    remote.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    config(json!({ "keys": [{ "remote": remote }] }), json!({}))
}

/// A worker that has these keys.
fn with(further: Value, set: &[SigningKey]) -> World {
    let mut world = World::new(&remote(further));
    let _ = world.tick();
    let (call, _) = world.called();
    assert_eq!(world.answer(call, keys(set)), []);
    world
}

/// Ticks until there is a call-out; how many seconds that took.
fn until_called(world: &mut World, most: u64) -> Option<u64> {
    for second in 0..=most {
        let _ = world.tick();
        if let Some((call, _)) = world.cx.dialled().pop() {
            let _ = world.answer(call, LOST);
            return Some(second);
        }
        world.cx.advance(Duration::from_secs(1));
    }
    None
}

#[test]
fn ten_thousand_unknown_names_cost_one_fetch_per_interval() {
    let mut world = with(json!({}), &[SigningKey::RsaOne]);
    let good = world.token(SigningKey::RsaOne, json!({}));
    let claims = world.claims(json!({}));
    let signature = token(SigningKey::P256, &json!({}), &claims).rsplit('.').next().unwrap().to_owned();
    let payload = testkit::jwt::text(claims.to_string().as_bytes());
    let mut fetches = 0;
    for second in 0..100_u64 {
        world.cx.advance(Duration::from_secs(1));
        for i in 0..100 {
            let header = json!({ "alg": "RS256", "kid": format!("{second}-{i}") }).to_string();
            let unknown = format!("{}.{payload}.{signature}", testkit::jwt::text(header.as_bytes()));
            let seen = world.bearer(&unknown);
            let calls = world.cx.dialled();
            assert_eq!(
                matches!(seen, Seen::Waits(_)),
                !calls.is_empty(),
                "nobody waits without a fetch of their own"
            );
            for (call, _) in calls {
                fetches += 1;
                let came_to = world.answer(call, keys(&[SigningKey::RsaOne]));
                assert_eq!(
                    came_to.iter().map(|(_, seen)| seen.reason()).collect::<Vec<_>>(),
                    ["jwt.unknown_kid"]
                );
            }
        }
        assert_eq!(world.bearer(&good).status(), 200);
    }
    assert_eq!(fetches, 10);
    assert!(world.waiting.is_empty());
}

#[test]
fn an_empty_set_withdraws_all_keys_and_is_no_fault_of_the_token() {
    for empty in [json!({ "keys": [] }), jwks(&[SigningKey::Secret])] {
        let mut world = with(json!({}), &[SigningKey::RsaOne]);
        let token = world.token(SigningKey::RsaOne, json!({ "exp": world.now() + 9000 }));
        assert_eq!(world.bearer(&token).status(), 200);
        world.cx.advance(Duration::from_secs(600));
        let _ = world.tick();
        let (call, _) = world.called();
        let _ = world.answer(call, reply(200, &[], empty.to_string()));
        // Whoever comes first has them fetched once more.
        world.cx.advance(Duration::from_secs(1));
        assert!(matches!(world.bearer(&token), Seen::Waits(_)), "{empty}");
        let (call, _) = world.called();
        let came_to = world.answer(call, reply(200, &[], empty.to_string()));
        assert_eq!(came_to[0].1.reason(), "jwks.unavailable", "{empty}");
        assert_eq!(world.bearer(&token).reason(), "jwks.unavailable", "{empty}");
        world.cx.advance(Duration::from_secs(10));
        assert!(matches!(world.bearer(&token), Seen::Waits(_)));
        let (call, _) = world.called();
        assert_eq!(world.answer(call, keys(&[SigningKey::RsaOne]))[0].1.status(), 200);
    }
}

#[test]
fn what_is_no_key_set_changes_nothing() {
    let mut large = jwks(&[SigningKey::P256]);
    large["padding"] = "x".repeat(129 * 1024).into();
    let many = json!({ "keys": vec![SigningKey::P256.jwk(); 65] });
    let answers: Vec<TaskResult> = vec![
        LOST,
        Err(Failure::Incomplete),
        Err(Failure::TooLarge),
        Err(Failure::Deadline),
        reply(200, &[], ""),
        reply(200, &[], "null"),
        reply(200, &[], "{\"keys\":{}}"),
        reply(200, &[], "{\"keys\":[],\"keys\":[]}"),
        reply(200, &[], vec![0xff; 64]),
        reply(200, &[], vec![b'['; 100_000]),
        reply(200, &[], large.to_string()),
        reply(200, &[], many.to_string()),
        reply(304, &[], ""),
        reply(204, &[], ""),
        reply(301, &[("location", "https://evil.example.com/")], ""),
        reply(404, &[], jwks(&[SigningKey::P256]).to_string()),
        reply(500, &[], jwks(&[SigningKey::P256]).to_string()),
    ];
    let mut world = with(json!({}), &[SigningKey::RsaOne]);
    let old = world.token(SigningKey::RsaOne, json!({ "exp": world.now() + 100_000 }));
    let new = world.token(SigningKey::P256, json!({ "exp": world.now() + 100_000 }));
    world.cx.advance(Duration::from_secs(600));
    for answer in answers {
        world.cx.advance(Duration::from_secs(10));
        let _ = world.tick();
        let (call, _) = world.called();
        let _ = world.answer(call, answer.clone());
        assert_eq!(world.bearer(&old).status(), 200, "{answer:?}");
        assert_eq!(world.bearer(&new).reason(), "jwt.unknown_kid", "{answer:?}");
    }
}

#[test]
fn a_weak_key_among_good_ones_is_left_out_by_name() {
    let mut set = jwks(&[SigningKey::P256]);
    let mut weak = SigningKey::RsaOne.jwk();
    weak["n"] = testkit::jwt::text(&[0xff; 128]).into();
    weak["kid"] = "weak\n\u{202e}key".into();
    set["keys"].as_array_mut().unwrap().push(weak);
    let mut world = World::new(&remote(json!({})));
    let _ = world.tick();
    let (call, _) = world.called();
    let told = world.filter.answered(call, reply(200, &[], set.to_string()), &world.cx).unwrap();
    let lines: Vec<String> = told.outcome.logs.into_iter().map(|line| line.text).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("keys[1]") && lines[0].contains("1024 bits"), "{lines:?}");
    assert!(!lines[0].chars().any(|c| c.is_control() || c == '\u{202e}'), "{lines:?}");
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).status(), 200);
}

#[test]
fn a_key_server_that_fails_is_asked_less_and_less_often() {
    let mut world = World::new(&remote(json!({ "refetch_interval": "10s" })));
    let pauses: Vec<Option<u64>> = (0..7).map(|_| until_called(&mut world, 100)).collect();
    assert_eq!(pauses, [0, 1, 2, 4, 8, 10, 10].map(Some));
}

#[test]
fn how_long_keys_serve_is_configured() {
    for (further, refresh, gone) in
        [(json!({}), 600, 600 + 86_400), (json!({ "cache_duration": "60s", "stale_ttl": "5m" }), 60, 360)]
    {
        let mut world = with(further, &[SigningKey::RsaOne]);
        let token = world.token(SigningKey::RsaOne, json!({ "exp": world.now() + 200_000 }));
        world.cx.advance(Duration::from_secs(refresh * 4 / 5 - 1));
        let _ = world.tick();
        assert_eq!(world.cx.dialled(), []);
        world.cx.advance(Duration::from_secs(refresh / 5 + 1));
        let _ = world.tick();
        let (call, _) = world.called();
        let _ = world.answer(call, LOST);
        // The jitter is a fifth at most.
        world.cx.advance(Duration::from_secs(gone - refresh - refresh / 5 - 1));
        assert_eq!(world.bearer(&token).status(), 200, "{refresh}");
        world.cx.advance(Duration::from_secs(refresh / 5 + 2));
        let seen = world.bearer(&token);
        assert!(matches!(seen, Seen::Waits(_)) || seen.reason() == "jwks.unavailable", "{seen:?}");
    }
}

#[test]
fn a_clock_that_steps_back_does_not_keep_old_keys_for_ever() {
    let mut world = World::new(&remote(json!({})));
    world.cx.advance(Duration::from_secs(365 * 86_400));
    let _ = world.tick();
    let (call, _) = world.called();
    let _ = world.answer(call, keys(&[SigningKey::RsaOne, SigningKey::P256]));
    world.cx.step_back(Duration::from_secs(365 * 86_400));
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).status(), 200);
    let _ = world.tick();
    let (call, _) = world.called();
    let _ = world.answer(call, keys(&[SigningKey::RsaOne]));
    world.cx.advance(Duration::from_secs(1));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, _) = world.called();
    assert_eq!(world.answer(call, keys(&[SigningKey::RsaOne]))[0].1.reason(), "jwt.unknown_kid");
    // Once: the keys are of now.
    let _ = world.tick();
    assert_eq!(world.cx.dialled(), []);
    // A new key is fetched for whoever names it, whatever the clock did in between.
    world.cx.step_back(Duration::from_secs(3600));
    assert!(matches!(world.bearer(&world.token(SigningKey::P256, json!({}))), Seen::Waits(_)));
}

#[test]
fn the_call_out_is_as_configured() {
    let further = json!({ "cluster": "c", "authority": "a:8443", "path": "/k?x=%20", "timeout": "250ms" });
    let mut world = World::new(&remote(further));
    let _ = world.tick();
    let (_, call) = world.called();
    assert_eq!((&*call.cluster, &*call.authority, call.path.as_str()), ("c", "a:8443", "/k?x=%20"));
    assert_eq!((call.timeout, call.method.as_str()), (Duration::from_millis(250), "GET"));
    // Two sources: both are fetched, and either one's keys serve.
    let source = |path: &str| json!({ "remote": { "cluster": "idp", "authority": "a", "path": path } });
    let mut world = World::new(&config(json!({ "keys": [source("/1"), source("/2")] }), json!({})));
    let _ = world.tick();
    for ((call, _), key) in world.cx.dialled().into_iter().zip([SigningKey::P256, SigningKey::RsaOne]) {
        let _ = world.answer(call, keys(&[key]));
    }
    for key in [SigningKey::P256, SigningKey::RsaOne] {
        let token = world.token(key, json!({}));
        assert_eq!(world.bearer(&token).status(), 200);
    }
}

#[test]
fn metadata_that_are_none_lead_nowhere() {
    let discovery = json!({ "cluster": "idp", "path": "/meta", "timeout": "2s" });
    let uri = |uri: Value| json!({ "issuer": ISSUER, "jwks_uri": uri }).to_string();
    for body in [
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        "[".repeat(60_000),
        json!({ "issuer": ISSUER }).to_string(),
        json!({ "issuer": [ISSUER], "jwks_uri": "https://idp.example.com/k" }).to_string(),
        json!({ "jwks_uri": "https://idp.example.com/k" }).to_string(),
        uri(json!("")),
        uri(json!("/k")),
        uri(json!("idp.example.com")),
        uri(json!("ftp://idp.example.com/k")),
        uri(json!("file:///etc/passwd")),
        uri(json!("https://a@b/k")),
        uri(json!("https://idp.example.com/a b")),
        uri(json!("https://idp.example.com/a\r\nhost: evil")),
        uri(json!(7)),
    ] {
        let mut world = World::new(&config(json!({ "keys": [{ "discovery": discovery }] }), json!({})));
        let _ = world.tick();
        let (call, asked) = world.called();
        assert_eq!(
            (asked.path.as_str(), asked.timeout, asked.max_reply),
            ("/meta", Duration::from_secs(2), 64 * 1024)
        );
        let _ = world.answer(call, reply(200, &[], body.clone()));
        assert_eq!(world.cx.dialled(), [], "{body}");
        let token = world.token(SigningKey::P256, json!({}));
        assert_eq!(world.bearer(&token).reason(), "jwks.unavailable", "{body}");
    }
}

#[test]
fn a_worker_that_finds_another_at_the_metadata_gets_its_keys_all_the_same() {
    let discovery = json!({ "keys": [{ "discovery": { "cluster": "idp" } }] });
    let config = config(discovery, json!({}));
    let (mut first, mut second) = (World::new(&config), World::new(&config));
    // One store: the worlds change places in it.
    let swap = |one: &mut World, other: &mut World| std::mem::swap(&mut one.cx, &mut other.cx);
    let token = first.token(SigningKey::P256, json!({}));
    assert!(matches!(first.bearer(&token), Seen::Waits(_)));
    let (call, _) = first.called();
    swap(&mut first, &mut second);
    assert!(matches!(second.bearer(&token), Seen::Waits(_)));
    assert_eq!(second.cx.dialled(), [], "the lease is another's");
    swap(&mut first, &mut second);
    let metadata = json!({ "issuer": ISSUER, "jwks_uri": "https://idp.example.com/k" });
    let came_to = first.answer(call, reply(200, &[], metadata.to_string()));
    assert!(matches!(came_to[0].1, Seen::Waits(_)));
    let (call, _) = first.called();
    swap(&mut first, &mut second);
    // Told of the metadata, it waits for the keys.
    let told = second.filter.told("metadata.0", &second.cx).unwrap();
    let mut waiting = Vec::new();
    for id in told.waiters {
        let mut stream = second.waiting.remove(&id).unwrap();
        let outcome = stream.resume(&mut second.filter, &told.result, &mut || None, &second.cx);
        assert_eq!(outcome.flow, filter_core::filter::Flow::Pause);
        waiting.push((id, stream));
    }
    assert_eq!(second.cx.dialled(), []);
    swap(&mut first, &mut second);
    assert_eq!(first.answer(call, keys(&[SigningKey::P256]))[0].1.status(), 200);
    swap(&mut first, &mut second);
    let told = second.filter.told("jwks.0", &second.cx).unwrap();
    assert_eq!(told.waiters.len(), 1);
    for (_, mut stream) in waiting {
        let outcome = stream.resume(&mut second.filter, &told.result, &mut || None, &second.cx);
        assert_eq!(outcome.flow, filter_core::filter::Flow::Continue);
    }
    assert_eq!(second.bearer(&token).status(), 200);
    assert_eq!(second.cx.dialled(), []);
}

#[test]
fn a_host_that_sends_nothing_is_no_reason_to_wait() {
    let mut world = World::new(&remote(json!({})));
    world.cx.refuse_call_outs(true);
    let token = world.token(SigningKey::P256, json!({}));
    assert_eq!(world.bearer(&token).reason(), "jwks.unavailable");
    let _ = world.tick();
    world.cx.refuse_call_outs(false);
    world.cx.advance(Duration::from_secs(10));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
}

#[test]
fn what_a_token_names_does_not_break_a_line() {
    let mut world = with(json!({}), &[SigningKey::RsaOne]);
    let claims = world.claims(json!({}));
    let name = "a\r\n[critical] all is well\u{1b}[2J\u{202e}\"";
    let evil = token(SigningKey::RsaTwo, &json!({ "kid": name }), &claims);
    assert_eq!(world.bearer(&evil).reason(), "jwt.unknown_kid");
    let lines = world.lines();
    assert!(lines.contains("not in JWKS of provider idp"), "{lines}");
    assert!(!lines.chars().any(|c| c.is_control() || c == '\u{202e}'), "{lines}");
    let long = token(SigningKey::RsaTwo, &json!({ "kid": "k".repeat(256) }), &claims);
    assert_eq!(world.bearer(&long).reason(), "jwt.unknown_kid");
    let longer = token(SigningKey::RsaTwo, &json!({ "kid": "k".repeat(257) }), &claims);
    assert_eq!(world.bearer(&longer).reason(), "jwt.malformed");
}
