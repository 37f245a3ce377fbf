//! Requests that wait for call-outs: who is told what, once, whatever the host and the other workers do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

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
use filter_core::workers::{announce, others};
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
struct Waiting {
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

fn awaits(path: &str) -> Step {
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
struct Worker {
    filter: Filter<Waiting>,
    streams: Vec<Stream<Waiting>>,
}

impl Worker {
    fn new() -> Self {
        Self::configured(r#"{"version": 1}"#)
    }

    fn configured(configuration: &str) -> Self {
        let mut filter = Filter::default();
        filter.configure("waiting", configuration.as_bytes(), &()).unwrap();
        Self { filter, streams: Vec::new() }
    }

    /// The next request: how it went, and its number.
    fn request(&mut self, cx: &TestCx, path: &str, end_of_stream: bool) -> (Outcome, u32) {
        let id = u32::try_from(self.streams.len()).unwrap();
        let mut stream = Stream::new(id);
        let headers: Headers = request("POST", path).into();
        let outcome =
            stream.request_headers(&mut self.filter, &RequestHead { headers: &headers, end_of_stream }, cx);
        self.streams.push(stream);
        (outcome, id)
    }

    /// The answer to a call-out: what each waiter comes to.
    fn answer(&mut self, cx: &TestCx, token: u32, result: TaskResult) -> Option<Vec<(u32, String)>> {
        let resumption = self.filter.answered(token, result, cx)?;
        Some(self.resume(cx, &resumption.waiters, &resumption.result))
    }

    fn resume(&mut self, cx: &TestCx, waiters: &[u32], result: &TaskResult) -> Vec<(u32, String)> {
        let resumed = |id: &u32| {
            let stream = &mut self.streams[*id as usize];
            (*id, flow(&stream.resume(&mut self.filter, result, &mut || Some(b"good".to_vec()), cx)))
        };
        waiters.iter().map(resumed).collect()
    }

    fn data(&mut self, cx: &TestCx, id: u32, size: usize, end: bool) -> String {
        let stream = &mut self.streams[id as usize];
        flow(&stream.request_body(&mut self.filter, size, end, &mut || Some(b"good".to_vec()), cx))
    }

    fn trailers(&mut self, cx: &TestCx, id: u32) -> String {
        let stream = &mut self.streams[id as usize];
        flow(&stream.request_trailers(&mut self.filter, &mut || Some(b"good".to_vec()), cx))
    }
}

fn flow(outcome: &Outcome) -> String {
    match &outcome.flow {
        Flow::Continue => "go".to_owned(),
        Flow::Pause => "hold".to_owned(),
        Flow::Reply(reply) => format!("{} {}", reply.status, reply.details),
    }
}

fn status(status: u16) -> TaskResult {
    Ok(Reply { status, headers: Headers::default(), body: Vec::new() })
}

const DENIED: &str = "403 portcullis_address.denied";

#[test]
fn a_request_waits_for_its_own_call_out_and_decides_by_its_answer() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    for (answer, expected) in [(status(200), "go"), (status(503), DENIED), (Err(Failure::Incomplete), DENIED)]
    {
        let (outcome, id) = worker.request(&cx, "/own", true);
        assert_eq!(flow(&outcome), "hold");
        let [(token, call)] = &cx.dialled()[..] else { panic!("one call-out") };
        assert_eq!((call.path.as_str(), worker.filter.max_reply(*token)), ("/own", Some(100)));
        assert_eq!(worker.answer(&cx, *token, answer), Some(vec![(id, expected.to_owned())]));
        // A second answer, and one to a call-out nobody made.
        assert_eq!(worker.filter.max_reply(*token), None);
        assert_eq!(worker.answer(&cx, *token, status(200)), None);
        assert_eq!(worker.answer(&cx, 999, status(200)), None);
    }
}

#[test]
fn two_thousand_requests_share_one_call_out_and_all_are_resumed_once() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    for _ in 0..2000 {
        assert_eq!(flow(&worker.request(&cx, "/worker/jwks", true).0), "hold");
    }
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    // One is gone meanwhile.
    let _ = worker.streams[7].done(&mut worker.filter, &cx);
    let resumed = worker.answer(&cx, *token, status(200)).unwrap();
    assert_eq!(resumed.len(), 1999);
    assert!(resumed.iter().all(|(id, flow)| *id != 7 && flow == "go"));
    // The next request needs a call-out of its own again.
    let _ = worker.request(&cx, "/worker/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
}

#[test]
fn a_host_that_sends_nothing_is_heard_of_at_once() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    cx.refuse_call_outs(true);
    for path in ["/own", "/worker/jwks", "/gateway/jwks"] {
        let (outcome, _) = worker.request(&cx, path, true);
        assert_eq!(flow(&outcome), DENIED, "{path}");
        let heard = outcome.counters.iter().filter(|name| name.contains("heard")).count();
        assert_eq!(heard, usize::from(path != "/own"), "{path}");
    }
    // A lease was given back: the host may be well again.
    cx.refuse_call_outs(false);
    assert_eq!(flow(&worker.request(&cx, "/gateway/jwks", true).0), "hold");
    assert_eq!(cx.dialled().len(), 1);
}

#[test]
fn whoever_awaits_for_ever_is_refused_in_the_end() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/again", true);
    for expected in ["hold", "hold", "503 portcullis_policy.phase"] {
        let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
        assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, expected.to_owned())]));
    }
    assert_eq!(cx.dialled(), []);
    // The same where the host sends nothing: it ends within the event.
    cx.refuse_call_outs(true);
    assert_eq!(flow(&worker.request(&cx, "/again", true).0), "503 portcullis_policy.phase");
}

#[test]
fn nothing_of_a_request_passes_while_it_waits() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/own", false);
    assert_eq!(worker.data(&cx, id, 4, false), "hold");
    assert_eq!(worker.data(&cx, id, 8, true), "hold");
    assert_eq!(worker.trailers(&cx, id), "hold");
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 0, true), "go");
}

#[test]
fn a_body_without_end_behind_a_request_that_waits_is_refused_and_the_answer_comes_too_late() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/own", false);
    assert_eq!(worker.data(&cx, id, 1024 * 1024, false), "hold");
    assert_eq!(worker.data(&cx, id, 1024 * 1024 + 1, false), "413 portcullis_size.body");
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, "hold".to_owned())]));
}

#[test]
fn after_a_call_out_the_body_may_be_asked_for() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let token = || cx.dialled().first().map(|(token, _)| *token).unwrap();
    // It came whole meanwhile, with or without trailers.
    for trailers in [false, true] {
        let (_, id) = worker.request(&cx, "/body", false);
        assert_eq!(worker.data(&cx, id, 4, !trailers), "hold");
        if trailers {
            assert_eq!(worker.trailers(&cx, id), "hold");
        }
        assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    }
    // It is still to come.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "hold".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
    // There is none.
    let (_, id) = worker.request(&cx, "/body", true);
    assert_eq!(
        worker.answer(&cx, token(), status(200)),
        Some(vec![(id, "415 portcullis_media.type".to_owned())])
    );
    // It is too large already, or becomes so.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.data(&cx, id, 11, false), "hold");
    assert_eq!(
        worker.answer(&cx, token(), status(200)),
        Some(vec![(id, "413 portcullis_size.body".to_owned())])
    );
    let (_, id) = worker.request(&cx, "/count", false);
    assert_eq!(worker.data(&cx, id, 6, false), "hold");
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, false), "go");
    assert_eq!(worker.data(&cx, id, 1, false), "413 portcullis_size.body");
}

#[test]
fn what_has_come_of_an_awaited_body_is_not_let_go_before_the_rest() {
    let (cx, mut worker) =
        (TestCx::default(), Worker::configured(r#"{"version": 1, "hold_headers": false}"#));
    let token = || cx.dialled().first().map(|(token, _)| *token).unwrap();
    // The rest is longer than what came before: by its length alone it could be the whole.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.data(&cx, id, 1, false), "hold");
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "hold".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
    // Nothing has come: the head goes ahead.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
}

#[test]
fn a_call_out_of_which_the_host_says_nothing_ends_by_itself() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, own) = worker.request(&cx, "/own", true);
    let (_, shared) = worker.request(&cx, "/worker/jwks", true);
    cx.advance(Duration::from_millis(1049));
    assert!(worker.filter.next_lost(&cx).is_none());
    cx.advance(Duration::from_millis(1));
    for id in [own, shared] {
        let lost = worker.filter.next_lost(&cx).unwrap();
        assert_eq!(lost.waiters, [id]);
        assert_eq!(worker.resume(&cx, &lost.waiters, &lost.result), [(id, DENIED.to_owned())]);
    }
    assert!(worker.filter.next_lost(&cx).is_none());
    for (token, _) in cx.dialled() {
        assert_eq!(worker.answer(&cx, token, status(200)), None);
    }
}

#[test]
fn two_workers_make_one_call_out_and_the_other_is_told() {
    let (cx, mut first, mut second, third) = (TestCx::default(), Worker::new(), Worker::new(), Worker::new());
    let (_, one) = first.request(&cx, "/gateway/jwks", true);
    let (_, other) = second.request(&cx, "/gateway/jwks", true);
    let _ = second.request(&cx, "/gateway/jwks", true);
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out for both") };

    let finished = first.filter.answered(*token, status(200), &cx).unwrap();
    assert_eq!(finished.outcome.tell.iter().map(|name| &**name).collect::<Vec<_>>(), ["jwks"]);
    let (heard, others) = (first.filter.others(&cx), second.filter.others(&cx));
    assert_eq!((heard.len(), others.len()), (1, 1), "each knows the other, though nobody ticked");
    assert_ne!(heard, others);
    assert_eq!(third.filter.others(&cx).len(), 2, "one that never asked is not told");
    assert_eq!(first.resume(&cx, &finished.waiters, &finished.result), [(one, "go".to_owned())]);

    assert!(second.filter.told("something else", &cx).is_none());
    let told = second.filter.told("jwks", &cx).unwrap();
    assert_eq!((told.waiters.len(), &told.result), (2, &Err(Failure::Elsewhere)));
    assert_eq!(told.outcome.tell.len(), 0);
    // They look into the shared store and, in this policy, await something else.
    assert_eq!(second.resume(&cx, &told.waiters, &told.result)[0], (other, "hold".to_owned()));
    // A notice that comes twice finds nobody.
    assert!(second.filter.told("jwks", &cx).is_none());
}

#[test]
fn what_follows_a_shared_call_out_may_have_its_name() {
    let (cx, mut first, mut second) = (TestCx::default(), Worker::new(), Worker::new());
    let _ = first.request(&cx, "/gateway/pages", true);
    let [(token, _)] = cx.dialled()[..] else { panic!("one call-out") };
    let finished = first.filter.answered(token, status(200), &cx).unwrap();
    assert_eq!(finished.waiters.len(), 1);
    let [(next, _)] = cx.dialled()[..] else { panic!("the next one is sent at once") };
    let _ = second.request(&cx, "/gateway/pages", true);
    assert_eq!(cx.dialled(), [], "and nobody else sends it");
    assert!(first.filter.answered(next, status(200), &cx).is_some());
    let _ = second.filter.told("pages", &cx).unwrap();
    let _ = second.request(&cx, "/gateway/pages", true);
    assert_eq!(cx.dialled().len(), 1, "the lease is free");
}

#[test]
fn a_worker_that_died_with_the_lease_does_not_stop_the_others() {
    let (cx, mut dead, mut other) = (TestCx::default(), Worker::new(), Worker::new());
    let _ = dead.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
    let (_, id) = other.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled(), []);
    cx.advance(Duration::from_millis(550));
    let lost = other.filter.next_lost(&cx).unwrap();
    assert_eq!(
        (lost.waiters.as_slice(), &lost.result),
        (&[id][..], &Err(Failure::Elsewhere)),
        "it may have left something"
    );
    let _ = other.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1, "the lease is free");
}

#[test]
fn a_lease_that_somebody_else_took_over_is_not_given_back() {
    let (cx, mut slow, mut quick, mut third) =
        (TestCx::default(), Worker::new(), Worker::new(), Worker::new());
    let _ = slow.request(&cx, "/gateway/jwks", true);
    let [(late, _)] = cx.dialled()[..] else { panic!("one call-out") };
    cx.advance(Duration::from_millis(600));
    let _ = quick.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
    assert!(slow.answer(&cx, late, status(200)).is_some());
    let _ = third.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled(), [], "the second still has it");
}

#[test]
fn workers_that_fell_silent_are_told_nothing() {
    let cx = TestCx::default();
    let (store, now) = (cx.store(), || cx.now());
    for queue in 0..300 {
        assert!(announce(store, "workers", queue, now()));
    }
    assert_eq!(others(store, "workers", Some(3), now()).len(), 255, "no more than the list holds");
    cx.advance(Duration::from_secs(50));
    assert!(announce(store, "workers", 7, now()));
    cx.advance(Duration::from_secs(20));
    assert_eq!(others(store, "workers", None, now()), [7]);
    assert!(others(store, "nobody", None, now()).is_empty());
}
