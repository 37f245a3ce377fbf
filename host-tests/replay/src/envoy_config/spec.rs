//! One wasm filter of a bootstrap, as Envoy hands it to the module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::{STRING, STRUCT};

/// What Envoy does with traffic when the VM has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    /// 503 from then on; also Envoy's meaning of `UNSPECIFIED` and of nothing.
    #[default]
    #[serde(alias = "UNSPECIFIED")]
    FailClosed,
    /// The filter is passed over.
    FailOpen,
    /// A fresh VM serves the next request.
    FailReload,
}

/// A wasm filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSpec {
    /// The instance name, unique in a chain.
    pub name: String,
    /// Which root context of the module.
    pub root_id: String,
    /// The name space of shared data and queues.
    pub vm_id: String,
    /// The module, as the file names it.
    pub wasm: PathBuf,
    /// The bytes the module reads as its configuration; empty when there is none.
    pub configuration: Vec<u8>,
    /// Environment variables given in the file.
    pub environment: BTreeMap<String, String>,
    /// Environment variables taken from Envoy's own environment.
    pub host_environment: Vec<String>,
    /// The bytes the module reads as the configuration of its VM; empty when there is none.
    pub vm_configuration: Vec<u8>,
    /// What happens after a trap.
    pub failure_policy: FailurePolicy,
    /// How long at least a failed VM stays failed under [`FailurePolicy::FailReload`]; the base interval of Envoy's
    /// back-off.
    pub reload_backoff: Duration,
    /// The host functions and callbacks the module may use, by name; empty: all.
    pub allowed_capabilities: BTreeSet<String>,
    /// Whether the headers stay here while the filter waits for the body.
    pub allow_on_headers_stop_iteration: bool,
}

impl PluginSpec {
    /// The plugin this is an instance of: the module's file name without extension.
    #[must_use]
    pub fn plugin(&self) -> &str {
        self.wasm.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// A variable as the module sees it, `host` being the environment of the process that runs it.
    pub fn variable(&self, name: &str, host: impl Fn(&str) -> Option<String>) -> Option<String> {
        let from_host = || self.host_environment.iter().any(|key| key == name).then(|| host(name)).flatten();
        self.environment.get(name).cloned().or_else(from_host)
    }
}

/// Reads `envoy.extensions.wasm.v3.PluginConfig`. Envoy itself refuses what it does not know, so only what
/// is used here is looked at.
pub(super) fn read(config: &Value) -> Result<PluginSpec> {
    let vm = config.get("vm_config").context("config.vm_config: absent")?;
    let wasm = vm.pointer("/code/local/filename").and_then(Value::as_str);
    let name = text(config, "name").context("config.name")?;
    ensure!(!name.is_empty(), "config.name: absent; it names the instance in filter state and metrics");
    let variables = vm.get("environment_variables").unwrap_or(&Value::Null);
    let given = variables.get("key_values").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let from_host = variables.get("host_env_keys").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    Ok(PluginSpec {
        name,
        root_id: text(config, "root_id").context("config.root_id")?,
        vm_id: text(vm, "vm_id").context("config.vm_config.vm_id")?,
        wasm: wasm.context("config.vm_config.code.local.filename: absent")?.into(),
        configuration: configuration(config.get("configuration")).context("config.configuration")?,
        environment: serde_json::from_value(given).context("environment_variables.key_values")?,
        host_environment: serde_json::from_value(from_host).context("environment_variables.host_env_keys")?,
        vm_configuration: configuration(vm.get("configuration")).context("config.vm_config.configuration")?,
        failure_policy: failure_policy(config)?,
        reload_backoff: match config.pointer("/reload_config/backoff/base_interval") {
            None => Duration::from_secs(1),
            Some(interval) => duration(interval).context("config.reload_config.backoff.base_interval")?,
        },
        allowed_capabilities: match config.pointer("/capability_restriction_config/allowed_capabilities") {
            None => BTreeSet::new(),
            Some(allowed) => {
                let allowed = allowed.as_object().context("allowed_capabilities: not a map")?;
                allowed.keys().cloned().collect()
            }
        },
        allow_on_headers_stop_iteration: flag(config, "allow_on_headers_stop_iteration")?,
    })
}

/// `fail_open: true` is the older way to say `FAIL_OPEN`; Envoy takes one of the two.
fn failure_policy(config: &Value) -> Result<FailurePolicy> {
    let policy = match config.get("failure_policy") {
        None => FailurePolicy::default(),
        Some(policy) => FailurePolicy::deserialize(policy).context("config.failure_policy")?,
    };
    if !flag(config, "fail_open")? {
        return Ok(policy);
    }
    ensure!(policy == FailurePolicy::default(), "config.fail_open: together with failure_policy");
    Ok(FailurePolicy::FailOpen)
}

fn flag(config: &Value, key: &str) -> Result<bool> {
    let flag =
        config.get(key).map(|flag| flag.as_bool().with_context(|| format!("config.{key}: not a boolean")));
    Ok(flag.transpose()?.unwrap_or_default())
}

/// A `google.protobuf.Duration` in its JSON form: seconds with at most nine decimals, then `s`.
pub(super) fn duration(value: &Value) -> Result<Duration> {
    let text = value.as_str().context("not a string")?;
    let parsed = text.strip_suffix('s').and_then(|number| {
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let nanos = format!("{decimals:0<9}");
        (digits(whole) && digits(decimals) && nanos.len() == 9).then_some(())?;
        Some(Duration::new(whole.parse().ok()?, nanos.parse().ok()?))
    });
    parsed.with_context(|| format!("{text:?} is not a duration such as 1.5s"))
}

fn text(config: &Value, key: &str) -> Result<String> {
    match config.get(key) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => bail!("{other} is not a string"),
    }
}

/// A `google.protobuf.Any` as the module gets it.
fn configuration(any: Option<&Value>) -> Result<Vec<u8>> {
    let Some(any) = any else { return Ok(Vec::new()) };
    let value = || text(any, "value").context("value");
    match any.get("@type").and_then(Value::as_str).unwrap_or_default() {
        STRING => Ok(value()?.into_bytes()),
        "type.googleapis.com/google.protobuf.BytesValue" => STANDARD.decode(value()?).context("value"),
        STRUCT => bail!(
            "a google.protobuf.Struct arrives as binary protobuf, its numbers and booleans already changed by YAML: \
             use type.googleapis.com/google.protobuf.StringValue with the JSON text as a block scalar (value: |)"
        ),
        other => bail!("{other:?} is neither a google.protobuf.StringValue nor a BytesValue"),
    }
}
