//! Tokens that are on a deny-list.

use crate::world::{Seen, World, config, reply};
use filter_core::task::TaskResult;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::jwt::SigningKey;

fn revocation(further: Value) -> String {
    let mut revocation = json!({ "mode": "check", "redis": { "cluster": "redis-revocation" } });
    revocation.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    config(json!({ "revocation": revocation }), json!({}))
}

/// What Webdis answers to this call: these values, then its nonce.
fn values(body: &[u8], values: &[&str]) -> TaskResult {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (command, nonce) = (body.split('/').next().unwrap(), body.rsplit('/').next().unwrap());
    let mut all: Vec<&str> = values.to_vec();
    all.push(nonce);
    reply(200, &[], json!({ command: all }).to_string())
}

#[test]
fn a_token_is_looked_up_once_in_a_while() {
    let mut world = World::new(&revocation(json!({})));
    let claims = json!({ "jti": "a/1", "sub": "alice", "sid": "s", "iat": world.now() });
    let token = world.token(SigningKey::P256, claims);
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, sent) = world.called();
    let body = String::from_utf8(sent.body.clone()).unwrap();
    let keys: Vec<&str> = body.split('/').skip(2).take(4).collect();
    assert_eq!(
        keys,
        [
            "3",
            "portcullis:rev:%7Bidp%7D:jti:a%252F1",
            "portcullis:rev:%7Bidp%7D:sub:alice",
            "portcullis:rev:%7Bidp%7D:sid:s"
        ]
    );
    assert_eq!(world.answer(call, values(&sent.body, &["", "", ""]))[0].1.status(), 200);
    // The answer serves for a while.
    world.cx.advance(Duration::from_millis(4999));
    assert_eq!(world.bearer(&token).status(), 200);
    world.cx.advance(Duration::from_millis(1));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, sent) = world.called();
    let seen = world.answer(call, values(&sent.body, &["1", "", ""]));
    assert_eq!((seen[0].1.status(), seen[0].1.reason()), (401, "jwt.revoked"));
    assert_eq!(world.bearer(&token).reason(), "jwt.revoked");
}

#[test]
fn a_subject_is_revoked_up_to_a_time() {
    for (issued, before, reason) in [
        (Some(-1), "0", "jwt.revoked"),
        (Some(0), "0", "passed"),
        (Some(1), "0", "passed"),
        (None, "0", "jwt.revoked"),
        (Some(0), "soon", "jwt.revoked"),
    ] {
        let mut world = World::new(&revocation(json!({ "by": ["sub"] })));
        let now = world.now();
        let claims = match issued {
            Some(offset) => json!({ "iat": now + offset }),
            None => json!({}),
        };
        let token = world.token(SigningKey::P256, claims);
        assert!(matches!(world.bearer(&token), Seen::Waits(_)));
        let (call, sent) = world.called();
        let before = if before == "0" { now.to_string() } else { before.to_owned() };
        let seen = world.answer(call, values(&sent.body, &[&before]));
        assert_eq!(seen[0].1.reason(), reason, "{issued:?} {before}");
    }
}

#[test]
fn a_script_that_redis_forgot_is_sent_whole() {
    let mut world = World::new(&revocation(json!({ "by": ["sub"] })));
    let token = world.token(SigningKey::P256, json!({}));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, _) = world.called();
    let noscript = reply(200, &[], r#"{"EVALSHA":[false,"NOSCRIPT No matching script."]}"#);
    assert!(matches!(world.answer(call, noscript)[0].1, Seen::Waits(_)));
    let (call, sent) = world.called();
    assert!(sent.body.starts_with(b"EVAL/"));
    assert_eq!(world.answer(call, values(&sent.body, &[""]))[0].1.status(), 200);
}

#[test]
fn where_nothing_can_be_learnt_the_configuration_decides() {
    for (on_error, status) in [("deny", 503), ("allow", 200)] {
        let mut world = World::new(&revocation(json!({ "on_error": on_error })));
        let token = world.token(SigningKey::P256, json!({}));
        for _ in 0..5 {
            assert!(matches!(world.bearer(&token), Seen::Waits(_)));
            let (call, _) = world.called();
            assert_eq!(world.answer(call, reply(504, &[], ""))[0].1.status(), status);
        }
        // The circuit is open: nobody waits any more.
        assert_eq!(world.bearer(&token).status(), status);
        assert_eq!(world.cx.dialled(), []);
    }
}

#[test]
fn a_list_that_is_kept_makes_nobody_wait() {
    let mut world = World::new(&revocation(json!({ "mode": "sync" })));
    let now = world.now();
    let alice = world.token(SigningKey::P256, json!({ "jti": "a", "iat": now }));
    let bob = world.token(SigningKey::P256, json!({ "sub": "bob", "jti": "b", "iat": now }));
    // Nothing is known yet.
    assert_eq!(world.bearer(&alice).reason(), "revocation.unavailable");
    let _ = world.tick();
    let (call, sent) = world.called();
    let expires = now + 1000;
    let entry = format!("jti:a:{expires}");
    assert_eq!(world.answer(call, values(&sent.body, &[&entry, "1767225600000"])), []);
    assert_eq!((world.bearer(&alice).reason(), world.bearer(&bob).reason()), ("jwt.revoked", "passed"));
    // The next reading goes on a minute before the last score, and hears that it was taken back, and of another.
    world.cx.advance(Duration::from_secs(2));
    let _ = world.tick();
    let (call, sent) = world.called();
    let body = String::from_utf8(sent.body.clone()).unwrap();
    assert!(body.contains("/1767225540000/0/100/"), "{body}");
    let entries = [
        &format!("cancel:jti:a:{expires}"),
        "1767225601000",
        &format!("sub:bob:{}:{expires}", now + 1),
        "1767225602000",
    ];
    assert_eq!(world.answer(call, values(&sent.body, &entries)), []);
    assert_eq!((world.bearer(&alice).reason(), world.bearer(&bob).reason()), ("passed", "jwt.revoked"));
    // A list that nobody reads any more grows old.
    world.cx.advance(Duration::from_secs(31));
    assert_eq!(world.bearer(&alice).reason(), "revocation.unavailable");
}

#[test]
fn how_long_an_answer_serves_is_configured_and_ends_when_the_clock_steps_back() {
    let mut world = World::new(&revocation(json!({ "ttl": "30s", "by": ["jti"] })));
    let token = world.token(SigningKey::P256, json!({ "jti": "a" }));
    let ask = |world: &mut World| {
        assert!(matches!(world.bearer(&token), Seen::Waits(_)));
        let (call, sent) = world.called();
        assert_eq!(world.answer(call, values(&sent.body, &[""]))[0].1.status(), 200);
    };
    ask(&mut world);
    world.cx.advance(Duration::from_millis(29_999));
    assert_eq!(world.bearer(&token).status(), 200);
    world.cx.advance(Duration::from_millis(1));
    ask(&mut world);
    world.cx.step_back(Duration::from_secs(3600));
    ask(&mut world);
    assert_eq!(world.bearer(&token).status(), 200);
}

#[test]
fn an_id_that_no_key_holds_is_on_no_list() {
    let mut world = World::new(&revocation(json!({ "by": ["jti", "sub"] })));
    // Percent-encoded it is longer than any key.
    let long = "/".repeat(200);
    let token = world.token(SigningKey::P256, json!({ "jti": long, "sub": null }));
    assert_eq!(world.bearer(&token).reason(), "passed");
    assert_eq!(world.cx.dialled(), []);
    // Its other ids are asked about all the same.
    let token = world.token(SigningKey::P256, json!({ "jti": long }));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, sent) = world.called();
    assert!(sent.body.windows(9).any(|part| part == b"sub:alice"));
    assert_eq!(world.answer(call, values(&sent.body, &["9999999999"]))[0].1.reason(), "jwt.revoked");
}

#[test]
fn a_token_without_an_id_is_not_asked_about() {
    let mut world = World::new(&revocation(json!({ "by": ["jti", "sid"] })));
    for claims in [json!({}), json!({ "jti": "" }), json!({ "sid": 7 })] {
        let token = world.token(SigningKey::P256, claims);
        assert_eq!(world.bearer(&token).reason(), "passed");
    }
    assert_eq!(world.cx.dialled(), []);
}

#[test]
fn what_the_deny_list_said_of_one_token_is_not_said_of_another() {
    let mut world = World::new(&revocation(json!({ "by": ["jti"] })));
    let (one, other) = (
        world.token(SigningKey::P256, json!({ "jti": "a" })),
        world.token(SigningKey::P256, json!({ "jti": "b" })),
    );
    assert!(matches!(world.bearer(&one), Seen::Waits(_)));
    let (first, sent_first) = world.called();
    assert!(matches!(world.bearer(&other), Seen::Waits(_)));
    let (second, _) = world.called();
    // Answered in another order than asked; the answer of one call is nobody else's.
    let crossed = world.answer(second, values(&sent_first.body, &["1"]));
    assert_eq!(crossed[0].1.reason(), "revocation.unavailable");
    assert_eq!(world.answer(first, values(&sent_first.body, &["1"]))[0].1.reason(), "jwt.revoked");
    assert!(matches!(world.bearer(&other), Seen::Waits(_)));
    let (third, sent_third) = world.called();
    assert_eq!(world.answer(third, values(&sent_third.body, &[""]))[0].1.status(), 200);
    assert_eq!(world.bearer(&one).reason(), "jwt.revoked");
}

#[test]
fn a_circuit_that_opened_closes_again() {
    let mut world = World::new(&revocation(json!({ "by": ["jti"] })));
    let token = world.token(SigningKey::P256, json!({ "jti": "a" }));
    for _ in 0..5 {
        assert!(matches!(world.bearer(&token), Seen::Waits(_)));
        let (call, _) = world.called();
        let _ = world.answer(call, reply(503, &[], ""));
    }
    assert_eq!(world.bearer(&token).reason(), "revocation.unavailable");
    world.cx.advance(Duration::from_millis(250));
    // One asks, the others need not wait for it.
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    assert_eq!(world.bearer(&token).reason(), "revocation.unavailable");
    let (call, sent) = world.called();
    assert_eq!(world.answer(call, values(&sent.body, &[""]))[0].1.status(), 200);
    let other = world.token(SigningKey::P256, json!({ "jti": "b" }));
    assert!(matches!(world.bearer(&other), Seen::Waits(_)));
}

#[test]
fn the_other_dialect() {
    let redis = json!({ "cluster": "rest", "dialect": "upstash", "authority": "redis.example.com", "path": "/x", "timeout": "70ms" });
    let mut world = World::new(&revocation(json!({ "by": ["jti"], "redis": redis })));
    let token = world.token(SigningKey::P256, json!({ "jti": "a" }));
    assert!(matches!(world.bearer(&token), Seen::Waits(_)));
    let (call, sent) = world.called();
    assert_eq!((&*sent.cluster, &*sent.authority, sent.path.as_str()), ("rest", "redis.example.com", "/x"));
    assert_eq!(sent.timeout, Duration::from_millis(70));
    let command: Vec<String> = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(command[3], "portcullis:rev:{idp}:jti:a");
    let answer = json!({ "result": ["1", command.last()] }).to_string();
    assert_eq!(world.answer(call, reply(200, &[], answer))[0].1.reason(), "jwt.revoked");
}
