//! What is compared: the filter chains that stand between the listener and the router.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use replay::envoy_config::{FailurePolicy, PluginSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a variant is there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing but the router: what everything else is compared with.
    NoFilter,
    /// The bench guest without a call: what being WebAssembly costs.
    NoOp,
    /// The filter that ships.
    Ours(Extent),
    /// Envoy's own filters, configured to do as much of the same as they can.
    Native(Extent),
    /// The caller, a policy that does what a filter on top of call-outs does and nothing else.
    Machinery,
    /// jwt-auth, or Envoy's jwt_authn, with tokens.
    Tokens {
        /// The variant that it is compared with, by name.
        beside: Option<&'static str>,
    },
    /// A filter that gathers bodies.
    Bodies {
        /// The status with which it refuses an empty object, where it looks at them.
        refuses: Option<u16>,
    },
    /// rate-limit, or a filter of Envoy's that limits rates. All refuse what [`Sent::Strict`] is sent a second time.
    Limits {
        /// The variant that it is compared with, by name.
        beside: Option<&'static str>,
        /// Whether answers say what is left.
        headers: bool,
    },
    /// The bench guest with one host call, repeated, in a gateway without an upstream.
    Call {
        /// How often a request makes the call.
        repeated: u32,
    },
}

/// How much of the filter is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// The configuration that ships.
    Shipped,
    /// Every option: `envoy-configs/envoy/request-policy-whole.yaml`.
    EveryOption,
}

/// The filters before the router.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Chain {
    /// In order.
    pub http_filters: Vec<Value>,
    /// What the virtual host says to some of them.
    #[serde(default)]
    pub typed_per_filter_config: Map<String, Value>,
    /// Clusters that they call, beyond the upstream's.
    #[serde(default)]
    pub clusters: Vec<Value>,
}

/// One variant.
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
    /// The filters.
    pub chain: Chain,
    /// What is sent in the look before measuring.
    pub sent: Sent,
    /// What wrk is told to send, where it is not the same request ever again.
    pub script: Option<PathBuf>,
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sent {
    /// Nothing of its own.
    #[default]
    Plain,
    /// A token that is accepted.
    Token(String),
    /// A document that is accepted.
    Body(String),
    /// What selects a limit of one request an hour, for this value of the header [`STRICT`].
    Strict(String),
}

/// The header of [`Sent::Strict`].
pub const STRICT: &str = "x-strict";

impl Variant {
    /// One that is sent the same request ever again.
    #[must_use]
    pub fn new(name: String, kind: Kind, forwards: bool, chain: Chain) -> Self {
        Self { name, kind, forwards, chain, sent: Sent::Plain, script: None }
    }
}

/// The host calls that are priced. Their names are the bench guest's.
pub const CALLS: [&str; 14] = [
    "get_header",
    "get_map",
    "get_response_map",
    "set_map",
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

/// The caller with nothing to do, and with one thing to do: what that costs is the difference.
const MACHINERY: [(&str, &str); 3] = [
    ("caller, nothing", r#"{"version": 1}"#),
    ("caller, one read and one CAS of shared data", r#"{"version": 1, "count": true}"#),
    ("caller, one call-out of its own", r#"{"version": 1, "http": {"cluster": "called", "timeout": "1s"}}"#),
];

/// How often a request makes the call that is priced: enough to rise above the noise of a request, few
/// enough that the headers added stay far from every limit.
pub const REPEATED: u32 = 20;

/// What the report says about the native chains.
pub const NATIVE_NOTE: &str = "The native chains (`host-tests/bench/native.json`, `native-every-option.json`) allow the \
    same methods per path and host, and set and remove the same response headers; with every option also the same \
    origins, addresses and hosts, and the removal of the same request headers. Before measuring, the same answer to the \
    measured request is required of both. They do less than request-policy: no refusal of ambiguous paths, 403 with a \
    text instead of 405 with `allow` and a problem document, no shadow mode, no decision in filter state, metrics or \
    log; with every option no limits, no refusal of duplicates, control bytes or other origins, nothing by the status or \
    type of an answer, no check against forgery, of body sizes or media types, and no masked errors.";

/// What is measured.
#[derive(Debug)]
pub struct Sources {
    /// The filter as `envoy-configs` ships it.
    pub shipped: PluginSpec,
    /// The filter with every option.
    pub every_option: PluginSpec,
    /// The folder of the modules.
    pub dist: PathBuf,
    /// A folder with another build of the filter, to be measured beside.
    pub beside: Option<PathBuf>,
}

/// All variants.
///
/// # Errors
///
/// When a module is missing.
pub fn all(sources: &Sources) -> Result<Vec<Variant>> {
    let Sources { shipped, every_option, dist, beside } = sources;
    let guest = |call: &str, repeated: u32| Guest { call, repeated }.filter(dist);
    let mut variants = Vec::new();
    for forwards in [false, true] {
        let mut add = |name: String, kind, chain| variants.push(Variant::new(name, kind, forwards, chain));
        add("no filter".to_owned(), Kind::NoFilter, Chain::default());
        add("no-op wasm".to_owned(), Kind::NoOp, guest("none", 0)?);
        for (extent, ours, suffix) in
            [(Extent::Shipped, shipped, ""), (Extent::EveryOption, every_option, ", every option")]
        {
            let name = format!("{}{suffix}", ours.name);
            add(name.clone(), Kind::Ours(extent), filter(ours, dist)?);
            if let Some(other) = beside {
                add(format!("{name} ({})", other.display()), Kind::Ours(extent), filter(ours, other)?);
            }
            let (name, chain) = native(extent)?;
            add(name.to_owned(), Kind::Native(extent), chain);
        }
    }
    for (name, configuration) in MACHINERY {
        let module = module(dist, Path::new("caller.wasm"))?;
        let chain = wasm_filter("caller", &module, configuration, &json!({}))?;
        variants.push(Variant::new(name.to_owned(), Kind::Machinery, false, chain));
    }
    for call in CALLS {
        let (kind, chain) = (Kind::Call { repeated: REPEATED }, guest(call, REPEATED)?);
        variants.push(Variant::new(call.to_owned(), kind, false, chain));
    }
    Ok(variants)
}

/// The bench guest, told to make one call so many times.
pub(crate) struct Guest<'a> {
    pub(crate) call: &'a str,
    pub(crate) repeated: u32,
}

impl Guest<'_> {
    pub(crate) fn filter(&self, dist: &Path) -> Result<Chain> {
        let Self { call, repeated } = self;
        wasm_filter(
            "bench",
            &module(dist, Path::new("bench-guest.wasm"))?,
            &format!("{call} {repeated}"),
            &json!({}),
        )
    }
}

/// A filter as its Envoy file has it: the module, the configuration and the settings.
fn filter(ours: &PluginSpec, dist: &Path) -> Result<Chain> {
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
pub(crate) fn wasm_filter(name: &str, module: &str, configuration: &str, settings: &Value) -> Result<Chain> {
    let mut config = settings.clone();
    let members = config.as_object_mut().context("settings are an object")?;
    members.insert("name".to_owned(), name.into());
    let machine = members.entry("vm_config").or_insert_with(|| json!({}));
    let machine = machine.as_object_mut().context("vm_config is an object")?;
    machine.insert("runtime".to_owned(), "envoy.wasm.runtime.v8".into());
    machine.insert("code".to_owned(), json!({ "local": { "filename": module } }));
    let value = json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration });
    members.insert("configuration".to_owned(), value);
    let kind = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    let filter = json!({ "name": name, "typed_config": { "@type": kind, "config": config } });
    Ok(Chain { http_filters: vec![filter], ..Chain::default() })
}

/// The module in `dist` with the file name of `wasm`.
pub(crate) fn module(dist: &Path, wasm: &Path) -> Result<String> {
    let path = dist.join(wasm.file_name().context("the module has no file name")?);
    ensure!(path.is_file(), "{} is missing: run make dist", path.display());
    Ok(path.to_str().context("the path of the modules is not UTF-8")?.to_owned())
}

/// Envoy's own filters: whose pages may call (cors), which methods and addresses may enter (rbac), and what requests
/// lose and answers carry (header_mutation).
fn native(extent: Extent) -> Result<(&'static str, Chain)> {
    let (name, text) = match extent {
        Extent::Shipped => ("rbac + header_mutation", include_str!("../native.json")),
        Extent::EveryOption => ("cors + rbac + header_mutation", include_str!("../native-every-option.json")),
    };
    Ok((name, serde_json::from_str(text).context(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_chain_has_the_filters_of_its_name() {
        for extent in [Extent::Shipped, Extent::EveryOption] {
            let (name, chain) = native(extent).unwrap();
            let filters = chain.http_filters.iter().map(|filter| filter["name"].as_str().unwrap());
            let short: Vec<_> = filters.map(|name| name.rsplit('.').next().unwrap()).collect();
            assert_eq!(short.join(" + "), name);
        }
    }

    #[test]
    fn a_missing_module_is_named() {
        let error = module(Path::new("nowhere"), Path::new("dist/x.wasm")).unwrap_err().to_string();
        assert_eq!(error, "nowhere/x.wasm is missing: run make dist");
    }
}
