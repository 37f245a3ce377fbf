//! One question to Redis: which calls are made, and what the circuit breaker learns of each.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use filter_core::config::{At, FromTree as _};
use filter_core::message::Headers;
use filter_core::redis::{BackendError, Breaker, Progress, Query, Redis, RedisConfig, Script, Value};
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use std::cell::RefCell;
use std::time::Duration;
use testkit::TestCx;

struct Asking {
    redis: Redis,
    breaker: Breaker,
    script: Script,
    cx: TestCx,
}

impl Asking {
    fn new() -> Self {
        let errors = RefCell::default();
        let at = At::root(&errors);
        let tree = serde_json::from_str(r#"{"cluster": "redis"}"#).unwrap();
        let redis = RedisConfig::read(&tree, &at).and_then(|config| Redis::compile(config, &(), &at));
        let script = Script::new("return {1, ARGV[#ARGV]}");
        Self { redis: redis.unwrap(), breaker: Breaker::default(), script, cx: TestCx::default() }
    }

    fn ask(&mut self, key: &str) -> Result<(Query, CallOut), BackendError> {
        let args = vec!["10".to_owned()];
        Query::ask(&self.redis, &mut self.breaker, &self.script, vec![key.to_owned()], args, &self.cx)
    }

    fn reply(&mut self, query: &mut Query, result: &TaskResult) -> Progress {
        query.reply(&self.redis, &mut self.breaker, &self.script, result, &self.cx)
    }

    /// A question that fails.
    fn fail(&mut self, error: &TaskResult) -> BackendError {
        let (mut query, _) = self.ask("k").unwrap();
        match self.reply(&mut query, error) {
            Progress::Done(Err(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

/// The parts of a call's body.
fn parts(call: &CallOut) -> Vec<String> {
    String::from_utf8(call.body.clone()).unwrap().split('/').map(str::to_owned).collect()
}

fn body(text: &str) -> TaskResult {
    Ok(Reply { status: 200, headers: Headers::default(), body: text.into() })
}

fn noscript() -> TaskResult {
    body(r#"{"EVALSHA":[false,"NOSCRIPT No matching script. Please use EVAL."]}"#)
}

#[test]
fn a_script_that_redis_knows_takes_one_call() {
    let mut asking = Asking::new();
    let (mut query, call) = asking.ask("k").unwrap();
    let sent = parts(&call);
    assert_eq!((sent[0].as_str(), sent[3].as_str(), sent[4].as_str()), ("EVALSHA", "k", "10"));
    let answer = body(&format!(r#"{{"EVALSHA":[7,"{}"]}}"#, sent[5]));
    assert_eq!(asking.reply(&mut query, &answer), Progress::Done(Ok(vec![Value::Integer(7)])));
}

#[test]
fn one_that_it_does_not_know_is_sent_whole_with_the_same_keys_once() {
    let mut asking = Asking::new();
    let (mut query, first) = asking.ask("k").unwrap();
    let Progress::Again(second) = asking.reply(&mut query, &noscript()) else { panic!("no second call") };
    let (before, after) = (parts(&first), parts(&second));
    assert_eq!((after[0].as_str(), after[1].as_str()), ("EVAL", "return%20%7B1%2C%20ARGV%5B%23ARGV%5D%7D"));
    assert_eq!(after[2..5], before[2..5]);
    assert_ne!(after[5], before[5], "every call has a nonce of its own");
    // The first call's nonce is not the second's.
    let answer = |nonce: &str| body(&format!(r#"{{"EVAL":[7,"{nonce}"]}}"#));
    let mut other = query.clone();
    let mistaken = asking.reply(&mut other, &answer(&before[5]));
    assert_eq!(mistaken, Progress::Done(Err(BackendError::Nonce)));
    assert_eq!(asking.reply(&mut query, &answer(&after[5])), Progress::Done(Ok(vec![Value::Integer(7)])));
}

#[test]
fn a_script_that_redis_will_not_know_is_not_sent_for_ever() {
    let mut asking = Asking::new();
    let (mut query, _) = asking.ask("k").unwrap();
    assert!(matches!(asking.reply(&mut query, &noscript()), Progress::Again(_)));
    let again = body(r#"{"EVAL":[false,"NOSCRIPT No matching script. Please use EVAL."]}"#);
    assert_eq!(asking.reply(&mut query, &again), Progress::Done(Err(BackendError::NoScript)));
}

#[test]
fn after_five_failures_nothing_is_sent_until_a_probe_succeeds() {
    let mut asking = Asking::new();
    for _ in 0..5 {
        assert_eq!(asking.fail(&Err(Failure::NotSent)), BackendError::NotSent);
    }
    assert_eq!(asking.ask("k").unwrap_err(), BackendError::CircuitOpen);
    asking.cx.advance(Duration::from_millis(250));
    let (mut probe, call) = asking.ask("k").unwrap();
    assert_eq!(asking.ask("k").unwrap_err(), BackendError::CircuitOpen, "one probe at a time");
    let answer = body(&format!(r#"{{"EVALSHA":["{}"]}}"#, parts(&call)[5]));
    assert_eq!(asking.reply(&mut probe, &answer), Progress::Done(Ok(Vec::new())));
    assert!(asking.ask("k").is_ok() && asking.ask("k").is_ok());
}

#[test]
fn a_restart_of_redis_does_not_open_the_circuit() {
    let mut asking = Asking::new();
    for _ in 0..20 {
        let (mut query, _) = asking.ask("k").unwrap();
        assert!(matches!(asking.reply(&mut query, &noscript()), Progress::Again(_)));
    }
    assert!(!asking.breaker.is_open());
}

#[test]
fn a_key_that_is_too_long_opens_no_circuit_for_others() {
    let mut asking = Asking::new();
    let long = "k".repeat(513);
    for _ in 0..5 {
        assert_eq!(asking.ask(&long).unwrap_err(), BackendError::NotSent);
    }
    assert!(!asking.breaker.is_open());
}
