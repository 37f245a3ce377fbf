//! Waits for whole bodies and replaces them: in upper case, between brackets. Both lengths change, so
//! `content-length` goes.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::shown;
use log::info;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(BodyRewrite));
}}

struct BodyRewrite;

/// The start of a body, as much as a log line should have.
fn start(body: &[u8]) -> String {
    shown(body.get(..32).unwrap_or(body))
}

fn rewritten(body: &[u8]) -> Vec<u8> {
    [b"[", body.to_ascii_uppercase().as_slice(), b"]"].concat()
}

impl BodyRewrite {
    fn rewrite_request(&self, size: usize) {
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        info!("request body {}: {}", body.len(), start(&body));
        self.set_http_request_body(0, body.len(), &rewritten(&body));
    }

    fn rewrite_response(&self, size: usize) {
        let body = self.get_http_response_body(0, size).unwrap_or_default();
        info!("response body {}: {}", body.len(), start(&body));
        self.set_http_response_body(0, body.len(), &rewritten(&body));
    }
}

impl Context for BodyRewrite {}

impl HttpContext for BodyRewrite {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        info!("request headers, end of stream {end_of_stream}");
        if !end_of_stream {
            self.set_http_request_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.rewrite_request(size);
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        info!("{count} request trailers");
        self.rewrite_request(usize::MAX);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        info!("response headers, end of stream {end_of_stream}");
        if !end_of_stream {
            self.set_http_response_header("content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        self.rewrite_response(size);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        info!("{count} response trailers");
        self.rewrite_response(usize::MAX);
        Action::Continue
    }
}
