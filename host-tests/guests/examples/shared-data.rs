//! Counts requests per key in data that all VMs share, and shows what compare-and-swap answers.
//!
//! Versions are logged as differences: where they start is the host's own affair.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use log::info;
use proxy_wasm::hostcalls::{get_shared_data, set_shared_data};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(SharedData { count: 0 }));
}}

struct SharedData {
    count: u64,
}

/// Adds one to the number under a key, however many others do so at the same time.
fn increment(key: &str) -> u64 {
    loop {
        let (value, version) = get_shared_data(key).unwrap_or_default();
        let count = value.and_then(|bytes| bytes.first_chunk().copied()).map_or(0, u64::from_le_bytes) + 1;
        // A version that no value has: whoever stores the first value must find none.
        if set_shared_data(key, Some(&count.to_le_bytes()), version.or(Some(u32::MAX))).is_ok() {
            return count;
        }
        info!("somebody else was faster");
    }
}

/// The version of the value under a key, 0 where there is none.
fn version(key: &str) -> u32 {
    let (_, version) = get_shared_data(key).unwrap_or_default();
    version.unwrap_or_default()
}

/// Logs what the answers for one key are, from before its first value on.
fn log_answers(key: &str) {
    info!("absent: {:?}", get_shared_data(key));
    info!("stored with a version where nothing is: {:?}", set_shared_data(key, Some(b"first"), Some(7)));
    let first = version(key);
    info!("there is a version now: {}", first > 0);
    info!("stored with the version: {:?}", set_shared_data(key, Some(b"second"), Some(first)));
    info!("the version grew by {}", version(key).wrapping_sub(first));
    info!("stored with the old version: {:?}", set_shared_data(key, Some(b"third"), Some(first)));
    info!("stored with a version of its own: {:?}", set_shared_data(key, Some(b"third"), Some(u32::MAX)));
    let second = version(key);
    info!("stored without a version: {:?}", set_shared_data(key, Some(b"fourth"), None));
    info!("the version grew by {}", version(key).wrapping_sub(second));
    let third = version(key);
    info!("stored nothing: {:?}", set_shared_data(key, None, Some(third)));
    let (value, after) = get_shared_data(key).unwrap_or_default();
    info!("now {value:?}, the version grew by {}", after.unwrap_or_default().wrapping_sub(third));
    let other = format!("{key}.other");
    info!("another key stored: {:?}", set_shared_data(&other, Some(b"first"), None));
    info!("its version is {} above", version(&other).wrapping_sub(version(key)));
    info!("without a name: {:?}", set_shared_data("", Some(b"nameless"), None));
    info!("without a name there is {:?}", get_shared_data("").map(|(value, _)| value));
}

impl Context for SharedData {}

impl HttpContext for SharedData {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let Some(key) = self.get_http_request_header("x-answers") {
            log_answers(&key);
        }
        let key = self.get_http_request_header("x-key").unwrap_or_else(|| "all".to_owned());
        self.count = increment(&format!("count.{key}"));
        info!("request {} of {key}", self.count);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.set_http_response_header("x-count", Some(&self.count.to_string()));
        Action::Continue
    }
}
