//! Pauses where a request asks for it and resumes from the answer to a call or from a tick.
//!
//! `x-pause` names the callbacks that pause, once each, separated by commas: `request-headers`, `request-body`,
//! `request-trailers`, `response-headers`, `response-body`, `response-trailers`. `x-resume: tick` resumes from
//! the second tick after the pause, so that what the client sends meanwhile is there; anything else resumes
//! from the answer to a call to the cluster `aside`.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::info;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { waiters: Rc::default() }));
}}

/// Two of them are longer than a client takes to send a small body.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

impl Direction {
    fn resume(self) {
        let resumed = match self {
            Self::Request => hostcalls::resume_http_request(),
            Self::Response => hostcalls::resume_http_response(),
        };
        if let Err(status) = resumed {
            info!("not resumed: {status:?}");
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// A stream that waits for a tick.
struct Waiter {
    context: u32,
    /// What is paused: shared with the stream.
    paused: Rc<Cell<Option<Direction>>>,
    ticks: u32,
}

struct Root {
    waiters: Rc<RefCell<Vec<Waiter>>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(TICK);
        true
    }

    fn on_tick(&mut self) {
        // Out of the list first: resuming calls the stream, which may wait again.
        let waiters = self.waiters.take();
        let (due, early): (Vec<_>, Vec<_>) = waiters.into_iter().partition(|waiter| waiter.ticks > 0);
        let early = early.into_iter().map(|waiter| Waiter { ticks: waiter.ticks + 1, ..waiter });
        self.waiters.borrow_mut().extend(early);
        for waiter in due {
            if let (Ok(()), Some(direction)) =
                (hostcalls::set_effective_context(waiter.context), waiter.paused.take())
            {
                info!("a tick resumes the {}", direction.name());
                direction.resume();
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        let waiters = Rc::clone(&self.waiters);
        Some(Box::new(Pause { context, waiters, at: Vec::new(), by_tick: false, paused: Rc::default() }))
    }
}

struct Pause {
    context: u32,
    waiters: Rc<RefCell<Vec<Waiter>>>,
    /// The callbacks that have yet to pause.
    at: Vec<String>,
    by_tick: bool,
    paused: Rc<Cell<Option<Direction>>>,
}

impl Pause {
    fn callback(&mut self, place: &str, details: &str, direction: Direction) -> Action {
        let asked = self.at.iter().position(|asked| asked == place);
        if self.paused.get().is_some() {
            info!("{place} {details}, paused already");
        } else if let Some(index) = asked {
            self.at.remove(index);
            info!("{place} {details}, pausing");
            self.wait(direction);
        } else {
            info!("{place} {details}");
        }
        if self.paused.get() == Some(direction) { Action::Pause } else { Action::Continue }
    }

    fn wait(&mut self, direction: Direction) {
        self.paused.set(Some(direction));
        if self.by_tick {
            let waiter = Waiter { context: self.context, paused: Rc::clone(&self.paused), ticks: 0 };
            self.waiters.borrow_mut().push(waiter);
            return;
        }
        let headers = vec![(":method", "GET"), (":path", "/go"), (":authority", "aside.example.com")];
        if let Err(status) = self.dispatch_http_call("aside", headers, None, vec![], Duration::from_secs(5)) {
            info!("no call: {status:?}");
        }
    }
}

impl Context for Pause {
    fn on_http_call_response(&mut self, _token: u32, _headers: usize, _body_size: usize, _trailers: usize) {
        let status = self.get_http_call_response_header(":status").unwrap_or_default();
        if let Some(direction) = self.paused.take() {
            info!("answer {status} resumes the {}", direction.name());
            direction.resume();
        }
    }
}

impl HttpContext for Pause {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let at = self.get_http_request_header("x-pause").unwrap_or_default();
        self.at = at.split(',').map(|place| place.trim().to_owned()).collect();
        self.by_tick = self.get_http_request_header("x-resume").as_deref() == Some("tick");
        self.callback("request-headers", &format!("(end {end_of_stream})"), Direction::Request)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.callback("request-body", &format!("({size} bytes, end {end_of_stream})"), Direction::Request)
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        self.callback("request-trailers", &format!("({count})"), Direction::Request)
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.callback("response-headers", &format!("(end {end_of_stream})"), Direction::Response)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.callback("response-body", &format!("({size} bytes, end {end_of_stream})"), Direction::Response)
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        self.callback("response-trailers", &format!("({count})"), Direction::Response)
    }
}
