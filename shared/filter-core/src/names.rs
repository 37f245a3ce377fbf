//! The names an operator meets: metrics and filter state.

use crate::effect::Metric;
use crate::policy::Cx;

/// Prefix of every filter-state key, without Envoy's own `wasm.`.
pub const STATE_PREFIX: &str = "portcullis.";

/// Filter state of one instance: `portcullis.<instance>.<what>`, read as `%FILTER_STATE(wasm.…:PLAIN)%`.
#[must_use]
pub fn state(instance: &str, what: &str) -> String {
    format!("{STATE_PREFIX}{instance}.{what}")
}

/// A claim of a token that jwt-auth believed and handed on under this name (`claim_state`). Empty only if it is so there.
#[must_use]
pub fn claim(cx: &dyn Cx, name: &str) -> Option<Vec<u8>> {
    cx.property(&["filter_state", &format!("wasm.{STATE_PREFIX}claims.{name}")])
}

/// `portcullis_<plugin>_<what>_instance=<instance>[_reason=<reason>]`: proxy-wasm has no labels, so they are part of
/// the name and the shipped `stats_tags` take them out again. An underscore in an instance name would end it
/// there and becomes `-`, as does everything else that is not `[A-Za-z0-9.-]`.
#[must_use]
pub fn metric(plugin: &str, instance: &str, metric: Metric) -> String {
    let plugin = plugin.replace('-', "_");
    let instance: String = instance
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '-' })
        .collect();
    let reason = metric.reason.map(|reason| format!("_reason={}", reason.as_str())).unwrap_or_default();
    format!("portcullis_{plugin}_{}_instance={instance}{reason}", metric.what)
}

/// A key of shared data: `portcullis.<plugin>.<instance>.<digest>.<what>`. Istio gives all plugins one name space, and a
/// value of an earlier configuration means nothing to a later one.
#[must_use]
pub fn shared(plugin: &str, instance: &str, digest: &str, what: &str) -> String {
    format!("{STATE_PREFIX}{plugin}.{instance}.{digest}.{what}")
}
