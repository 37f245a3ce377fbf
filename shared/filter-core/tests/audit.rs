//! What a log line may say, and how many there may be.

use filter_core::audit::{Facts, LineLimiter, line};
use filter_core::denial::{Denial, Reason};
use filter_core::message::{Headers, RequestHead};
use filter_core::policy::Timestamp;
use filter_core::redact::{self, MAX_LINE};
use proptest::prelude::*;
use serde_json::{Value, json};

fn facts(headers: &Headers) -> Facts {
    Facts::of(&RequestHead { headers, end_of_stream: true })
}

#[test]
fn a_refusal_can_be_found_by_what_an_operator_knows() {
    let headers = Headers::from_pairs([
        (":method", "DELETE"),
        (":authority", "api.example.com"),
        (":path", "/orders?token=s3cr3t&page=2"),
        ("x-request-id", "7f1e"),
    ]);
    let denial = Denial::new(Reason::MethodNotAllowed).rule(&"orders".into());
    let mut expected = json!({
        "event": "deny",
        "instance": "edge",
        "reason": "method.not_allowed",
        "status": 405,
        "method": "DELETE",
        "authority": "api.example.com",
        "path": "/orders?token=*&page=*",
        "request_id": "7f1e",
        "rule": "orders",
    });
    let text = line("deny", "edge", &denial, &facts(&headers), 0);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);

    expected["suppressed"] = 12.into();
    let text = line("deny", "edge", &denial, &facts(&headers), 12);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn a_request_without_fields_still_makes_a_line() {
    let text = line("deny", "edge", &Denial::new(Reason::HeaderTooMany), &facts(&Headers::default()), 0);
    let expected = json!({
        "event": "deny", "instance": "edge", "reason": "header.too_many", "status": 431,
        "method": "", "authority": "", "path": "", "request_id": "",
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn what_deceives_a_reader_is_escaped() {
    let cases: &[(&[u8], &str)] = &[
        (b"plain", "plain"),
        ("é 日本".as_bytes(), "é 日本"),
        (b"a\r\nb", "a\\u{d}\\u{a}b"),
        (b"\x1b[2J", "\\u{1b}[2J"),
        (b"\0\x7f", "\\u{0}\\u{7f}"),
        ("\u{85}\u{9b}".as_bytes(), "\\u{85}\\u{9b}"),
        ("\u{202e}gnp.exe".as_bytes(), "\\u{202e}gnp.exe"),
        (
            "\u{2066}\u{2069}\u{200b}\u{feff}\u{2028}".as_bytes(),
            "\\u{2066}\\u{2069}\\u{200b}\\u{feff}\\u{2028}",
        ),
        (b"\xff\xc3", "\u{fffd}\u{fffd}"),
    ];
    for (bytes, shown) in cases {
        assert_eq!(redact::field(bytes), *shown);
    }
    assert_eq!(redact::line("one\ntwo"), "one\\u{a}two");
}

#[test]
fn a_field_and_a_line_end_somewhere() {
    assert_eq!(redact::field(&[b'a'; 256]), "a".repeat(256));
    assert_eq!(redact::field(&[b'a'; 257]), "a".repeat(256) + "…");
    assert_eq!(redact::field(&[b'a'; 100_000]), "a".repeat(256) + "…");
    assert!(redact::field(&[0; 100_000]).len() < 300, "what is written counts, not what came");
    assert_eq!(redact::line(&"a".repeat(MAX_LINE)), "a".repeat(MAX_LINE));
    assert_eq!(redact::line(&"a".repeat(MAX_LINE + 1)), "a".repeat(MAX_LINE) + "…");
}

#[test]
fn query_values_are_masked_and_names_kept() {
    for (raw, shown) in [
        ("/a", "/a"),
        ("/a?", "/a?*"),
        ("/a?token=s3cr3t", "/a?token=*"),
        ("/a?page=1&token=s3cr3t&x=", "/a?page=*&token=*&x=*"),
        ("/a?s3cr3t", "/a?*"),
        ("/a?&&a=1", "/a?*&*&a=*"),
        ("/a?a=b=s3cr3t", "/a?a=*"),
        ("/a?a=1;b=s3cr3t", "/a?a=*"),
        ("/a?=s3cr3t", "/a?=*"),
        ("/a?a=1?b=s3cr3t", "/a?a=*"),
        ("/a#token=s3cr3t", "/a?token=*"),
        ("/a%3Ftoken=s3cr3t", "/a%3F*"),
        ("/a%3ftoken=s3cr3t/b?c=s3cr3t", "/a%3F*?c=*"),
        ("/a%23s3cr3t", "/a%3F*"),
        ("/a%253Ftoken=s3cr3t", "/a%3F*"),
        ("/a;b%2523s3cr3t", "/a;*"),
        ("*", "*"),
        ("", ""),
    ] {
        assert_eq!(redact::path(raw.as_bytes()), shown, "{raw}");
    }
    let long = format!("/{}?token=s3cr3t", "a".repeat(300));
    assert_eq!(redact::path(long.as_bytes()), format!("/{}…?token=*", "a".repeat(255)));
}

#[test]
fn segment_parameters_are_masked() {
    for (raw, shown) in [
        ("/a;jsessionid=s3cr3t/b", "/a;*/b"),
        ("/a%3bjsessionid=s3cr3t/b", "/a;*/b"),
        ("/a%3Bjsessionid=s3cr3t/b?c=s3cr3t", "/a;*/b?c=*"),
        ("/a;x=s3cr3t;y=s3cr3t", "/a;*"),
        ("/a%3Bx=s3cr3t;y=s3cr3t", "/a;*"),
        ("/a;x=s3cr3t%3by=s3cr3t", "/a;*"),
        ("/a;s3cr3t/b;s3cr3t/", "/a;*/b;*/"),
        ("/a;s3cr3t\\b", "/a;*"),
        ("/;s3cr3t", "/;*"),
        ("/a;", "/a;*"),
        ("/a%3", "/a%3"),
        ("/a%3a", "/a%3a"),
    ] {
        assert_eq!(redact::path(raw.as_bytes()), shown, "{raw}");
    }
}

#[test]
fn a_password_before_the_host_is_masked() {
    for (raw, shown) in [
        ("api.example.com:8443", "api.example.com:8443"),
        ("alice:s3cr3t@api.example.com", "*@api.example.com"),
        ("a@s3cr3t@api.example.com", "*@api.example.com"),
        ("s3cr3t@", "*@"),
        ("", ""),
    ] {
        assert_eq!(redact::authority(raw.as_bytes()), shown, "{raw}");
    }
}

/// Few bytes and many, of all kinds.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        prop::collection::vec(
            prop::sample::select(b"\"\\\n\x00\x7f\x9b\xe2\x80\xae/?&=#a".as_slice()),
            0..2000
        ),
    ]
}

proptest! {
    #[test]
    fn no_request_can_break_a_line(
        method in hostile(),
        authority in hostile(),
        path in hostile(),
        id in hostile(),
        instance in ".{0,400}",
        rule in ".{0,400}",
        suppressed: u64,
    ) {
        let headers = Headers::from_pairs([
            (":method", method), (":authority", authority), (":path", path), ("x-request-id", id),
        ]);
        let denial = Denial::new(Reason::PathMalformed).rule(&rule.into());
        let text = line("shadow", &instance, &denial, &facts(&headers), suppressed);
        prop_assert!(text.len() < MAX_LINE, "{}", text.len());
        prop_assert!(!text.contains(|c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')), "{text}");
        prop_assert_eq!(&redact::line(&text), &text, "nothing is cut or escaped when it is written");
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&value["reason"], "path.malformed");
    }

    #[test]
    fn a_query_value_never_appears(
        pairs in prop::collection::vec(prop_oneof![
            "[a-z]{0,3}=[a-z=?;#]{0,3}s3cr3t",
            Just("s3cr3t".to_owned()),
            "[a-z]{0,2}",
        ], 1..6),
        start in prop::sample::select(&["/a?", "/?", "?", "/a#", "/a%3F", "/%23", "/a%253f"]),
    ) {
        let raw = format!("{start}{}", pairs.join("&"));
        prop_assert!(!redact::path(raw.as_bytes()).contains("s3cr3t"), "{raw}");
    }

    #[test]
    fn a_segment_parameter_never_appears(
        segments in prop::collection::vec("[a-z%3]{0,4}(;|%3b|%3B)[a-z=;%]{0,4}s3cr3t|[a-z]{0,3}", 1..6),
    ) {
        let raw = format!("/{}", segments.join("/"));
        prop_assert!(!redact::path(raw.as_bytes()).contains("s3cr3t"), "{raw}");
    }
}

const SECOND: u64 = 1_000_000;
const NOON: u64 = 1_767_268_800 * SECOND;

/// How many of `tries` lines at one moment are written.
fn written(limiter: &mut LineLimiter, now: u64, tries: usize) -> usize {
    (0..tries).filter(|_| limiter.admit(Timestamp(now)).is_some()).count()
}

#[test]
fn a_burst_is_written_and_then_ten_lines_a_second() {
    let mut limiter = LineLimiter::default();
    assert_eq!(written(&mut limiter, NOON, 1000), 50);
    assert_eq!(written(&mut limiter, NOON + 99_999, 1000), 0);
    assert_eq!(written(&mut limiter, NOON + 100_000, 1000), 1);
    assert_eq!(written(&mut limiter, NOON + SECOND, 1000), 9);
    let mut hour = 0;
    for tenth in 0..36_000 {
        hour += written(&mut limiter, NOON + SECOND + tenth * SECOND / 10, 3);
    }
    assert_eq!(hour, 35_999);
}

#[test]
fn silence_fills_the_burst_again_and_no_more() {
    let mut limiter = LineLimiter::default();
    for later in [0, 5 * SECOND, 3600 * SECOND] {
        assert_eq!(written(&mut limiter, NOON + later, 1000), 50);
    }
}

#[test]
fn the_next_line_says_how_many_were_left_out() {
    let mut limiter = LineLimiter::default();
    assert_eq!(limiter.admit(Timestamp(NOON)), Some(0));
    written(&mut limiter, NOON, 49 + 7);
    assert_eq!(limiter.admit(Timestamp(NOON + SECOND)), Some(7));
    assert_eq!(limiter.admit(Timestamp(NOON + SECOND)), Some(0), "once");
}

#[test]
fn a_clock_that_steps_back_neither_silences_the_log_nor_floods_it() {
    for back in [1000, SECOND, 3600 * SECOND, NOON] {
        let mut limiter = LineLimiter::default();
        written(&mut limiter, NOON, 1000);
        let now = NOON - back;
        assert_eq!(written(&mut limiter, now, 1000), 0, "{back}");
        assert!((9..=10).contains(&written(&mut limiter, now + SECOND, 1000)), "{back}");
    }
}

#[test]
fn the_end_of_time_is_no_panic() {
    let mut limiter = LineLimiter::default();
    for now in [u64::MAX, 0, u64::MAX] {
        limiter.admit(Timestamp(now));
    }
}
