//! Gateways, each of one worker, and the Redis that they ask.

use crate::redis::Redis;
use filter_core::config::Env;
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::Cx as _;
use filter_core::stream::Stream;
use filter_core::task::CallOut;
use filter_core::tasks::Token;
use idempotency::Idempotency;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{TestCx, request};

struct Vars;

impl Env for Vars {
    fn var(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| "0123456789abcdef".to_owned())
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is with the upstream.
    Passed,
    /// Its reason.
    Refused(String),
    /// It waits for Redis.
    Waits,
}

/// A configuration in which one rule is about everything.
pub fn config(further: Value) -> Value {
    let mut config = json!({
        "version": 1,
        "rules": [{ "name": "all", "match": {}, "ttl": "1h" }],
        "key_secret": { "env": "KEY" },
        "redis": { "cluster": "redis" },
    });
    for (name, value) in further.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

/// Every error of a configuration.
pub fn errors(config: &Value) -> Vec<String> {
    match Filter::<Idempotency>::default().configure("edge", config.to_string().as_bytes(), &Vars) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.as_slice().iter().map(ToString::to_string).collect(),
    }
}

pub struct Gateway {
    pub cx: TestCx,
    filter: Filter<Idempotency>,
    streams: BTreeMap<u32, Stream<Idempotency>>,
    next: u32,
    /// Full names, without plugin and instance.
    pub counters: BTreeMap<String, u32>,
    /// Calls that nobody has answered yet.
    pub calls: Vec<(Token, CallOut)>,
    /// What the requests that waited came to.
    pub ended: BTreeMap<u32, Seen>,
}

impl Gateway {
    pub fn new(config: &Value) -> Self {
        let mut filter = Filter::default();
        filter.configure("edge", config.to_string().as_bytes(), &Vars).unwrap();
        Self {
            // What the upstream answers.
            cx: TestCx::default().property(&["response", "code_details"], "via_upstream"),
            filter,
            streams: BTreeMap::new(),
            next: 0,
            counters: BTreeMap::new(),
            calls: Vec::new(),
            ended: BTreeMap::new(),
        }
    }

    /// A request without a body and with this key, as far as it comes without Redis.
    pub fn begin(&mut self, key: &str) -> (u32, Seen) {
        let id = self.next;
        self.next += 1;
        let mut stream = Stream::new(id);
        let headers = request("POST", "/").header("idempotency-key", key).build();
        let head = RequestHead { headers: &headers, end_of_stream: true };
        let outcome = stream.request_headers(&mut self.filter, &head, &self.cx);
        self.streams.insert(id, stream);
        let seen = seen(&outcome);
        self.note(&outcome);
        (id, seen)
    }

    /// The same with a Redis that answers at once.
    pub fn send(&mut self, key: &str, redis: &mut Redis) -> (u32, Seen) {
        let (id, seen) = self.begin(key);
        self.settle(redis);
        (id, self.ended.remove(&id).unwrap_or(seen))
    }

    /// Answers every call, and those that follow from that.
    pub fn settle(&mut self, redis: &mut Redis) {
        while !self.calls.is_empty() {
            self.answer(0, redis);
        }
    }

    /// Answers one of the calls.
    pub fn answer(&mut self, index: usize, redis: &mut Redis) {
        let (token, call) = self.calls.remove(index);
        let result = redis.call(&call, self.cx.now());
        let Some(resumption) = self.filter.answered(token, result, &self.cx) else { return };
        self.note(&resumption.outcome);
        for id in resumption.waiters {
            let mut stream = self.streams.remove(&id).expect("a request that waits");
            let outcome = stream.resume(&mut self.filter, &resumption.result, &mut || None, &self.cx);
            self.streams.insert(id, stream);
            self.note(&outcome);
            if seen(&outcome) != Seen::Waits {
                self.ended.insert(id, seen(&outcome));
            }
        }
    }

    /// The upstream answers, and the stream ends.
    pub fn answers(&mut self, id: u32, status: u16) {
        let headers = Headers::from_pairs([(":status", status.to_string())]);
        let head = ResponseHead { headers: &headers, end_of_stream: true };
        let mut stream = self.streams.remove(&id).unwrap();
        let outcome = stream.response_headers(&mut self.filter, &head, &self.cx);
        self.note(&outcome);
        let outcome = stream.done(&mut self.filter, &self.cx);
        self.note(&outcome);
    }

    /// The client leaves.
    pub fn leaves(&mut self, id: u32) {
        let mut stream = self.streams.remove(&id).unwrap();
        let outcome = stream.done(&mut self.filter, &self.cx);
        self.note(&outcome);
    }

    pub fn tick(&mut self) {
        let outcome = self.filter.tick(&self.cx);
        self.note(&outcome);
    }

    pub fn counter(&self, name: &str) -> u32 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    fn note(&mut self, outcome: &Outcome) {
        for counter in &outcome.counters {
            let name = counter.trim_start_matches("portcullis_idempotency_").replace("_instance=edge", "");
            *self.counters.entry(name).or_default() += 1;
        }
        self.calls.extend(self.cx.dialled());
    }
}

fn seen(outcome: &Outcome) -> Seen {
    match &outcome.flow {
        Flow::Continue => Seen::Passed,
        Flow::Pause => Seen::Waits,
        Flow::Reply(reply) => Seen::Refused(reply.details.trim_start_matches("portcullis_").to_owned()),
    }
}

pub fn refused(what: &str) -> Seen {
    Seen::Refused(format!("idempotency.{what}"))
}
