//! Writes a line per request once it is over, and shows the order in which a stream ends.
//!
//! Configuration: `done=never` says of no stream that it is done.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::{Settings, property, shown};
use log::info;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { done: true }));
}}

struct Root {
    done: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.done = !Settings::read(self).is("done", "never");
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { done: self.done }))
    }
}

struct Stream {
    done: bool,
}

impl Drop for Stream {
    fn drop(&mut self) {
        info!("deleted");
    }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        let maps = [MapType::HttpRequestHeaders, MapType::HttpResponseHeaders];
        let [request, response] = maps.map(|map| hostcalls::get_map_bytes(map).unwrap_or_default().len());
        let code = property("response.code").ok().flatten().is_some();
        info!("done, {request} request headers, {response} response headers, a response code {code}");
        self.done
    }
}

/// A value of a map as it is at the end of the stream. Asking for one value of a map that is not there is an
/// error; asking for the whole map is not.
fn value(map: MapType, name: &str) -> String {
    let map = hostcalls::get_map_bytes(map).unwrap_or_default();
    let found = map.iter().find(|(have, _)| have == name);
    found.map_or_else(|| "-".to_owned(), |(_, value)| shown(value))
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        info!("request headers");
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        info!("request trailers");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        info!("response headers");
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        info!("response trailers");
        Action::Continue
    }

    fn on_log(&mut self) {
        let number = |path: &str| {
            let bytes = property(path).ok().flatten().and_then(|bytes| bytes.first_chunk().copied());
            bytes.map_or_else(|| "-".to_owned(), |bytes| i64::from_le_bytes(bytes).to_string())
        };
        let text =
            |path: &str| property(path).ok().flatten().map_or_else(|| "-".to_owned(), |bytes| shown(&bytes));
        info!(
            "log: {} {} {} from {} to {}: status {} (code {}, flags {}, {}), sent {}, type {}, trailers {} {}",
            value(MapType::HttpRequestHeaders, ":method"),
            value(MapType::HttpRequestHeaders, ":path"),
            text("request.protocol"),
            value(MapType::HttpRequestHeaders, "user-agent"),
            value(MapType::HttpRequestHeaders, ":authority"),
            value(MapType::HttpResponseHeaders, ":status"),
            number("response.code"),
            number("response.flags"),
            text("response.code_details"),
            number("request.size"),
            value(MapType::HttpResponseHeaders, "content-type"),
            value(MapType::HttpRequestTrailers, "x-sum"),
            value(MapType::HttpResponseTrailers, "x-sum"),
        );
    }
}
