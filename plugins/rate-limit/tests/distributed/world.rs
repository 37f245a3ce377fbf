//! A worker of a gateway, and the Redis that it asks.

use crate::redis::Redis;
use filter_core::config::Env;
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::RequestHead;
use filter_core::policy::Cx as _;
use filter_core::stream::Stream;
use filter_core::task::TaskResult;
use rate_limit::RateLimit;
use rate_limit::algorithm::Algorithm;
use rate_limit::quota::Quota;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{TestCx, request};

/// The environment of a gateway.
struct Vars;

impl Env for Vars {
    fn var(&self, name: &str) -> Option<String> {
        (name == "RATE_LIMIT_KEY").then(|| "0123456789abcdef".to_owned())
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Passed,
    /// Status and reason.
    Refused(u16, String),
    /// With this number.
    Waits(u32),
}

impl Seen {
    pub fn status(&self) -> u16 {
        match self {
            Self::Passed => 200,
            Self::Refused(status, _) => *status,
            Self::Waits(_) => 0,
        }
    }
}

pub struct World {
    pub cx: TestCx,
    pub filter: Filter<RateLimit>,
    pub redis: Redis,
    pub streams: BTreeMap<u32, Stream<RateLimit>>,
    next: u32,
    /// Full names of counters, without the instance.
    pub counters: BTreeMap<String, u32>,
    pub logs: Vec<String>,
    /// Everything the last event of a request came to.
    pub last: Outcome,
    /// What the requests that waited came to.
    pub ended: Vec<(u32, Seen)>,
}

/// A bucket of so many per second.
pub fn bucket(per_second: u32, burst: u32) -> Quota {
    Quota::new(Algorithm::TokenBucket, per_second, Duration::from_secs(1), burst).unwrap()
}

/// A distributed limit by the header `x-key`.
pub fn limit(name: &str, per_second: u32, burst: u32, distributed: Value) -> Value {
    json!({
        "name": name, "rate": format!("{per_second}r/s"), "burst": burst,
        "key": [{ "header": "x-key" }], "distributed": distributed,
    })
}

/// A configuration in which these limits apply to every request.
pub fn config(limits: Vec<Value>, further: Value) -> String {
    let names: Vec<Value> = limits.iter().map(|limit| limit["name"].clone()).collect();
    let mut config = json!({
        "version": 1,
        "key_secret": { "env": "RATE_LIMIT_KEY" },
        "redis": { "cluster": "redis" },
        "limits": limits,
        "default": { "limits": names },
        "retry_after_jitter": "0s",
    });
    for (name, value) in further.as_object().unwrap() {
        config[name] = value.clone();
    }
    config.to_string()
}

/// One limit of 10 in a second and 4 more at once, and the Redis that counts it.
pub fn one(distributed: Value) -> World {
    World::new(
        &config(vec![limit("one", 10, 4, distributed)], json!({ "gateways": 2 })),
        Redis::default().limit("one", bucket(10, 4)),
    )
}

impl World {
    pub fn new(config: &str, redis: Redis) -> Self {
        Self::with(TestCx::default(), config, redis)
    }

    pub fn with(cx: TestCx, config: &str, redis: Redis) -> Self {
        let mut filter = Filter::default();
        filter.configure("edge", config.as_bytes(), &Vars).unwrap();
        Self {
            cx,
            filter,
            redis,
            streams: BTreeMap::new(),
            next: 0,
            counters: BTreeMap::new(),
            logs: Vec::new(),
            last: Outcome::flow(Flow::Continue),
            ended: Vec::new(),
        }
    }

    /// A request of this client, as far as it comes without Redis.
    pub fn begin(&mut self, client: &str) -> Seen {
        self.path("/", client)
    }

    pub fn path(&mut self, path: &str, client: &str) -> Seen {
        let id = self.next;
        self.next += 1;
        let mut stream = Stream::new(id);
        let headers = request("GET", path).header("x-key", client).build();
        let head = RequestHead { headers: &headers, end_of_stream: true };
        let outcome = stream.request_headers(&mut self.filter, &head, &self.cx);
        self.streams.insert(id, stream);
        self.took(id, outcome)
    }

    /// A request of this client, whatever it has to wait for.
    pub fn send(&mut self, client: &str) -> Seen {
        match self.begin(client) {
            Seen::Waits(id) => {
                let ended = self.settle();
                ended.into_iter().find(|(other, _)| *other == id).expect("an end").1
            }
            seen => {
                let _ = self.settle();
                seen
            }
        }
    }

    /// How many of so many requests pass, one after the other.
    pub fn passing(&mut self, count: u32, client: &str) -> u32 {
        (0..count).map(|_| u32::from(self.send(client) == Seen::Passed)).sum()
    }

    /// Answers every call, and those that follow from that; what the requests that waited came to.
    pub fn settle(&mut self) -> Vec<(u32, Seen)> {
        for _ in 0..1000 {
            let calls = self.cx.dialled();
            if calls.is_empty() {
                return std::mem::take(&mut self.ended);
            }
            for (token, call) in calls {
                let result = self.redis.call(&call, self.cx.now());
                self.answer(token, result);
            }
        }
        panic!("there is no end to it");
    }

    pub fn answer(&mut self, token: u32, result: TaskResult) {
        let Some(resumption) = self.filter.answered(token, result, &self.cx) else { return };
        self.note(&resumption.outcome);
        for id in resumption.waiters {
            let mut stream = self.streams.remove(&id).expect("a request that waits");
            let outcome = stream.resume(&mut self.filter, &resumption.result, &mut || None, &self.cx);
            self.streams.insert(id, stream);
            let seen = self.took(id, outcome);
            if !matches!(seen, Seen::Waits(_)) {
                self.ended.push((id, seen));
            }
        }
    }

    /// A request is gone.
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

    /// A header of the last answer.
    pub fn answered_with(&self, name: &str) -> Option<String> {
        let Flow::Reply(reply) = &self.last.flow else { panic!("{:?}", self.last) };
        let found = reply.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    /// The body of the last answer.
    pub fn body(&self) -> Value {
        let Flow::Reply(reply) = &self.last.flow else { panic!("{:?}", self.last) };
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn took(&mut self, id: u32, outcome: Outcome) -> Seen {
        self.note(&outcome);
        let seen = match &outcome.flow {
            Flow::Continue => Seen::Passed,
            Flow::Pause => Seen::Waits(id),
            Flow::Reply(reply) => {
                Seen::Refused(reply.status, reply.details.trim_start_matches("portcullis_").to_owned())
            }
        };
        self.last = outcome;
        seen
    }

    fn note(&mut self, outcome: &Outcome) {
        for counter in &outcome.counters {
            let name = counter.trim_start_matches("portcullis_rate_limit_").replace("_instance=edge", "");
            *self.counters.entry(name).or_default() += 1;
        }
        self.logs.extend(outcome.logs.iter().map(|line| line.text.clone()));
    }
}
