//! A policy whose configuration says what it calls: an HTTP service or Redis, for one request, for those of a worker or
//! for those of the gateway. It exists to show, in Envoy and natively, what becomes of requests that wait, whatever the
//! other side does. Never deployed.
//!
//! Every answer carries `x-caller`: what was learnt, or the reason why nothing was. A request that goes on carries it
//! to the upstream, too. Of Redis that is `<count>/<x-id of the request>`, where the script counts calls under
//! `portcullis:rl:caller:<x-key>`: an answer to another request's call that is believed shows.

mod config;

use config::{Config, Http, Moment, OnFailure, Share};
use filter_core::config::{At, Env};
use filter_core::denial::LocalReply;
use filter_core::effect::{Effects, HeaderOp, Metric, ResponseStep, Step, Verdict, sanitized};
use filter_core::http::{HeaderName, Method};
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy, Timestamp, micros};
use filter_core::redis::{Breaker, Progress, Query, Redis, Script, Value};
use filter_core::store;
use filter_core::task::{CallOut, Failure, Key, Task, TaskResult};
use std::time::Duration;

/// Name of the shared call-out, and of its outcome in the shared store.
const NAME: &str = "answer";
const ANSWER: HeaderName = HeaderName::from_static("x-caller");
/// Of a body that is awaited, in bytes.
const LIMIT: u64 = 1024 * 1024;
/// Counts, and returns what shows whose call it was.
const SCRIPT: &str = "return {redis.call('INCRBY', KEYS[1], 1), ARGV[1], ARGV[#ARGV]}";

/// The compiled caller.
pub struct Caller {
    config: Config,
    redis: Option<Redis>,
    script: Script,
}

/// What a worker knows.
#[derive(Default)]
pub struct State {
    breaker: Breaker,
    kept: Option<Kept>,
}

/// An outcome, and how long it serves.
struct Kept {
    until: u64,
    answer: String,
}

/// What a request knows.
#[derive(Default)]
pub struct Stream {
    key: String,
    id: String,
    /// Call-outs so far.
    calls: u64,
    query: Option<Query>,
    answer: Option<String>,
}

/// What was learnt, or why nothing was.
type Outcome = Result<String, String>;

impl Policy for Caller {
    const NAME: &'static str = "caller";
    type Config = Config;
    type State = State;
    type Stream = Stream;

    const TICK: Option<Duration> = Some(Duration::from_millis(250));

    fn compile(mut config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        let redis = match config.redis.take() {
            Some(redis) => Some(Redis::compile(redis, env, &at.key("redis"))?),
            None => None,
        };
        match (&config.http, &redis) {
            (Some(_) | None, None) => {}
            (None, Some(_)) if config.share == Share::Own => {}
            _ => {
                at.key("redis").error("not beside `http`, and for `share: own` alone");
                return None;
            }
        }
        Some(Self { config, redis, script: Script::new(SCRIPT) })
    }

    fn hold_headers(&self) -> bool {
        self.config.hold_headers
    }

    fn on_request_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let text = |name| head.headers.first(name).map(|value| String::from_utf8_lossy(value).into_owned());
        stream.key = text("x-key").unwrap_or_default();
        stream.id = text("x-id").unwrap_or_default();
        if self.config.count && store::count(cx.store(), "caller.count").is_none() {
            return self.conclude(stream, Err("count".to_owned()));
        }
        match self.config.at {
            Moment::Headers => self.ask(state, stream, cx),
            Moment::Body => await_body(),
        }
    }

    fn on_request_body(&self, state: &mut State, stream: &mut Stream, _: &[u8], cx: &dyn Cx) -> Step {
        if stream.answer.is_some() {
            // It went before the body did.
            return Step::proceed(Effects::default());
        }
        self.ask(state, stream, cx)
    }

    fn on_reply(&self, state: &mut State, stream: &mut Stream, result: &TaskResult, cx: &dyn Cx) -> Step {
        let outcome = match (&self.redis, &mut stream.query) {
            (Some(redis), Some(query)) => {
                match query.reply(redis, &mut state.breaker, &self.script, result, cx) {
                    Progress::Again(call) => return waits(Key::Own, call),
                    Progress::Done(outcome) => outcome.map_err(|error| error.to_string()).and_then(counted),
                }
            }
            // Another worker asked: what it learnt, if it did, is in the shared store.
            _ if *result == Err(Failure::Elsewhere) => return self.ask(state, stream, cx),
            _ => learnt(result),
        };
        if outcome.is_ok() && stream.calls < self.config.calls.get() {
            return self.ask(state, stream, cx);
        }
        self.conclude(stream, outcome)
    }

    fn on_task(&self, state: &mut State, _: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        if let Ok(answer) = learnt(result) {
            let until = cx.now().0.saturating_add(micros(self.config.keep));
            if self.config.share == Share::Gateway {
                keep(cx, until, &answer);
            }
            state.kept = Some(Kept { until, answer });
        }
        Effects { metrics: vec![Metric { what: "heard", reason: None }], ..Effects::default() }
    }

    fn on_tick(&self, _: &mut State, _: &dyn Cx) -> Effects {
        let key = self.key().filter(|_| self.config.refresh);
        let task = key.zip(self.config.http.as_ref()).map(|(key, http)| Task { key, call: call(http) });
        Effects { tasks: task.into_iter().collect(), ..Effects::default() }
    }

    fn on_response_headers(
        &self,
        _: &mut State,
        stream: &mut Stream,
        _: &ResponseHead<'_>,
        _: &dyn Cx,
    ) -> ResponseStep {
        let answer = stream.answer.iter();
        let headers = answer.map(|answer| HeaderOp::Set(ANSWER, sanitized(answer.as_bytes())));
        Effects { headers: headers.collect(), ..Effects::default() }.into()
    }
}

impl Caller {
    /// The name under which a call-out is shared; `None`: it is not.
    fn key(&self) -> Option<Key> {
        match self.config.share {
            Share::Own => None,
            Share::Worker => Some(Key::Worker(NAME.into())),
            Share::Gateway => Some(Key::Gateway(NAME.into())),
        }
    }

    fn ask(&self, state: &mut State, stream: &mut Stream, cx: &dyn Cx) -> Step {
        if let Some(answer) = self.known(state, cx.now(), cx) {
            return self.conclude(stream, Ok(answer));
        }
        stream.calls = stream.calls.saturating_add(1);
        if let Some(redis) = &self.redis {
            if !self.config.breaker {
                state.breaker = Breaker::default();
            }
            let keys = vec![format!("portcullis:rl:caller:{}", stream.key)];
            let args = vec![stream.id.clone()];
            return match Query::ask(redis, &mut state.breaker, &self.script, keys, args, cx) {
                Ok((query, call)) => {
                    stream.query = Some(query);
                    waits(Key::Own, call)
                }
                Err(error) => self.conclude(stream, Err(error.to_string())),
            };
        }
        match &self.config.http {
            Some(http) => waits(self.key().unwrap_or(Key::Own), call(http)),
            None => Step::proceed(Effects::default()),
        }
    }

    /// The outcome that still serves.
    fn known(&self, state: &mut State, now: Timestamp, cx: &dyn Cx) -> Option<String> {
        if self.config.share == Share::Gateway && state.kept.as_ref().is_none_or(|kept| kept.until <= now.0) {
            state.kept = kept(cx);
        }
        state.kept.as_ref().filter(|kept| kept.until > now.0).map(|kept| kept.answer.clone())
    }

    fn conclude(&self, stream: &mut Stream, outcome: Outcome) -> Step {
        let (Ok(text) | Err(text)) = &outcome;
        let value = sanitized(text.as_bytes());
        stream.answer = Some(text.clone());
        if outcome.is_err() && self.config.on_failure == OnFailure::Deny {
            let reply = LocalReply {
                details: "caller".to_owned(),
                status: 503,
                headers: vec![(ANSWER, value)],
                body: text.clone().into_bytes(),
                grpc_status: None,
            };
            return Step { verdict: Verdict::Answer(reply), effects: Effects::default() };
        }
        let effects = Effects { headers: vec![HeaderOp::Set(ANSWER, value)], ..Effects::default() };
        let body = self.config.then_body && self.config.at == Moment::Headers;
        Step { verdict: if body { await_body().verdict } else { Verdict::Continue }, effects }
    }
}

fn waits(key: Key, call: CallOut) -> Step {
    Step { verdict: Verdict::Await(Task { key, call }), effects: Effects::default() }
}

fn await_body() -> Step {
    let verdict = Verdict::AwaitBody { limit: LIMIT, mode: Mode::Enforce };
    Step { verdict, effects: Effects::default() }
}

fn call(http: &Http) -> CallOut {
    CallOut {
        cluster: http.cluster.as_str().into(),
        method: Method::GET,
        path: http.path.clone(),
        authority: http.cluster.as_str().into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: http.timeout,
        max_reply: usize::try_from(http.max_reply.get()).unwrap_or(usize::MAX),
    }
}

/// The body of a 200.
fn learnt(result: &TaskResult) -> Outcome {
    match result {
        Ok(reply) if reply.status == 200 => Ok(String::from_utf8_lossy(&reply.body).into_owned()),
        Ok(reply) => Err(format!("status {}", reply.status)),
        Err(failure) => Err(format!("{failure:?}")),
    }
}

/// What the script returned.
fn counted(values: Vec<Value>) -> Outcome {
    match values.as_slice() {
        [Value::Integer(count), Value::Text(id)] => Ok(format!("{count}/{id}")),
        _ => Err("not what the script returns".to_owned()),
    }
}

/// Keeps an outcome for all workers: its end, 8 bytes little-endian, then its text.
fn keep(cx: &dyn Cx, until: u64, answer: &str) {
    // Whoever was quicker every time has asked as lately.
    let _ = store::update(cx.store(), NAME, |_| [&until.to_le_bytes()[..], answer.as_bytes()].concat());
}

fn kept(cx: &dyn Cx) -> Option<Kept> {
    let (bytes, _) = cx.store().get(NAME)?;
    let (until, answer) = bytes.split_first_chunk()?;
    Some(Kept { until: u64::from_le_bytes(*until), answer: String::from_utf8_lossy(answer).into_owned() })
}
