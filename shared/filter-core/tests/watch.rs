//! Answers that are looked at while they pass.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise"
)]

use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::stream::Stream;
use probe::Probe;
use testkit::{Exchange, TestCx, request, response};

const WATCH: &str = r#"{"version": 1, "watch": 10, "forbidden": "evil"}"#;
const LARGE: &str = r#"{"version": 1, "watch": 4000000}"#;

/// What the policy said of the answer.
fn said(outcomes: &[Outcome]) -> Vec<&str> {
    assert!(outcomes.iter().all(|outcome| outcome.flow == Flow::Continue));
    let lines = outcomes.iter().flat_map(|outcome| &outcome.logs).map(|line| line.text.as_str());
    lines.filter(|text| text.starts_with("watched")).collect()
}

fn watched(config: &str, head: &[(&str, &str)], pieces: &[(&str, bool)], trailers: bool) -> Vec<Outcome> {
    let mut exchange = Exchange::<Probe>::new(config);
    let _ = exchange.request(request("GET", "/orders"));
    let mut outcomes = vec![exchange.response(&response(200, head))];
    outcomes.extend(pieces.iter().map(|(piece, end)| exchange.response_data(piece.as_bytes(), *end)));
    if trailers {
        outcomes.push(exchange.response_trailers(&Headers::default()));
    }
    outcomes.push(exchange.done());
    outcomes
}

#[test]
fn an_answer_is_seen_whole_once_however_it_ends() {
    for (pieces, trailers, expected) in [
        (&[("abc", true)][..], false, &["watched 3 bytes"][..]),
        (&[("abc", false), ("def", false), ("", true)], false, &["watched 6 bytes"]),
        (&[("abc", false), ("def", false)], true, &["watched 6 bytes"]),
        (&[("0123456789", true)], false, &["watched 10 bytes"]),
        (&[("01234", false), ("56789", false), ("x", true)], false, &["watched too much"]),
        (&[("0123456789x", false), ("", true)], false, &["watched too much"]),
        (&[("", true)], false, &["watched 0 bytes"]),
        (&[], true, &["watched 0 bytes"]),
        // Cut off.
        (&[("abc", false)], false, &[]),
    ] {
        assert_eq!(said(&watched(WATCH, &[], pieces, trailers)), expected, "{pieces:?} {trailers}");
    }
}

#[test]
fn what_is_reported_changes_nothing() {
    let outcomes = watched(WATCH, &[], &[("..ev", false), ("il..", true)], false);
    assert!(outcomes.iter().skip(1).all(|outcome| outcome.headers.is_empty()));
    let exports: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.exports.clone()).collect();
    assert!(
        exports.contains(&("portcullis.probe.shadow".to_owned(), b"schema.response".to_vec())),
        "{exports:?}"
    );
    // The line says which request it was.
    let mut lines = outcomes.iter().flat_map(|outcome| &outcome.logs).map(|line| line.text.as_str());
    let line = lines.find(|text| text.contains("schema.response"));
    assert!(line.is_some_and(|line| line.contains("\"path\":\"/orders\"")), "{line:?}");
}

#[test]
fn an_announced_length_above_the_limit_is_not_gathered() {
    let outcomes = watched(WATCH, &[("content-length", "11")], &[("abc", false), ("", true)], false);
    assert_eq!(said(&outcomes), ["watched too much"]);
}

#[test]
fn an_answer_without_a_body_is_an_empty_one_whatever_length_it_tells() {
    let mut exchange = Exchange::<Probe>::new(WATCH);
    let _ = exchange.request(request("HEAD", "/"));
    assert_eq!(
        said(&[exchange.response_only(&response(200, &[("content-length", "4000")]))]),
        ["watched 0 bytes"]
    );
}

#[test]
fn nothing_is_gathered_that_was_not_asked_for() {
    let outcomes = watched(r#"{"version": 1}"#, &[], &[("abc", true)], false);
    assert_eq!(said(&outcomes), [""; 0]);
}

/// Two answers of 3 MB do not fit at once; what was gathered is given back, whatever became of it.
#[test]
fn a_worker_gathers_so_much_and_no_more() {
    let (cx, mut filter) = (TestCx::default(), Filter::<Probe>::default());
    filter.configure("probe", LARGE.as_bytes(), &()).unwrap_or_else(|errors| panic!("{errors}"));
    let mut streams = [Stream::<Probe>::new(1), Stream::new(2), Stream::new(3)];
    let (headers, answer): (Headers, _) = (request("GET", "/").into(), response(200, &[]));
    for stream in &mut streams {
        let _ =
            stream.request_headers(&mut filter, &RequestHead { headers: &headers, end_of_stream: true }, &cx);
        let _ = stream.response_headers(
            &mut filter,
            &ResponseHead { headers: &answer, end_of_stream: false },
            &cx,
        );
    }
    let megabytes = vec![b'x'; 3_000_000];
    let [one, two, three] = &mut streams;
    let mut piece = |stream: &mut Stream<Probe>, end: bool| {
        let bytes: &[u8] = if end { b"" } else { &megabytes };
        stream.response_body(&mut filter, bytes.len(), end, &mut || Some(bytes.to_vec()), &cx)
    };
    let begun = [piece(one, false), piece(two, false)];
    assert_eq!(said(&begun), [""; 0]);
    let skipped = [piece(two, true)];
    assert_eq!(said(&skipped), ["watched too much"]);
    assert!(
        skipped[0].counters.iter().any(|name| name.contains("watch_skipped")),
        "{:?}",
        skipped[0].counters
    );
    assert_eq!(said(&[piece(one, true)]), ["watched 3000000 bytes"]);
    assert_eq!(said(&[piece(three, false), piece(three, true)]), ["watched 3000000 bytes"]);
}

/// A stream that is cut off gives back what it gathered.
#[test]
fn what_is_cut_off_takes_no_room() {
    let mut exchange = Exchange::<Probe>::new(LARGE);
    let megabytes = "x".repeat(3_000_000);
    for end in [false, false, false, true] {
        exchange.next_stream();
        let _ = exchange.request(request("GET", "/"));
        let outcomes =
            [exchange.response(&response(200, &[])), exchange.response_data(megabytes.as_bytes(), end)];
        let expected: &[&str] = if end { &["watched 3000000 bytes"] } else { &[] };
        assert_eq!(said(&outcomes), expected);
        let _ = exchange.done();
    }
}
