//! Redis over an HTTP gateway: what is sent, what is believed, and when a backend is left alone.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use filter_core::config::{At, Env, FromTree as _, Tree};
use filter_core::message::Headers;
use filter_core::policy::Timestamp;
use filter_core::redis::{
    BackendError, Breaker, By, MAX_CALL, MAX_KEY, Redis, RedisConfig, Script, Sent, Value,
};
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use proptest::prelude::*;
use std::cell::RefCell;
use testkit::TestCx;

struct Variables;

impl Env for Variables {
    fn var(&self, name: &str) -> Option<String> {
        match name {
            "SECRET" => Some("s3cr3t".to_owned()),
            "BAD" => Some("a\nb".to_owned()),
            _ => None,
        }
    }
}

/// A backend, or what is wrong with it.
fn backend(config: &str) -> Result<Redis, Vec<String>> {
    let errors = RefCell::default();
    let at = At::root(&errors);
    let tree: Tree = serde_json::from_str(config).unwrap();
    let redis = RedisConfig::read(&tree, &at).and_then(|config| Redis::compile(config, &Variables, &at));
    redis.ok_or_else(|| errors.into_inner().iter().map(ToString::to_string).collect())
}

fn webdis() -> Redis {
    backend(r#"{"cluster": "redis"}"#).unwrap()
}

fn upstash() -> Redis {
    backend(r#"{"cluster": "redis", "dialect": "upstash", "token": {"env": "SECRET"}}"#).unwrap()
}

fn call(redis: &Redis, by: By) -> (CallOut, Sent, String) {
    let cx = TestCx::default();
    let script = Script::new("return {1, ARGV[#ARGV]}");
    let (call, sent) = redis.call(&script, by, &["portcullis:rl:{a b}"], &["10", "x/y?.txt"], &cx).unwrap();
    let body = String::from_utf8(call.body.clone()).unwrap();
    let nonce: String = body.chars().filter(char::is_ascii_hexdigit).collect();
    let nonce = nonce[nonce.len() - 32..].to_owned();
    (call, sent, nonce)
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> TaskResult {
    Ok(Reply { status, headers: Headers::default(), body: body.into() })
}

/// What is made of an answer; `NONCE` in it is the one that was sent.
fn read(redis: &Redis, status: u16, body: &str) -> Result<Vec<Value>, BackendError> {
    let (_, sent, nonce) = call(redis, By::Sha);
    redis.read(&sent, &answer(status, body.replace("NONCE", &nonce)))
}

#[test]
fn webdis_gets_a_path_in_which_nothing_can_be_misread() {
    let (call, _, nonce) = call(&webdis(), By::Sha);
    assert_eq!((call.method.as_str(), call.path.as_str(), &*call.authority), ("POST", "/", "redis"));
    assert_eq!(call.headers, []);
    assert_eq!(call.timeout.as_millis(), 50);
    // printf 'return {1, ARGV[#ARGV]}' | sha1sum
    let sha = "e037dc67eb14ab332499def0634aee15fcd832d6";
    let body = String::from_utf8(call.body).unwrap();
    let parts: Vec<&str> = body.split('/').collect();
    assert_eq!(parts.len(), 7, "{body}");
    assert_eq!((parts[0], parts[1], parts[2]), ("EVALSHA", sha, "1"));
    assert_eq!(parts[3..6], ["portcullis:rl:%7Ba%20b%7D", "10", "x%2Fy%3F%2Etxt"]);
    assert_eq!(parts[6], nonce);
}

#[test]
fn the_source_is_sent_once_redis_does_not_know_the_sum() {
    let (call, sent, nonce) = call(&webdis(), By::Source);
    let body = String::from_utf8(call.body).unwrap();
    assert!(body.starts_with("EVAL/return%20%7B1%2C%20ARGV%5B%23ARGV%5D%7D/1/"), "{body}");
    let read = webdis().read(&sent, &answer(200, format!(r#"{{"EVAL":[1,"{nonce}"]}}"#)));
    assert_eq!(read, Ok(vec![Value::Integer(1)]));
}

#[test]
fn the_rest_dialect_gets_an_array_and_a_bearer_token() {
    let (call, sent, nonce) = call(&upstash(), By::Sha);
    let parts: Vec<String> = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((parts[0].as_str(), parts[2].as_str()), ("EVALSHA", "1"));
    assert_eq!(parts[3..], ["portcullis:rl:{a b}", "10", "x/y?.txt", &nonce]);
    let header = |name: &str| call.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value);
    assert_eq!(header("authorization").unwrap(), "Bearer s3cr3t");
    assert_eq!(header("content-type").unwrap(), "application/json");
    assert!(!format!("{call:?}").contains("s3cr3t"), "a header that is marked sensitive");
    let read = upstash().read(&sent, &answer(200, format!(r#"{{"result":[1,null,"a","{nonce}"]}}"#)));
    assert_eq!(read, Ok(vec![Value::Integer(1), Value::Nil, Value::Text("a".to_owned())]));
}

#[test]
fn webdis_gets_basic_credentials() {
    let redis = backend(
        r#"{"cluster": "redis", "username": "u", "password": {"env": "SECRET"}, "authority": "webdis:7379", "timeout": "5s"}"#,
    );
    let (call, ..) = call(&redis.unwrap(), By::Sha);
    assert_eq!(call.headers[0].1, "Basic dTpzM2NyM3Q=");
    assert_eq!((&*call.authority, call.timeout.as_secs()), ("webdis:7379", 5));
}

#[test]
fn two_calls_never_share_a_nonce() {
    let (redis, cx, script) = (webdis(), TestCx::default(), Script::new("x"));
    let sent = |_| redis.call(&script, By::Sha, &[], &[], &cx).unwrap().1;
    let (one, other) = (sent(()), sent(()));
    assert_ne!(one, other);
}

#[test]
fn nothing_is_sent_without_a_nonce_or_with_an_endless_key() {
    let (redis, script) = (webdis(), Script::new("x"));
    assert_eq!(redis.call(&script, By::Sha, &[], &[], &TestCx::default().without_random()), None);
    let key = "k".repeat(MAX_KEY + 1);
    assert_eq!(redis.call(&script, By::Sha, &[&key], &[], &TestCx::default()), None);
    assert!(redis.call(&script, By::Sha, &[&key[1..]], &[], &TestCx::default()).is_some());
}

#[test]
fn a_call_that_webdis_would_cut_in_two_is_not_sent() {
    let script = Script::new("x");
    // As sent: EVALSHA, 40 digits, no key, the argument, a nonce of 32, and the slashes between them.
    let most = MAX_CALL - "EVALSHA/".len() - 41 - "0/".len() - 33;
    for (argument, sent) in
        [("a".repeat(most), true), ("a".repeat(most + 1), false), ("/".repeat(most / 3 + 1), false)]
    {
        let call = webdis().call(&script, By::Sha, &[], &[&argument], &TestCx::default());
        assert_eq!(call.as_ref().map(|(call, _)| call.body.len()), sent.then_some(MAX_CALL));
    }
}

#[test]
fn an_answer_to_somebody_else_is_not_believed() {
    for body in [
        r#"{"EVALSHA":[1,"00000000000000000000000000000000"]}"#,
        r#"{"EVALSHA":[1]}"#,
        r#"{"EVALSHA":[]}"#,
        r#"{"EVALSHA":["NONCE",1]}"#,
        r#"{"EVALSHA":[1,"xNONCE"]}"#,
    ] {
        assert_eq!(read(&webdis(), 200, body), Err(BackendError::Nonce), "{body}");
    }
    assert_eq!(read(&webdis(), 200, r#"{"EVALSHA":[1,"NONCE"]}"#), Ok(vec![Value::Integer(1)]));
}

#[test]
fn what_is_no_answer_of_a_script_is_malformed() {
    let long = format!(r#"{{"EVALSHA":[{}"NONCE"]}}"#, "1,".repeat(5000));
    for body in [
        "",
        "<html><body>502</body></html>",
        "[]",
        "{}",
        "null",
        r#"{"EVAL":[1,"NONCE"]}"#,
        r#"{"EVALSHA":1}"#,
        r#"{"EVALSHA":"NONCE"}"#,
        r#"{"EVALSHA":[[1],"NONCE"]}"#,
        r#"{"EVALSHA":[{"a":1},"NONCE"]}"#,
        r#"{"EVALSHA":[1.5,"NONCE"]}"#,
        r#"{"EVALSHA":[9223372036854775808,"NONCE"]}"#,
        r#"{"EVALSHA":[true,"NONCE"]}"#,
        r#"{"EVALSHA":["é","NONCE"]}"#,
        r#"{"EVALSHA":[1,"NONCE"],"SET":[]}"#,
        r#"{"EVALSHA":[1,"NONCE"]} x"#,
        &long,
    ] {
        assert_eq!(read(&webdis(), 200, body), Err(BackendError::Malformed), "{body:.60}");
    }
    for body in ["", "[]", "{}", r#"{"result":1}"#, r#"{"result":[1,"NONCE"],"error":"x"}"#, r#"{"error":1}"#]
    {
        assert_eq!(read(&upstash(), 200, body), Err(BackendError::Malformed), "{body}");
    }
    let text = [b"{\"EVALSHA\":[\"".as_slice(), &[0xff], b"\"]}"].concat();
    let (_, sent, _) = call(&webdis(), By::Sha);
    assert_eq!(webdis().read(&sent, &answer(200, text)), Err(BackendError::Malformed));
}

#[test]
fn every_way_to_fail_has_its_name() {
    for (status, expected) in [
        (503, BackendError::Unreachable),
        (504, BackendError::Timeout),
        (401, BackendError::Denied),
        (403, BackendError::Denied),
        (500, BackendError::Status),
        (404, BackendError::Status),
        (204, BackendError::Status),
    ] {
        assert_eq!(read(&webdis(), status, r#"{"EVALSHA":[1,"NONCE"]}"#), Err(expected), "{status}");
    }
    let (_, sent, _) = call(&webdis(), By::Sha);
    for (failure, expected) in [
        (Failure::NotSent, BackendError::NotSent),
        (Failure::Incomplete, BackendError::Incomplete),
        (Failure::TooLarge, BackendError::TooLarge),
        (Failure::Deadline, BackendError::Timeout),
    ] {
        assert_eq!(webdis().read(&sent, &Err(failure)), Err(expected));
    }
}

#[test]
fn an_error_of_redis_is_told_by_its_first_word() {
    for (error, expected) in [
        ("NOSCRIPT No matching script. Please use EVAL.", BackendError::NoScript),
        ("LOADING Redis is loading the dataset in memory", BackendError::Loading),
        ("MASTERDOWN Link with MASTER is down", BackendError::Loading),
        ("OOM command not allowed when used memory > 'maxmemory'.", BackendError::OutOfMemory),
        ("-OOM command not allowed when used memory > 'maxmemory'.", BackendError::OutOfMemory),
        (
            "ERR Error running script: @user_script:1: OOM command not allowed when used memory",
            BackendError::OutOfMemory,
        ),
        ("READONLY You can't write against a read only replica.", BackendError::ReadOnly),
        ("MISCONF Redis is configured to save RDB snapshots", BackendError::ReadOnly),
        ("NOAUTH Authentication required.", BackendError::Denied),
        ("WRONGPASS invalid username-password pair", BackendError::Denied),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL.", BackendError::Busy),
        ("NOREPLICAS Not enough good replicas to write.", BackendError::ReadOnly),
        ("ERR The user executing the script can't access at least one of the keys", BackendError::Denied),
        ("ERR ACL failure in script: No permissions to access a key", BackendError::Denied),
        ("NOPERM this user has no permissions to run the 'eval' command", BackendError::Denied),
        ("ERR max number of clients reached", BackendError::MaxClients),
        ("ERR value is not an integer", BackendError::Redis),
        ("", BackendError::Redis),
    ] {
        let quoted = serde_json::Value::from(error);
        let body = format!(r#"{{"EVALSHA":[false,{quoted}]}}"#);
        assert_eq!(read(&webdis(), 200, &body), Err(expected), "{error}");
        for status in [200, 400] {
            let body = format!(r#"{{"error":{quoted}}}"#);
            assert_eq!(read(&upstash(), status, &body), Err(expected), "{error}");
        }
    }
}

#[test]
fn what_cannot_work_is_a_configuration_error() {
    for (config, error) in [
        (r#"{}"#, "cluster: is required"),
        (r#"{"cluster": "r", "timeout": "0s"}"#, "timeout: must be longer than nothing"),
        (r#"{"cluster": "r", "timeout": "6s"}"#, r#"timeout: at most "5s""#),
        (r#"{"cluster": "r", "path": "x"}"#, "path: must start with / and be a path as it is sent"),
        (r#"{"cluster": "r", "username": "u"}"#, "username: `username` and `password` go together"),
        (
            r#"{"cluster": "r", "username": "u:v", "password": {"env": "SECRET"}}"#,
            "username: must not hold a colon (RFC 7617 section 2)",
        ),
        (
            r#"{"cluster": "r", "token": {"env": "SECRET"}}"#,
            "token: webdis knows basic authentication only: `username` and `password`",
        ),
        (
            r#"{"cluster": "r", "dialect": "upstash", "username": "u"}"#,
            "token: this dialect knows a bearer `token` only",
        ),
        (
            r#"{"cluster": "r", "dialect": "upstash", "token": {"env": "UNSET"}}"#,
            "token: environment variable UNSET is not set",
        ),
        (
            r#"{"cluster": "r", "dialect": "upstash", "token": {"env": "BAD"}}"#,
            "token: the secret holds bytes that no header may",
        ),
    ] {
        assert_eq!(backend(config).err(), Some(vec![error.to_owned()]), "{config}");
    }
}

fn at(ms: u64) -> Timestamp {
    Timestamp(1_000_000_000 + ms * 1000)
}

#[test]
fn a_circuit_opens_after_five_failures_and_is_probed_with_growing_pauses() {
    let mut breaker = Breaker::default();
    for _ in 0..5 {
        assert!(breaker.admits(at(0)) && !breaker.is_open());
        breaker.failed(at(0));
    }
    let mut now = 0;
    for pause in [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
        assert!(breaker.is_open());
        assert!(!breaker.admits(at(now + pause - 1)), "{pause}");
        assert!(breaker.admits(at(now + pause)), "{pause}");
        // One probe at a time.
        assert!(!breaker.admits(at(now + pause)));
        now += pause;
        breaker.failed(at(now));
    }
    assert!(breaker.admits(at(now + 10_000)));
    breaker.succeeded();
    assert!(!breaker.is_open() && breaker.admits(at(now)) && breaker.admits(at(now)));
}

#[test]
fn a_success_forgets_failures_and_a_lost_probe_or_clock_does_not_keep_the_circuit_open() {
    let mut breaker = Breaker::default();
    for _ in 0..4 {
        breaker.failed(at(0));
    }
    breaker.succeeded();
    for _ in 0..5 {
        breaker.failed(at(20_000));
    }
    // The clock stepped back by 20 s.
    assert!(!breaker.admits(at(0)));
    assert!(breaker.admits(at(10_000)));
    // Nothing is heard of the probe.
    assert!(!breaker.admits(at(10_999)));
    assert!(breaker.admits(at(11_000)));
}

proptest! {
    #[test]
    fn no_bytes_of_a_backend_panic_or_are_believed(body: Vec<u8>, status: u16) {
        for redis in [webdis(), upstash()] {
            let (_, sent, _) = call(&redis, By::Sha);
            prop_assert!(redis.read(&sent, &answer(status, body.clone())).is_err());
        }
    }

    #[test]
    fn whatever_is_in_an_argument_webdis_sees_the_same_parts(key in ".{0,40}", arg in ".{0,40}") {
        let (call, _) = webdis().call(&Script::new("x"), By::Sha, &[&key], &[&arg], &TestCx::default()).unwrap();
        let body = String::from_utf8(call.body).unwrap();
        let parts: Vec<String> = body.split('/').map(decoded).collect();
        prop_assert_eq!(parts.len(), 6);
        prop_assert_eq!((&parts[3], &parts[4]), (&key, &arg));
    }
}

fn decoded(part: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}
