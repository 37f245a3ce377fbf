//! Keys that are fetched.

use crate::world::{LOST, Seen, World, config, keys, reply};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::jwt::{SigningKey, jwks, token};

fn remote(further: Value) -> String {
    let mut remote = json!({ "cluster": "idp", "authority": "idp.example.com", "path": "/jwks.json" });
    remote.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    config(json!({ "keys": [{ "remote": remote }] }), json!({}))
}

/// A worker that has these keys.
fn with(set: &[SigningKey]) -> World {
    let mut world = World::new(&remote(json!({})));
    let _ = world.tick();
    let (call, _) = world.called();
    assert_eq!(world.answer(call, keys(set)), []);
    world
}

#[test]
fn keys_are_fetched_before_anybody_asks_and_once_for_all() {
    let mut world = World::new(&remote(json!({})));
    assert!(world.tick().is_empty());
    let (call, request) = world.called();
    assert_eq!(
        (&*request.cluster, &*request.authority, request.path.as_str()),
        ("idp", "idp.example.com", "/jwks.json")
    );
    assert_eq!((request.timeout, request.max_reply), (Duration::from_secs(1), 128 * 1024));
    let token = world.token(SigningKey::RsaOne, json!({}));
    // Requests meanwhile wait for the same fetch.
    let (one, other) = (world.bearer(&token), world.bearer(&token));
    assert_eq!((one, other), (Seen::Waits(0), Seen::Waits(1)));
    let _ = world.tick();
    assert_eq!(world.cx.dialled(), []);
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne]));
    assert_eq!(came_to.iter().map(|(_, seen)| seen.status()).collect::<Vec<_>>(), [200, 200]);
    assert_eq!(world.bearer(&token).status(), 200);
    assert_eq!(world.cx.dialled(), []);
}

#[test]
fn without_keys_nothing_passes_and_the_client_may_come_again() {
    let mut world = World::new(&remote(json!({})));
    let token = world.token(SigningKey::RsaOne, json!({}));
    for failure in [LOST, reply(500, &[], ""), reply(200, &[], "<html>"), reply(200, &[], "{}")] {
        assert!(matches!(world.bearer(&token), Seen::Waits(_)));
        let (call, _) = world.called();
        let came_to = world.answer(call, failure);
        assert_eq!((came_to[0].1.status(), came_to[0].1.reason()), (503, "jwks.unavailable"));
        // Asked again only after a while, however many ask.
        assert_eq!(world.bearer(&token).reason(), "jwks.unavailable");
        assert_eq!(world.cx.dialled(), []);
        world.cx.advance(Duration::from_secs(10));
    }
}

#[test]
fn a_new_key_is_fetched_when_a_token_names_it_once_per_interval() {
    let mut world = with(&[SigningKey::RsaOne]);
    world.cx.advance(Duration::from_secs(10));
    let new = world.token(SigningKey::P256, json!({}));
    assert!(matches!(world.bearer(&new), Seen::Waits(_)));
    let (call, _) = world.called();
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne, SigningKey::P256]));
    assert_eq!(came_to[0].1.status(), 200);
    // Strangers' names cost one fetch per interval, whatever they are.
    let claims = world.claims(json!({}));
    for i in 0..100 {
        let unknown = token(SigningKey::RsaTwo, &json!({ "kid": format!("k{i}") }), &claims);
        assert_eq!(world.bearer(&unknown).reason(), "jwt.unknown_kid");
    }
    assert_eq!(world.cx.dialled(), []);
    world.cx.advance(Duration::from_secs(10));
    let unknown = token(SigningKey::RsaTwo, &json!({ "kid": "k" }), &claims);
    assert!(matches!(world.bearer(&unknown), Seen::Waits(_)));
    let (call, _) = world.called();
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne, SigningKey::P256]));
    assert_eq!(came_to[0].1.reason(), "jwt.unknown_kid");
}

#[test]
fn a_key_that_was_withdrawn_no_longer_serves_not_even_from_the_cache() {
    let mut world = with(&[SigningKey::RsaOne, SigningKey::P256]);
    let token = world.token(SigningKey::P256, json!({ "exp": world.now() + 9000 }));
    assert_eq!(world.bearer(&token).status(), 200);
    world.cx.advance(Duration::from_secs(600));
    let _ = world.tick();
    let (call, _) = world.called();
    let _ = world.answer(call, keys(&[SigningKey::RsaOne]));
    world.cx.advance(Duration::from_secs(1));
    // It is an unknown key by now, and the first of its interval.
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, _) = world.called();
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne]));
    assert_eq!(came_to[0].1.reason(), "jwt.unknown_kid");
    assert_eq!(world.bearer(&token).reason(), "jwt.unknown_kid");
}

#[test]
fn a_key_published_just_after_a_refresh_in_the_background_serves_at_once() {
    let mut world = with(&[SigningKey::RsaOne]);
    world.cx.advance(Duration::from_secs(600));
    let _ = world.tick();
    let (call, _) = world.called();
    let _ = world.answer(call, keys(&[SigningKey::RsaOne]));
    let new = world.token(SigningKey::P256, json!({ "exp": world.now() + 600 }));
    world.cx.advance(Duration::from_secs(1));
    // Whoever comes while the fetch is under way waits for the same.
    assert!(matches!(world.bearer(&new), Seen::Waits(_)));
    let (call, _) = world.called();
    assert!(matches!(world.bearer(&new), Seen::Waits(_)));
    assert_eq!(world.cx.dialled(), []);
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne, SigningKey::P256]));
    assert_eq!(came_to.iter().map(|(_, seen)| seen.status()).collect::<Vec<_>>(), [200, 200]);
}

#[test]
fn stale_keys_serve_while_there_are_no_others_and_not_for_ever() {
    let mut world = with(&[SigningKey::RsaOne]);
    let until = world.now() + 200_000;
    let token = world.token(SigningKey::RsaOne, json!({ "exp": until }));
    let mut failed = 0;
    for _ in 0..60 {
        world.cx.advance(Duration::from_secs(600));
        let _ = world.tick();
        for (call, _) in world.cx.dialled() {
            let _ = world.answer(call, reply(200, &[], "garbage"));
            failed += 1;
        }
        assert_eq!(world.bearer(&token).status(), 200);
    }
    assert!(failed >= 50, "{failed}");
    world.cx.advance(Duration::from_secs(86_400));
    let seen = world.bearer(&token);
    assert!(matches!(seen, Seen::Waits(_)) || seen.reason() == "jwks.unavailable", "{seen:?}");
}

#[test]
fn what_a_key_server_says_of_its_keys_age_is_heard_within_bounds() {
    for (age, refresh) in [("max-age=120", 120), ("max-age=1", 60), ("max-age=99999", 6000)] {
        let mut world = World::new(&remote(json!({})));
        let _ = world.tick();
        let (call, _) = world.called();
        let answer = reply(200, &[("cache-control", age)], jwks(&[SigningKey::RsaOne]).to_string());
        let _ = world.answer(call, answer);
        // Up to a fifth earlier.
        world.cx.advance(Duration::from_secs(refresh * 4 / 5 - 1));
        let _ = world.tick();
        assert_eq!(world.cx.dialled().len(), 0, "{age}");
        world.cx.advance(Duration::from_secs(refresh / 5 + 1));
        let _ = world.tick();
        assert_eq!(world.cx.dialled().len(), 1, "{age}");
    }
}

#[test]
fn a_clock_that_is_off_is_worth_a_line() {
    let mut world = World::new(&remote(json!({})));
    let _ = world.tick();
    let (call, _) = world.called();
    let headers = [("date", "Thu, 01 Jan 2026 00:00:09 GMT")];
    let answer = reply(200, &headers, jwks(&[SigningKey::RsaOne]).to_string());
    let logs = world.filter.answered(call, answer, &world.cx).unwrap().outcome.logs;
    let logs: Vec<String> = logs.into_iter().map(|line| line.text).collect();
    assert_eq!(logs, ["jwt-auth: provider idp: the clock here and that of the key server differ by -9 s"]);
}

#[test]
fn an_issuer_says_where_its_keys_are() {
    let discovery = json!({ "cluster": "idp", "jwks_cluster": "keys" });
    let mut world = World::new(&config(json!({ "keys": [{ "discovery": discovery }] }), json!({})));
    let token = world.token(SigningKey::RsaOne, json!({}));
    let metadata = |issuer: &str| {
        let metadata = json!({ "issuer": issuer, "jwks_uri": "https://keys.example.com/v1/jwks?x=1" });
        reply(200, &[], metadata.to_string())
    };
    // Another issuer's metadata are not believed.
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, request) = world.called();
    assert_eq!((&*request.cluster, &*request.authority), ("idp", "idp.example.com"));
    assert_eq!(request.path, "/.well-known/openid-configuration");
    let came_to = world.answer(call, metadata("https://evil.example.com/"));
    assert_eq!(came_to[0].1.reason(), "jwks.unavailable");
    world.cx.advance(Duration::from_secs(10));

    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, _) = world.called();
    let came_to = world.answer(call, metadata("https://idp.example.com/"));
    assert!(matches!(came_to[0].1, Seen::Waits(_)), "{came_to:?}");
    let (call, request) = world.called();
    assert_eq!((&*request.cluster, &*request.authority), ("keys", "keys.example.com"));
    assert_eq!(request.path, "/v1/jwks?x=1");
    let came_to = world.answer(call, keys(&[SigningKey::RsaOne]));
    assert_eq!(came_to[0].1.status(), 200);
}

#[test]
fn another_worker_fetches_for_this_one_too() {
    let config = remote(json!({}));
    let (mut first, second) = (World::new(&config), World::new(&config));
    // Both see the same shared store.
    let mut second = World { cx: testkit::TestCx::default(), ..second };
    std::mem::swap(&mut first.cx, &mut second.cx);
    let _ = first.tick();
    let (call, _) = first.called();
    let _ = first.answer(call, keys(&[SigningKey::RsaOne]));
    std::mem::swap(&mut first.cx, &mut second.cx);
    let token = second.token(SigningKey::RsaOne, json!({}));
    assert_eq!(second.bearer(&token).status(), 200);
    assert_eq!(second.cx.dialled(), []);
}
