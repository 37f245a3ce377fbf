//! Envoy's own filters that limit rates.

use serde_json::{Value, json};

use super::{Backends, GENEROUS};
use crate::service;
use crate::variants::{Chain, STRICT};

/// What requests are counted by: the client's address, and the strict header where there is one.
fn actions() -> Value {
    let strict = json!({ "header_name": STRICT, "descriptor_key": service::STRICT });
    json!([
        { "actions": [{ "remote_address": {} }] },
        { "actions": [{ "request_headers": strict }] },
    ])
}

/// local_ratelimit: a bucket of each address. With `two`, the bucket of all requests is asked too, and answers say what is
/// left.
pub(super) fn local(two: bool) -> Chain {
    let bucket = |tokens: u32, interval: &str| json!({ "max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": interval });
    // An entry without a value stands for every value, each with a bucket of its own.
    let descriptor =
        |key: &str, bucket: Value| json!({ "entries": [{ "key": key }], "token_bucket": bucket });
    let always = json!({ "default_value": { "numerator": 100 } });
    let filter = json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "limit",
            "filter_enabled": always,
            "filter_enforced": always,
            "token_bucket": bucket(GENEROUS, "1s"),
            "always_consume_default_token_bucket": two,
            "enable_x_ratelimit_headers": if two { "DRAFT_VERSION_03" } else { "OFF" },
            "rate_limits": actions(),
            "descriptors": [
                descriptor("remote_address", bucket(GENEROUS, "1s")),
                descriptor(service::STRICT, bucket(1, "3600s")),
            ],
        },
    });
    Chain { http_filters: vec![filter], ..Chain::default() }
}

/// ratelimit: asks a service. A service that does not answer is an error that the load generator sees.
pub(super) fn global(backends: &Backends) -> Chain {
    let filter = json!({
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "bench",
            "timeout": "1s",
            "failure_mode_deny": true,
            "rate_limits": actions(),
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": { "envoy_grpc": { "cluster_name": Backends::SERVICE } },
            },
        },
    });
    Chain { http_filters: vec![filter], clusters: vec![backends.service_cluster()], ..Chain::default() }
}
