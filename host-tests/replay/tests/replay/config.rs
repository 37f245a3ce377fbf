//! Where filters come from.

use crate::run::{POLICY, Scratch, data, portcullis};

/// A request that only a policy refuses.
const DENIED: &str = "{\"method\":\"DELETE\",\"path\":\"/orders\"}\n";

#[test]
fn an_istio_manifest_is_a_chain() {
    let scratch = Scratch::new();
    let (traffic, out) = (scratch.write("t.jsonl", DENIED), scratch.path("r.jsonl"));
    let manifest = data("wasmplugins.yaml");
    let ran = portcullis(&[
        "replay",
        "--config",
        &manifest,
        "--module",
        "policies:1.2=dist/request-policy.wasm",
        "--traffic",
        &traffic,
        "--out",
        &out,
    ]);
    assert_eq!(ran.code, 2, "a name that nobody asks for: {}", ran.stdout);
    let ran = portcullis(&[
        "replay",
        "--config",
        &manifest,
        "--module",
        "policies=dist/request-policy.wasm",
        "--traffic",
        &traffic,
        "--out",
        &out,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The one with the earlier phase answers, although it comes second in the file.
    assert!(ran.stdout.contains("deny     405     method.not_allowed  shop.first"), "{}", ran.stdout);
    let host = scratch.lines("r.jsonl").pop().unwrap().to_string();
    assert!(host.contains("instance=shop.first_reason=method.not_allowed"), "{host}");
}

#[test]
fn a_module_and_its_configuration_are_enough() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", DENIED);
    let strict =
        scratch.write("strict.json", "{\"version\":1,\"rules\":[],\"default\":{\"methods\":[\"GET\"]}}");
    let shadow = scratch.write(
        "shadow.json",
        "{\"version\":1,\"mode\":\"shadow\",\"rules\":[],\"default\":{\"methods\":[\"GET\"]}}",
    );
    let module = "dist/request-policy.wasm";
    let pair = ["--plugin", module, "--plugin-config", &strict];
    let ran = portcullis(&[&["replay", "--traffic", &traffic][..], &pair].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("method.not_allowed  request-policy"), "{}", ran.stdout);
    let two = ["--plugin", module, "--plugin-config", &shadow, "--plugin-name", "a", "--plugin-name", "b"];
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&[&["replay", "--traffic", &traffic, "--out", &out][..], &two, &pair].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("method.not_allowed  b"), "{}", ran.stdout);
    assert_eq!(scratch.lines("r.jsonl")[0]["shadow"][0]["instance"], "a");

    let ran = portcullis(&[&["replay", "--traffic", &traffic][..], &pair, &pair].concat());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("two filters are called \"request-policy\""), "{}", ran.stderr);
    let ran = portcullis(&[&["replay", "--traffic", &traffic, "--plugin", module][..], &pair].concat());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--plugin-config: given 1 times for 2 --plugin"), "{}", ran.stderr);
}

#[test]
fn several_files_are_one_chain() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", DENIED);
    let second = scratch.policy(
        "second.yaml",
        "config:\n                name: request-policy",
        "config:\n                name: second",
    );
    let arguments = ["replay", "--config", POLICY, "--config", &second, "--traffic", &traffic];
    let ran = portcullis(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("method.not_allowed  request-policy"), "{}", ran.stdout);
    let ran = portcullis(&["replay", "--config", &second, "--config", POLICY, "--traffic", &traffic]);
    assert!(ran.stdout.contains("method.not_allowed  second"), "{}{}", ran.stdout, ran.stderr);
}
