//! A filter over its life: without a policy, with one, with another, with many requests.

#![allow(clippy::panic, reason = "a helper of a test may stop at the first surprise")]

use filter_core::config::{At, Env, Version};
use filter_core::config_struct;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, HeaderOp, LogLine, ResponseStep, Step, Verdict};
use filter_core::filter::{Flow, Outcome};
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy};
use probe::Probe;
use serde_json::Value;
use std::time::Duration;
use testkit::{Exchange, TestCx, request, response};

const IGNORE: &str = r#"{"version": 1}"#;
const REFUSE: &str = r#"{"version": 1, "body": "count", "limit": 1}"#;

fn refused(outcome: &Outcome) -> Option<&str> {
    match &outcome.flow {
        Flow::Reply(reply) => reply.details.strip_prefix("portcullis_"),
        _ => None,
    }
}

/// A request whose announced body is larger than any limit here.
fn large(exchange: &mut Exchange<Probe>) -> Outcome {
    exchange.request_head(request("POST", "/").header("content-length", "1000"))
}

#[test]
fn without_a_policy_every_request_is_refused_and_nothing_resumes() {
    let mut exchange = Exchange::<Probe>::unconfigured();
    let outcome = exchange.request_head(request("GET", "/"));
    assert_eq!(refused(&outcome), Some("policy.unavailable"));
    let Flow::Reply(reply) = &outcome.flow else { panic!("{outcome:?}") };
    assert_eq!(reply.status, 503);
    assert_eq!(outcome.counters, ["portcullis_probe_denied_instance=probe_reason=policy.unavailable"]);
    assert_eq!(
        outcome.exports.last(),
        Some(&("portcullis.probe.reason".into(), b"policy.unavailable".into()))
    );
    assert_eq!(outcome.logs.len(), 1);

    assert_eq!(exchange.data(1, true, Some(b"x")), Outcome::flow(Flow::Pause));
    assert_eq!(exchange.trailers(None), Outcome::flow(Flow::Pause));
    assert_eq!(exchange.response(&response(503, &[])), Outcome::flow(Flow::Continue));
    assert_eq!(exchange.done(), Outcome::flow(Flow::Continue));
}

#[test]
fn a_request_whose_headers_the_host_would_not_change_is_refused() {
    let mut exchange = Exchange::<Probe>::new(IGNORE);
    assert_eq!(
        refused(&exchange.request(request("POST", "/").header("content-type", "application/grpc"))),
        None
    );
    let outcome = exchange.operation_refused();
    assert_eq!(refused(&outcome), Some("policy.phase"));
    assert_eq!(outcome.counters, ["portcullis_probe_denied_instance=probe_reason=policy.phase"]);
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!(exchange.data(1, true, Some(b"x")), Outcome::flow(Flow::Pause));
}

#[test]
fn a_refused_update_leaves_the_filter_without_a_policy() {
    let mut exchange = Exchange::<Probe>::new(IGNORE);
    assert_eq!(refused(&exchange.request(request("GET", "/"))), None);

    assert!(exchange.configure("probe", r#"{"version": 2}"#, &()).is_err());
    exchange.next_stream();
    assert_eq!(refused(&exchange.request(request("GET", "/"))), Some("policy.unavailable"));

    assert!(exchange.configure("probe", IGNORE, &()).is_ok());
    exchange.next_stream();
    assert_eq!(refused(&exchange.request(request("GET", "/"))), None);
}

#[test]
fn a_request_that_waits_for_its_body_while_the_policy_goes_is_refused() {
    let mut exchange = Exchange::<Probe>::new(r#"{"version": 1, "body": "await"}"#);
    assert_eq!(exchange.request_head(request("POST", "/")).flow, Flow::Continue);
    assert!(exchange.configure("probe", "", &()).is_err());
    assert_eq!(refused(&exchange.data(1, true, Some(b"x"))), Some("policy.phase"));
}

#[test]
fn counters_and_filter_state_carry_the_instance() {
    let mut exchange = Exchange::<Probe>::new(REFUSE);
    exchange.configure("eu_1", REFUSE, &()).unwrap();
    let outcome = large(&mut exchange);
    assert_eq!(outcome.counters, ["portcullis_probe_denied_instance=eu-1_reason=size.body"]);
    assert_eq!(outcome.exports.last(), Some(&("portcullis.eu_1.reason".into(), b"size.body".into())));
    let line: Value = serde_json::from_str(&outcome.logs[0].text).unwrap();
    assert_eq!(line["instance"], "eu_1");
}

#[test]
fn an_attack_is_counted_whole_and_logged_in_part() {
    let mut exchange = Exchange::<Probe>::new(REFUSE);
    let mut lines: Vec<LogLine> = Vec::new();
    for _ in 0..1000 {
        exchange.next_stream();
        let outcome = large(&mut exchange);
        assert_eq!((outcome.counters.len(), refused(&outcome)), (1, Some("size.body")));
        assert!(outcome.exports.contains(&("portcullis.probe.decision".into(), b"deny".into())));
        lines.extend(outcome.logs);
    }
    assert_eq!(lines.len(), 50);

    exchange.cx.advance(Duration::from_millis(100));
    exchange.next_stream();
    let line: Value = serde_json::from_str(&large(&mut exchange).logs[0].text).unwrap();
    assert_eq!(line["suppressed"], 950);
}

/// The value of a header that the answer gets.
fn answered(exchange: &mut Exchange<Probe>, name: &str) -> Option<String> {
    exchange.response(&response(200, &[])).headers.iter().find_map(|op| match op {
        HeaderOp::Set(other, value) if other == name => value.to_str().ok().map(str::to_owned),
        _ => None,
    })
}

#[test]
fn what_the_shared_store_holds_survives_a_request() {
    let mut exchange = Exchange::<Probe>::new(r#"{"version": 1, "count": true}"#);
    for expected in ["1", "2", "3"] {
        exchange.next_stream();
        let _ = exchange.request(request("GET", "/"));
        assert_eq!(answered(&mut exchange, "x-probe-count").as_deref(), Some(expected));
    }
}

#[test]
fn a_reflected_value_cannot_split_an_answer() {
    let mut exchange = Exchange::<Probe>::new(IGNORE);
    let _ = exchange.request(request("GET", "/").header("x-reflect", "a\\r\\nset-cookie: b"));
    assert_eq!(answered(&mut exchange, "x-probe-reflected").as_deref(), Some("aset-cookie: b"));
}

#[test]
fn the_end_of_a_stream_is_counted() {
    let mut exchange = Exchange::<Probe>::new(IGNORE);
    let _ = exchange.request(request("GET", "/"));
    assert_eq!(exchange.done().counters, ["portcullis_probe_done_instance=probe"]);
}

config_struct! {
    /// Nothing to configure.
    struct Nothing {
        /// Version of this configuration format.
        version: Version,
    }
}

/// Awaits the body and, when it has it, does what its `:path` says.
struct Stubborn;

impl Policy for Stubborn {
    const NAME: &'static str = "stubborn";
    type Config = Nothing;
    type State = ();
    type Stream = String;

    fn compile(config: Nothing, _: &dyn Env, _: &At<'_>) -> Option<Self> {
        let Version = config.version;
        Some(Self)
    }

    fn on_request_headers(&self, (): &mut (), path: &mut String, head: &RequestHead<'_>, _: &dyn Cx) -> Step {
        *path = String::from_utf8_lossy(head.path().unwrap_or_default()).into_owned();
        let mut effects = Effects::default();
        effects.exports.push(("at".to_owned(), b"headers".to_vec()));
        if path == "/shadow" {
            effects.shadow.push(Denial::new(Reason::MethodOverride));
        }
        Step { verdict: Verdict::AwaitBody { limit: 10, mode: Mode::Enforce }, effects }
    }

    fn on_request_body(&self, (): &mut (), path: &mut String, _: &[u8], _: &dyn Cx) -> Step {
        let mut effects = Effects::default();
        effects.exports.push(("at".to_owned(), b"body".to_vec()));
        let verdict = match path.as_str() {
            "/await" => Verdict::AwaitBody { limit: 10, mode: Mode::Enforce },
            "/count" => Verdict::CountBody { limit: 10, mode: Mode::Shadow },
            "/shadow" => {
                effects.shadow.push(Denial::new(Reason::PathMalformed));
                Verdict::Continue
            }
            "/both" => {
                effects.shadow.push(Denial::new(Reason::MethodOverride));
                Verdict::Deny(Denial::new(Reason::PathMalformed))
            }
            "/pass?late" => Verdict::Continue,
            _ => Verdict::Deny(Denial::new(Reason::PathMalformed)),
        };
        Step { verdict, effects }
    }

    fn on_response_headers(
        &self,
        (): &mut (),
        path: &mut String,
        _: &ResponseHead<'_>,
        _: &dyn Cx,
    ) -> ResponseStep {
        late_report(path).into()
    }

    fn on_done(&self, (): &mut (), path: &mut String, _: &dyn Cx) -> Effects {
        late_report(path)
    }
}

/// What is noticed after the decision.
fn late_report(path: &str) -> Effects {
    let mut effects = Effects::default();
    if path.ends_with("?late") {
        effects.shadow.push(Denial::new(Reason::MethodOverride));
    }
    effects
}

/// What is exported under this key, in order.
fn exported(outcome: &Outcome, key: &str) -> Vec<String> {
    let with_key = outcome.exports.iter().filter(|(other, _)| other == key);
    with_key.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn a_denial_stays_the_decision_whatever_is_reported_with_it_or_later() {
    let denied = testkit::drive::<Stubborn>(IGNORE, request("POST", "/both"));
    assert_eq!(exported(&denied, "portcullis.stubborn.decision"), ["deny"]);
    assert_eq!(exported(&denied, "portcullis.stubborn.shadow"), ["method.override"]);

    let mut exchange = Exchange::<Stubborn>::new(IGNORE);
    assert_eq!(refused(&exchange.request(request("POST", "/deny?late"))), Some("path.malformed"));
    for (outcome, list) in [
        (exchange.response(&response(400, &[])), "method.override"),
        (exchange.done(), "method.override,method.override"),
    ] {
        assert_eq!(exported(&outcome, "portcullis.stubborn.decision"), [""; 0]);
        assert_eq!(exported(&outcome, "portcullis.stubborn.shadow"), [list]);
        assert_eq!(
            outcome.counters,
            ["portcullis_stubborn_shadowed_instance=stubborn_reason=method.override"]
        );
    }
}

#[test]
fn a_late_report_about_a_request_that_passed_is_its_decision() {
    let mut exchange = Exchange::<Stubborn>::new(IGNORE);
    assert_eq!(exchange.request(request("POST", "/pass?late")).flow, Flow::Continue);
    let outcome = exchange.response(&response(200, &[]));
    assert_eq!(exported(&outcome, "portcullis.stubborn.decision"), ["shadow"]);
}

#[test]
fn a_policy_that_waits_again_for_a_body_it_has_is_not_obeyed() {
    for path in ["/await", "/count"] {
        let outcome = testkit::drive::<Stubborn>(IGNORE, request("POST", path));
        assert_eq!(refused(&outcome), Some("policy.phase"), "{path}");
    }
}

#[test]
fn what_two_events_ask_for_at_once_is_performed_in_order() {
    let denied = testkit::drive::<Stubborn>(IGNORE, request("POST", "/deny"));
    assert_eq!(refused(&denied), Some("path.malformed"));
    assert_eq!(exported(&denied, "portcullis.at"), ["headers", "body"]);

    let shadowed = testkit::drive::<Stubborn>(IGNORE, request("POST", "/shadow"));
    assert_eq!(shadowed.flow, Flow::Continue);
    assert_eq!(exported(&shadowed, "portcullis.stubborn.shadow"), ["method.override,path.malformed"]);
    assert_eq!(shadowed.counters.len(), 2);
}

#[test]
fn a_report_of_a_later_event_keeps_what_was_reported_before() {
    let mut exchange = Exchange::<Stubborn>::new(IGNORE);
    let _ = exchange.request_head(request("POST", "/shadow"));
    let outcome = exchange.data(1, true, Some(b"x"));
    let expected = ("portcullis.stubborn.shadow".to_owned(), b"method.override,path.malformed".to_vec());
    assert!(outcome.exports.contains(&expected), "{:?}", outcome.exports);
}

#[test]
fn the_world_of_a_test_is_the_same_in_every_run() {
    let cx = TestCx::default().property(&["source", "address"], "192.0.2.1:4711");
    let (mut one, mut other) = ([0; 12], [0; 12]);
    assert!(cx.random(&mut one) && TestCx::default().random(&mut other));
    assert_eq!(one, other);
    assert!(cx.random(&mut other));
    assert_ne!(one, other);
    assert!(!TestCx::default().without_random().random(&mut one));
    assert_eq!(Cx::property(&cx, &["source", "address"]).as_deref(), Some(b"192.0.2.1:4711".as_slice()));
    assert_eq!(Cx::property(&cx, &["source"]), None);
    let before = cx.now();
    cx.advance(Duration::from_secs(2));
    cx.step_back(Duration::from_secs(1));
    assert_eq!(cx.now().0, before.0 + 1_000_000);
}
