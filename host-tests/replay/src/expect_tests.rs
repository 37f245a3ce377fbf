//! Every form of expectation, met and not met.

use std::collections::BTreeSet;

use recorder::{End, Recorded};

use super::Expect;
use crate::observation::{CallOutSeen, LogLine, Observation, Verdict};
use crate::yaml;

fn pairs(pairs: &[(&str, &[u8])]) -> recorder::Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

fn request(path: &[u8]) -> Recorded {
    Recorded {
        method: "PUT".into(),
        authority: Some(b"h".to_vec()),
        path: path.to_vec(),
        headers: pairs(&[("x", b"1")]),
        body: b"abc".to_vec(),
        trailers: pairs(&[("t", b"2")]),
        version: http::Version::HTTP_11,
        end: End::Complete,
    }
}

fn line(prefix: &str, text: &str) -> LogLine {
    LogLine { level: "info".into(), prefix: prefix.into(), text: text.into() }
}

fn observation() -> Observation {
    Observation {
        verdict: Verdict::Deny,
        status: Some(405),
        headers: pairs(&[("allow", b"GET"), ("vary", b"a"), ("vary", b"b"), ("x-bin", b"\xff")]),
        body: br#"{"code":"a","n":1,"list":[1,2]}"#.to_vec(),
        trailers: pairs(&[("grpc-status", b"12")]),
        reason: Some("method.not_allowed".into()),
        shadow: vec!["path.ambiguous".into()],
        upstream: vec![request(b"/p?\xe9")],
        unreadable: Vec::new(),
        logs: Some(vec![line("probe", "a: b"), line("", "\u{e9}")]),
        callouts: Some(vec![CallOutSeen { cluster: "keys".into(), request: request(b"/k") }]),
        unrecorded: BTreeSet::new(),
        traps: 0,
        problems: Vec::new(),
        error: None,
    }
}

fn differences(expect: &str, seen: &Observation) -> Vec<String> {
    yaml::parse::<Expect>(expect).unwrap().differences(seen)
}

#[test]
fn what_holds_says_nothing() {
    for expect in [
        "{}",
        "{verdict: deny, status: 405, reason: method.not_allowed, shadow: [path.ambiguous]}",
        "{headers: {Allow: GET, server: null, vary: [a, b], x-bin: {b64: /w==}}}",
        "{headers: {vary: [a, {b64: Yg==}], x: []}}",
        r#"{body: '{"code":"a","n":1,"list":[1,2]}'}"#,
        "{body_json: {code: a, list: [1, 2]}}",
        "{trailers: {grpc-status: '12'}, grpc_status: 12}",
        "{upstream: true}",
        "{logs: ['info probe: a: b', 'info: \u{e9}'], traps: 0}",
        "{logs: [{join: ['info probe', ': a: b']}, {b64: aW5mbzogw6k=}]}",
        "{callouts: [{}]}",
        "{callouts: [{cluster: keys, method: PUT, authority: h, path: /k, headers: {x: '1', y: null}, body: abc}]}",
        "{upstream: {method: PUT, authority: h, path: {b64: L3A/6Q==}, headers: {x: '1', y: null}, body: abc, trailers: {t: '2'}}}",
    ] {
        assert_eq!(differences(expect, &observation()), [""; 0], "{expect}");
    }
}

#[test]
fn what_does_not_hold_is_said_in_full() {
    for (expect, says) in [
        ("{verdict: pass}", "verdict: expected pass, got deny"),
        ("{status: 200}", "status: expected 200, got 405"),
        ("{reason: null}", "reason: expected none, got method.not_allowed"),
        ("{reason: other}", "reason: expected other, got method.not_allowed"),
        ("{shadow: []}", "shadow: expected , got path.ambiguous"),
        ("{headers: {allow: null}}", r#"headers.allow: expected absent, got "GET""#),
        ("{headers: {allow: 'GET, HEAD'}}", r#"headers.allow: expected "GET, HEAD", got "GET""#),
        ("{headers: {vary: a}}", r#"headers.vary: expected "a", got ["a", "b"]"#),
        ("{headers: {vary: [b, a]}}", r#"headers.vary: expected ["b", "a"], got ["a", "b"]"#),
        ("{headers: {server: envoy}}", r#"headers.server: expected "envoy", got absent"#),
        ("{headers: {x-bin: x}}", r#"headers.x-bin: expected "x", got {b64: /w==}"#),
        ("{body: x}", "body: expected \"x\", got \"{\\\"code"),
        ("{body_json: {code: b}}", r#"body_json.code: expected "b", got "a""#),
        ("{body_json: {list: [1]}}", "body_json.list: expected [1], got [1,2]"),
        ("{body_json: {none: null}}", "body_json.none: expected null, got nothing"),
        ("{trailers: {grpc-status: null}}", "trailers.grpc-status: expected absent"),
        ("{grpc_status: 7}", r#"grpc_status: expected 7, got "12""#),
        ("{upstream: false}", r"upstream: expected not contacted, got contacted: PUT /p?\xe9"),
        ("{upstream: {method: POST}}", "upstream.method: expected POST, got PUT"),
        ("{upstream: {authority: x}}", "upstream.authority: expected \"x\", got \"h\""),
        ("{upstream: {path: /p}}", "upstream.path: expected \"/p\", got {b64:"),
        ("{upstream: {headers: {x: null}}}", "upstream.headers.x: expected absent"),
        ("{upstream: {body: ab}}", "upstream.body: expected \"ab\", got \"abc\""),
        ("{upstream: {trailers: {t: null}}}", "upstream.trailers.t: expected absent"),
        ("{logs: ['info probe: a: b']}", "logs[1]: expected nothing, got \"info: \u{e9}\""),
        ("{logs: ['info probe: a: b', 'info: \u{e9}', x]}", "logs[2]: expected \"x\", got nothing"),
        ("{logs: ['warning probe: a: b', 'info: \u{e9}']}", "logs[0]: expected \"warning probe: a: b\", got"),
        ("{callouts: []}", "callouts: expected 0 call-outs, got keys: PUT /k"),
        ("{callouts: [{}, {}]}", "callouts: expected 2 call-outs, got keys: PUT /k"),
        ("{callouts: [{cluster: auth}]}", "callouts[0].cluster: expected auth, got keys"),
        ("{callouts: [{headers: {x: [a]}}]}", r#"callouts[0].headers.x: expected "a", got "1""#),
        ("{callouts: [{body: b}]}", "callouts[0].body: expected \"b\", got \"abc\""),
        ("{traps: 2}", "traps: expected 2, got 0"),
    ] {
        let found = differences(expect, &observation());
        assert!(found.len() == 1 && found[0].starts_with(says), "{expect}: {found:?}");
    }
}

#[test]
fn the_upstream_is_judged_by_what_reached_it() {
    let mut cut = observation();
    cut.upstream[0].end = End::CutOff;
    assert_eq!(differences("{upstream: true}", &cut), [""; 0], "a request that was cut off is a contact");
    assert_eq!(
        differences("{upstream: {method: PUT}}", &cut),
        ["upstream: expected a complete request, got a request that was cut off"]
    );
    let mut unreadable = observation();
    unreadable.upstream.clear();
    unreadable.unreadable.push("invalid HTTP method".into());
    assert_eq!(differences("{upstream: true}", &unreadable), [""; 0]);
    assert_eq!(differences("{upstream: false}", &unreadable).len(), 1);
    assert_eq!(differences("{upstream: {}}", &unreadable).len(), 1);
    let mut twice = observation();
    twice.upstream.push(twice.upstream[0].clone());
    assert_eq!(differences("{upstream: true}", &twice), [""; 0]);
    assert_eq!(differences("{upstream: {method: PUT}}", &twice).len(), 1, "exactly one request");
    let none = Observation { upstream: Vec::new(), ..observation() };
    assert_eq!(differences("{upstream: false}", &none), [""; 0]);
    assert_eq!(differences("{upstream: {}}", &none), ["upstream: expected one request, got not contacted"]);
}

#[test]
fn without_a_response_the_cause_is_told_with_the_differences() {
    let none = Observation::no_response("reset".into());
    assert_eq!(differences("{verdict: error}", &none), [""; 0]);
    assert_eq!(
        differences("{status: 200}", &none),
        ["status: expected 200, got no response", "no whole response: reset"]
    );
    assert_eq!(differences("{body_json: {}}", &none).len(), 2, "an empty body is no object");
}

#[test]
fn what_an_executor_does_not_know_is_not_judged() {
    let unknown = Observation { logs: None, callouts: None, ..observation() };
    assert_eq!(differences("{logs: [x], callouts: [{}, {}]}", &unknown), [""; 0]);
}

#[test]
fn what_nobody_asked_about_counts_too() {
    let trapped = Observation { traps: 1, ..observation() };
    assert_eq!(differences("{}", &trapped), ["traps: expected 0, got 1"]);
    assert_eq!(differences("{traps: 1}", &trapped), [""; 0]);
    let impossible = Observation { problems: vec!["no such script".into()], ..observation() };
    assert_eq!(differences("{}", &impossible), ["no such script"]);
    let mut cut = observation();
    cut.callouts.as_mut().unwrap()[0].request.end = End::CutOff;
    assert_eq!(
        differences("{callouts: [{cluster: keys}]}", &cut),
        ["callouts[0]: expected a complete request, got a request that was cut off"]
    );
}

#[test]
fn unknown_forms_are_refused() {
    for (expect, says) in [
        ("{verdict: allow}", "allow"),
        ("{headers: {a: 1}}", "quote numbers"),
        ("{headers: {a: [1]}}", "quote numbers"),
        ("{headers: {a: {b65: x}}}", "b65"),
        ("{upstream: yes please}", "true, false or"),
        ("{upstream: {methods: GET}}", "methods"),
        ("{stats: 1}", "stats"),
    ] {
        let error = yaml::parse::<Expect>(expect).unwrap_err().to_string();
        assert!(error.contains(says), "{expect}: {error}");
    }
}

#[test]
fn what_nobody_records_is_not_judged() {
    let seen = Observation { unrecorded: BTreeSet::from(["redis".to_owned()]), ..observation() };
    assert_eq!(
        differences("{callouts: [{cluster: redis}, {cluster: keys}, {cluster: redis}]}", &seen),
        [""; 0]
    );
    let found = differences("{callouts: [{cluster: redis}]}", &seen);
    assert_eq!(found, ["callouts: expected 0 call-outs, got keys: PUT /k"]);
}
