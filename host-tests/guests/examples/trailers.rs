//! Reads, adds, replaces and removes trailers of requests and responses; a stream that has none may get some
//! with the end of its body.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::{shown, shown_or_absent};
use log::info;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, Bytes, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(Trailers::default()));
}}

#[derive(Default)]
struct Trailers {
    /// Trailers to add where there are none.
    add: Option<String>,
    request_bytes: usize,
    response_bytes: usize,
}

fn log_map(what: &str, map: &[(String, Bytes)]) {
    for (name, value) in map {
        info!("{what} {name}: {}", shown(value));
    }
}

impl Context for Trailers {}

impl HttpContext for Trailers {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        info!("request headers, end of stream {end_of_stream}");
        self.add = self.get_http_request_header("x-add-trailer");
        if self.add.is_some() {
            // Over HTTP/1 only a chunked message has trailers.
            self.set_http_request_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.request_bytes += size;
        if end_of_stream {
            info!("request data end with {} bytes", self.request_bytes);
            if let Some(value) = &self.add {
                self.add_http_request_trailer("x-guest", value);
            }
        }
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        info!("{count} request trailers after {} bytes", self.request_bytes);
        log_map("request trailer", &self.get_http_request_trailers_bytes());
        self.add_http_request_trailer("x-guest", "added");
        self.set_http_request_trailer("x-replaced", Some("new"));
        self.set_http_request_trailer("x-removed", None);
        info!("x-sum is {}", shown_or_absent(self.get_http_request_trailer_bytes("x-sum")));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        info!("response headers, end of stream {end_of_stream}");
        if self.add.is_some() {
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.response_bytes += size;
        if end_of_stream {
            info!("response data end with {} bytes", self.response_bytes);
            if let Some(value) = &self.add {
                self.add_http_response_trailer("x-guest", value);
            }
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        info!("{count} response trailers after {} bytes", self.response_bytes);
        log_map("response trailer", &self.get_http_response_trailers_bytes());
        self.add_http_response_trailer("x-guest", "added");
        self.set_http_response_trailer("x-replaced", Some("new"));
        self.set_http_response_trailer("x-removed", None);
        info!("x-sum is {}", shown_or_absent(self.get_http_response_trailer_bytes("x-sum")));
        Action::Continue
    }
}
