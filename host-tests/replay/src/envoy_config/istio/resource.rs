//! One `WasmPlugin` (`istio.io/api/extensions/v1alpha1/wasm.proto`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::json;
use crate::envoy_config::{FailurePolicy, PluginSpec};

#[derive(Debug, Deserialize)]
pub(super) struct Resource {
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default = "default_namespace")]
    pub(super) namespace: String,
    /// RFC 3339 in UTC, which sorts as text.
    #[serde(default)]
    pub(super) creation_timestamp: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

/// What is read, and what says where the plugin applies: which workloads and ports is not for a replay to
/// know.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Spec {
    url: String,
    sha256: Option<String>,
    plugin_config: Option<Map<String, Value>>,
    plugin_name: Option<String>,
    #[serde(default)]
    pub(super) phase: Phase,
    pub(super) priority: Option<i32>,
    #[serde(default)]
    fail_strategy: FailStrategy,
    vm_config: Option<VmConfig>,
    #[serde(default, rename = "type")]
    kind: PluginType,
    #[serde(default, rename = "selector")]
    _selector: Option<Value>,
    #[serde(default, rename = "targetRef")]
    _target_ref: Option<Value>,
    #[serde(default, rename = "targetRefs")]
    _target_refs: Option<Value>,
    #[serde(default, rename = "match")]
    _match: Option<Value>,
    #[serde(default, rename = "imagePullPolicy")]
    _image_pull_policy: Option<Value>,
    #[serde(default, rename = "imagePullSecret")]
    _image_pull_secret: Option<Value>,
    #[serde(default, rename = "verificationKey")]
    _verification_key: Option<Value>,
}

/// In the order of the chain: what says nothing comes last, right before the router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Phase {
    Authn,
    Authz,
    Stats,
    #[default]
    #[serde(rename = "UNSPECIFIED_PHASE")]
    Unspecified,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
enum FailStrategy {
    #[default]
    #[serde(rename = "FAIL_CLOSE")]
    Close,
    #[serde(rename = "FAIL_OPEN")]
    Open,
    #[serde(rename = "FAIL_RELOAD")]
    Reload,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PluginType {
    #[default]
    #[serde(rename = "UNSPECIFIED_PLUGIN_TYPE")]
    Unspecified,
    Http,
    Network,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct VmConfig {
    #[serde(default)]
    env: Vec<EnvVar>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvVar {
    name: String,
    #[serde(default)]
    value_from: Source,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Source {
    #[default]
    Inline,
    Host,
}

/// What is refused unless something holds.
fn unless(holds: bool, what: impl Into<String>, errors: &mut Vec<String>) {
    if !holds {
        errors.push(what.into());
    }
}

impl Resource {
    /// Everything that Istio would refuse, a line each.
    pub(super) fn read(value: &Value) -> Result<Self, Vec<String>> {
        let resource: Self = serde_path_to_error::deserialize(value)
            .map_err(|error| vec![format!("{}: {}", error.path(), error.inner())])?;
        let errors = resource.spec.errors();
        if errors.is_empty() { Ok(resource) } else { Err(errors) }
    }

    /// The place, with the resource's name.
    pub(super) fn place(&self, place: &str) -> String {
        format!("{place} ({}/{})", self.metadata.namespace, self.metadata.name)
    }

    /// The filter that istiod makes of it (`buildWasmConfig`). Istio never sets a VM id, nor
    /// `allow_on_headers_stop_iteration`.
    pub(super) fn plugin(&self) -> PluginSpec {
        let spec = &self.spec;
        let (mut environment, mut host_environment) = (BTreeMap::new(), Vec::new());
        for variable in spec.vm_config.iter().flat_map(|vm| &vm.env) {
            match variable.value_from {
                Source::Inline => drop(environment.insert(variable.name.clone(), variable.value.clone())),
                Source::Host => host_environment.push(variable.name.clone()),
            }
        }
        // A configuration without members is none at all.
        let configuration = spec.plugin_config.as_ref().filter(|members| !members.is_empty());
        let configuration = configuration.map(|members| json::text(&Value::Object(members.clone())));
        PluginSpec {
            name: format!("{}.{}", self.metadata.namespace, self.metadata.name),
            root_id: spec.plugin_name.clone().unwrap_or_default(),
            vm_id: String::new(),
            wasm: module(&spec.url),
            configuration: configuration.unwrap_or_default().into_bytes(),
            environment,
            host_environment,
            vm_configuration: Vec::new(),
            failure_policy: match spec.fail_strategy {
                FailStrategy::Close => FailurePolicy::FailClosed,
                FailStrategy::Open => FailurePolicy::FailOpen,
                FailStrategy::Reload => FailurePolicy::FailReload,
            },
            reload_backoff: Duration::from_secs(1),
            allowed_capabilities: BTreeSet::new(),
            allow_on_headers_stop_iteration: false,
        }
    }
}

impl Spec {
    fn errors(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let refuse = &mut errors;
        unless(!self.url.is_empty(), "spec.url: empty", refuse);
        if let Some((scheme, _)) = self.url.split_once("://") {
            let known = ["file", "oci", "http", "https"].contains(&scheme);
            unless(known, format!("spec.url: unsupported scheme {scheme:?}"), refuse);
        }
        let digest =
            |text: &str| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let sha256 = self.sha256.as_deref().unwrap_or_default();
        unless(sha256.is_empty() || digest(sha256), "spec.sha256: not 64 digits of lower-case hex", refuse);
        unless(self.plugin_name.as_deref() != Some(""), "spec.pluginName: empty; leave it out", refuse);
        unless(
            self.kind != PluginType::Network,
            "spec.type: NETWORK: a filter of connections; only HTTP filters are replayed",
            refuse,
        );
        let mut names = BTreeSet::new();
        for (index, variable) in self.vm_config.iter().flat_map(|vm| &vm.env).enumerate() {
            let place = format!("spec.vmConfig.env[{index}]");
            unless(!variable.name.is_empty(), format!("{place}.name: empty"), refuse);
            unless(names.insert(&variable.name), format!("{place}.name: given twice"), refuse);
            let alone = variable.value_from == Source::Inline || variable.value.is_empty();
            unless(alone, format!("{place}.value: together with HOST"), refuse);
        }
        errors
    }
}

/// Where the module is: the path of a `file://` URL, else the file name that the last part of an image or a
/// URL stands for, without tag and digest.
fn module(url: &str) -> PathBuf {
    if let Some(path) = url.strip_prefix("file://") {
        return path.into();
    }
    let last = url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or(url);
    let name = last.split(['@', ':']).next().unwrap_or(last);
    if name.ends_with(".wasm") { name.into() } else { format!("{name}.wasm").into() }
}
