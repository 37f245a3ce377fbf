//! A policy that awaits what it is asked for, and a worker that runs it.

use filter_core::config::{At, Env, Version};
use filter_core::config_struct;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, Metric, Step, Verdict};
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::http::Method;
use filter_core::message::{Headers, RequestHead};
use filter_core::policy::{Cx, Mode, Policy};
use filter_core::stream::Stream;
use filter_core::task::{CallOut, Failure, Key, Reply, Task, TaskResult};
use std::time::Duration;
use testkit::{TestCx, request};

config_struct! {
    /// How a body is awaited.
    pub struct Config {
        /// Version.
        version: Version,
        /// With the head.
        hold_headers: bool = true,
    }
}

/// Awaits what the path names, and decides by the status.
pub struct Waiting {
    hold_headers: bool,
}

impl Policy for Waiting {
    const NAME: &'static str = "waiting";
    type Config = Config;
    /// What was heard of shared call-outs.
    type State = Vec<(String, String)>;
    /// The path.
    type Stream = String;

    fn compile(config: Config, _: &dyn Env, _: &At<'_>) -> Option<Self> {
        Some(Self { hold_headers: config.hold_headers })
    }

    const TICK: Option<Duration> = Some(Duration::from_secs(1));

    fn hold_headers(&self) -> bool {
        self.hold_headers
    }

    fn on_request_headers(
        &self,
        _: &mut Self::State,
        path: &mut String,
        head: &RequestHead<'_>,
        _: &dyn Cx,
    ) -> Step {
        *path = String::from_utf8_lossy(head.path().unwrap_or_default()).into_owned();
        awaits(path)
    }

    fn on_reply(&self, _: &mut Self::State, path: &mut String, result: &TaskResult, _: &dyn Cx) -> Step {
        let verdict = match (path.as_str(), result) {
            ("/again", _) => return awaits(path),
            ("/body", Ok(_)) => Verdict::AwaitBody { limit: 10, mode: Mode::Enforce },
            ("/count", Ok(_)) => Verdict::CountBody { limit: 10, mode: Mode::Enforce },
            (_, Ok(reply)) if reply.status == 200 => Verdict::Continue,
            (_, Err(Failure::Elsewhere)) => return awaits("/gateway/second"),
            _ => Verdict::Deny(Denial::new(Reason::AddressDenied)),
        };
        Step { verdict, effects: Effects::default() }
    }

    fn on_request_body(&self, _: &mut Self::State, path: &mut String, body: &[u8], _: &dyn Cx) -> Step {
        match path.as_str() {
            "/body" if body == b"good" => Step::proceed(Effects::default()),
            _ => Effects::default().deny(Denial::new(Reason::MediaType)),
        }
    }

    fn on_task(&self, heard: &mut Self::State, name: &str, result: &TaskResult, _: &dyn Cx) -> Effects {
        let result =
            result.as_ref().map_or_else(|failure| format!("{failure:?}"), |reply| reply.status.to_string());
        heard.push((name.to_owned(), result));
        let metrics = vec![Metric { what: "heard", reason: None }];
        // What comes in pages goes on under the same name.
        let next = match awaits("/gateway/pages").verdict {
            Verdict::Await(task) if name == "pages" && heard.len() == 1 => vec![task],
            _ => Vec::new(),
        };
        Effects { metrics, tasks: next, ..Effects::default() }
    }
}

pub fn awaits(path: &str) -> Step {
    let key = match path.split_at_checked(path.rfind('/').unwrap_or_default() + 1) {
        Some(("/worker/", name)) => Key::Worker(name.into()),
        Some(("/gateway/", name)) => Key::Gateway(name.into()),
        _ => Key::Own,
    };
    let call = CallOut {
        cluster: "keys".into(),
        method: Method::GET,
        path: path.to_owned(),
        authority: "keys".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: Duration::from_millis(50),
        max_reply: 100,
    };
    Step { verdict: Verdict::Await(Task { key, call }), effects: Effects::default() }
}

/// A worker with streams that have numbers.
pub struct Worker {
    pub filter: Filter<Waiting>,
    pub streams: Vec<Stream<Waiting>>,
}

impl Worker {
    pub fn new() -> Self {
        Self::configured(r#"{"version": 1}"#)
    }

    pub fn configured(configuration: &str) -> Self {
        let mut filter = Filter::default();
        filter.configure("waiting", configuration.as_bytes(), &()).unwrap();
        Self { filter, streams: Vec::new() }
    }

    /// The next request: how it went, and its number.
    pub fn request(&mut self, cx: &TestCx, path: &str, end_of_stream: bool) -> (Outcome, u32) {
        let id = u32::try_from(self.streams.len()).unwrap();
        let mut stream = Stream::new(id);
        let headers: Headers = request("POST", path).into();
        let outcome =
            stream.request_headers(&mut self.filter, &RequestHead { headers: &headers, end_of_stream }, cx);
        self.streams.push(stream);
        (outcome, id)
    }

    /// The answer to a call-out: what each waiter comes to.
    pub fn answer(&mut self, cx: &TestCx, token: u32, result: TaskResult) -> Option<Vec<(u32, String)>> {
        let resumption = self.filter.answered(token, result, cx)?;
        Some(self.resume(cx, &resumption.waiters, &resumption.result))
    }

    pub fn resume(&mut self, cx: &TestCx, waiters: &[u32], result: &TaskResult) -> Vec<(u32, String)> {
        let resumed = |id: &u32| {
            let stream = &mut self.streams[*id as usize];
            (*id, flow(&stream.resume(&mut self.filter, result, &mut || Some(b"good".to_vec()), cx)))
        };
        waiters.iter().map(resumed).collect()
    }

    pub fn data(&mut self, cx: &TestCx, id: u32, size: usize, end: bool) -> String {
        let stream = &mut self.streams[id as usize];
        flow(&stream.request_body(&mut self.filter, size, end, &mut || Some(b"good".to_vec()), cx))
    }

    pub fn trailers(&mut self, cx: &TestCx, id: u32) -> String {
        let stream = &mut self.streams[id as usize];
        flow(&stream.request_trailers(&mut self.filter, &mut || Some(b"good".to_vec()), cx))
    }
}

pub fn flow(outcome: &Outcome) -> String {
    match &outcome.flow {
        Flow::Continue => "go".to_owned(),
        Flow::Pause => "hold".to_owned(),
        Flow::Reply(reply) => format!("{} {}", reply.status, reply.details),
    }
}

pub fn status(status: u16) -> TaskResult {
    Ok(Reply { status, headers: Headers::default(), body: Vec::new() })
}

pub const DENIED: &str = "403 portcullis_address.denied";
