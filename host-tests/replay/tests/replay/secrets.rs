//! No output repeats what authenticates a client.

use crate::run::{POLICY, Scratch, portcullis};

const SECRETS: [&str; 7] = [
    "bearer-secret-1",
    "session-secret-2",
    "query-secret-3",
    "body-secret-4",
    "set-cookie-secret-5",
    "basic-secret-6",
    "echoed-secret-7",
];

/// One request with all of them; everything about it is asked wrongly, so that differences show it whole.
const TRAFFIC: &str = r#"{"id":"id-query-secret-3","method":"POST","path":"/orders?access_token=query-secret-3","headers":[["Authorization","Bearer bearer-secret-1"],["Cookie","session=session-secret-2"],["content-type","application/json"],["x-api-key","echoed-secret-7"]],"body":"{\"user\":\"u\",\"password\":\"body-secret-4\"}","response":{"status":200,"headers":[["Set-Cookie","id=set-cookie-secret-5"],["x-echo","echoed-secret-7"],["content-type","application/json"]],"body":"{\"password\":\"body-secret-4\"}"},"expect":{"verdict":"deny","headers":{"set-cookie":"id=none","x-echo":"none"},"body":"none","upstream":{"path":"/none","headers":{"authorization":"none","cookie":"none"},"body":"none"}}}
{"method":"GET","path":"//orders?token=query-secret-3","headers":[["authorization","Basic basic-secret-6"]]}
"#;

fn outputs(scratch: &Scratch, more: &[&str]) -> String {
    let traffic = scratch.write("t.jsonl", TRAFFIC);
    let against = scratch.policy(
        "new.yaml",
        "\"methods\": [\"GET\", \"POST\"]\n                        },",
        "\"methods\": [\"GET\"]\n                        },",
    );
    let (out, junit) = (scratch.path("r.jsonl"), scratch.path("junit.xml"));
    let mut arguments =
        vec!["replay", "--config", POLICY, "--against", &against, "--strict", "--traffic", &traffic];
    arguments.extend(["--out", &out, "--junit", &junit]);
    arguments.extend(more);
    let ran = portcullis(&arguments);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    [ran.stdout, ran.stderr, scratch.read("r.jsonl"), scratch.read("junit.xml")].concat()
}

#[test]
fn no_secret_is_in_any_output() {
    let scratch = Scratch::new();
    let masked = outputs(&scratch, &["--redact-pointer", "/password"]);
    for secret in SECRETS {
        assert!(!masked.contains(secret), "{secret} is shown:\n{masked}");
    }
    assert!(masked.contains("[\"authorization\",\"***\"]"), "{masked}");
    assert!(masked.contains("\\\"user\\\":\\\"u\\\""), "what is no secret is there:\n{masked}");
}

#[test]
fn without_redaction_they_are_there() {
    let scratch = Scratch::new();
    let shown = outputs(&scratch, &["--no-redact"]);
    let absent: Vec<&str> = SECRETS.into_iter().filter(|secret| !shown.contains(secret)).collect();
    // Envoy keeps the request of a refused client to itself.
    assert_eq!(absent, ["basic-secret-6"], "{shown}");
}

#[test]
fn an_error_does_not_quote_a_secret() {
    let scratch = Scratch::new();
    let traffic = scratch
        .write("t.jsonl", "{\"path\":\"/?token=query-secret-3\",\"t_ms\":\"Bearer bearer-secret-1\"}\n");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("t.jsonl:1: t_ms: invalid type"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn a_file_of_traffic_is_written_without_its_secrets() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", TRAFFIC);
    let out = scratch.path("masked.jsonl");
    let ran = portcullis(&["redact", &traffic, "--out", &out, "--redact-pointer", "/password"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let masked = scratch.read("masked.jsonl");
    // What a filter is to answer was not recorded from a client: expectations stay.
    for secret in SECRETS.into_iter().filter(|secret| !secret.starts_with("echoed")) {
        assert!(!masked.contains(secret), "{secret} is shown:\n{masked}");
    }
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &out]);
    assert!(ran.stdout.contains("2 requests: 1 pass, 1 deny"), "{}{}", ran.stdout, ran.stderr);
    let ran = portcullis(&["redact", &scratch.write("t.http", "GET / HTTP/1.1\r\nhost: a\r\n\r\n")]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("neither HAR nor JSON Lines"), "{}", ran.stderr);
    let ran = portcullis(&["redact", &traffic, "--out", &traffic]);
    assert_eq!(
        (ran.code, scratch.read("t.jsonl").as_str()),
        (2, TRAFFIC),
        "not written over while it is read"
    );
}
