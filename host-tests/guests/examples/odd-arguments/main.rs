//! Calls the host with arguments that no SDK would pass and logs the status of each answer.
//!
//! `x-odd` names the group: a function of `groups`. The statuses are those of proxy-wasm 0.2.1 (`proxy_status_t`), in
//! `system` also those of WASI. The module is given no configuration.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]
#![allow(unsafe_code, reason = "the SDK cannot pass these arguments, and panics at most of the answers")]

mod abi;
mod groups;

use std::time::Duration;

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|id| Box::new(Root { id }));
}}

struct Root {
    id: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Odd { id, root: self.id, body: false }))
    }
}

struct Odd {
    id: u32,
    root: u32,
    body: bool,
}

impl Context for Odd {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body_size: usize, trailers: usize) {
        info!("answer: {headers} headers, {body_size} body bytes, {trailers} trailers");
        groups::answer();
        self.resume_http_request();
    }
}

impl HttpContext for Odd {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        match self.get_http_request_header("x-odd").as_deref() {
            Some("maps") => groups::maps(),
            Some("buffers") => groups::buffers(),
            Some("body") => {
                self.body = true;
                self.set_http_request_header("content-length", None);
            }
            Some("metrics") => groups::metrics(),
            Some("calls") => groups::calls(),
            Some("contexts") => groups::contexts(self.id, self.root),
            Some("properties") => groups::properties(),
            Some("shared") => groups::shared(),
            Some("memory") => groups::memory(),
            Some("system") => groups::system(),
            Some("answer") => {
                let headers = vec![(":method", "GET"), (":path", "/go"), (":authority", "aside.example.com")];
                let call =
                    self.dispatch_http_call("aside", headers, None, vec![], Duration::from_millis(300));
                info!("called: {}", call.is_ok());
                return Action::Pause;
            }
            _ => info!("nothing odd"),
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        if std::mem::take(&mut self.body) {
            groups::body();
        }
        Action::Continue
    }
}
