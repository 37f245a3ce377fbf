//! One request through the phase machine: what is held, what passes, what is refused by size.

#![allow(clippy::panic, reason = "a helper of a test may stop at the first surprise")]

use filter_core::effect::HeaderOp;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use probe::Probe;
use serde_json::Value;
use testkit::{Exchange, drive, request, response};

/// An event and, for body events, how many bytes the host counts and hands over.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Head with this `content-length`, a body follows.
    Head(Option<&'static str>),
    /// Head without anything after it.
    Only,
    Data(usize),
    LastData(usize),
    /// The end in an event of its own: no new bytes, so many buffered.
    End(usize),
    Trailers(usize),
}

use Event::{Data, End, Head, LastData, Only, Trailers};

fn run(exchange: &mut Exchange<Probe>, event: Event) -> Outcome {
    let head = request("POST", "/upload").header("x-request-id", "7f1e");
    let bytes = |size: usize| vec![b'x'; size.min(10_000)];
    match event {
        Head(None) => exchange.request_head(head),
        Head(Some(length)) => exchange.request_head(head.header("content-length", length)),
        Only => exchange.request(head),
        Data(size) => exchange.data(size, false, Some(&bytes(size))),
        LastData(size) => exchange.data(size, true, Some(&bytes(size))),
        End(size) => exchange.data(0, true, Some(&bytes(size))),
        Trailers(size) => exchange.trailers(Some(&bytes(size))),
    }
}

fn flow(outcome: &Outcome) -> String {
    match &outcome.flow {
        Flow::Continue => "go".to_owned(),
        Flow::Pause => "hold".to_owned(),
        Flow::Reply(reply) => format!("{} {}", reply.status, reply.details),
    }
}

/// What a later answer says the policy saw of the body.
fn body_seen(exchange: &mut Exchange<Probe>) -> Option<String> {
    let outcome = exchange.response(&response(200, &[]));
    outcome.headers.iter().find_map(|op| match op {
        HeaderOp::Set(name, value) if name == "x-probe-body" => value.to_str().ok().map(str::to_owned),
        _ => None,
    })
}

fn assert_flows(config: &str, rows: &[(&[Event], &[&str], Option<&str>)]) {
    for (events, flows, seen) in rows {
        let mut exchange = Exchange::<Probe>::new(config);
        let got: Vec<String> = events.iter().map(|event| flow(&run(&mut exchange, *event))).collect();
        assert_eq!(got, *flows, "{events:?}");
        assert_eq!(body_seen(&mut exchange).as_deref(), *seen, "{events:?}");
    }
}

const AWAIT: &str = r#"{"version": 1, "body": "await", "limit": 10}"#;
const HOLD: &str = r#"{"version": 1, "body": "await", "limit": 10, "hold_headers": true}"#;
const COUNT: &str = r#"{"version": 1, "body": "count", "limit": 10}"#;
const SHADOW_AWAIT: &str = r#"{"version": 1, "body": "await", "limit": 10, "mode": "shadow"}"#;
const SHADOW_COUNT: &str = r#"{"version": 1, "body": "count", "limit": 10, "mode": "shadow"}"#;
const TOO_LARGE: &str = "413 portcullis_size.body";
const PHASE: &str = "503 portcullis_policy.phase";

#[test]
fn an_awaited_body_is_seen_whole_however_it_ends() {
    assert_flows(
        AWAIT,
        &[
            (&[Only], &["go"], Some("0")),
            (&[Head(None), LastData(10)], &["go", "go"], Some("10")),
            (&[Head(Some("10")), Data(4), LastData(10)], &["go", "hold", "go"], Some("10")),
            (&[Head(None), Data(4), Data(9), End(9)], &["go", "hold", "hold", "go"], Some("9")),
            (&[Head(None), Data(4), Trailers(4)], &["go", "hold", "go"], Some("4")),
            (&[Head(None), Trailers(0)], &["go", "go"], Some("0")),
            (&[Head(None), End(0)], &["go", "go"], Some("0")),
            (&[Head(None), LastData(3), Trailers(3)], &["go", "go", "go"], Some("3")),
        ],
    );
}

#[test]
fn an_awaited_body_over_the_limit_is_refused_as_soon_as_that_is_known() {
    assert_flows(
        AWAIT,
        &[
            (&[Head(Some("11"))], &[TOO_LARGE], None),
            (&[Head(Some("18446744073709551615"))], &[TOO_LARGE], None),
            (&[Head(None), LastData(11)], &["go", TOO_LARGE], None),
            (&[Head(None), Data(10), Data(11)], &["go", "hold", TOO_LARGE], None),
            (&[Head(Some("5")), Data(11)], &["go", TOO_LARGE], None),
        ],
    );
}

#[test]
fn a_content_length_that_is_no_number_leaves_it_to_the_count() {
    for length in ["", "abc", "1e9", "+11", "-1", "11, 11", " 11", "99999999999999999999999"] {
        assert_flows(
            AWAIT,
            &[
                (&[Head(Some(length)), LastData(10)], &["go", "go"], Some("10")),
                (&[Head(Some(length)), Data(11)], &["go", TOO_LARGE], None),
            ],
        );
    }
}

#[test]
fn a_policy_that_holds_its_headers_holds_them_until_the_verdict() {
    assert_flows(
        HOLD,
        &[
            (&[Only], &["go"], Some("0")),
            (&[Head(None), Data(4), LastData(10)], &["hold", "hold", "go"], Some("10")),
            (&[Head(None), Trailers(0)], &["hold", "go"], Some("0")),
            (&[Head(Some("11"))], &[TOO_LARGE], None),
            (&[Head(None), Data(11), Trailers(11)], &["hold", TOO_LARGE, "hold"], None),
        ],
    );
}

#[test]
fn a_counted_body_passes_while_it_is_within_the_limit() {
    assert_flows(
        COUNT,
        &[
            (&[Only], &["go"], None),
            (&[Head(Some("10")), Data(4), LastData(6)], &["go", "go", "go"], None),
            (&[Head(None), Data(4), Data(6), End(0)], &["go", "go", "go", "go"], None),
            (&[Head(None), Data(10), Trailers(0)], &["go", "go", "go"], None),
            (&[Head(Some("11"))], &[TOO_LARGE], None),
            (&[Head(None), Data(4), Data(6), Data(1)], &["go", "go", "go", TOO_LARGE], None),
            (&[Head(None), Data(usize::MAX), Data(usize::MAX)], &["go", TOO_LARGE, "hold"], None),
        ],
    );
}

#[test]
fn a_body_nobody_asked_for_passes_unseen() {
    assert_flows(
        r#"{"version": 1, "limit": 10}"#,
        &[(&[Head(Some("1000")), Data(1000), LastData(2000)], &["go", "go", "go"], None)],
    );
}

#[test]
fn nothing_resumes_after_an_answer() {
    for config in [AWAIT, COUNT] {
        assert_flows(
            config,
            &[(
                &[Head(Some("11")), Data(1), LastData(2), Trailers(2)],
                &[TOO_LARGE, "hold", "hold", "hold"],
                None,
            )],
        );
    }
}

#[test]
fn an_order_of_events_that_cannot_be_is_refused() {
    let second_head = Head(None);
    assert_flows(
        AWAIT,
        &[
            (&[Data(1)], &[PHASE], None),
            (&[Trailers(0), Data(1)], &[PHASE, "hold"], None),
            (&[Head(None), second_head, LastData(1)], &["go", PHASE, "hold"], None),
            (&[Only, second_head], &["go", PHASE], Some("0")),
            (&[Head(Some("11")), second_head], &[TOO_LARGE, PHASE], None),
        ],
    );
}

#[test]
fn a_body_that_is_not_the_one_that_was_counted_is_refused() {
    let cases: &[(&str, Option<&[u8]>)] = &[
        ("fewer bytes than announced", Some(b"12345")),
        ("nothing", Some(b"")),
        ("no body at all", None),
        ("more than the limit", Some(b"12345678901")),
    ];
    for (what, body) in cases {
        let mut exchange = Exchange::<Probe>::new(AWAIT);
        let _ = run(&mut exchange, Head(None));
        assert_eq!(flow(&exchange.data(6, true, *body)), PHASE, "{what}");
        let mut exchange = Exchange::<Probe>::new(AWAIT);
        let _ = run(&mut exchange, Head(None));
        let _ = run(&mut exchange, Data(6));
        assert_eq!(flow(&exchange.trailers(*body)), PHASE, "{what}, in trailers");
        assert_eq!(body_seen(&mut exchange), None, "{what}");
    }
}

#[test]
fn a_body_of_nothing_is_not_asked_for() {
    for trailers in [false, true] {
        let mut exchange = Exchange::<Probe>::new(AWAIT);
        let _ = run(&mut exchange, Head(None));
        // The host has no buffer to hand over.
        let outcome = if trailers { exchange.trailers(None) } else { exchange.data(0, true, None) };
        assert_eq!((flow(&outcome).as_str(), body_seen(&mut exchange).as_deref()), ("go", Some("0")));
    }
}

#[test]
fn a_policy_may_refuse_a_body_for_what_it_holds() {
    let config = r#"{"version": 1, "body": "await", "forbidden": "xxx"}"#;
    assert_flows(
        config,
        &[
            (&[Head(None), Data(2), LastData(3)], &["go", "hold", TOO_LARGE], Some("3")),
            (&[Head(None), LastData(2)], &["go", "go"], Some("2")),
            (&[Head(None), Data(3), Trailers(3)], &["go", "hold", TOO_LARGE], Some("3")),
        ],
    );
}

#[test]
fn in_shadow_a_body_over_the_limit_passes_unseen_and_is_reported_once() {
    let rows: &[(&str, &[Event], usize)] = &[
        (SHADOW_AWAIT, &[Head(Some("11")), Data(11), LastData(11)], 0),
        (SHADOW_AWAIT, &[Head(None), Data(4), Data(11), Data(5000), LastData(3)], 2),
        (SHADOW_COUNT, &[Head(Some("11")), Data(11), LastData(11)], 0),
        (SHADOW_COUNT, &[Head(None), Data(6), Data(5), Data(5000), Trailers(0)], 2),
    ];
    for (config, events, reported_at) in rows {
        let mut exchange = Exchange::<Probe>::new(config);
        for (i, event) in events.iter().enumerate() {
            let outcome = run(&mut exchange, *event);
            let held = i > 0 && i < *reported_at && *config == SHADOW_AWAIT;
            assert_eq!(flow(&outcome), if held { "hold" } else { "go" }, "{events:?} {event:?}");
            let reported = if i == *reported_at {
                vec![
                    ("portcullis.probe.shadow".to_owned(), b"size.body".to_vec()),
                    ("portcullis.probe.decision".to_owned(), b"shadow".to_vec()),
                ]
            } else {
                Vec::new()
            };
            let exports: Vec<_> = outcome
                .exports
                .iter()
                .filter(|(key, _)| key.starts_with("portcullis.probe."))
                .cloned()
                .collect();
            assert_eq!(exports, reported, "{events:?} {event:?}");
            let counted = "portcullis_probe_shadowed_instance=probe_reason=size.body".to_owned();
            assert_eq!(outcome.counters.contains(&counted), i == *reported_at);
            let logged = outcome.logs.iter().any(|line| line.text.contains("\"event\":\"shadow\""));
            assert_eq!(logged, i == *reported_at);
        }
        assert_eq!(body_seen(&mut exchange), None);
    }
}

#[test]
fn a_refusal_is_answered_counted_exported_and_logged() {
    for (config, events) in [
        (AWAIT, &[Head(Some("11"))][..]),
        (AWAIT, &[Head(None), Data(11)]),
        (COUNT, &[Head(None), Data(4), Data(7)]),
    ] {
        let mut exchange = Exchange::<Probe>::new(config);
        let outcomes: Vec<Outcome> = events.iter().map(|event| run(&mut exchange, *event)).collect();
        let outcome = outcomes.last().unwrap_or_else(|| panic!("no events"));
        assert_eq!(outcome.headers, [], "a request that goes nowhere is not changed");
        for (key, value) in [("decision", "deny"), ("reason", "size.body")] {
            assert!(outcome.exports.contains(&(format!("portcullis.probe.{key}"), value.into())));
        }
        assert_eq!(outcome.counters, ["portcullis_probe_denied_instance=probe_reason=size.body"]);
        let [line] = outcome.logs.as_slice() else { panic!("{:?}", outcome.logs) };
        let line: Value = serde_json::from_str(&line.text).unwrap();
        assert_eq!(line["event"], "deny");
        assert_eq!((&line["path"], &line["request_id"]), (&"/upload".into(), &"7f1e".into()));
    }
}

#[test]
fn what_a_policy_does_to_a_request_that_passes_is_performed() {
    for outcome in [
        drive::<Probe>(r#"{"version": 1}"#, request("GET", "/")),
        drive::<Probe>(AWAIT, request("GET", "/")),
        Exchange::<Probe>::new(AWAIT).request_head(request("POST", "/")),
    ] {
        assert!(matches!(outcome.headers.as_slice(), [HeaderOp::Add(name, _)] if name == "x-probe"));
        assert_eq!(outcome.exports, [("portcullis.probe".to_owned(), b"seen".to_vec())]);
        assert_eq!((outcome.counters.len(), outcome.logs.len()), (0, 0));
    }
}

#[test]
fn a_grpc_request_is_answered_in_its_own_protocol_in_every_phase() {
    let head = || request("POST", "/svc/Call").header("content-type", "application/grpc+proto");
    let mut exchange = Exchange::<Probe>::new(AWAIT);
    let _ = exchange.request_head(head());
    let replies =
        [drive::<Probe>(AWAIT, head().header("content-length", "11")), exchange.data(11, false, None)];
    for outcome in replies {
        let Flow::Reply(reply) = outcome.flow else { panic!("{outcome:?}") };
        assert_eq!((reply.grpc_status, reply.body.as_slice()), (Some(8), b"Content too large".as_slice()));
    }
    let mut exchange = Exchange::<Probe>::unconfigured();
    let Flow::Reply(reply) = exchange.request(head()).flow else { panic!("not refused") };
    assert_eq!(reply.grpc_status, Some(14));
}

#[test]
fn a_head_the_host_could_not_hand_over_is_refused() {
    let outcome = drive::<Probe>(r#"{"version": 1}"#, Headers::default());
    assert_eq!(flow(&outcome), "431 portcullis_header.too_many");
}
