//! The Envoy configuration of a variant.

use serde_json::{Value, json};

use crate::variants::Chain;

/// Name of the listener.
pub const LISTENER: &str = "ingress";

/// A gateway with this chain. It forwards to the upstream at a port of this machine, or only calls out to it: then it
/// answers requests itself. It does so by a filter before the router, because Envoy's cors filter leaves a route with a
/// `direct_response` alone.
pub fn gateway(chain: &Chain, upstream: u16, forwards: bool) -> Value {
    let mut http_filters = chain.http_filters.clone();
    if !forwards {
        http_filters.push(json!({
            "name": "envoy.filters.http.fault",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                "abort": { "http_status": 200, "percentage": { "numerator": 100 } },
            },
        }));
    }
    let host = json!({
        "name": "api",
        "domains": ["*"],
        "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "api", "timeout": "10s" } }],
        "typed_per_filter_config": chain.typed_per_filter_config,
    });
    http_filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    let mut clusters = vec![cluster("api", forwards.then_some(upstream)), cluster("called", Some(upstream))];
    clusters.extend(chain.clusters.iter().cloned());
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": LISTENER,
            // As in envoy-configs/envoy/request-policy.yaml, and the same in every variant.
            "server_header_transformation": "PASS_THROUGH",
            "normalize_path": false,
            "route_config": { "virtual_hosts": [host] },
            "http_filters": http_filters,
        },
    });
    json!({
        "admin": { "address": any_port },
        "static_resources": {
            "listeners": [{
                "name": LISTENER,
                "address": any_port,
                "filter_chains": [{ "filters": [manager] }],
            }],
            "clusters": clusters,
        },
    })
}

/// A cluster of one endpoint on this machine, or of none.
pub(crate) fn cluster(name: &str, port: Option<u16>) -> Value {
    let endpoint = |port: u16| {
        let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
        json!({ "endpoint": { "address": address } })
    };
    let endpoints: Vec<Value> = port.map(endpoint).into_iter().collect();
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": endpoints }] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_comes_last() {
        let chain = Chain { http_filters: vec![json!({ "name": "first" })], ..Chain::default() };
        let config = gateway(&chain, 9000, true);
        let filters = config
            .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters")
            .and_then(Value::as_array)
            .unwrap();
        let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["first", "envoy.filters.http.router"]);
    }
}
