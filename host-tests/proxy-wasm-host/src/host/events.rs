//! Time passes: what is due happens, in order.

use std::time::Duration;

use super::Host;
use crate::abi::StreamType;
use crate::headers::HeaderMap;
use crate::message::{GrpcAnswer, LEAST, Network, Response, StreamId};
use crate::shared::Reader;
use crate::stream::{Direction, LocalReply, nanoseconds};
use crate::vm::callback::Callback;
use crate::vm::{Action, VmAt};
use crate::world::{Dialled, Event};

impl<N: Network> Host<N> {
    /// Lets everything happen that is due until `time` (since the Unix epoch), which then is the time.
    pub fn run_until(&mut self, time: Duration) {
        let time = nanoseconds(time);
        while self.next_at().is_some_and(|at| at <= time) {
            self.step();
        }
        self.world.now = self.world.now.max(time);
    }

    /// Lets time pass until no request is under way.
    pub fn run(&mut self) {
        while !self.world.streams.is_empty() && self.next_at().is_some() {
            self.step();
        }
    }

    fn next_at(&self) -> Option<u64> {
        let idle = self.idle.first().map(|(at, _)| *at);
        match (self.world.next_at(), idle) {
            (Some(event), Some(idle)) => Some(event.min(idle)),
            (event, idle) => event.or(idle),
        }
    }

    fn step(&mut self) {
        let idle = self.idle.first().copied();
        match (self.world.next_at(), idle) {
            (at, Some((due, id))) if at.is_none_or(|at| at > due) => {
                self.world.now = self.world.now.max(due);
                self.idle_timeout(id);
            }
            _ => {
                if let Some(event) = self.world.next() {
                    self.happen(event);
                }
            }
        }
        self.settle();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick { vm, root, armed } => self.tick(vm, root, armed),
            Event::QueueReady { reader, token, cause } => self.queue_ready(reader, token, cause),
            Event::CallOut { vm, root, token, answer, cause } => {
                self.call_out_over(vm, root, token, answer.map(|answer| *answer), cause);
            }
            Event::Grpc { vm, root, token, answer, cause } => self.grpc_over(vm, root, token, *answer, cause),
            Event::Upstream { stream, answer } => {
                self.watch(stream);
                self.upstream_answers(stream, answer.map(|answer| *answer));
            }
        }
    }

    /// Nothing has happened to a stream for too long (`onIdleTimeout` of the connection manager).
    fn idle_timeout(&mut self, id: StreamId) {
        let limit = nanoseconds(self.world.limits.stream_idle);
        let Some(stream) = self.world.streams.get(&id) else { return };
        self.idle.remove(&(stream.idle_from.saturating_add(limit), id));
        if stream.response.headers.is_some() {
            return self.reset(id);
        }
        let status = if stream.request_complete { 504 } else { 408 };
        self.local_reply(id, LocalReply::new(status, "stream timeout", "stream_idle_timeout"));
        // A filter that holds the answer too does not get another chance.
        if self.world.streams.get(&id).is_some_and(|stream| !stream.over) {
            self.reset(id);
        }
    }

    fn tick(&mut self, at: VmAt, root: u32, armed: u64) {
        let period = self.vm(at).and_then(|vm| {
            let call = &vm.state().contexts.get(&root)?.call;
            (call.timer == armed && call.period > 0).then_some(call.period)
        });
        let Some(period) = period else { return };
        if self.vm(at).is_none_or(|vm| vm.failed()) {
            return;
        }
        self.invoke(at, root, Callback::Tick, [0; 4], None);
        // Set anew during the tick: that one counts.
        let same = self.vm(at).and_then(|vm| Some(vm.state().contexts.get(&root)?.call.timer)) == Some(armed);
        if same {
            self.world.after(period, Event::Tick { vm: at, root, armed });
        }
    }

    /// Whoever runs at the reader's place now is told (`SharedQueue::enqueue`).
    fn queue_ready(&mut self, reader: Reader, token: u32, cause: Option<StreamId>) {
        let Some((at, _)) = self.running_vm(reader.vm.thread, reader.vm.vm) else { return };
        let known = self.vm(at).is_some_and(|vm| vm.state().contexts.contains_key(&reader.context));
        if known {
            self.invoke(at, reader.context, Callback::QueueReady, [token, 0, 0, 0], cause);
        }
    }

    fn call_out_over(
        &mut self,
        at: VmAt,
        root: u32,
        token: u32,
        answer: Option<Response>,
        cause: Option<StreamId>,
    ) {
        let cluster = self.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)?.call.open.remove(&token));
        let Some(cluster) = cluster else { return };
        if let Some(count) = self.world.outstanding.get_mut(&cluster) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.world.outstanding.remove(&cluster);
            }
        }
        self.tell_answer(at, root, token, answer, cause);
    }

    /// Hands a plugin an answer that the host does not owe it, as a host with a defect would: once more, too early, or to
    /// a call-out that was never made. What is under way stays so and is answered as ever.
    ///
    /// `worker` and `plugin` are counted from 0; where there is no such plugin nothing happens. `answer`: `None` is a
    /// body that broke off.
    pub fn misdeliver(&mut self, worker: usize, plugin: usize, token: u32, answer: Option<Response>) {
        if let Some((at, root)) = self.serving(worker, plugin) {
            self.tell_answer(at, root, token, answer, None);
            self.settle();
        }
    }

    /// Calls the plugin back; what it reads of the answer is there until it returns.
    fn tell_answer(
        &mut self,
        at: VmAt,
        root: u32,
        token: u32,
        answer: Option<Response>,
        cause: Option<StreamId>,
    ) {
        if let Some(context) = self.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)) {
            let call = &mut context.call;
            call.status = if answer.is_some() { (0, String::new()) } else { (11, "reset".to_owned()) };
            call.response.clone_from(&answer);
        }
        let count = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let arguments = answer.as_ref().map_or([token, 0, 0, 0], |answer| {
            let trailers = answer.trailers.as_ref().map_or(0, HeaderMap::len);
            [token, count(answer.headers.len()), count(answer.body.len()), count(trailers)]
        });
        self.invoke(at, root, Callback::HttpCallResponse, arguments, cause);
        if let Some(context) = self.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)) {
            context.call.response = None;
            context.call.status.1.clear();
        }
    }

    fn grpc_over(&mut self, at: VmAt, root: u32, token: u32, answer: GrpcAnswer, cause: Option<StreamId>) {
        let open =
            self.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)?.call.open_grpc.remove(&token));
        if open.is_none() {
            return;
        }
        let step = |host: &mut Self, callback, argument: usize, set: &dyn Fn(&mut crate::vm::Call)| {
            if let Some(context) = host.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)) {
                set(&mut context.call);
            }
            let argument = u32::try_from(argument).unwrap_or(u32::MAX);
            host.invoke(at, root, callback, [token, argument, 0, 0], cause);
            if let Some(context) = host.vm(at).and_then(|vm| vm.state().contexts.get_mut(&root)) {
                let call = &mut context.call;
                (call.grpc_initial, call.grpc_trailing, call.grpc_message) = (None, None, None);
            }
        };
        if let Some(map) = &answer.initial {
            step(self, Callback::GrpcReceiveInitialMetadata, map.len(), &|call| {
                call.grpc_initial = Some(map.clone());
            });
        }
        for message in &answer.messages {
            step(self, Callback::GrpcReceive, message.len(), &|call| {
                call.grpc_message = Some(message.clone());
            });
        }
        if let Some(map) = &answer.trailing {
            step(self, Callback::GrpcReceiveTrailingMetadata, map.len(), &|call| {
                call.grpc_trailing = Some(map.clone());
            });
        }
        // A call that was answered whole is not closed as well.
        let unary = token % 2 == 1;
        if !(unary && answer.status == 0 && !answer.messages.is_empty()) {
            let status = usize::try_from(answer.status).unwrap_or(usize::MAX);
            step(self, Callback::GrpcClose, status, &|call| {
                call.status = (answer.status, answer.text.clone());
            });
        }
    }

    /// What a guest asked for during a callback that has returned.
    pub(super) fn after_call(&mut self, at: VmAt) {
        while let Some(action) = self.vm(at).and_then(|vm| vm.next_action()) {
            match action {
                Action::Continue { stream, filter, what } => {
                    let direction = match what {
                        StreamType::Request => Direction::Decode,
                        _ => Direction::Encode,
                    };
                    self.go_on(stream, direction, filter);
                    self.watch(stream);
                }
                Action::Reply { stream, filter, reply } => {
                    let first = self.with(stream, |stream| {
                        let first = stream.replied_by.is_none();
                        stream.replied_by.get_or_insert(filter);
                        first
                    });
                    if first {
                        self.local_reply(stream, reply);
                    }
                }
                Action::Close { stream } => self.reset(stream),
            }
        }
        self.dial();
    }

    /// Asks the network about the call-outs that were made.
    pub(super) fn dial(&mut self) {
        for dialled in std::mem::take(&mut self.world.dialled) {
            match dialled {
                Dialled::Http { vm, root, token, call, cause } => {
                    let answer = self.network.call_out(cause, &call);
                    let timeout = call.timeout;
                    if let Some(stream) = cause.and_then(|cause| self.world.streams.get_mut(&cause)) {
                        stream.record(call, &self.world.limits);
                    }
                    if let Some((delay, answer)) = answer.outcome(timeout) {
                        let answer = answer.map(Box::new);
                        let event = Event::CallOut { vm, root, token, answer, cause };
                        self.world.after(nanoseconds(delay), event);
                    }
                }
                Dialled::Grpc { vm, root, token, call, cause } => {
                    let answer = self.network.grpc(cause, &call);
                    let delay = nanoseconds(answer.delay.max(LEAST));
                    self.world.after(delay, Event::Grpc { vm, root, token, answer: Box::new(answer), cause });
                }
            }
        }
    }
}
