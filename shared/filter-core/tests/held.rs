//! A head that is held for a body the host never shows.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise"
)]

use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead};
use filter_core::stream::Stream;
use probe::Probe;
use std::time::Duration;
use testkit::{TestCx, request};

const HOLD: &str = r#"{"version": 1, "body": "await", "limit": 10, "hold_headers": true}"#;
const SHADOW: &str =
    r#"{"version": 1, "body": "await", "limit": 10, "hold_headers": true, "mode": "shadow"}"#;

/// The probe ticks every second: so many have come when the sixth second has begun.
const TICKS: usize = 6;

struct Worker {
    cx: TestCx,
    filter: Filter<Probe>,
    streams: Vec<Stream<Probe>>,
}

impl Worker {
    fn new(configuration: &str, cx: TestCx) -> Self {
        let mut filter = Filter::default();
        filter.configure("probe", configuration.as_bytes(), &()).unwrap();
        Self { cx, filter, streams: Vec::new() }
    }

    /// The head of a request whose body follows.
    fn head(&mut self) -> u32 {
        let id = u32::try_from(self.streams.len()).unwrap();
        let mut stream = Stream::new(id);
        let headers: Headers = request("POST", "/upload").into();
        let head = RequestHead { headers: &headers, end_of_stream: false };
        let outcome = stream.request_headers(&mut self.filter, &head, &self.cx);
        assert_eq!(outcome.flow, Flow::Pause);
        self.streams.push(stream);
        id
    }

    fn stream(&mut self, id: u32) -> (&mut Stream<Probe>, &mut Filter<Probe>, &TestCx) {
        (&mut self.streams[id as usize], &mut self.filter, &self.cx)
    }

    /// What comes of a second.
    fn second(&mut self) -> Vec<Outcome> {
        self.cx.advance(Duration::from_secs(1));
        let _ = self.filter.tick(&self.cx);
        let mut told = Vec::new();
        while let Some(id) = self.filter.next_overdue() {
            let (stream, filter, cx) = self.stream(id);
            told.push(stream.overdue(filter, cx));
        }
        told
    }

    /// What comes of many.
    fn seconds(&mut self, count: usize) -> Vec<Outcome> {
        (0..count).flat_map(|_| self.second()).collect()
    }
}

/// A gateway to which so many bytes of a body have come.
fn received(bytes: u64) -> TestCx {
    let cx = TestCx::default().property(&["request", "total_size"], (100 + bytes).to_le_bytes());
    cx.property(&["request", "headers_bytes"], 100_u64.to_le_bytes())
}

fn details(outcome: &Outcome) -> String {
    match &outcome.flow {
        Flow::Reply(reply) => format!("{} {}", reply.status, reply.details),
        flow => format!("{flow:?}"),
    }
}

fn critical(outcome: &Outcome) -> usize {
    outcome.logs.iter().filter(|line| line.text.contains("allow_on_headers_stop_iteration: true")).count()
}

#[test]
fn a_body_that_came_and_is_not_shown_is_the_operators_matter() {
    for (cx, says) in [
        (received(3), "came to the gateway and was not shown"),
        (TestCx::default(), "was not shown to this filter, if it came"),
    ] {
        let mut worker = Worker::new(HOLD, cx);
        worker.head();
        assert_eq!(worker.seconds(TICKS - 1), []);
        let [outcome] = &worker.second()[..] else { panic!("one") };
        assert_eq!((details(outcome).as_str(), critical(outcome)), ("500 portcullis_policy.hold", 1));
        assert!(outcome.logs[0].text.contains(says), "{}", outcome.logs[0].text);
        assert_eq!(worker.seconds(20), [], "it is told once");
    }
}

#[test]
fn a_client_that_sends_nothing_is_told_so_and_the_log_does_not_blame_the_gateway() {
    let mut worker = Worker::new(HOLD, received(0));
    worker.head();
    let [outcome] = &worker.seconds(TICKS)[..] else { panic!("one") };
    assert_eq!((details(outcome).as_str(), critical(outcome)), ("408 portcullis_body.timeout", 0));
}

#[test]
fn the_log_says_it_once_a_minute() {
    let mut worker = Worker::new(HOLD, received(3));
    let mut said = Vec::new();
    for second in 0..130 {
        worker.head();
        let count: usize = worker.second().iter().map(critical).sum();
        said.extend(std::iter::repeat_n(second, count));
    }
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn once_a_body_was_shown_nothing_is_overdue() {
    for trailers in [false, true] {
        let mut worker = Worker::new(HOLD, received(3));
        let (one, _) = (worker.head(), worker.head());
        let (stream, filter, cx) = worker.stream(one);
        let body = &mut || Some(Vec::new());
        let outcome = match trailers {
            true => stream.request_trailers(filter, body, cx),
            false => stream.request_body(filter, 3, false, body, cx),
        };
        assert!(matches!(outcome.flow, Flow::Pause | Flow::Continue));
        worker.head();
        assert_eq!(worker.seconds(30), []);
    }
}

/// Such a body says nothing about the flag.
#[test]
fn a_body_behind_a_head_that_went_on_shows_nothing() {
    let mut worker = Worker::new(HOLD, received(3));
    let mut other = Stream::<Probe>::new(99);
    let headers: Headers = request("POST", "/upload").into();
    let head = RequestHead { headers: &headers, end_of_stream: true };
    assert_eq!(other.request_headers(&mut worker.filter, &head, &worker.cx).flow, Flow::Continue);
    let _ = other.request_body(&mut worker.filter, 3, false, &mut || None, &worker.cx);
    worker.head();
    assert_eq!(worker.seconds(TICKS).len(), 1);
}

#[test]
fn whoever_left_is_not_waited_for() {
    let mut worker = Worker::new(HOLD, received(3));
    let id = worker.head();
    let (stream, filter, cx) = worker.stream(id);
    let _ = stream.done(filter, cx);
    assert_eq!(worker.seconds(20), []);
}

/// The clock may be set while a head is held.
#[test]
fn the_clock_does_not_count() {
    let mut worker = Worker::new(HOLD, received(3));
    worker.head();
    worker.cx.advance(Duration::from_secs(3600));
    assert_eq!(worker.seconds(TICKS - 1), []);
    worker.cx.step_back(Duration::from_secs(7200));
    assert_eq!(worker.second().len(), 1);
}

#[test]
fn in_shadow_the_request_goes_on() {
    let mut worker = Worker::new(SHADOW, received(3));
    let id = worker.head();
    let [outcome] = &worker.seconds(TICKS)[..] else { panic!("one") };
    assert_eq!((&outcome.flow, critical(outcome)), (&Flow::Continue, 1));
    assert!(outcome.counters.iter().any(|name| name.contains("shadowed") && name.contains("hold")));
    let (stream, filter, cx) = worker.stream(id);
    assert_eq!(stream.request_body(filter, 300, true, &mut || None, cx).flow, Flow::Continue);
    // That this body was shown says nothing about a head that is held.
    worker.head();
    assert_eq!(worker.seconds(TICKS).len(), 1);
}

#[test]
fn more_than_can_be_waited_for_are_refused() {
    let mut worker = Worker::new(HOLD, received(0));
    for _ in 0..100_000 {
        worker.head();
    }
    let mut stream = Stream::<Probe>::new(u32::MAX);
    let headers: Headers = request("POST", "/upload").into();
    let head = RequestHead { headers: &headers, end_of_stream: false };
    let outcome = stream.request_headers(&mut worker.filter, &head, &worker.cx);
    assert_eq!(details(&outcome), "503 portcullis_policy.unavailable");
    assert_eq!(worker.seconds(TICKS).len(), 100_000);
    worker.head();
}
