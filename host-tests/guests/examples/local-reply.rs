//! Answers requests itself, in every way a client asks for.
//!
//! `x-reply` names the callback that answers: `request-headers`, `request-body`, `request-trailers`,
//! `response-headers`, `response-body`. `x-status` (default 200), `x-body` (default none), `x-header` (a value for
//! `x-guest`) and `x-grpc` (a gRPC status instead) say with what; `x-twice` answers once more, `x-then` tries to
//! `resume-request` or `resume-response` afterwards, `x-continue` returns Continue instead of Pause.
//! `x-reset` resets the stream instead.
//!
//! Envoy 1.40 ends with a segmentation fault where a response is resumed before there is one, and where a
//! response callback answers twice. No case does that.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::shown_or_absent;
use log::info;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, GrpcStatusCode, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(LocalReply::default()));
}}

/// What was asked for: read once, since the request headers may be gone later.
#[derive(Default)]
struct LocalReply {
    at: String,
    status: u32,
    body: Option<String>,
    header: Option<String>,
    grpc: Option<GrpcStatusCode>,
    twice: bool,
    then: String,
    go_on: bool,
    reset: bool,
}

fn grpc_status(number: &str) -> Option<GrpcStatusCode> {
    Some(match number {
        "0" => GrpcStatusCode::Ok,
        "7" => GrpcStatusCode::PermissionDenied,
        "8" => GrpcStatusCode::ResourceExhausted,
        "16" => GrpcStatusCode::Unauthenticated,
        _ => return None,
    })
}

impl LocalReply {
    fn callback(&self, place: &str) -> Action {
        if self.at != place {
            info!("{place}");
            return Action::Continue;
        }
        if self.reset {
            info!("{place}, reset: {:?}", hostcalls::reset_http_request());
            return Action::Pause;
        }
        let headers = || self.header.iter().map(|value| ("x-guest", value.as_str())).collect::<Vec<_>>();
        if let Some(status) = self.grpc {
            info!("{place}, gRPC reply {}", status as u32);
            let metadata = headers().into_iter().map(|(name, value)| (name, value.as_bytes())).collect();
            self.send_grpc_response(status, self.body.as_deref(), metadata);
        } else {
            info!("{place}, reply {}", self.status);
            self.send_http_response(self.status, headers(), self.body.as_deref().map(str::as_bytes));
        }
        if self.twice {
            let second = hostcalls::send_http_response(418, vec![("x-second", "yes")], Some(b"second\n"));
            info!("a second reply: {second:?}");
        }
        match self.then.as_str() {
            "resume-request" => info!("resumed: {:?}", hostcalls::resume_http_request()),
            "resume-response" => info!("resumed: {:?}", hostcalls::resume_http_response()),
            _ => {}
        }
        if self.go_on { Action::Continue } else { Action::Pause }
    }
}

impl Context for LocalReply {
    fn on_done(&mut self) -> bool {
        info!("done");
        true
    }
}

impl HttpContext for LocalReply {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let header = |name: &str| self.get_http_request_header(name);
        *self = Self {
            at: header("x-reply").unwrap_or_default(),
            status: header("x-status").and_then(|status| status.parse().ok()).unwrap_or(200),
            body: header("x-body"),
            header: header("x-header"),
            grpc: header("x-grpc").and_then(|number| grpc_status(&number)),
            twice: header("x-twice").is_some(),
            then: header("x-then").unwrap_or_default(),
            go_on: header("x-continue").is_some(),
            reset: header("x-reset").is_some(),
        };
        self.callback("request-headers")
    }

    fn on_http_request_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if end_of_stream { self.callback("request-body") } else { Action::Pause }
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.callback("request-trailers")
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let header = |name| shown_or_absent(self.get_http_response_header_bytes(name));
        info!("response {}, content-length {}", header(":status"), header("content-length"));
        self.callback("response-headers")
    }

    fn on_http_response_body(&mut self, _size: usize, end_of_stream: bool) -> Action {
        if end_of_stream { self.callback("response-body") } else { Action::Pause }
    }
}
