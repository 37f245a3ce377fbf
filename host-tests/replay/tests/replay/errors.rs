//! Inputs that cannot be read or run end with 2 and say where.

use crate::run::{POLICY, Scratch, data, portcullis};

fn refused(arguments: &[&str], says: &str) {
    let ran = portcullis(arguments);
    assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stdout);
    assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
}

#[test]
fn a_broken_file_of_traffic_is_named_with_its_line() {
    let scratch = Scratch::new();
    let replay =
        |traffic: &str, says: &str| refused(&["replay", "--config", POLICY, "--traffic", traffic], says);
    replay(&data("broken.har"), "broken.har:9:");
    replay(&scratch.write("t.jsonl", "{}\n{\"patth\":\"/\"}\n"), "t.jsonl:2: patth: unknown field `patth`");
    replay(
        &scratch.write("t.json", "{\"requests\":[]}"),
        "t.json: neither HAR (log.entries) nor Envoy tap output",
    );
    replay(&scratch.path("absent.har"), "absent.har: No such file");
    replay(&scratch.write("empty.jsonl", "\n\n"), "no request in the traffic");
    replay(&scratch.write("t2.jsonl", "{\"t_ms\":5}\n{\"t_ms\":4}\n"), "t2.jsonl:2: t_ms: 4 is before");
}

#[test]
fn what_came_before_the_broken_line_is_written() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\",\"t_ms\":1000}\nnonsense\n");
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 2);
    assert_eq!(scratch.lines("r.jsonl")[0]["id"], "a", "whole lines: {}", ran.stderr);
}

#[test]
fn a_module_that_is_nowhere_is_looked_for_everywhere() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", "{}\n");
    let config =
        scratch.policy("c.yaml", "filename: dist/request-policy.wasm", "filename: filters/other.wasm");
    let folder = config.trim_end_matches("/c.yaml");
    refused(
        &["replay", "--config", &config, "--traffic", &traffic],
        &format!(
            "the module of \"request-policy\" (filters/other.wasm) is not found; looked at {folder}/filters/other.wasm, \
             filters/other.wasm, dist/other.wasm"
        ),
    );
    refused(
        &["replay", "--config", &config, "--traffic", &traffic, "--module", "other=nowhere.wasm"],
        "nowhere.wasm: no such file, given for the module of \"request-policy\"",
    );
    for name in ["request-policy", "other", "other.wasm", "filters/other.wasm"] {
        let module = format!("{name}=dist/request-policy.wasm");
        let ran = portcullis(&["replay", "--config", &config, "--traffic", &traffic, "--module", &module]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
    }
    refused(
        &["replay", "--config", POLICY, "--traffic", &traffic, "--module", "x=dist/request-policy.wasm"],
        "--module: no filter asks for x",
    );
}

#[test]
fn a_configuration_that_a_filter_refuses_is_said_in_its_words() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", "{}\n");
    refused(
        &["replay", "--config", "envoy-configs/bad/request-policy/mistakes.yaml", "--traffic", &traffic],
        "on_ambigous_path: unknown key; did you mean \"on_ambiguous_path\"?",
    );
    refused(&["replay", "--config", "Cargo.toml", "--traffic", &traffic], "Cargo.toml: ");
    let config = scratch.write("c.yaml", "a: 1\n");
    refused(
        &["replay", "--config", &config, "--traffic", &traffic],
        "neither an Envoy bootstrap nor an Istio",
    );
}

#[test]
fn wrong_use_is_told_apart_from_a_difference() {
    for arguments in [&["replay"][..], &["replay", "--traffic", "x"], &["check"], &["redact"], &["nothing"]] {
        assert_eq!(portcullis(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(portcullis(&["--help"]).code, 0);
    refused(
        &["replay", "--config", POLICY, "--traffic", "x", "--no-redact", "--redact-pointer", "/a"],
        "cannot be used with",
    );
    refused(
        &["replay", "--config", POLICY, "--traffic", "x", "--redact-pointer", "a"],
        "is not a JSON pointer",
    );
}

#[cfg(debug_assertions)]
#[test]
fn a_debug_build_does_not_measure() {
    refused(&["bench", "host-tests/suite/cases/demo.yaml"], "this is a debug build");
}

#[cfg(not(debug_assertions))]
#[test]
fn cases_are_measured() {
    let ran = portcullis(&[
        "bench",
        "host-tests/suite/cases/request-policy/methods.yaml",
        "--rounds",
        "20",
        "--json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let measured: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let case = &measured[0]["cases"][0];
    assert!(case["median_ns"].as_u64().unwrap() >= case["p10_ns"].as_u64().unwrap(), "{case}");
    assert!(
        case["fuel"].as_u64().unwrap() > 1000 && case["memory_bytes"].as_u64().unwrap() > 65_536,
        "{case}"
    );
}
