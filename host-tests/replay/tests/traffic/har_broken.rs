//! HAR that cannot be read says where.

use crate::error;

const GOOD: &str = r#"{
  "log": {
    "version": "1.2",
    "entries": [
      {
        "startedDateTime": "2024-05-06T07:08:09.123Z",
        "request": { "method": "GET", "url": "https://a.example/", "headers": [] },
        "response": { "status": 200, "headers": [], "content": { "text": "eA==", "encoding": "base64" } }
      },
      {
        "startedDateTime": "2024-05-06T07:08:10.123Z",
        "request": {
          "method": "GET",
          "url": "https://a.example/2",
          "headers": [ { "name": "a", "value": "b" } ]
        },
        "response": { "status": 200, "headers": [] }
      }
    ]
  }
}"#;

fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    error("x/a.har", GOOD.replacen(from, to, 1))
}

#[test]
fn not_json() {
    assert_eq!(
        broken("\"version\": \"1.2\",", "\"version\": \"1.2\""),
        "x/a.har:4:5: log: expected `,` or `}`"
    );
    assert_eq!(
        error("a.har", "{\"log\": {\"entries\": ["),
        "a.har:1:21: log.entries: EOF while parsing a list"
    );
    assert_eq!(error("a.har", ""), "a.har:1:0: EOF while parsing a value");
    assert_eq!(error("a.har", "<html>"), "a.har:1:1: expected value");
    assert_eq!(error("a.har", "{\"log\":{\"entries\":[]}} x"), "a.har:1:24: trailing characters");
    assert_eq!(error("a.har", b"{\"log\":\n\"\xff\"}"), "a.har:2: not UTF-8");
}

#[test]
fn a_member_is_missing() {
    assert_eq!(error("a.har", "{}"), "a.har:1:2: missing field `log`");
    assert_eq!(error("a.har", "{\"log\": {}}"), "a.har:1:10: log: missing field `entries`");
    assert_eq!(
        broken("\"url\": \"https://a.example/2\",", ""),
        "x/a.har:16:9: log.entries[1].request: missing field `url`"
    );
    assert_eq!(
        broken("\"startedDateTime\": \"2024-05-06T07:08:10.123Z\",", ""),
        "x/a.har:18:7: log.entries[1]: missing field `startedDateTime`"
    );
    assert_eq!(
        broken("\"name\": \"a\",", ""),
        "x/a.har:15:40: log.entries[1].request.headers[0]: missing field `name`"
    );
}

#[test]
fn a_member_has_another_type() {
    assert_eq!(
        broken("\"https://a.example/2\"", "7"),
        "x/a.har:14:18: log.entries[1].request.url: invalid type: integer `7`, expected a string"
    );
    assert_eq!(
        broken("\"value\": \"b\"", "\"value\": 1.5"),
        "x/a.har:15:50: log.entries[1].request.headers[0].value: invalid type: floating point `1.5`, \
         expected a string"
    );
    assert_eq!(
        broken("\"entries\": [", "\"entries\": {}, \"x\": ["),
        "x/a.har:4:15: log.entries: invalid type: map, expected a sequence"
    );
    assert_eq!(
        broken("\"GET\", \"url\"", "\"GET\", \"method\": \"PUT\", \"url\""),
        "x/a.har:7:46: log.entries[0].request: duplicate field `method`"
    );
}

#[test]
fn a_value_makes_no_sense() {
    assert_eq!(
        broken("2024-05-06T07:08:10.123Z", "yesterday"),
        "x/a.har:10: log.entries[1].startedDateTime: \"yesterday\" is no date with a zone, like \
         2024-05-06T07:08:09.123Z"
    );
    assert_eq!(
        broken("https://a.example/2", "/2"),
        "x/a.har:10: log.entries[1].request.url: \"/2\" is not a URL"
    );
    assert_eq!(
        broken("eA==", "e*=="),
        "x/a.har:5: log.entries[0].response.content.text: bad base64: Invalid symbol 42, offset 1."
    );
}

#[test]
fn nesting_has_no_effect() {
    let deep = format!("\"_deep\": {}1{}, \"request\"", "[".repeat(100_000), "]".repeat(100_000));
    let text = GOOD.replacen("\"request\"", &deep, 1);
    assert_eq!(crate::read("a.har", text).0.len(), 2);
}
