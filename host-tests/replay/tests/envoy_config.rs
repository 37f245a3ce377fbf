//! Bootstraps as plugin specifications, and rewritten for a test run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
fn what_is_said_of_the_vm_is_read() {
    let [first, second] =
        <[_; 2]>::try_from(Bootstrap::read(Path::new(FIXTURE)).unwrap().plugins().unwrap()).unwrap();
    assert_eq!((first.vm_configuration.len(), first.reload_backoff), (0, Duration::from_secs(1)));
    assert!(first.allowed_capabilities.is_empty() && second.allowed_capabilities.is_empty());
    let of_first = |members: &str| {
        let (from, to) = ("failure_policy: FAIL_RELOAD", format!("failure_policy: FAIL_RELOAD\n{members}"));
        changed(from, &to).plugins().unwrap().swap_remove(0)
    };
    let backoff = |interval: &str| {
        of_first(&format!("                reload_config: {{ backoff: {{ base_interval: {interval} }} }}"))
            .reload_backoff
    };
    assert_eq!(backoff("0.05s"), Duration::from_millis(50));
    assert_eq!(backoff("3s"), Duration::from_secs(3));
    assert_eq!(backoff("1.000000001s"), Duration::new(1, 1));
    let restricted = of_first(
        "                capability_restriction_config: { allowed_capabilities: { proxy_log: {}, proxy_on_tick: {} } }",
    );
    assert_eq!(
        restricted.allowed_capabilities.into_iter().collect::<Vec<_>>(),
        ["proxy_log", "proxy_on_tick"]
    );

    let of_second = |from: &str, to: &str| changed(from, to).plugins().unwrap().swap_remove(1);
    const RUNTIME: &str = "vm_config: { runtime";
    for (any, bytes) in [
        ("\"@type\": type.googleapis.com/google.protobuf.StringValue, value: a", &b"a"[..]),
        ("\"@type\": type.googleapis.com/google.protobuf.BytesValue, value: /v8=", b"\xfe\xff"),
    ] {
        let second = of_second(
            RUNTIME,
            &format!("vm_config: {{ configuration: {{ {any} }}, allow_precompiled: true, runtime"),
        );
        assert_eq!(second.vm_configuration, bytes);
    }
    let open = of_second(RUNTIME, "fail_open: true\n                vm_config: { runtime");
    assert_eq!(open.failure_policy, FailurePolicy::FailOpen);
    let closed = of_second(RUNTIME, "fail_open: false\n                vm_config: { runtime");
    assert_eq!(closed.failure_policy, FailurePolicy::FailClosed);
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
            "FAIL_RELOAD",
            "FAIL_RELOAD\n                fail_open: true",
            "config.fail_open: together with failure_policy",
        ),
        ("FAIL_RELOAD", "FAIL_RELOAD\n                fail_open: 1", "config.fail_open: not a boolean"),
        (
            "FAIL_RELOAD",
            "FAIL_RELOAD\n                reload_config: { backoff: { base_interval: 1m } }",
            "config.reload_config.backoff.base_interval: \"1m\" is not a duration such as 1.5s",
        ),
        (
            "vm_config: { runtime",
            "vm_config: { configuration: { \"@type\": type.googleapis.com/google.protobuf.Struct, value: {} }, runtime",
            "config.vm_config.configuration: a google.protobuf.Struct arrives as binary",
        ),
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

fn modules(names: &[&str]) -> tempfile::TempDir {
    let dist = tempfile::tempdir().unwrap();
    std::fs::create_dir(dist.path().join("guests")).unwrap();
    for name in names {
        std::fs::write(dist.path().join(name), "").unwrap();
    }
    dist
}

#[test]
fn a_rewritten_bootstrap_runs_beside_a_test() {
    let dist = modules(&["one.wasm", "two.wasm"]);
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
fn clusters_other_than_the_application_are_called_elsewhere() {
    let bootstrap = changed(
        "- name: keys\n    type: STRICT_DNS",
        "- name: keys\n    type: STRICT_DNS\n    health_checks: [ {} ]\n    transport_socket: { name: tls }",
    );
    assert_eq!(bootstrap.clusters(), ["keys", "api"]);
    assert_eq!(bootstrap.called_clusters(), ["keys"]);
    let elsewhere = BTreeMap::from([("keys".to_owned(), "127.0.0.1:4712".parse().unwrap())]);
    let dist = modules(&["one.wasm", "two.wasm"]);
    let tree = rewritten(&bootstrap.calling(&elsewhere).unwrap(), dist.path()).unwrap();
    let keys = tree.pointer("/static_resources/clusters/0").unwrap();
    let port = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/port_value";
    assert_eq!(*keys.pointer(port).unwrap(), 4712);
    assert_eq!(*keys.pointer("/load_assignment/cluster_name").unwrap(), "keys");
    assert!(keys.get("health_checks").is_none() && keys.get("transport_socket").is_none(), "{keys:#}");
    assert_eq!(*tree.pointer(&format!("/static_resources/clusters/1{port}")).unwrap(), 4711);
}

#[test]
fn behind_a_proxy_the_traffic_listener_reads_its_line_first() {
    let bootstrap =
        changed("- name: ingress\n", "- name: ingress\n    listener_filters: [ { name: shipped } ]\n");
    let dist = modules(&["one.wasm", "two.wasm"]);
    let tree = rewritten(&bootstrap.behind_proxy().unwrap(), dist.path()).unwrap();
    let names = |listener: usize| -> Vec<String> {
        let filters = tree.pointer(&format!("/static_resources/listeners/{listener}/listener_filters"));
        let filters = filters.and_then(Value::as_array).into_iter().flatten();
        filters.map(|filter| filter["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(1), ["envoy.filters.listener.proxy_protocol", "shipped"]);
    assert!(names(0).is_empty());
}

#[test]
fn one_filter_gets_another_configuration() {
    let bootstrap = Bootstrap::read(Path::new(FIXTURE)).unwrap();
    let before = bootstrap.plugins().unwrap();
    let after = bootstrap.clone().configured("second", "{}").unwrap().plugins().unwrap();
    assert_eq!(after[1].configuration, b"{}");
    assert_eq!((&after[0], &after[1].name), (&before[0], &before[1].name), "nothing else is touched");
    let error = bootstrap.configured("third", "{}").unwrap_err().to_string();
    assert!(error.contains("\"third\""), "{error}");
}

#[test]
fn a_module_keeps_its_place_below_dist() {
    let dist = modules(&["one.wasm", "guests/two.wasm"]);
    let tree = rewritten(&changed("dist/two.wasm", "/src/dist/guests/two.wasm"), dist.path()).unwrap();
    let module = "/static_resources/listeners/1/filter_chains/0/filters/0/typed_config/http_filters/2/typed_config/config/vm_config/code/local/filename";
    let expected = dist.path().join("guests/two.wasm");
    assert_eq!(tree.pointer(module).unwrap().as_str(), expected.to_str());
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
