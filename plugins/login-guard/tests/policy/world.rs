//! A configured filter, users who log in, and an API that knows them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use filter_core::config::Env;
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::stream::Stream;
use filter_core::task::{Failure, Reply, TaskResult};
use login_guard::LoginGuard;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{TestCx, request, response};

/// The environment of a gateway.
pub struct Vars;

impl Env for Vars {
    fn var(&self, name: &str) -> Option<String> {
        match name {
            "LOGIN_KEY" => Some("0123456789abcdef".to_owned()),
            "SHORT" => Some("0123456789abcde".to_owned()),
            _ => None,
        }
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is on its way to the API.
    Passed,
    /// Status, reason, and seconds to wait.
    Refused(u16, String, Option<u64>),
    /// For Redis.
    Waits,
}

impl Seen {
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(_, reason, _) => reason,
            _ => "",
        }
    }

    pub fn wait(&self) -> u64 {
        match self {
            Self::Refused(_, _, Some(wait)) => *wait,
            other => panic!("{other:?}"),
        }
    }
}

/// A configuration whose `/login` takes JSON, `/token` a form and `/basic` Basic. What is in `further` replaces what is
/// here.
pub fn config(further: Value) -> Value {
    let mut config = json!({
        "version": 1,
        "key_secret": { "env": "LOGIN_KEY" },
        "client_address": { "trusted_hops": 1 },
        "rules": [
            { "name": "login", "match": { "path": { "exact": "/login" } }, "username": { "json": "/user" } },
            {
                "name": "token",
                "match": { "path": { "exact": "/token" } },
                "username": { "form": "username" },
                "on_missing": "address",
                "failure": { "statuses": [400, 401] },
            },
            {
                "name": "basic",
                "match": { "path": { "exact": "/basic" } },
                "username": { "basic": {} },
                "methods": ["GET"],
            },
        ],
        "limits": {
            "address": { "rate": "10r/m", "burst": 9 },
            "username": { "rate": "1r/m", "burst": 5 },
            "pair": { "rate": "1r/m", "burst": 2 },
        },
    });
    for (name, value) in further.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

/// Any number of requests at once.
pub struct World {
    pub cx: TestCx,
    pub filter: Filter<LoginGuard>,
    pub streams: BTreeMap<u32, Stream<LoginGuard>>,
    next: u32,
    pub counters: BTreeMap<String, u32>,
    pub logs: Vec<String>,
    pub last: Outcome,
}

impl World {
    pub fn new(further: Value) -> Self {
        Self::with(TestCx::default(), &config(further))
    }

    pub fn with(cx: TestCx, config: &Value) -> Self {
        let mut filter = Filter::default();
        filter
            .configure("edge", config.to_string().as_bytes(), &Vars)
            .unwrap_or_else(|errors| panic!("{errors}"));
        Self {
            cx: cx.property(&["response", "code_details"], "via_upstream"),
            filter,
            streams: BTreeMap::new(),
            next: 0,
            counters: BTreeMap::new(),
            logs: Vec::new(),
            last: Outcome::flow(Flow::Continue),
        }
    }

    /// Every error of a configuration.
    pub fn errors(config: &Value) -> Vec<String> {
        let mut filter = Filter::<LoginGuard>::default();
        match filter.configure("edge", config.to_string().as_bytes(), &Vars) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.as_slice().iter().map(ToString::to_string).collect(),
        }
    }

    /// A head and perhaps a body.
    pub fn send(&mut self, head: impl Into<Headers>, body: Option<&[u8]>) -> (u32, Seen) {
        let id = self.next;
        self.next += 1;
        let mut stream = Stream::new(id);
        let headers = head.into();
        let head = RequestHead { headers: &headers, end_of_stream: body.is_none() };
        let mut outcome = stream.request_headers(&mut self.filter, &head, &self.cx);
        if let (Flow::Pause | Flow::Continue, Some(body)) = (&outcome.flow, body) {
            self.note(&outcome);
            let mut fetch = || Some(body.to_vec());
            outcome = stream.request_body(&mut self.filter, body.len(), true, &mut fetch, &self.cx);
        }
        self.streams.insert(id, stream);
        (id, self.took(outcome))
    }

    /// An attempt of this user from this address, as JSON.
    pub fn tries(&mut self, address: &str, user: &str) -> (u32, Seen) {
        let body = json!({ "user": user, "password": "guess" }).to_string();
        let head = request("POST", "/login")
            .header("content-type", "application/json")
            .header("x-forwarded-for", address);
        self.send(head, Some(body.as_bytes()))
    }

    /// A body as it is, on `/login`.
    pub fn posts(&mut self, body: &str) -> Seen {
        let head = request("POST", "/login")
            .header("content-type", "application/json")
            .header("x-forwarded-for", "192.0.2.1");
        self.send(head, Some(body.as_bytes())).1
    }

    /// A form as it is, on `/token`.
    pub fn form(&mut self, body: &str) -> (u32, Seen) {
        let head = request("POST", "/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", "192.0.2.1");
        self.send(head, Some(body.as_bytes()))
    }

    /// Basic with this text, on `/basic`.
    pub fn basic(&mut self, credentials: &[u8]) -> (u32, Seen) {
        let field = format!("Basic {}", STANDARD.encode(credentials));
        let head =
            request("GET", "/basic").header("authorization", field).header("x-forwarded-for", "192.0.2.1");
        self.send(head, None)
    }

    /// An attempt that is answered with this status where it passes.
    pub fn gets(&mut self, address: &str, user: &str, status: u16) -> Seen {
        let (id, seen) = self.tries(address, user);
        if seen == Seen::Passed {
            self.answer(id, status);
        }
        seen
    }

    pub fn fails(&mut self, address: &str, user: &str) -> Seen {
        self.gets(address, user, 401)
    }

    pub fn succeeds(&mut self, address: &str, user: &str) -> Seen {
        self.gets(address, user, 200)
    }

    /// The API's answer.
    pub fn answer(&mut self, id: u32, status: u16) {
        self.answers(id, &response(status, &[]));
    }

    pub fn answers(&mut self, id: u32, headers: &Headers) {
        let mut stream = self.streams.remove(&id).unwrap();
        let head = ResponseHead { headers, end_of_stream: false };
        let outcome = stream.response_headers(&mut self.filter, &head, &self.cx);
        assert_eq!(outcome.flow, Flow::Continue);
        assert_eq!(outcome.headers, [], "an answer of the API is not changed");
        self.note(&outcome);
        self.last = outcome;
        let outcome = stream.done(&mut self.filter, &self.cx);
        self.note(&outcome);
    }

    /// An answer that the API did not give.
    pub fn local_answer(&mut self, id: u32, status: u16, details: &str) {
        let cx = std::mem::take(&mut self.cx);
        self.cx = cx.property(&["response", "code_details"], details);
        self.answer(id, status);
        let cx = std::mem::take(&mut self.cx);
        self.cx = cx.property(&["response", "code_details"], "via_upstream");
    }

    /// The client is gone.
    pub fn leaves(&mut self, id: u32) {
        let mut stream = self.streams.remove(&id).unwrap();
        let outcome = stream.done(&mut self.filter, &self.cx);
        self.note(&outcome);
    }

    /// Redis answers its oldest question of which nothing is known yet; what the request that waits comes to.
    pub fn redis(&mut self, id: u32, values: &Value) -> Seen {
        let (token, call) = self.cx.dialled().remove(0);
        let body = String::from_utf8(call.body).unwrap();
        let nonce = body.rsplit('/').next().unwrap();
        let command = body.split('/').next().unwrap().to_owned();
        let values = match values {
            Value::Array(values) => [values.clone(), vec![json!(nonce)]].concat(),
            error => vec![json!(false), error.clone()],
        };
        self.call_ends(id, token, Ok(reply(200, &json!({ command: values }).to_string())))
    }

    /// The oldest question comes to this.
    pub fn redis_fails(&mut self, id: u32, result: TaskResult) -> Seen {
        let (token, _) = self.cx.dialled().remove(0);
        self.call_ends(id, token, result)
    }

    fn call_ends(&mut self, id: u32, token: u32, result: TaskResult) -> Seen {
        let resumed = self.filter.answered(token, result, &self.cx).unwrap();
        self.note(&resumed.outcome);
        if resumed.waiters.is_empty() {
            return Seen::Passed;
        }
        assert_eq!(resumed.waiters, [id]);
        let mut stream = self.streams.remove(&id).unwrap();
        let outcome = stream.resume(&mut self.filter, &resumed.result, &mut || None, &self.cx);
        self.streams.insert(id, stream);
        self.took(outcome)
    }

    pub fn later(&mut self, seconds: u64) {
        self.cx.advance(Duration::from_secs(seconds));
    }

    pub fn counter(&self, name: &str) -> u32 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// The last refusal: everything of it that a client sees.
    pub fn answer_seen(&self) -> (u16, Vec<(String, String)>, String) {
        let Flow::Reply(reply) = &self.last.flow else { panic!("{:?}", self.last) };
        let text = |value: &filter_core::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        (reply.status, headers, String::from_utf8(reply.body.clone()).unwrap())
    }

    fn took(&mut self, outcome: Outcome) -> Seen {
        self.note(&outcome);
        let seen = match &outcome.flow {
            Flow::Continue => Seen::Passed,
            Flow::Pause => Seen::Waits,
            Flow::Reply(reply) => {
                let wait = reply.headers.iter().find(|(name, _)| name == "retry-after");
                let wait = wait.map(|(_, value)| value.to_str().unwrap().parse().unwrap());
                Seen::Refused(reply.status, reply.details.trim_start_matches("portcullis_").to_owned(), wait)
            }
        };
        self.last = outcome;
        seen
    }

    fn note(&mut self, outcome: &Outcome) {
        for counter in &outcome.counters {
            let name = counter.trim_start_matches("portcullis_login_guard_").replace("_instance=edge", "");
            *self.counters.entry(name).or_default() += 1;
        }
        self.logs.extend(outcome.logs.iter().map(|line| line.text.clone()));
    }
}

pub fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: Headers::default(), body: body.as_bytes().to_vec() }
}

pub fn no_answer() -> TaskResult {
    Err(Failure::Incomplete)
}
