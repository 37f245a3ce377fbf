//! What is compared: the filter chains that stand between the listener and the router.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use replay::envoy_config::{FailurePolicy, PluginSpec};
use serde::Serialize;
use serde_json::{Value, json};

/// What a variant is there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing but the router: what everything else is compared with.
    NoFilter,
    /// The bench guest without a call: what being WebAssembly costs.
    NoOp,
    /// The filter that ships, with the configuration that ships.
    Ours,
    /// Envoy's own filters, configured to do as much of the same as they can.
    Native,
    /// The bench guest with one host call, repeated, in a gateway without an upstream.
    Call {
        /// How often a request makes the call.
        repeated: u32,
    },
}

/// One filter chain.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Name in the report; for a host call, that of the call.
    pub name: String,
    /// What it is there for.
    pub kind: Kind,
    /// Whether there is an upstream behind the gateway. A request that Envoy answers itself costs a third of one
    /// that it forwards, with a tenth of the noise: it shows what a filter costs. One that it forwards shows what
    /// that means for throughput and latency.
    pub forwards: bool,
    /// The filters before the router.
    pub filters: Vec<Value>,
}

/// The host calls that are priced. Their names are the bench guest's.
pub const CALLS: [&str; 13] = [
    "get_header",
    "get_map",
    "get_response_map",
    "set_header",
    "add_header",
    "remove_header",
    "get_property",
    "set_property",
    "get_time",
    "increment_metric",
    "get_shared_data",
    "set_shared_data",
    "log_off",
];

/// How often a request makes the call that is priced: enough to rise above the noise of a request, few
/// enough that the headers added stay far from every limit.
pub const REPEATED: u32 = 20;

/// What the report says about the native chain.
pub const NATIVE_NOTE: &str = "The native chain (`host-tests/bench/native.json`) allows the same methods per path and \
    host, and sets and removes the same response headers; before measuring, the same answer to the measured request is \
    required of both. It does less than request-policy: no refusal of ambiguous paths, 403 with a text instead of 405 \
    with `allow` and a problem document, no shadow mode, no decision in filter state, metrics or log.";

/// All variants. `ours` is the filter that `envoy-configs` ships, `dist` the folder of the modules.
///
/// # Errors
///
/// When a module is missing.
pub fn all(ours: &PluginSpec, dist: &Path) -> Result<Vec<Variant>> {
    let guest = |call: &str, repeated: u32| Guest { call, repeated }.filter(dist);
    let mut variants = Vec::new();
    for forwards in [false, true] {
        let mut add = |name: &str, kind, filters| {
            variants.push(Variant { name: name.to_owned(), kind, forwards, filters });
        };
        add("no filter", Kind::NoFilter, Vec::new());
        add("no-op wasm", Kind::NoOp, vec![guest("none", 0)?]);
        add(&ours.name, Kind::Ours, vec![shipped(ours, dist)?]);
        add("rbac + header_mutation", Kind::Native, native()?);
    }
    for call in CALLS {
        let (kind, filters) = (Kind::Call { repeated: REPEATED }, vec![guest(call, REPEATED)?]);
        variants.push(Variant { name: call.to_owned(), kind, forwards: false, filters });
    }
    Ok(variants)
}

/// The bench guest, told to make one call so many times.
struct Guest<'a> {
    call: &'a str,
    repeated: u32,
}

impl Guest<'_> {
    fn filter(&self, dist: &Path) -> Result<Value> {
        let Self { call, repeated } = self;
        wasm_filter(
            "bench",
            &module(dist, Path::new("bench-guest.wasm"))?,
            &format!("{call} {repeated}"),
            &json!({}),
        )
    }
}

/// The filter that ships: the module, the configuration and the settings that its Envoy file gives it.
fn shipped(ours: &PluginSpec, dist: &Path) -> Result<Value> {
    let failure_policy = match ours.failure_policy {
        FailurePolicy::FailClosed => "FAIL_CLOSED",
        FailurePolicy::FailOpen => "FAIL_OPEN",
        FailurePolicy::FailReload => "FAIL_RELOAD",
    };
    let configuration = std::str::from_utf8(&ours.configuration).context("the configuration is not UTF-8")?;
    let settings = json!({
        "root_id": ours.root_id,
        "failure_policy": failure_policy,
        "allow_on_headers_stop_iteration": ours.allow_on_headers_stop_iteration,
    });
    wasm_filter(&ours.name, &module(dist, &ours.wasm)?, configuration, &settings)
}

/// A wasm filter with this module and configuration, and further members of its `PluginConfig`.
fn wasm_filter(name: &str, module: &str, configuration: &str, settings: &Value) -> Result<Value> {
    let mut config = settings.clone();
    let members = config.as_object_mut().context("settings are an object")?;
    members.insert("name".to_owned(), name.into());
    let code = json!({ "local": { "filename": module } });
    members.insert("vm_config".to_owned(), json!({ "runtime": "envoy.wasm.runtime.v8", "code": code }));
    let value = json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration });
    members.insert("configuration".to_owned(), value);
    let kind = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    Ok(json!({ "name": name, "typed_config": { "@type": kind, "config": config } }))
}

/// The module in `dist` with the file name of `wasm`.
fn module(dist: &Path, wasm: &Path) -> Result<String> {
    let path = dist.join(wasm.file_name().context("the module has no file name")?);
    ensure!(path.is_file(), "{} is missing: run make dist", path.display());
    Ok(path.to_str().context("the path of the modules is not UTF-8")?.to_owned())
}

/// Envoy's own filters: which methods may enter (rbac), and what every answer carries (header_mutation).
fn native() -> Result<Vec<Value>> {
    serde_json::from_str(include_str!("../native.json")).context("native.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_filters_are_a_list() {
        let names: Vec<_> = native().unwrap().iter().map(|filter| filter["name"].clone()).collect();
        assert_eq!(names, ["envoy.filters.http.rbac", "envoy.filters.http.header_mutation"]);
    }

    #[test]
    fn a_missing_module_is_named() {
        let error = module(Path::new("nowhere"), Path::new("dist/x.wasm")).unwrap_err().to_string();
        assert_eq!(error, "nowhere/x.wasm is missing: run make dist");
    }
}
