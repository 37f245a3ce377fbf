//! Whole files, masked.

use std::io::Cursor;

use crate::{answer, data, exchanges, read, shown, try_read};
use replay::traffic::Redactor;

fn jsonl(text: &str) -> String {
    let mut out = Vec::new();
    let input = Cursor::new(text.as_bytes().to_vec());
    Redactor::new(&["/password"]).unwrap().redact_jsonl("t.jsonl", input, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn har(text: &[u8]) -> String {
    let mut out = Vec::new();
    Redactor::new(&["/password"]).unwrap().redact_har("a.har", text, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_keeps_all_that_is_no_secret() {
    let [before, after] = ["before", "after"]
        .map(|name| std::fs::read_to_string(data("redact").join(name).with_extension("jsonl")).unwrap());
    let masked = jsonl(&before);
    for ((masked, after), before) in masked.lines().zip(after.lines()).zip(before.lines()) {
        assert_eq!(masked, after, "{before}");
    }
    assert_eq!(masked.lines().count(), after.lines().count());
    assert_eq!(jsonl(&after), after, "masked once more");
    let several = "{}\r\n\n  \n{\"path\":\"/?token=a\"}\n{}";
    assert_eq!(jsonl(several), several.replace("=a", "=***"));
}

#[test]
fn masked_lines_are_read_as_the_same_steps() {
    let text = concat!(
        r#"{"id": "a", "method": "POST", "path": "/login?page=1", "headers": [["Content-Length", "44"], "#,
        r#"["Cookie", "sid=1"]], "body": "{\"user\":\"alice\",\"password\":\"correct horse\"}", "#,
        r#""chunks": [20], "response": {"status": 204, "body": ""}}"#
    );
    let (items, _) = try_read("t.jsonl", jsonl(text).as_bytes(), None).unwrap();
    let exchanges = exchanges(items);
    assert_eq!(
        shown(&exchanges[0]).replace('\\', ""),
        "POST http://api.example.com/login?page=1 H1 [Content-Length=33, Cookie=***] \
         {\"user\":\"alice\",\"password\":\"***\"}"
    );
    assert_eq!(answer(&exchanges[0]), "204 [] ");
}

#[test]
fn a_broken_line_ends_it() {
    let masked = |text: &'static str| {
        let redactor = Redactor::new(&["/password"]).unwrap();
        format!("{:#}", redactor.redact_jsonl("t.jsonl", text.as_bytes(), &mut Vec::new()).unwrap_err())
    };
    assert_eq!(masked("{}\n{\"path\": "), "t.jsonl:2: EOF while parsing a value (column 9)");
    assert_eq!(
        masked("{\"body\": {\"repeat\": \"a\", \"times\": 99999999999}}"),
        "t.jsonl:1: stands for more than 67108864 bytes"
    );
}

const SECRETS: [&str; 12] = [
    "c3VwZXItc2VjcmV0",
    "eyJhbGciOiJSUzI1NiJ9",
    "deadbeefcafe",
    "feedfacefeed",
    "hunter2",
    "YWxpY2U6aHVudGVyMg",
    "correct",
    "abcdefabcdef",
    "0123456789ab",
    "theme=dark",
    "cart=9",
    "lang=de",
];

#[test]
fn no_exporter_keeps_a_secret() {
    for name in ["chrome", "firefox", "safari", "mitmproxy", "charles", "fiddler", "playwright"] {
        let name = format!("{name}.har");
        let bytes = std::fs::read(data("har").join(&name)).unwrap();
        let masked = har(&bytes);
        for secret in SECRETS {
            assert!(!masked.contains(secret), "{name}: {secret}");
        }
        // As many lines, the same requests, the same answers: masks aside.
        let original = String::from_utf8(bytes).unwrap();
        assert_eq!(masked.lines().count(), original.lines().count(), "{name}");
        let ((before, before_warnings), (after, after_warnings)) =
            (read(&name, original), read(&name, &masked));
        assert_eq!(before_warnings, after_warnings, "{name}");
        for (before, after) in before.iter().zip(&after) {
            let (before, after) = (before.step.request(None), after.step.request(None));
            assert_eq!((&before.method, &before.authority), (&after.method, &after.authority));
            let names = |request: &replay::request::Request| -> Vec<String> {
                request.headers.iter().map(|(name, _)| name.clone()).collect()
            };
            assert_eq!(names(&before), names(&after), "{name}");
        }
        assert_eq!(har(masked.as_bytes()), masked, "{name}: masked once more");
    }
}

#[test]
fn har_keeps_all_that_is_no_secret() {
    let text = r#"{ "log" : { "version":"1.2", "_n": 1.10, "entries": [ {
        "startedDateTime": "2024-05-06T07:08:09Z", "_x": ["a?b=c", 12345678901234567890],
        "request": { "method": "POST", "url": "https://a/?page=1", "headersSize": 9, "bodySize": 12,
            "headers": [ { "name": "Content-Length", "value": "12" } ],
            "postData": { "mimeType": "application/x-www-form-urlencoded", "text": "password=abc",
                "params": [ { "name": "password", "value": "abc" } ] } },
        "response": { "status": 200, "headersSize": 7, "bodySize": 4, "headers": [],
            "content": { "size": 4, "mimeType": "text/plain", "text": "a=b\n" } }
    } ] } }"#;
    let masked = text
        .replace("\"headersSize\": 9, \"bodySize\": 12", "\"headersSize\": -1, \"bodySize\": -1")
        .replace("\"password=abc\"", "\"password=***\"")
        .replace("\"abc\"", "\"***\"");
    assert_eq!(har(text.as_bytes()), masked);
}

#[test]
fn encoded_bodies_stay_encoded() {
    let entry = |text: &str| {
        format!(
            r#"{{"log": {{"entries": [{{"response": {{"content": {{"mimeType": "application/json",
            "encoding": "base64", "text": "{text}", "size": 5}}}}}}]}}}}"#
        )
    };
    let masked = har(entry("eyJwYXNzd29yZCI6ICJodW50ZXIifQ==").as_bytes());
    assert_eq!(masked, entry("eyJwYXNzd29yZCI6ICIqKioifQ==").replace("\"size\": 5", "\"size\": -1"));
}

#[test]
fn what_is_no_har_is_not_copied() {
    let masked = |text: &str| {
        let redactor = Redactor::new(&["/password"]).unwrap();
        let mut out = Vec::new();
        let error = format!("{:#}", redactor.redact_har("a.har", text.as_bytes(), &mut out).unwrap_err());
        assert!(out.is_empty());
        error
    };
    assert_eq!(masked("{\"log\": "), "a.har:1:8: EOF while parsing a value");
    assert_eq!(masked("{\"log\": {\"entries\": {}}}"), "a.har: log.entries: not an array");
    assert_eq!(
        masked(r#"{"log": {"entries": [{"request": {"headers": {"cookie": "a"}}}]}}"#),
        "a.har: log.entries[0]: headers: not an array"
    );
    assert_eq!(
        masked(r#"{"log": {"entries": [{"response": {"content": {"encoding": "base64", "text": "*"}}}]}}"#),
        "a.har: log.entries[0]: text: bad base64: Invalid symbol 42, offset 0."
    );
    let deep = format!("{{\"log\": {{\"entries\": [{{\"_x\": {}{}}}]}}}}", "[".repeat(500), "]".repeat(500));
    assert_eq!(masked(&deep), "a.har: log.entries[0]: nested deeper than 128 levels");
}
