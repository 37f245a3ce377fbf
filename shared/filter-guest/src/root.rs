//! The root context: one per configuration and VM. Call-outs are its own, and it resumes the streams that wait for them.

use crate::abi::{self, BufferType, MapType};
use crate::host::{Host, VmEnv};
use crate::module::Streams;
use crate::perform;
use crate::stream::HttpStream;
use filter_core::effect::Level;
use filter_core::filter::{Filter, Resumption};
use filter_core::policy::Policy;
use filter_core::redact;
use filter_core::task::{Failure, Reply, TaskResult};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How many streams go on within one callback. Envoy carries out what a callback asked for after it, and the response of one
/// stream is a callback, too, after which it carries out what is left: every further stream is a level of its stack, and at
/// about 270 of them V8 ends the VM (proxy-wasm-cpp-host `doAfterVmCallActions`, its issue 326). Other filters need some of
/// that stack.
const AT_ONCE: usize = 16;

/// An item in the queue of this worker that says: go on with the next ones. No name: it is not UTF-8.
const GO_ON: &[u8] = b"\xff";

/// How soon further streams that are overdue hear of it.
const SOON: Duration = Duration::from_millis(10);

/// Holds the filter that its streams share. Until a configuration was accepted it refuses every request.
pub(crate) struct Root<P: Policy> {
    id: u32,
    filter: Rc<RefCell<Filter<P>>>,
    host: Rc<Host>,
    /// Streams whose call-out is over, and that are still to go on, in order.
    over: VecDeque<(u32, Rc<TaskResult>)>,
    /// Whether [`GO_ON`] is in the queue.
    woken: bool,
    /// Ticks come quickly, for streams that are overdue are left ([`AT_ONCE`]).
    hurries: bool,
}

impl<P: Policy> Root<P> {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            filter: Rc::default(),
            host: Rc::default(),
            over: VecDeque::new(),
            woken: false,
            hurries: false,
        }
    }

    /// Pure but for its log lines: Envoy calls this on W + 2 VMs, the canary included.
    pub(crate) fn configure(&mut self, size: usize) -> bool {
        // Without a configuration the host answers "not found", which reads as an empty one.
        let bytes = abi::buffer(BufferType::PluginConfiguration, size).unwrap_or_default();
        let name = abi::property("plugin_name").and_then(|name| String::from_utf8(name).ok());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| P::NAME.to_owned());
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return false };
        match filter.configure(&name, &bytes, &VmEnv) {
            Ok(digest) => {
                let (version, revision, profile) = build();
                let text =
                    format!("{name}: {} {version} ({revision}, {profile}) configuration {digest}", P::NAME);
                abi::log(Level::Info, &redact::line(&text));
                if let Some(period) = P::TICK {
                    tick_every(period);
                }
                true
            }
            Err(errors) => {
                let errors = errors.as_slice();
                let text = format!("{name}: configuration refused, {} error(s)", errors.len());
                abi::log(Level::Critical, &redact::line(&text));
                for error in errors {
                    abi::log(Level::Critical, &redact::line(&format!("{name}: {error}")));
                }
                false
            }
        }
    }

    /// The context of a new stream.
    pub(crate) fn stream(&self, id: u32) -> HttpStream<P> {
        HttpStream::new(id, self.filter.clone(), self.host.clone())
    }

    /// A call-out is over, whoever sent it.
    pub(crate) fn call_response(
        &mut self,
        token: u32,
        headers: usize,
        body: usize,
        streams: &mut Streams<P>,
    ) {
        let resumption = self.filter.try_borrow_mut().ok().and_then(|mut filter| {
            let result = answer(headers, body, filter.max_reply(token)?);
            filter.answered(token, result, &*self.host)
        });
        self.carry_out(resumption);
        self.go_on(streams);
    }

    /// Other workers are done with call-outs that this one may wait for, or streams are still to go on.
    pub(crate) fn queue_ready(&mut self, queue: u32, streams: &mut Streams<P>) {
        while let Ok(item) = abi::dequeue(queue) {
            if item == GO_ON {
                self.woken = false;
                continue;
            }
            let name = String::from_utf8_lossy(&item);
            let resumption =
                self.filter.try_borrow_mut().ok().and_then(|mut filter| filter.told(&name, &*self.host));
            self.carry_out(resumption);
        }
        self.go_on(streams);
    }

    pub(crate) fn tick(&mut self, streams: &mut Streams<P>) {
        if P::HOLDS && self.hurries {
            return self.expire(streams);
        }
        loop {
            let lost = self.filter.try_borrow_mut().ok().and_then(|mut filter| filter.next_lost(&*self.host));
            if lost.is_none() {
                break;
            }
            self.carry_out(lost);
        }
        // Where there is no queue, or an item got lost, the ticks do.
        self.woken = false;
        self.go_on(streams);
        if let Ok(mut filter) = self.filter.try_borrow_mut() {
            let outcome = filter.tick(&*self.host);
            self.tell(&filter, &outcome.tell);
            perform::effects(&self.host, outcome);
        }
        self.expire(streams);
    }

    /// Tells the next streams whose head has been held for too long, [`AT_ONCE`] of them; the others hear of it soon.
    fn expire(&mut self, streams: &mut Streams<P>) {
        let Some(period) = P::TICK.filter(|_| P::HOLDS) else { return };
        let mut told = 0;
        while told < AT_ONCE {
            let overdue = self.filter.try_borrow_mut().ok().and_then(|mut filter| filter.next_overdue());
            let Some(id) = overdue else { break };
            told += 1;
            if let Some(stream) = streams.get_mut(&id)
                && abi::set_effective_context(id).is_ok()
            {
                stream.overdue();
            }
        }
        if told > 0 {
            let _ = abi::set_effective_context(self.id);
        }
        let left = told == AT_ONCE;
        if left != self.hurries {
            self.hurries = left;
            tick_every(if left { SOON } else { period });
        }
    }

    fn tell(&self, filter: &Filter<P>, names: &[Arc<str>]) {
        if names.is_empty() {
            return;
        }
        for queue in filter.others(&*self.host) {
            for name in names {
                let _ = abi::enqueue(queue, name.as_bytes());
            }
        }
    }

    /// The policy has heard of it; every stream that waited is to decide again.
    fn carry_out(&mut self, resumption: Option<Resumption>) {
        let Some(Resumption { outcome, waiters, result }) = resumption.filter(|_| P::CALLS) else {
            return;
        };
        if let Ok(filter) = self.filter.try_borrow() {
            self.tell(&filter, &outcome.tell);
        }
        perform::effects(&self.host, outcome);
        let result = Rc::new(result);
        self.over.extend(waiters.into_iter().map(|id| (id, Rc::clone(&result))));
    }

    /// Has the next streams go on, [`AT_ONCE`] of them; the others do in a callback to come.
    fn go_on(&mut self, streams: &mut Streams<P>) {
        if !P::CALLS || self.over.is_empty() {
            return;
        }
        for _ in 0..AT_ONCE {
            let Some((id, result)) = self.over.pop_front() else { break };
            if let Some(stream) = streams.get_mut(&id)
                && abi::set_effective_context(id).is_ok()
            {
                stream.resume(&result);
            }
        }
        let _ = abi::set_effective_context(self.id);
        if self.over.is_empty() || self.woken {
            return;
        }
        let queue = self.filter.try_borrow().ok().and_then(|filter| filter.queue());
        self.woken = queue.is_some_and(|queue| abi::enqueue(queue, GO_ON).is_ok());
    }
}

/// A host without timers only does not notice what is late.
fn tick_every(period: Duration) {
    let _ = abi::set_tick_period(u32::try_from(period.as_millis()).unwrap_or(u32::MAX));
}

/// Version, git revision and profile of this module.
fn build() -> (&'static str, &'static str, &'static str) {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    (env!("CARGO_PKG_VERSION"), option_env!("PORTCULLIS_REVISION").unwrap_or("unknown"), profile)
}

/// What the host holds ready of an answer.
fn answer(headers: usize, body: usize, most: usize) -> TaskResult {
    // Asking for headers where there are none is an error in Envoy.
    let headers = (headers > 0).then(|| abi::headers(MapType::CallResponse)).flatten();
    let headers = headers.ok_or(Failure::Incomplete)?;
    if body > most {
        return Err(Failure::TooLarge);
    }
    let status = headers.first(":status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    let body =
        if body == 0 { Some(Vec::new()) } else { abi::buffer(BufferType::CallResponseBody, body).ok() };
    match (status, body) {
        (Some(status), Some(body)) => Ok(Reply { status, headers, body }),
        _ => Err(Failure::Incomplete),
    }
}
