//! A deny-list that is kept: pages, clocks, failures.

use crate::world::{LOST, World, config, reply};
use filter_core::keys::{Change, Claim, LogMember};
use filter_core::task::TaskResult;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::jwt::SigningKey;

fn synced(further: Value) -> String {
    let mut revocation =
        json!({ "mode": "sync", "redis": { "cluster": "redis", "path": "/r", "timeout": "40ms" } });
    revocation.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    config(json!({ "revocation": revocation }), json!({}))
}

/// Redis behind Webdis, with one log: members by score.
#[derive(Default)]
struct Log(Vec<(u64, String)>);

impl Log {
    fn revoke(&mut self, score: u64, id: &str, expires: u64) {
        let member = LogMember { claim: Claim::Jti, id: id.to_owned(), change: Change::Revoked, expires };
        self.0.push((score, member.to_string()));
        self.0.sort();
    }

    /// What it answers to `ZRANGEBYSCORE … from +inf WITHSCORES LIMIT offset count`.
    fn answer(&self, body: &[u8]) -> TaskResult {
        let body = String::from_utf8(body.to_vec()).unwrap();
        let parts: Vec<&str> = body.split('/').collect();
        let [command, _, keys, _, from, offset, count, nonce] = parts[..] else { panic!("{body}") };
        assert_eq!(keys, "1");
        let [from, offset, count] = [from, offset, count].map(|number| number.parse::<usize>().unwrap());
        let found = self.0.iter().filter(|(score, _)| *score >= from as u64).skip(offset).take(count);
        let mut values: Vec<String> =
            found.flat_map(|(score, member)| [member.clone(), score.to_string()]).collect();
        values.push(nonce.to_owned());
        reply(200, &[], json!({ command: values }).to_string())
    }
}

/// A tick, and pages until there are no more; how many there were.
fn read(world: &mut World, log: &Log) -> usize {
    let _ = world.tick();
    let mut pages = 0;
    while let Some((call, sent)) = world.cx.dialled().pop() {
        pages += 1;
        let _ = world.answer(call, log.answer(&sent.body));
    }
    pages
}

fn verdict(world: &mut World, id: &str) -> String {
    let token = world.token(SigningKey::P256, json!({ "jti": id }));
    world.bearer(&token).reason().to_owned()
}

#[test]
fn a_long_log_is_read_in_pages_members_of_one_time_included() {
    let mut world = World::new(&synced(json!({})));
    let mut log = Log::default();
    let expires = world.now().unsigned_abs() + 1000;
    // Pages that end within members of the same score, and a score with more than a page.
    for i in 0..1000_u64 {
        log.revoke(1_767_225_600_000 + if i < 350 { 0 } else { i / 70 }, &format!("t{i}"), expires);
    }
    assert_eq!(read(&mut world, &log), 11);
    for i in 0..1000 {
        assert_eq!(verdict(&mut world, &format!("t{i}")), "jwt.revoked", "{i}");
    }
    assert_eq!(verdict(&mut world, "t1000"), "passed");
}

#[test]
fn a_reading_that_takes_long_is_not_begun_anew() {
    let mut world = World::new(&synced(json!({ "max_age": "10m" })));
    let mut log = Log::default();
    let expires = world.now().unsigned_abs() + 100_000;
    for i in 0..950 {
        log.revoke(1_767_225_600_000 + i, &format!("t{i}"), expires);
    }
    let _ = world.tick();
    let mut pages = 0;
    while let Some((call, sent)) = world.cx.dialled().pop() {
        pages += 1;
        world.cx.advance(Duration::from_secs(3));
        let _ = world.tick();
        let _ = world.answer(call, log.answer(&sent.body));
    }
    assert_eq!(pages, 10);
    assert_eq!(verdict(&mut world, "t949"), "jwt.revoked");
}

#[test]
fn what_is_not_there_any_more_is_forgotten_when_the_whole_is_read() {
    let mut world = World::new(&synced(json!({})));
    let mut log = Log::default();
    let expires = world.now().unsigned_abs() + 100_000;
    log.revoke(1_767_225_600_000, "a", expires);
    assert_eq!(read(&mut world, &log), 1);
    // Redis lost all, and its clock is behind what it was.
    log.0.clear();
    log.revoke(1_700_000_000_000, "b", expires);
    world.cx.advance(Duration::from_secs(2));
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!([verdict(&mut world, "a"), verdict(&mut world, "b")], ["jwt.revoked", "passed"]);
    for _ in 0..60 {
        world.cx.advance(Duration::from_secs(10));
        assert_eq!(read(&mut world, &log), 1);
    }
    world.cx.advance(Duration::from_secs(10));
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!([verdict(&mut world, "a"), verdict(&mut world, "b")], ["passed", "jwt.revoked"]);
    // From then on the new clock counts.
    log.revoke(1_700_000_700_000, "c", expires);
    world.cx.advance(Duration::from_secs(2));
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!(verdict(&mut world, "c"), "jwt.revoked");
}

#[test]
fn what_expired_is_moot() {
    let mut world = World::new(&synced(json!({ "max_age": "1h" })));
    let mut log = Log::default();
    log.revoke(1_767_225_600_000, "a", world.now().unsigned_abs() + 10);
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!(verdict(&mut world, "a"), "jwt.revoked");
    world.cx.advance(Duration::from_secs(10));
    assert_eq!(verdict(&mut world, "a"), "passed");
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!(verdict(&mut world, "a"), "passed");
}

#[test]
fn how_often_and_how_old() {
    let mut world = World::new(&synced(json!({ "interval": "5s", "max_age": "20s" })));
    let log = Log::default();
    assert_eq!(read(&mut world, &log), 1);
    world.cx.advance(Duration::from_millis(4900));
    assert_eq!(read(&mut world, &log), 0);
    world.cx.advance(Duration::from_millis(100));
    let _ = world.tick();
    let (call, sent) = world.called();
    assert_eq!(
        (&*sent.cluster, sent.path.as_str(), sent.timeout),
        ("redis", "/r", Duration::from_millis(40))
    );
    let _ = world.answer(call, log.answer(&sent.body));
    world.cx.advance(Duration::from_secs(20));
    assert_eq!(verdict(&mut world, "a"), "passed");
    world.cx.advance(Duration::from_millis(1));
    assert_eq!(verdict(&mut world, "a"), "revocation.unavailable");
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!(verdict(&mut world, "a"), "passed");
}

#[test]
fn answers_that_are_none_leave_the_list_as_it_is() {
    let mut log = Log::default();
    let backwards = |body: &str| {
        json!(["jti:x:9999999999", "5", "jti:y:9999999999", "4", body.rsplit('/').next().unwrap()])
    };
    let odd = |body: &str| json!(["jti:x:9999999999", body.rsplit('/').next().unwrap()]);
    let fraction = |body: &str| json!(["jti:x:9999999999", "1.5", body.rsplit('/').next().unwrap()]);
    let nil = |body: &str| json!([null, "1", body.rsplit('/').next().unwrap()]);
    let foreign = |_: &str| json!(["jti:x:9999999999", "1767225700000", "00000000000000000000000000000000"]);
    let answers: [&dyn Fn(&str) -> Value; 5] = [&backwards, &odd, &fraction, &nil, &foreign];
    for answer in answers {
        let mut world = World::new(&synced(json!({})));
        log.0.clear();
        log.revoke(1, "a", world.now().unsigned_abs() + 1000);
        assert_eq!(read(&mut world, &log), 1);
        world.cx.advance(Duration::from_secs(2));
        let _ = world.tick();
        let (call, sent) = world.called();
        let body = String::from_utf8(sent.body).unwrap();
        let told = world.filter.answered(
            call,
            reply(200, &[], json!({ "EVALSHA": answer(&body) }).to_string()),
            &world.cx,
        );
        let lines = told.unwrap().outcome.logs;
        assert!(lines[0].text.contains("the deny-list could not be read"), "{lines:?}");
        assert_eq!(world.cx.dialled(), []);
        assert_eq!([verdict(&mut world, "a"), verdict(&mut world, "x")], ["jwt.revoked", "passed"]);
    }
    // A member of a later version is nobody's harm.
    let mut world = World::new(&synced(json!({})));
    log.0.push((2, "tenant:x:9999999999".to_owned()));
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!(verdict(&mut world, "a"), "jwt.revoked");
}

#[test]
fn nothing_known_is_what_the_configuration_says() {
    for (on_error, reason) in [("deny", "revocation.unavailable"), ("allow", "passed")] {
        let mut world = World::new(&synced(json!({ "on_error": on_error })));
        assert_eq!(verdict(&mut world, "a"), reason);
        let skipped = world.last.counters.iter().any(|counter| counter.contains("revocation_skipped"));
        assert_eq!(skipped, on_error == "allow", "{:?}", world.last.counters);
        for _ in 0..10 {
            let _ = world.tick();
            if let Some((call, _)) = world.cx.dialled().pop() {
                let _ = world.answer(call, LOST);
            }
            world.cx.advance(Duration::from_secs(2));
            assert_eq!(verdict(&mut world, "a"), reason);
        }
        // What has no id nobody could revoke.
        let token = world.token(SigningKey::P256, json!({ "sub": null }));
        assert_eq!(world.bearer(&token).reason(), "passed");
    }
}

#[test]
fn a_clock_that_steps_back_costs_one_reading() {
    let mut world = World::new(&synced(json!({})));
    let mut log = Log::default();
    log.revoke(1_767_225_600_000, "a", world.now().unsigned_abs() + 1000);
    assert_eq!(read(&mut world, &log), 1);
    world.cx.step_back(Duration::from_secs(3600));
    assert_eq!(verdict(&mut world, "a"), "revocation.unavailable");
    assert_eq!(read(&mut world, &log), 1);
    assert_eq!([verdict(&mut world, "a"), verdict(&mut world, "b")], ["jwt.revoked", "passed"]);
}

#[test]
fn what_is_looked_up_is_configured() {
    for (by, id, reason) in [
        (json!(["jti"]), "sub:alice:9999999999:9999999999", "passed"),
        (json!(["sub"]), "sub:alice:9999999999:9999999999", "jwt.revoked"),
        (json!(["sid"]), "sid:s:9999999999:9999999999", "jwt.revoked"),
        (json!(["sub", "jti"]), "sid:s:9999999999:9999999999", "passed"),
        (json!(["sub", "jti"]), "jti:a%2F1:9999999999", "jwt.revoked"),
    ] {
        let mut world = World::new(&synced(json!({ "by": by })));
        let log = Log(vec![(1, id.to_owned())]);
        assert_eq!(read(&mut world, &log), 1);
        let token = world.token(SigningKey::P256, json!({ "jti": "a/1", "sid": "s", "iat": world.now() }));
        assert_eq!(world.bearer(&token).reason(), reason, "{by} {id}");
    }
}

#[test]
fn the_other_worker_has_the_list_too() {
    let config = synced(json!({}));
    let (mut first, mut second) = (World::new(&config), World::new(&config));
    let mut log = Log::default();
    log.revoke(1, "a", first.now().unsigned_abs() + 1000);
    assert_eq!(read(&mut first, &log), 1);
    std::mem::swap(&mut first.cx, &mut second.cx);
    assert_eq!(read(&mut second, &log), 0, "it is not time yet, whoever asks");
    assert_eq!([verdict(&mut second, "a"), verdict(&mut second, "b")], ["jwt.revoked", "passed"]);
}

#[test]
fn a_list_beyond_all_bounds_is_no_list() {
    let mut world = World::new(&synced(json!({ "max_age": "1h" })));
    let mut log = Log::default();
    let expires = world.now().unsigned_abs() + 1000;
    log.0 = (0..100_200_u64).map(|i| (i, format!("jti:{i}:{expires}"))).collect();
    assert_eq!(read(&mut world, &log), 1001, "no further than what it may hold");
    assert_eq!(verdict(&mut world, "1"), "revocation.unavailable");
    // Expired ones do not count.
    let moot = world.now();
    log.0.iter_mut().take(1000).enumerate().for_each(|(i, (_, member))| *member = format!("jti:{i}:{moot}"));
    world.cx.advance(Duration::from_secs(2));
    assert_eq!(read(&mut world, &log), 1003);
    assert_eq!([verdict(&mut world, "1"), verdict(&mut world, "100199")], ["passed", "jwt.revoked"]);
}
