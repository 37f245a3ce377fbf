//! Answers a request with its own body.
//!
//! Configuration: `hold=true` keeps the headers back until then, which needs a host that delivers the body of
//! a stream that is paused at its headers.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::Settings;
use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { hold: false }));
}}

struct Root {
    hold: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.hold = Settings::read(self).is("hold", "true");
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(BodyEcho { hold: self.hold, answered: false }))
    }
}

struct BodyEcho {
    hold: bool,
    answered: bool,
}

impl BodyEcho {
    fn echo(&mut self, from: &str) -> Action {
        let body = self.get_http_request_body(0, usize::MAX).unwrap_or_default();
        info!("{} bytes complete with the {from}", body.len());
        self.send_http_response(200, vec![("x-echo", from)], Some(&body));
        self.answered = true;
        Action::Pause
    }
}

impl Context for BodyEcho {}

impl HttpContext for BodyEcho {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            self.echo("headers")
        } else if self.hold {
            Action::Pause
        } else {
            Action::Continue
        }
    }

    fn on_http_request_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if end_of_stream { self.echo("data") } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.echo("trailers")
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let status = self.get_http_response_header(":status").unwrap_or_default();
        info!("response {status}, answered here {}", self.answered);
        Action::Continue
    }
}
