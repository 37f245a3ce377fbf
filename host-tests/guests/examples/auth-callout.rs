//! Asks another service whether a request may pass, and waits for its answer.
//!
//! Configuration: `cluster` (default `auth`), `deadline_ms` (default 200), `on_failure=continue` lets a request
//! pass that could not be asked about.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use std::time::Duration;

use guests::{Settings, shown};
use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { settings: Settings::default() }));
}}

/// Headers whose values differ from run to run.
const VARYING: [&str; 2] = ["date", "x-envoy-upstream-service-time"];

struct Root {
    settings: Settings,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.settings = Settings::read(self);
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Auth { settings: self.settings.clone() }))
    }
}

struct Auth {
    settings: Settings,
}

impl Auth {
    fn cluster(&self) -> String {
        // A client may name one, to see what becomes of a name that no cluster has.
        let asked = self.get_http_request_header("x-cluster");
        asked.unwrap_or_else(|| self.settings.get("cluster").unwrap_or("auth").to_owned())
    }

    fn failed(&self) -> Action {
        if self.settings.is("on_failure", "continue") {
            return Action::Continue;
        }
        self.send_http_response(503, vec![("x-auth", "failed")], Some(b"nobody to ask\n"));
        Action::Pause
    }
}

impl Context for Auth {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, body_size: usize, trailers: usize) {
        info!("answer: {headers} headers, {body_size} body bytes, {trailers} trailers");
        for (name, value) in self.get_http_call_response_headers_bytes() {
            if VARYING.contains(&name.as_str()) {
                info!("header {name}");
            } else {
                info!("header {name}: {}", shown(&value));
            }
        }
        if let Some(body) = self.get_http_call_response_body(0, body_size) {
            info!("body {}", shown(&body));
        }
        for (name, value) in self.get_http_call_response_trailers_bytes() {
            info!("trailer {name}: {}", shown(&value));
        }
        // An answer that broke off has no headers, and asking for one of them is an error then.
        let header = |name| if headers > 0 { self.get_http_call_response_header(name) } else { None };
        let status = header(":status");
        let failed = status.as_deref().is_none_or(|status| status.starts_with('5'));
        if status.as_deref() == Some("200") || (failed && self.settings.is("on_failure", "continue")) {
            self.set_http_request_header("x-user", header("x-user").as_deref());
            self.resume_http_request();
        } else {
            self.send_http_response(403, vec![("x-auth", "denied")], Some(b"denied\n"));
        }
    }
}

impl HttpContext for Auth {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let token = self.get_http_request_header("x-token").unwrap_or_default();
        let path = self.get_http_request_header(":path").unwrap_or_default();
        let body = self.get_http_request_header("x-call-body");
        let trailer = self.get_http_request_header("x-call-trailer");
        let deadline = self.settings.get("deadline_ms").and_then(|ms| ms.parse().ok()).unwrap_or(200);
        let dispatched = self.dispatch_http_call(
            &self.cluster(),
            vec![
                (":method", "POST"),
                (":path", "/check"),
                (":authority", "auth.example.com"),
                ("x-token", &token),
                ("x-original-path", &path),
            ],
            body.as_deref().map(str::as_bytes),
            trailer.iter().map(|value| ("x-call-trailer", value.as_str())).collect(),
            Duration::from_millis(deadline),
        );
        match dispatched {
            Ok(_) => {
                info!("asked about {path}");
                Action::Pause
            }
            Err(status) => {
                info!("could not ask: {status:?}");
                self.failed()
            }
        }
    }

    fn on_http_request_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if end_of_stream {
            info!("request body ends");
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        info!("response {}", self.get_http_response_header(":status").unwrap_or_default());
        Action::Continue
    }
}
