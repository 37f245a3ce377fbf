//! The Envoy configuration of a variant.

use serde_json::{Value, json};

/// Name of the listener.
pub const LISTENER: &str = "ingress";

/// A gateway with these filters in front of the upstream at a port of this machine, or without an upstream:
/// then it answers itself.
pub fn gateway(filters: &[Value], upstream: Option<u16>) -> Value {
    let (mut route, clusters) = match upstream {
        Some(port) => (json!({ "route": { "cluster": "api", "timeout": "10s" } }), json!([cluster(port)])),
        None => (
            json!({ "direct_response": { "status": 200, "body": { "inline_string": "{\"id\":42,\"state\":\"paid\"}" } } }),
            json!([]),
        ),
    };
    if let Some(members) = route.as_object_mut() {
        members.insert("match".to_owned(), json!({ "prefix": "/" }));
    }
    let routes = json!([route]);
    let mut http_filters = filters.to_vec();
    http_filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let manager = json!({
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": LISTENER,
            // As in envoy-configs/envoy/request-policy.yaml, and the same in every variant.
            "server_header_transformation": "PASS_THROUGH",
            "normalize_path": false,
            "route_config": { "virtual_hosts": [{ "name": "api", "domains": ["*"], "routes": routes }] },
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

fn cluster(port: u16) -> Value {
    let endpoint = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    json!({
        "name": "api",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "api",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": endpoint } }] }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_comes_last() {
        let config = gateway(&[json!({ "name": "first" })], Some(9000));
        let filters = config
            .pointer("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters")
            .and_then(Value::as_array)
            .unwrap();
        let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["first", "envoy.filters.http.router"]);
    }
}
