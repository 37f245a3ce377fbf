//! What a log line says of a client.

use crate::world::{Gate, config, from, with};
use serde_json::{Value, json};
use testkit::{RequestBuilder, TestCx, request};

/// The note of the second request.
fn note(key: Value, how: &str, head: &RequestBuilder) -> String {
    let limits = json!([{ "name": "one", "rate": "1r/h", "key": key }]);
    let mut config = with(config(limits), "log_client", json!(how));
    if how == "hmac" {
        config["key_secret"] = json!({ "env": "KEY" });
    }
    let mut gate = Gate::new(&config);
    assert!(gate.passes(head.clone()));
    let outcome = gate.ask(head.clone());
    let line: Value = serde_json::from_str(&outcome.logs[0].text).expect("JSON");
    assert_eq!(line["reason"], "rate.limited");
    assert_eq!(line["rule"], "default");
    let note = line["note"].as_str().expect("a note").to_owned();
    let client = note.strip_prefix("limiting requests, limit \"one\", excess 1.000, client ");
    client.unwrap_or_else(|| panic!("{note}")).to_owned()
}

fn address() -> Value {
    json!([{ "address": { "ipv6_prefix": 128 } }])
}

#[test]
fn addresses() {
    for (how, client, shown) in [
        ("masked", "203.0.113.77", "203.0.113.0"),
        ("masked", "2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("full", "203.0.113.77", "203.0.113.77"),
        ("full", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"),
    ] {
        assert_eq!(note(address(), how, &from(client)), shown, "{how} {client}");
    }
    let digits = note(address(), "hmac", &from("203.0.113.77"));
    assert!(digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{digits}");
    assert_eq!(digits, note(address(), "hmac", &from("203.0.113.77")));
    assert_ne!(digits, note(address(), "hmac", &from("203.0.113.78")));
}

#[test]
fn other_values() {
    let key = || json!([{ "header": "x-api-key" }]);
    let with = |value: &str| request("GET", "/").header("x-api-key", value);
    for (value, shown) in [
        ("secret-key", "se***"),
        ("secret", "se***"),
        ("abcde", "a***"),
        ("ab", "***"),
        ("a\nb\u{202e}cdef", "a\\u{a}***"),
    ] {
        assert_eq!(note(key(), "masked", &with(value)), shown, "{value:?}");
    }
    assert_eq!(note(key(), "full", &with("secret-key")), "secret-key");
    let digits = note(key(), "hmac", &with("secret-key"));
    assert!(digits.len() == 16 && !digits.contains("secret"), "{digits}");
    assert_eq!(note(key(), "masked", &request("GET", "/")), "-");
    assert_eq!(note(key(), "full", &with("a").header("x-api-key", "b")), "?");
}

#[test]
fn a_key_of_several_parts() {
    let key =
        json!([{ "address": {} }, { "method": {} }, { "path": {} }, { "route": {} }, { "cookie": "sid" }]);
    let head =
        request("GET", "/a?t=2").header("x-forwarded-for", "192.0.2.9").header("cookie", "sid=abcdefgh");
    let shown = note(key, "masked", &head);
    assert_eq!(shown, "192.0.2.0 GET /a default ab***");
}

#[test]
fn without_a_key_it_is_the_address() {
    let config = json!({
        "version": 1,
        "limits": [{ "name": "all", "rate": "1r/h" }],
        "default": { "limits": ["all"] },
    });
    let mut gate = Gate::new(&config);
    gate.0.cx = TestCx::default().property(&["source", "address"], "203.0.113.77:4711");
    assert!(gate.passes(request("GET", "/")));
    let outcome = gate.ask(request("GET", "/"));
    assert!(outcome.logs[0].text.contains("client 203.0.113.0\""), "{:?}", outcome.logs);
}
