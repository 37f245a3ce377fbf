//! What stands around the filters in a bootstrap, as far as a model of the gateway looks at it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::spec::duration;
use super::{Bootstrap, UPSTREAM, items, managers};

/// Where a cluster says which HTTP it speaks.
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// The protocol between the gateway and the upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// HTTP/1.1; also Envoy's choice.
    #[default]
    Http1,
    /// HTTP/2
    Http2,
    /// That of the client.
    Client,
}

/// The gateway around its filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The clusters that call-outs can go to; `None`: any.
    pub clusters: Option<BTreeSet<String>>,
    /// The clusters that are spoken to over HTTP/2 whatever the client speaks.
    pub http2_clusters: BTreeSet<String>,
    /// How the cluster `api` is spoken to.
    pub upstream: UpstreamProtocol,
    /// The first virtual host's name.
    pub virtual_host: String,
    /// `stream_idle_timeout`, where it is set.
    pub stream_idle: Option<Duration>,
    /// `per_connection_buffer_limit_bytes`, where it is set.
    pub buffer: Option<usize>,
    /// Whether the client's address is the connection's (`use_remote_address`) and not the last one of
    /// `x-forwarded-for`.
    pub use_remote_address: bool,
    /// Whether trailers of HTTP/1 requests are read and not dropped (`http_protocol_options.enable_trailers`).
    pub request_trailers: bool,
}

impl Bootstrap {
    /// What stands around the filters of the traffic listener.
    ///
    /// # Errors
    /// There is no such listener, or a value has the wrong form; the place is named.
    pub fn surroundings(&self) -> Result<Surroundings> {
        let (_, listener) = self.ingress()?;
        let managers = managers(listener);
        let manager = managers.first().map_or(&Value::Null, |(_, manager)| *manager);
        let stream_idle = manager.get("stream_idle_timeout").map(duration).transpose();
        let buffer = listener.get("per_connection_buffer_limit_bytes").and_then(Value::as_u64);
        let upstream = self.protocols().find(|(name, _)| *name == UPSTREAM);
        let virtual_host = manager.pointer("/route_config/virtual_hosts/0/name").and_then(Value::as_str);
        Ok(Surroundings {
            clusters: Some(self.clusters().into_iter().collect()),
            http2_clusters: self
                .protocols()
                .filter(|(_, protocol)| *protocol == UpstreamProtocol::Http2)
                .map(|(name, _)| name.to_owned())
                .collect(),
            upstream: upstream.map_or(UpstreamProtocol::Http1, |(_, protocol)| protocol),
            virtual_host: virtual_host.unwrap_or_default().to_owned(),
            stream_idle: stream_idle.context("stream_idle_timeout")?,
            buffer: buffer.map(usize::try_from).transpose().context("per_connection_buffer_limit_bytes")?,
            use_remote_address: manager
                .get("use_remote_address")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            request_trailers: manager
                .pointer("/http_protocol_options/enable_trailers")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
        })
    }

    /// Every cluster with its protocol.
    fn protocols(&self) -> impl Iterator<Item = (&str, UpstreamProtocol)> {
        let clusters = items(self.tree.pointer("/static_resources/clusters"));
        clusters.filter_map(|cluster| Some((cluster.get("name")?.as_str()?, protocol(cluster))))
    }
}

fn protocol(cluster: &Value) -> UpstreamProtocol {
    let options = cluster.get("typed_extension_protocol_options").and_then(|all| all.get(HTTP_OPTIONS));
    let http2 = |kind: &str| options.and_then(|all| all.get(kind)?.get("http2_protocol_options")).is_some();
    if http2("use_downstream_protocol_config") {
        UpstreamProtocol::Client
    } else if http2("explicit_http_config") {
        UpstreamProtocol::Http2
    } else {
        UpstreamProtocol::Http1
    }
}
