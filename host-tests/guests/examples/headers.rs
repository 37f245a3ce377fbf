//! Adds, replaces and removes headers of requests and responses, reads them one by one and as a map. A message
//! with a header `x-show` is logged whole.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::{shown, shown_or_absent};
use log::info;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Bytes, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(Headers));
}}

/// Headers whose values differ from run to run: only their length is logged.
const VARYING: [&str; 2] = ["date", "x-request-id"];

struct Headers;

fn log_map(what: &str, count: usize, end_of_stream: bool, map: &[(String, Bytes)]) {
    info!("{what}: {count} headers, a map of {}, end of stream {end_of_stream}", map.len());
    if !map.iter().any(|(name, _)| name == "x-show") {
        return;
    }
    for (name, value) in map {
        if VARYING.contains(&name.as_str()) {
            info!("{name}: {} bytes", value.len());
        } else {
            info!("{name}: {}", shown(value));
        }
    }
}

fn log_value(name: &str, value: Option<Bytes>) {
    info!("{name} is {}", shown_or_absent(value));
}

impl Context for Headers {}

impl HttpContext for Headers {
    fn on_http_request_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        log_map("request", count, end_of_stream, &self.get_http_request_headers_bytes());
        // One of several values; an alias; a name in upper case.
        for name in ["x-several", "host", "X-UPPER"] {
            log_value(name, self.get_http_request_header_bytes(name));
        }
        self.add_http_request_header("x-added", "one");
        self.add_http_request_header("X-Added", "two");
        self.set_http_request_header("x-several", Some("replaced"));
        self.set_http_request_header("x-new", Some("set where none was"));
        self.set_http_request_header("x-empty", Some(""));
        self.set_http_request_header("x-removed", None);
        self.remove_http_request_header("x-removed-too");
        self.remove_http_request_header("x-never-there");
        // A client chooses what becomes of the pseudo-headers.
        for (asked, name) in
            [("x-new-path", ":path"), ("x-new-authority", ":authority"), ("x-new-method", ":method")]
        {
            if let Some(value) = self.get_http_request_header(asked) {
                self.set_http_request_header(name, Some(&value));
                log_value(name, self.get_http_request_header_bytes(name));
            }
        }
        for name in ["x-added", "x-several", "x-empty", "x-removed"] {
            log_value(name, self.get_http_request_header_bytes(name));
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, count: usize, end_of_stream: bool) -> Action {
        log_map("response", count, end_of_stream, &self.get_http_response_headers_bytes());
        log_value(":status", self.get_http_response_header_bytes(":status"));
        log_value("x-several", self.get_http_response_header_bytes("x-several"));
        self.add_http_response_header("x-added", "one");
        self.add_http_response_header("x-added", "two");
        self.set_http_response_header("x-several", Some("replaced"));
        self.set_http_response_header("x-removed", None);
        self.remove_http_response_header("x-never-there");
        if let Some(status) = self.get_http_response_header("x-new-status") {
            self.set_http_response_header(":status", Some(&status));
            log_value(":status", self.get_http_response_header_bytes(":status"));
        }
        if let Some(names) = self.get_http_response_header("x-keep-only") {
            // The whole map at once.
            let all = self.get_http_response_headers();
            let keep = |name: &str| name == ":status" || names.split(',').any(|kept| kept == name);
            let kept: Vec<(&str, &str)> = all
                .iter()
                .filter(|(name, _)| keep(name))
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            self.set_http_response_headers(kept);
            info!("{} of {} headers kept", self.get_http_response_headers().len(), all.len());
        }
        Action::Continue
    }
}
