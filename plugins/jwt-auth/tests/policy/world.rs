//! A gateway with one worker, and the servers that the filter calls.

use filter_core::config::Env;
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead};
use filter_core::policy::Cx as _;
use filter_core::stream::Stream;
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use jwt_auth::JwtAuth;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::jwt::{SigningKey, jwks, token};
use testkit::{TestCx, request};

pub const ISSUER: &str = "https://idp.example.com/";
pub const AUDIENCE: &str = "https://api.example.com";

/// What a test asks for and what came of it.
pub struct World {
    pub cx: TestCx,
    pub filter: Filter<JwtAuth>,
    pub waiting: BTreeMap<u32, Stream<JwtAuth>>,
    pub next: u32,
    /// All that the last event of a request came to.
    pub last: Outcome,
}

/// The environment of a gateway.
pub struct Vars(pub &'static [(&'static str, &'static str)]);

impl Env for Vars {
    fn var(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It goes on, with these headers.
    Passed(Vec<(String, String)>),
    /// It was answered: status and reason.
    Refused(u16, String),
    /// It waits.
    Waits(u32),
}

impl Seen {
    pub fn status(&self) -> u16 {
        match self {
            Self::Passed(_) => 200,
            Self::Refused(status, _) => *status,
            Self::Waits(_) => 0,
        }
    }

    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(_, reason) => reason,
            Self::Passed(_) => "passed",
            Self::Waits(_) => "waits",
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let Self::Passed(headers) = self else { panic!("{self:?}") };
        headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

/// A configuration of one provider with these members over a plain one's, and further members of the whole.
pub fn config(provider: Value, further: Value) -> String {
    let mut plain = json!({
        "name": "idp",
        "issuers": [ISSUER],
        "audiences": [AUDIENCE],
        "algorithms": ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"],
        "keys": [{ "jwks": jwks(&[SigningKey::RsaOne, SigningKey::P256, SigningKey::Ed25519]) }],
    });
    merge(&mut plain, provider);
    let mut whole = json!({ "version": 1, "crypto": "rust", "providers": [plain] });
    merge(&mut whole, further);
    whole.to_string()
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { panic!("objects") };
    for (name, value) in from {
        if value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}

impl World {
    pub fn new(config: &str) -> Self {
        Self::with(TestCx::default(), config)
    }

    pub fn with(cx: TestCx, config: &str) -> Self {
        Self::in_env(cx, config, &Vars(&[]))
    }

    pub fn in_env(cx: TestCx, config: &str, env: &Vars) -> Self {
        let mut filter = Filter::default();
        filter.configure("jwt-auth", config.as_bytes(), env).unwrap();
        Self { cx, filter, waiting: BTreeMap::new(), next: 0, last: Outcome::flow(Flow::Continue) }
    }

    /// What is wrong with a configuration.
    pub fn errors(config: &str) -> String {
        let mut filter = Filter::<JwtAuth>::default();
        filter.configure("jwt-auth", config.as_bytes(), &()).unwrap_err().to_string()
    }

    /// Seconds since the epoch.
    pub fn now(&self) -> i64 {
        i64::try_from(self.cx.now().0 / 1_000_000).unwrap()
    }

    /// Claims that are good, with others over them.
    pub fn claims(&self, further: Value) -> Value {
        let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": self.now() + 300 });
        merge(&mut claims, further);
        claims
    }

    /// A token with these claims over good ones.
    pub fn token(&self, key: SigningKey, further: Value) -> String {
        token(key, &json!({}), &self.claims(further))
    }

    /// A GET with this token.
    pub fn bearer(&mut self, token: &str) -> Seen {
        self.send("GET", "/orders", &[("authorization", &format!("Bearer {token}"))])
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Seen {
        let mut built = request(method, path);
        for (name, value) in headers {
            built = built.header(name, value);
        }
        self.begin(built.into())
    }

    pub fn begin(&mut self, headers: Headers) -> Seen {
        let id = self.next;
        self.next += 1;
        let mut stream = Stream::new(id);
        let head = RequestHead { headers: &headers, end_of_stream: true };
        let outcome = stream.request_headers(&mut self.filter, &head, &self.cx);
        let seen = seen(id, &outcome, headers);
        if matches!(seen, Seen::Waits(_)) {
            self.waiting.insert(id, stream);
        }
        self.last = outcome;
        seen
    }

    /// What the last request left in filter state under this name.
    pub fn state(&self, name: &str) -> Option<String> {
        let found = self.last.exports.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    }

    /// A header of the last answer.
    pub fn answered_with(&self, name: &str) -> Option<String> {
        let Flow::Reply(reply) = &self.last.flow else { panic!("{:?}", self.last) };
        let found = reply.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    /// The log lines of the last request.
    pub fn lines(&self) -> String {
        self.last.logs.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Answers the only call-out there is; what the requests that waited for it came to, without their headers.
    pub fn answer(&mut self, token: u32, result: TaskResult) -> Vec<(u32, Seen)> {
        let resumption = self.filter.answered(token, result, &self.cx).expect("somebody waits for it");
        let mut came_to = Vec::new();
        for id in resumption.waiters {
            let mut stream = self.waiting.remove(&id).expect("a request that waits");
            let outcome = stream.resume(&mut self.filter, &resumption.result, &mut || None, &self.cx);
            let seen = seen(id, &outcome, Headers::default());
            if matches!(seen, Seen::Waits(_)) {
                self.waiting.insert(id, stream);
            }
            self.last = outcome;
            came_to.push((id, seen));
        }
        came_to
    }

    /// The only call-out made since the last look.
    pub fn called(&self) -> (u32, CallOut) {
        let mut calls = self.cx.dialled();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    /// A tick: log lines.
    pub fn tick(&mut self) -> Vec<String> {
        self.filter.tick(&self.cx).logs.into_iter().map(|line| line.text).collect()
    }
}

pub fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> TaskResult {
    Ok(Reply { status, headers: Headers::from_pairs(headers.iter().copied()), body: body.into() })
}

pub fn keys(keys: &[SigningKey]) -> TaskResult {
    reply(200, &[], jwks(keys).to_string())
}

pub const LOST: TaskResult = Err(Failure::NotSent);

fn seen(id: u32, outcome: &Outcome, mut headers: Headers) -> Seen {
    match &outcome.flow {
        Flow::Pause => Seen::Waits(id),
        Flow::Reply(reply) => {
            Seen::Refused(reply.status, reply.details.trim_start_matches("portcullis_").to_owned())
        }
        Flow::Continue => {
            outcome.headers.iter().for_each(|op| headers.apply(op));
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Seen::Passed(headers.iter().map(|(name, value)| (text(name), text(value))).collect())
        }
    }
}
