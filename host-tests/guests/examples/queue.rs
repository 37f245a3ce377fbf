//! Lets another VM of the process answer: a request sends a ping to its queue and waits for the pong.
//!
//! Every VM registers a queue under a random name, since the last one that registers a name gets its notices,
//! and enters it into a directory in shared data: the ids of all queues, four bytes each.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::time::Duration;

use guests::Waiting;
use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { vm: Rc::default() }));
}}

const DIRECTORY: &str = "queue.directory";
const TICK: Duration = Duration::from_millis(20);

/// What the contexts of one VM share.
#[derive(Default)]
struct Vm {
    /// This VM's queue, once it is registered.
    own: Cell<Option<u32>>,
    /// Streams that found no other VM yet.
    waiting: Waiting,
}

impl Vm {
    /// This VM's queue; registers it at the first use.
    fn queue(&self) -> Option<u32> {
        if self.own.get().is_none() {
            let name = format!("queue.{:016x}", RandomState::new().hash_one(0));
            self.own.set(hostcalls::register_shared_queue(&name).ok());
            self.own.get().into_iter().for_each(enter);
        }
        self.own.get()
    }

    /// Sends the ping of a stream to another VM, if there is one.
    fn ping(&self, stream: u32) -> bool {
        let Some(own) = self.queue() else { return false };
        let other = directory().0.into_iter().find(|id| *id != own);
        let Some(other) = other else { return false };
        info!("ping");
        send(other, b'?', own, stream)
    }
}

/// The queues of all VMs, and the version of the directory.
fn directory() -> (Vec<u32>, Option<u32>) {
    let (bytes, version) = hostcalls::get_shared_data(DIRECTORY).unwrap_or_default();
    let bytes = bytes.unwrap_or_default();
    let (ids, _) = bytes.as_chunks();
    (ids.iter().map(|id| u32::from_le_bytes(*id)).collect(), version)
}

/// Enters a queue into the directory.
fn enter(own: u32) {
    loop {
        let (mut ids, version) = directory();
        ids.push(own);
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        // A version that no value has makes the first entry one that nobody else makes.
        if hostcalls::set_shared_data(DIRECTORY, Some(&bytes), version.or(Some(u32::MAX))).is_ok() {
            return;
        }
    }
}

/// A message: its kind, the queue that sent it, and the stream it is about.
fn send(queue: u32, kind: u8, from: u32, stream: u32) -> bool {
    let message = [&[kind][..], &from.to_le_bytes(), &stream.to_le_bytes()].concat();
    hostcalls::enqueue_shared_queue(queue, Some(&message)).is_ok()
}

fn parse(message: &[u8]) -> Option<(u8, u32, u32)> {
    let (kind, rest) = message.split_first()?;
    let (from, rest) = rest.split_first_chunk()?;
    let (stream, []) = rest.split_first_chunk()? else { return None };
    Some((*kind, u32::from_le_bytes(*from), u32::from_le_bytes(*stream)))
}

struct Root {
    vm: Rc<Vm>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(TICK);
        true
    }

    fn on_tick(&mut self) {
        self.vm.queue();
        for stream in self.vm.waiting.take() {
            // What is done for a stream is logged as its own.
            if hostcalls::set_effective_context(stream).is_ok() && !self.vm.ping(stream) {
                self.vm.waiting.push(stream);
            }
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        while let Ok(Some(message)) = self.dequeue_shared_queue(queue) {
            let Some((kind, from, stream)) = parse(&message) else { continue };
            if kind == b'?' {
                info!("pong");
                send(from, b'!', queue, stream);
            } else if hostcalls::set_effective_context(stream).is_ok() {
                info!("resume");
                let answered = hostcalls::set_map_value(
                    proxy_wasm::types::MapType::HttpRequestHeaders,
                    "x-queue",
                    Some("pong"),
                );
                if answered.and_then(|()| hostcalls::resume_http_request()).is_err() {
                    warn!("the request cannot be resumed");
                }
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id, vm: Rc::clone(&self.vm) }))
    }
}

struct Stream {
    id: u32,
    vm: Rc<Vm>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if !self.vm.ping(self.id) {
            self.vm.waiting.push(self.id);
        }
        Action::Pause
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.set_http_response_header("x-queue", Some("through"));
        Action::Continue
    }
}
