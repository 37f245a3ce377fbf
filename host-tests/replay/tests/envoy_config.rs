//! Bootstraps as plugin specifications, and rewritten for a test run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::path::{Path, PathBuf};

use replay::envoy_config::{AccessLog, Bootstrap, FailurePolicy, Rewrite};
use serde_json::Value;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/filters.yaml");

fn changed(from: &str, to: &str) -> Bootstrap {
    let text = std::fs::read_to_string(FIXTURE).unwrap();
    assert!(text.contains(from), "{from}");
    Bootstrap::parse(&text.replace(from, to)).unwrap()
}

#[test]
fn plugins_are_read_as_envoy_delivers_them() {
    let plugins = Bootstrap::read(Path::new(FIXTURE)).unwrap().plugins().unwrap();
    let [first, second] = <[_; 2]>::try_from(plugins).unwrap();
    assert_eq!((first.name.as_str(), first.root_id.as_str(), first.vm_id.as_str()), ("first", "root", "vm"));
    assert_eq!((first.plugin(), first.wasm.as_path()), ("one", Path::new("/etc/envoy/filters/one.wasm")));
    assert_eq!(first.configuration, b"{ \"version\": 1, \"rate\": 0.1 }\n");
    assert_eq!(first.failure_policy, FailurePolicy::FailReload);
    assert!(first.allow_on_headers_stop_iteration && !second.allow_on_headers_stop_iteration);
    let host = |name: &str| Some(format!("host {name}"));
    assert_eq!(first.variable("GIVEN", host).as_deref(), Some("value"));
    assert_eq!(first.variable("FROM_HOST", host).as_deref(), Some("host FROM_HOST"));
    assert_eq!(first.variable("OTHER", host), None, "only what the file names");
    assert_eq!(
        (second.configuration.as_slice(), second.failure_policy),
        (&[0xfe, 0xff][..], FailurePolicy::FailClosed)
    );
}

#[test]
fn what_cannot_be_delivered_is_an_error_with_its_place() {
    const STRING: &str = "google.protobuf.StringValue\n                  value: |\n                    {";
    for (from, to, says) in [
        (
            STRING,
            "google.protobuf.Struct\n                  value: {",
            "use type.googleapis.com/google.protobuf.StringValue",
        ),
        (
            "name: second\n                vm",
            "name: first\n                vm",
            "http_filters[2]: the name \"first\" is used before",
        ),
        ("name: second\n                vm", "vm", "http_filters[2]: config.name: absent"),
        ("filename: dist/two.wasm", "inline_string: x", "code.local.filename: absent"),
        ("value: /v8=", "value: '*'", "http_filters[2]: config.configuration: value"),
        ("FAIL_RELOAD", "FAIL_SOON", "config.failure_policy"),
        (
            "name: ingress\n    address",
            "name: other\n    address",
            "2 listeners and none is called \"ingress\"",
        ),
    ] {
        let error = format!("{:#}", changed(from, to).plugins().unwrap_err());
        assert!(error.contains(says), "{says:?} is not in: {error}");
    }
    let error = format!(
        "{:#}",
        changed(STRING, "google.protobuf.Struct\n                  value: {").plugins().unwrap_err()
    );
    let place = "static_resources.listeners[1].filter_chains[0].filters[0].typed_config.http_filters[0]: config.configuration";
    assert!(error.starts_with(place), "{error}");
}

fn rewritten(bootstrap: &Bootstrap, dist: &Path) -> anyhow::Result<Value> {
    let log = AccessLog::new(PathBuf::from("/tmp/x/access.log"), &bootstrap.plugins()?);
    let rewrite = Rewrite { upstream: "127.0.0.1:4711".parse()?, dist, access_log: Some(log) };
    Ok(serde_json::from_str(&bootstrap.rewritten(&rewrite)?)?)
}

#[test]
fn a_rewritten_bootstrap_runs_beside_a_test() {
    let dist = tempfile::tempdir().unwrap();
    for module in ["one.wasm", "two.wasm"] {
        std::fs::write(dist.path().join(module), "").unwrap();
    }
    let tree = rewritten(&Bootstrap::read(Path::new(FIXTURE)).unwrap(), dist.path()).unwrap();
    let at = |pointer: &str| tree.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {tree:#}"));
    for socket in [
        "/admin/address/socket_address",
        "/static_resources/listeners/0/address/socket_address",
        "/static_resources/listeners/0/additional_addresses/0/address/socket_address",
        "/static_resources/listeners/1/address/socket_address",
    ] {
        assert_eq!(*at(socket), serde_json::json!({ "address": "127.0.0.1", "port_value": 0 }), "{socket}");
    }
    let manager = "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config";
    let module = at(&format!("{manager}/http_filters/0/typed_config/config/vm_config/code/local/filename"));
    assert_eq!(module.as_str(), dist.path().join("one.wasm").to_str());
    assert_eq!(at(&format!("{manager}/access_log")).as_array().unwrap().len(), 2, "the shipped log stays");
    let format = format!("{manager}/access_log/1/typed_config/log_format/json_format");
    assert_eq!(
        *at(&format!("{format}/instances/second/reason")),
        "%FILTER_STATE(wasm.portcullis.second.reason:PLAIN)%"
    );
    let endpoint = "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    assert_eq!(*at(&format!("/static_resources/clusters/1/{endpoint}/port_value")), 4711);
    assert_eq!(*at("/static_resources/clusters/1/type"), "STATIC");
    assert!(tree.pointer("/static_resources/clusters/1/health_checks").is_none());
    assert_eq!(*at(&format!("/static_resources/clusters/0/{endpoint}/address")), "keys", "others are left");
}

#[test]
fn what_cannot_be_rewritten_is_an_error() {
    let dist = tempfile::tempdir().unwrap();
    let error =
        rewritten(&Bootstrap::read(Path::new(FIXTURE)).unwrap(), dist.path()).unwrap_err().to_string();
    assert!(error.contains("one.wasm") && error.contains("make dist"), "{error}");
    let error = rewritten(&changed("name: api", "name: app"), dist.path()).unwrap_err().to_string();
    assert!(error.contains("none is called \"api\""), "{error}");
}
