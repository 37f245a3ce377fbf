//! The document around a configuration: what it is delivered as, its version, its secrets.

use crate::sample::load;
use filter_core::config::{Digest, Env, Secret};

#[test]
fn a_minimal_configuration_loads() {
    for config in [r#"{"version":1}"#, "\n\n  {\n\t\"version\": 1\r\n}\n", "{\"version\":1}\n\n"] {
        assert!(load(config, &()).is_ok(), "{config:?}");
    }
}

#[test]
fn another_version_is_the_only_thing_reported() {
    let other = "version: this build reads version 1 only";
    let cases: &[(&str, &[&str])] = &[
        (r#"{}"#, &["version: is required"]),
        (r#"{"version": 2, "mood": 7}"#, &[other]),
        (r#"{"mood": 7, "version": 2}"#, &[other]),
        (r#"{"version": "1"}"#, &[other]),
        (r#"{"version": 1.0}"#, &[other]),
        (r#"{"version": -1}"#, &[other]),
        (r#"{"version": null}"#, &[other]),
        (r#"{"version": 1, "version": 2}"#, &["version: the key is given twice"]),
        (r#"{"version": 2, "version": 1}"#, &[other]),
    ];
    for (config, expected) in cases {
        assert_eq!(load(config, &()).unwrap_err(), *expected, "{config}");
    }
}

#[test]
fn a_document_that_is_no_object_is_refused_as_a_whole() {
    let cases = [
        ("", "the configuration is empty; expected a JSON object"),
        ("null", "expected an object, got null"),
        ("[]", "expected an object, got an array"),
        ("\"{}\"", "expected an object, got a string"),
        ("7", "expected an object, got a number"),
        (" ", "not valid JSON: EOF while parsing a value at line 1 column 1"),
        ("version: 1", "not valid JSON: expected value at line 1 column 1"),
        ("{\"version\": 1,}", "not valid JSON: trailing comma at line 1 column 15"),
        ("{\"version\": 1} {}", "not valid JSON: trailing characters at line 1 column 16"),
        ("{\"version\": 1}\0", "not valid JSON: trailing characters at line 1 column 15"),
        ("{\"version\": 1} // one", "not valid JSON: trailing characters at line 1 column 16"),
        ("\u{feff}{\"version\": 1}", "not valid JSON: expected value at line 1 column 1"),
        ("{\"version\": 1e999}", "not valid JSON: number out of range at line 1 column 17"),
    ];
    for (config, expected) in cases {
        assert_eq!(load(config, &()).unwrap_err(), [expected], "{config:?}");
    }
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let errors = load(b"{\"version\": 1, \"mode\": \"\xff\"}", &()).unwrap_err();
    assert_eq!(errors, ["not valid JSON: invalid unicode code point at line 1 column 25"]);
}

#[test]
fn nesting_without_end_is_an_error_and_not_a_crash() {
    for (open, what) in [("[", "arrays"), ("{\"a\":", "objects"), ("{\"rules\":[", "both")] {
        for close in ["", "]"] {
            let errors = load(open.repeat(100_000) + &close.repeat(100_000), &()).unwrap_err();
            assert!(
                errors.concat().starts_with("not valid JSON: recursion limit exceeded"),
                "{what}: {errors:?}"
            );
        }
    }
}

#[test]
fn a_configuration_of_more_than_4_mib_is_refused_unread() {
    const LIMIT: usize = 4 * 1024 * 1024;
    let mut config = r#"{"version": 1}"#.to_owned();
    config.push_str(&" ".repeat(LIMIT - config.len()));
    assert!(load(&config, &()).is_ok());
    config.push(' ');
    let expected = "the configuration has 4194305 bytes; at most 4194304 are accepted";
    assert_eq!(load(&config, &()).unwrap_err(), [expected]);
}

/// The wire form of `google.protobuf.Struct`: `map<string, Value> fields = 1`.
mod protobuf {
    fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
        // Every message here is shorter than 2^14.
        let length = match u8::try_from(bytes.len()) {
            Ok(short @ 0..0x80) => vec![short],
            _ => {
                let low = bytes.len() & 0x7f | 0x80;
                [low, bytes.len() >> 7].iter().filter_map(|&byte| u8::try_from(byte).ok()).collect()
            }
        };
        [&[tag], length.as_slice(), bytes].concat()
    }

    pub fn number(value: f64) -> Vec<u8> {
        [&[0x11], value.to_le_bytes().as_slice()].concat()
    }

    pub fn string(value: &str) -> Vec<u8> {
        field(0x1a, value.as_bytes())
    }

    pub fn object(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        members
            .iter()
            .flat_map(|(key, value)| field(0x0a, &[field(0x0a, key.as_bytes()), field(0x12, value)].concat()))
            .collect()
    }

    pub fn nested(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        field(0x2a, &object(members))
    }

    pub fn list(values: &[Vec<u8>]) -> Vec<u8> {
        let values: Vec<u8> = values.iter().flat_map(|value| field(0x0a, value)).collect();
        field(0x32, &values)
    }
}

#[test]
fn a_struct_of_envoy_is_explained() {
    use protobuf::{list, nested, number, object, string};
    let rule = nested(&[
        ("name", string("orders")),
        ("match", nested(&[("path", nested(&[("prefix", string("/orders"))]))])),
        ("methods", list(&[string("GET"), string("POST")])),
    ]);
    let realistic = object(&[
        ("version", number(1.0)),
        ("mode", string("enforce")),
        ("rules", list(&[rule.clone(), rule.clone(), rule])),
    ]);
    assert_eq!(realistic.get(..4), Some([0x0a, 22 - 2, 0x0a, 7].as_slice()), "as Envoy serialises it");
    let explained = "the configuration is binary protobuf, not JSON text: Envoy delivers a google.protobuf.Struct so. \
                     Use \"@type\": type.googleapis.com/google.protobuf.StringValue with the JSON text as its value";
    for bytes in [realistic, object(&[("version", number(1.0))]), object(&[("mode", string("shadow"))])] {
        assert_eq!(load(bytes, &()).unwrap_err(), [explained]);
    }
}

#[test]
fn text_that_begins_with_a_line_feed_is_not_taken_for_a_struct() {
    for (config, expected) in [
        ("\n{\"version\": 1,}\n", "not valid JSON: trailing comma at line 2 column 15"),
        ("\n{\n  \"name\": \"café\",\n}\n", "not valid JSON: trailing comma at line 4 column 1"),
        ("\nversion: 1\n", "not valid JSON: expected value at line 2 column 1"),
    ] {
        assert_eq!(load(config, &()).unwrap_err(), [expected], "{config:?}");
    }
}

/// An environment of one variable.
struct One(&'static str, &'static str);

impl Env for One {
    fn var(&self, name: &str) -> Option<String> {
        (name == self.0).then(|| self.1.to_owned())
    }
}

const WITH_KEY: &str = r#"{"version": 1, "key": {"env": "API_KEY"}}"#;

#[test]
fn a_secret_comes_from_the_environment_and_is_never_shown() {
    let sample = load(WITH_KEY, &One("API_KEY", "hunter2")).unwrap();
    assert_eq!(sample.key.as_deref(), Some("hunter2"));
    assert!(
        sample.shown.contains("Secret([redacted])") && !sample.shown.contains("hunter2"),
        "{}",
        sample.shown
    );
    assert_eq!(
        format!("{:?} {:#?}", Secret::new("hunter2"), Secret::new(1)),
        "Secret([redacted]) Secret([redacted])"
    );
}

#[test]
fn a_secret_that_is_not_there_is_an_error() {
    for (env, what) in [(One("OTHER", "hunter2"), "unset"), (One("API_KEY", ""), "empty")] {
        assert_eq!(
            load(WITH_KEY, &env).unwrap_err(),
            ["key: environment variable API_KEY is not set"],
            "{what}"
        );
    }
}

#[test]
fn a_secret_written_into_the_configuration_is_refused_and_not_repeated() {
    let cases = [
        (r#""hunter2""#, r#"key: a secret is not written into the configuration; use {"env": "NAME"}"#),
        ("[\"hunter2\"]", "key: expected an object, got an array"),
        (r#"{"env": ""}"#, "key.env: must not be empty"),
        (r#"{"env": 7}"#, "key.env: expected a string, got a number"),
        (r#"{}"#, "key.env: is required"),
        (r#"{"env": "A", "value": "hunter2"}"#, "key.value: unknown key; expected one of env"),
        ("null", "key: null is not a value; leave the key out"),
    ];
    for (key, expected) in cases {
        let errors = load(format!(r#"{{"version": 1, "key": {key}}}"#), &One("A", "x")).unwrap_err();
        assert_eq!(errors, [expected], "{key}");
    }
}

#[test]
fn a_configuration_is_known_by_the_sum_of_its_text() {
    // printf '{"version":1}' | sha256sum | cut -c1-16
    assert_eq!(Digest::of(br#"{"version":1}"#).to_string(), "2430f1a2ad2982d0");
    assert_ne!(Digest::of(br#"{"version":1}"#), Digest::of(br#"{"version":1} "#));
}
