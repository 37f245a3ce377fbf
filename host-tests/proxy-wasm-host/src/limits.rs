//! What a guest may use. Envoy has few of these; a host that runs strangers' modules needs all.

use std::time::Duration;

/// Bounds on what one host lends to its guests.
#[derive(Debug, Clone)]
pub struct Limits {
    /// CPU time of one callback; after it the VM traps.
    pub callback: Duration,
    /// CPU time of the start of a VM and of `proxy_on_configure`.
    pub configure: Duration,
    /// Bytes of linear memory of one VM. Envoy: 1 GiB.
    pub memory: usize,
    /// Bytes of keys and values in shared data.
    pub shared_data: usize,
    /// Bytes in shared queues.
    pub queued: usize,
    /// Number of shared queues.
    pub queues: usize,
    /// Metric numbers of one VM.
    pub metrics: usize,
    /// Outstanding call-outs to one cluster; more fail at once. Envoy's circuit breaker: 1,024 requests.
    pub call_outs: usize,
    /// Bytes of log lines kept of one request.
    pub log: usize,
    /// Bytes of one header map.
    pub headers: usize,
    /// Bytes of filter state of one stream.
    pub filter_state: usize,
    /// Bytes of a body while a filter holds it, over HTTP/1. Above: 413, or 500 for a response. Envoy: 1 MiB.
    pub buffer: usize,
    /// The same over HTTP/2. Envoy: the stream's window, 16 MiB.
    pub buffer_h2: usize,
    /// How long a stream may hang in the chain without anything happening. Envoy: 5 min.
    pub stream_idle: Duration,
    /// How long an upstream may take. Envoy: 15 s.
    pub route: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            callback: Duration::from_millis(30),
            configure: Duration::from_secs(10),
            memory: 256 * MIB,
            shared_data: 64 * MIB,
            queued: 16 * MIB,
            queues: 10_000,
            metrics: 100_000,
            call_outs: 1024,
            log: MIB,
            headers: 2 * MIB,
            filter_state: MIB,
            buffer: MIB,
            buffer_h2: 16 * MIB,
            stream_idle: Duration::from_secs(300),
            route: Duration::from_secs(15),
        }
    }
}
