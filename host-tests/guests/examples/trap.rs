//! Fails on purpose where a request asks for it.
//!
//! `x-trap` names the callback: `request-headers`, `request-body`, `request-trailers`, `response-headers`,
//! `response-body`, `done`, `log`, `delete`, `call` (the answer to a call to the cluster `aside`), `tick` (the next
//! one, while the request waits). `x-how: panic` panics, anything else executes an invalid instruction.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]
#![allow(clippy::panic, reason = "what this guest is for")]

/// Near the top of the file, since the place is in the message.
fn fail(how: &str) -> ! {
    if how == "panic" {
        panic!("on purpose");
    }
    core::arch::wasm32::unreachable()
}

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { at_tick: Rc::default(), served: Rc::default() }));
}}

struct Root {
    /// The next tick fails.
    at_tick: Rc<Cell<bool>>,
    /// Requests that this VM has seen: a fresh one begins anew.
    served: Rc<Cell<u32>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(Duration::from_millis(20));
        true
    }

    fn on_tick(&mut self) {
        if self.at_tick.take() {
            info!("trap in tick");
            fail("");
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        self.served.set(self.served.get() + 1);
        let served = self.served.get();
        let at_tick = Rc::clone(&self.at_tick);
        Some(Box::new(Trap { at: String::new(), how: String::new(), at_tick, served }))
    }
}

struct Trap {
    at: String,
    how: String,
    at_tick: Rc<Cell<bool>>,
    served: u32,
}

impl Trap {
    fn pass(&self, place: &str) {
        if self.at == place {
            info!("trap in {place}");
            fail(&self.how);
        }
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.pass("delete");
    }
}

impl Context for Trap {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, _body_size: usize, _trailers: usize) {
        self.pass("call");
    }

    fn on_done(&mut self) -> bool {
        self.pass("done");
        true
    }
}

impl HttpContext for Trap {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.at = self.get_http_request_header("x-trap").unwrap_or_default();
        self.how = self.get_http_request_header("x-how").unwrap_or_default();
        info!("request {} of this VM", self.served);
        self.pass("request-headers");
        match self.at.as_str() {
            "tick" => {
                self.at_tick.set(true);
                Action::Pause
            }
            "call" => {
                let headers = vec![(":method", "GET"), (":path", "/go"), (":authority", "aside.example.com")];
                let call = self.dispatch_http_call("aside", headers, None, vec![], Duration::from_secs(5));
                info!("called: {}", call.is_ok());
                Action::Pause
            }
            _ => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        self.pass("request-body");
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.pass("request-trailers");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.pass("response-headers");
        self.set_http_response_header("x-served", Some(&self.served.to_string()));
        Action::Continue
    }

    fn on_http_response_body(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        self.pass("response-body");
        Action::Continue
    }

    fn on_log(&mut self) {
        self.pass("log");
    }
}
