//! Every request waits for a tick. The first VM in which one waits asks the time, once for all VMs of the process:
//! shared data says who asked and what the answer was.
//!
//! Configuration: `tick_ms` (default 20).
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use std::time::Duration;

use guests::{Settings, Waiting, shown};
use log::info;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { waiting: Waiting::default() }));
}}

const LEADER: &str = "timer.leader";
const ANSWER: &str = "timer.answer";

struct Root {
    waiting: Waiting,
}

impl Root {
    fn ask(&self) {
        let headers = vec![(":method", "GET"), (":path", "/time"), (":authority", "clock.example.com")];
        let asked = self.dispatch_http_call("clock", headers, None, vec![], Duration::from_secs(1));
        if let Err(status) = asked {
            self.store(format!("{status:?}").as_bytes());
        }
    }

    fn store(&self, answer: &[u8]) {
        info!("the time is {}", shown(answer));
        if let Err(status) = self.set_shared_data(ANSWER, Some(answer), None) {
            info!("not stored: {status:?}");
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let status = self.get_http_call_response_header(":status").unwrap_or_default();
        if status == "200" {
            self.store(&self.get_http_call_response_body(0, body_size).unwrap_or_default());
        } else {
            self.store(format!("unknown ({status})").as_bytes());
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let period = Settings::read(self).get("tick_ms").and_then(|ms| ms.parse().ok()).unwrap_or(20);
        self.set_tick_period(Duration::from_millis(period));
        true
    }

    fn on_tick(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        // No value has this version: only the first of all VMs can store one.
        if self.set_shared_data(LEADER, Some(b"taken"), Some(u32::MAX)).is_ok() {
            self.ask();
        }
        if self.get_shared_data(ANSWER).0.is_none() {
            return;
        }
        for stream in self.waiting.take() {
            if hostcalls::set_effective_context(stream).is_ok() {
                info!("a tick resumes");
                hostcalls::resume_http_request().unwrap_or_else(|status| info!("not resumed: {status:?}"));
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id, waiting: self.waiting.clone() }))
    }
}

struct Stream {
    id: u32,
    waiting: Waiting,
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.waiting.remove(self.id);
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        info!("waiting for a tick");
        self.waiting.push(self.id);
        Action::Pause
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let (answer, _) = self.get_shared_data(ANSWER);
        self.set_http_response_header_bytes("x-time", answer.as_deref());
        Action::Continue
    }
}
