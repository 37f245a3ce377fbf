use super::WasmPlugins;
use crate::envoy_config::{FailurePolicy, PluginSpec};

fn plugins(text: &str) -> Vec<PluginSpec> {
    WasmPlugins::parse(text).unwrap().plugins().unwrap()
}

fn resource(name: &str, more: &str) -> String {
    let head = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n";
    format!("{head}metadata: {{ name: {name} }}\nspec:\n  url: file:///{name}.wasm\n{more}---\n")
}

#[test]
fn a_resource_becomes_the_filter_that_istiod_makes() {
    let text = r#"
apiVersion: v1
kind: ConfigMap
metadata: { name: other }
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: policy, namespace: shop, resourceVersion: "7" }
spec:
  selector: { matchLabels: { app: front } }
  url: oci://registry.example:5000/filters/request-policy:1.2
  failStrategy: FAIL_RELOAD
  pluginName: root
  vmConfig:
    env:
    - { name: KEY, value: "a b" }
    - { name: TOKEN, valueFrom: HOST }
  pluginConfig: { version: 1, rate: 0.5, enabled: off, umask: 010 }
"#;
    let [plugin] = <[_; 1]>::try_from(plugins(text)).unwrap();
    assert_eq!(
        (plugin.name.as_str(), plugin.root_id.as_str(), plugin.vm_id.as_str()),
        ("shop.policy", "root", "")
    );
    assert_eq!(plugin.plugin(), "request-policy");
    let configuration = String::from_utf8(plugin.configuration.clone()).unwrap();
    assert_eq!(
        configuration, r#"{"enabled":false,"rate":0.5,"umask":8,"version":1}"#,
        "YAML 1.1, as kubectl reads it"
    );
    assert_eq!(plugin.failure_policy, FailurePolicy::FailReload);
    let host = |name: &str| Some(format!("host {name}"));
    assert_eq!(plugin.variable("KEY", host).as_deref(), Some("a b"));
    assert_eq!(plugin.variable("TOKEN", host).as_deref(), Some("host TOKEN"));
}

#[test]
fn what_is_absent_has_istios_defaults() {
    let [plugin] = <[_; 1]>::try_from(plugins(&resource("x", "  pluginConfig: {}\n"))).unwrap();
    assert_eq!((plugin.name.as_str(), plugin.root_id.as_str()), ("default.x", ""));
    assert_eq!(plugin.wasm.to_str(), Some("/x.wasm"));
    assert!(plugin.configuration.is_empty() && !plugin.allow_on_headers_stop_iteration);
    assert_eq!(plugin.failure_policy, FailurePolicy::FailClosed);
}

#[test]
fn the_chain_is_in_istios_order() {
    let text: String = [
        ("z-last", ""),
        ("stats", "  phase: STATS\n"),
        ("b-unset", "  phase: AUTHN\n"),
        ("low", "  phase: AUTHN\n  priority: -5\n"),
        ("authz", "  phase: AUTHZ\n  priority: 1000\n"),
        ("a-unset", "  phase: AUTHN\n"),
        ("high", "  phase: AUTHN\n  priority: 10\n"),
        ("a-last", "  phase: UNSPECIFIED_PHASE\n"),
    ]
    .map(|(name, more)| resource(name, more))
    .concat();
    let names: Vec<String> = plugins(&text).into_iter().map(|plugin| plugin.name).collect();
    let names: Vec<&str> = names.iter().map(|name| name.trim_start_matches("default.")).collect();
    assert_eq!(names, ["high", "low", "a-unset", "b-unset", "authz", "stats", "a-last", "z-last"]);
}

#[test]
fn a_list_counts_as_what_it_lists() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: extensions.istio.io/v1alpha1\n  kind: WasmPlugin\n  \
                metadata: { name: x, creationTimestamp: 2026-01-02T03:04:05Z }\n  spec: { url: plain/image }\n";
    let [plugin] = <[_; 1]>::try_from(plugins(text)).unwrap();
    assert_eq!(plugin.wasm.to_str(), Some("image.wasm"));
    let error = WasmPlugins::parse("apiVersion: v1\nkind: Service\n").unwrap_err().to_string();
    assert_eq!(error, "no WasmPlugin of extensions.istio.io/v1alpha1");
}

#[test]
fn everything_that_istio_refuses_is_named() {
    for (more, says) in [
        ("  urll: x\n", "spec.urll: unknown field `urll`"),
        ("  phase: AUTH\n", "spec.phase: unknown variant `AUTH`"),
        ("  priority: high\n", "spec.priority: invalid type"),
        ("  pluginConfig: text\n", "spec.pluginConfig: invalid type"),
        ("  sha256: abc\n", "spec.sha256: not 64 digits of lower-case hex"),
        ("  type: NETWORK\n", "spec.type: NETWORK"),
        (
            "  vmConfig: { env: [{ name: A, valueFrom: HOST, value: x }] }\n",
            "spec.vmConfig.env[0].value: together",
        ),
        ("  vmConfig: { env: [{ name: A }, { name: A }] }\n", "spec.vmConfig.env[1].name: given twice"),
    ] {
        let error = WasmPlugins::parse(&resource("x", more)).unwrap().plugins().unwrap_err();
        let error = format!("{error:#}");
        assert!(error.starts_with("document 1") && error.contains(says), "{more}: {error}");
    }
    let two = resource("x", "  sha256: abc\n  pluginName: ''\n").replace("file:", "ftp:");
    assert_eq!(WasmPlugins::parse(&two).unwrap().filters().len(), 3, "all of them");
}
