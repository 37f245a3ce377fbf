//! Counts requests, remembers their size and measures their paths.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use log::info;
use proxy_wasm::hostcalls::{define_metric, get_metric, increment_metric, record_metric};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType, Status};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { metrics: None }));
}}

#[derive(Clone, Copy)]
struct Metrics {
    requests: u32,
    level: u32,
    path_bytes: u32,
}

impl Metrics {
    fn define() -> Result<Self, Status> {
        Ok(Self {
            requests: define_metric(MetricType::Counter, "guest_requests")?,
            level: define_metric(MetricType::Gauge, "guest_level")?,
            path_bytes: define_metric(MetricType::Histogram, "guest_path_bytes")?,
        })
    }
}

struct Root {
    metrics: Option<Metrics>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.metrics = Metrics::define().ok();
        self.metrics.is_some()
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { metrics: self.metrics?, shown: String::new() }))
    }
}

struct Stream {
    metrics: Metrics,
    shown: String,
}

impl Stream {
    fn number(&self, name: &str) -> Option<u64> {
        self.get_http_request_header(name)?.parse().ok()
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let Metrics { requests, level, path_bytes } = self.metrics;
        let path = self.get_http_request_header(":path").unwrap_or_default();
        info!("increment the counter: {:?}", increment_metric(requests, 1));
        if let Some(number) = self.number("x-level") {
            info!("record the gauge: {:?}", record_metric(level, number));
        }
        if let Some(number) = self.number("x-more").and_then(|number| i64::try_from(number).ok()) {
            info!("raise the gauge: {:?}", increment_metric(level, number));
        }
        if let Some(number) = self.number("x-less").and_then(|number| i64::try_from(number).ok()) {
            info!("lower the gauge: {:?}", increment_metric(level, -number));
        }
        info!("record the histogram: {:?}", record_metric(path_bytes, path.len() as u64));
        let values = [get_metric(requests), get_metric(level), get_metric(path_bytes)];
        self.shown = values.map(|value| format!("{value:?}")).join(" ");
        info!("values: {}", self.shown);
        // The same name again is the same metric; a metric of another kind may have the name of a first one.
        let again = define_metric(MetricType::Counter, "guest_requests");
        info!("the same counter again: {}", again.and_then(get_metric) == get_metric(requests));
        let other = define_metric(MetricType::Gauge, "guest_requests");
        info!("a gauge of the name of a counter: {:?}", other.and_then(get_metric));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.set_http_response_header("x-metrics", Some(&self.shown));
        Action::Continue
    }
}
