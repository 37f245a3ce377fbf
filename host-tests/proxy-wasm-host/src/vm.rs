//! One virtual machine: an instance of a module, its contexts, and the one way in.

pub(crate) mod callback;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{
    InstancePre, Memory, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, TypedFunc, UpdateDeadline,
};

use crate::abi::{AbiVersion, StreamType};
use crate::engine::Engine;
use crate::error::{LoadError, Trap};
use crate::headers::HeaderMap;
use crate::hostcalls::callout::Tokens;
use crate::limits::Limits;
use crate::message::{Response, StreamId};
use crate::metrics::Handles;
use crate::plugin::Plugin;
use crate::stream::LocalReply;
use crate::world::World;
use callback::{Callback, Exports};

/// Names a VM of a host: its thread, which of the VMs there, and the how manieth that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VmAt {
    pub(crate) thread: usize,
    pub(crate) vm: usize,
    pub(crate) generation: u64,
}

/// A context of the ABI.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The root context above it; a root context is its own.
    pub(crate) root: u32,
    /// Which plugin of the chain; none for the VM's own context, 0.
    pub(crate) plugin: Option<Rc<Plugin>>,
    /// A stream context's stream, and its position in the chain.
    pub(crate) stream: Option<(StreamId, usize)>,
    /// Root contexts: what the host holds ready for the callback that runs.
    pub(crate) call: Call,
}

/// What call-outs keep in a root context.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// The answer to an HTTP call-out, while its callback runs.
    pub(crate) response: Option<Response>,
    /// Likewise of a gRPC call.
    pub(crate) grpc_initial: Option<HeaderMap>,
    pub(crate) grpc_trailing: Option<HeaderMap>,
    pub(crate) grpc_message: Option<Vec<u8>>,
    /// `proxy_get_status`
    pub(crate) status: (u32, String),
    /// Open call-outs with the cluster they went to.
    pub(crate) open: BTreeMap<u32, String>,
    /// Open gRPC calls (odd) and streams (even).
    pub(crate) open_grpc: BTreeMap<u32, String>,
    /// How often the timer was set: a tick of an earlier setting is stale.
    pub(crate) timer: u64,
    /// ns; 0: off
    pub(crate) period: u64,
}

/// Something a guest asked for that happens when its callback has returned (`addAfterVmCallAction`).
#[derive(Debug)]
pub(crate) enum Action {
    /// Go on with a held message.
    Continue { stream: StreamId, filter: usize, what: StreamType },
    /// Answer.
    Reply { stream: StreamId, filter: usize, reply: LocalReply },
    /// Cut the stream off.
    Close { stream: StreamId },
}

/// When only some host functions may be called (`setRestrictedCallback`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Restriction {
    /// All may.
    #[default]
    None,
    /// The module starts: logging, the clock and what WASI libraries call then.
    Start,
    /// The guest's allocator runs: logging and the clock.
    Allocation,
}

/// What the host keeps beside an instance; host functions get it.
pub(crate) struct VmState {
    /// The host's world while the guest runs, an empty one else.
    pub(crate) world: Box<World>,
    pub(crate) at: VmAt,
    pub(crate) abi: AbiVersion,
    pub(crate) vm_id: Rc<str>,
    pub(crate) vm_configuration: Rc<[u8]>,
    pub(crate) environment: Rc<[(String, String)]>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// The context that runs.
    pub(crate) current: u32,
    /// The one that was chosen instead; 0: none.
    pub(crate) effective: u32,
    pub(crate) restriction: Restriction,
    /// The configuration that can be read, while the plugin is configured.
    pub(crate) configuring: Option<Rc<Plugin>>,
    /// The guest answered the request itself: its next answer to the host does not count.
    pub(crate) stopped: bool,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) metrics: Handles,
    pub(crate) tokens: Tokens,
    next_context: u32,
    memory: Option<Memory>,
    malloc: Option<TypedFunc<u32, u32>>,
    limits: StoreLimits,
    /// CPU time at the first interruption of the callback that runs.
    interrupted: Option<Duration>,
    allowance: Duration,
}

impl VmState {
    pub(crate) fn memory(&self) -> Option<Memory> {
        self.memory
    }

    pub(crate) fn malloc(&self) -> Option<TypedFunc<u32, u32>> {
        self.malloc.clone()
    }

    /// The context that host functions act on (`contextOrEffectiveContext`).
    pub(crate) fn context_id(&self) -> u32 {
        if self.effective != 0 && self.contexts.contains_key(&self.effective) {
            self.effective
        } else {
            self.current
        }
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        self.contexts.get(&self.context_id())
    }

    /// The root context above the one that host functions act on.
    pub(crate) fn root_id(&self) -> u32 {
        self.context().map_or(0, |context| context.root)
    }

    pub(crate) fn root(&mut self) -> Option<&mut Context> {
        let root = self.root_id();
        self.contexts.get_mut(&root)
    }

    /// The stream that host functions act on, and the filter's position in it.
    pub(crate) fn stream(&self) -> Option<(StreamId, usize)> {
        self.context()?.stream
    }

    /// A number for a new context, never 0.
    fn allocate(&mut self) -> u32 {
        loop {
            let id = self.next_context;
            self.next_context = self.next_context.checked_add(1).unwrap_or(1);
            if id != 0 && !self.contexts.contains_key(&id) {
                return id;
            }
        }
    }
}

/// What a VM is made from.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) engine: Engine,
    pub(crate) instance: InstancePre<VmState>,
    pub(crate) abi: AbiVersion,
    pub(crate) plugin: Rc<Plugin>,
}

/// An instance that runs, or has trapped.
pub(crate) struct Vm {
    store: Store<VmState>,
    exports: Exports,
    start: Vec<(&'static str, wasmtime::Func)>,
    trap: Option<Trap>,
    /// When it was loaded, in ns of virtual time.
    pub(crate) loaded: u64,
}

/// What a callback came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) value: u32,
    /// The guest answered the request itself.
    pub(crate) stopped: bool,
}

impl Vm {
    /// Instantiates; nothing of the guest runs but its start function.
    pub(crate) fn new(template: &Template, at: VmAt, limits: &Limits, now: u64) -> Result<Self, LoadError> {
        let plugin = &template.plugin;
        let store_limits = StoreLimitsBuilder::new()
            .memory_size(limits.memory)
            .table_elements(1 << 20)
            .instances(1)
            .memories(4)
            .tables(16)
            .build();
        let state = VmState {
            world: Box::default(),
            at,
            abi: template.abi,
            vm_id: plugin.vm_id.as_str().into(),
            vm_configuration: plugin.vm_configuration.as_slice().into(),
            environment: plugin.environment.as_slice().into(),
            contexts: BTreeMap::from([(0, Context::default())]),
            current: 0,
            effective: 0,
            restriction: Restriction::None,
            configuring: None,
            stopped: false,
            actions: VecDeque::new(),
            metrics: Handles::default(),
            tokens: Tokens::default(),
            next_context: 1,
            memory: None,
            malloc: None,
            limits: store_limits,
            interrupted: None,
            allowance: limits.configure,
        };
        let mut store = Store::new(&template.engine.inner, state);
        store.limiter(|state| &mut state.limits);
        store.epoch_deadline_callback(interrupt);
        store.set_epoch_deadline(1);
        if template.engine.fuel {
            // Counted, not limited: the limit is CPU time.
            store.set_fuel(u64::MAX).map_err(|error| LoadError::Instance(format!("{error:#}")))?;
        }
        let instance = template
            .instance
            .instantiate(&mut store)
            .map_err(|error| LoadError::Instance(format!("{error:#}")))?;
        let allowed = |name: &str| plugin.capabilities.is_empty() || plugin.capabilities.contains(name);
        let exports = Exports::find(&instance, &mut store, allowed);
        let mut start = Vec::new();
        for name in ["_initialize", "main", "__main_void", "_start", "malloc", "proxy_on_memory_allocate"] {
            if let Some(function) = instance.get_func(&mut store, name) {
                start.push((name, function));
            }
        }
        let memory = instance.get_memory(&mut store, "memory").or_else(|| {
            let mut exports = instance.exports(&mut store);
            exports.find_map(|export| export.into_memory())
        });
        let named = |wanted: &str| start.iter().find(|(name, _)| *name == wanted).map(|(_, function)| *function);
        let malloc = named("malloc").or_else(|| named("proxy_on_memory_allocate"));
        let malloc = malloc.and_then(|function| function.typed(&store).ok());
        let state = store.data_mut();
        (state.memory, state.malloc) = (memory, malloc);
        Ok(Self { store, exports, start, trap: None, loaded: now })
    }

    /// Runs what a WASI module runs at its start (`WasmBase::startVm`).
    pub(crate) fn start(&mut self, world: &mut Box<World>) -> Result<(), Trap> {
        let named = |wanted: &str| self.start.iter().find(|(name, _)| *name == wanted).copied();
        let steps = match named("_initialize") {
            Some(initialize) => [Some(initialize), named("main").or_else(|| named("__main_void"))],
            None => [named("_start"), None],
        };
        for (name, function) in steps.into_iter().flatten() {
            self.store.data_mut().restriction = Restriction::Start;
            let allowance = world.limits.configure;
            let done = self.enter(world, 0, allowance, |store| match name {
                "main" => function.typed::<(u32, u32), u32>(&*store)?.call(store, (0, 0)).map(drop),
                "__main_void" => function.typed::<(), u32>(&*store)?.call(store, ()).map(drop),
                _ => function.typed::<(), ()>(&*store)?.call(store, ()),
            });
            self.store.data_mut().restriction = Restriction::None;
            done.map_err(|error| self.fail(name, &error))?;
        }
        Ok(())
    }

    /// Calls the guest; `None` when it has no such callback. After a trap nothing can be called any more.
    pub(crate) fn call(
        &mut self,
        world: &mut Box<World>,
        context: u32,
        callback: Callback,
        arguments: [u32; 4],
    ) -> Result<Option<Answer>, Trap> {
        if let Some(trap) = &self.trap {
            return Err(trap.clone());
        }
        let Some(function) = self.exports.get(callback).cloned() else { return Ok(None) };
        let allowance = match callback {
            Callback::Configure | Callback::VmStart => world.limits.configure,
            _ => world.limits.callback,
        };
        let [a, b, c, d] = arguments;
        let value = self
            .enter(world, context, allowance, |store| function.call(store, [context, a, b, c, d]))
            .map_err(|error| self.fail(callback.name(), &error))?;
        let stopped = std::mem::take(&mut self.store.data_mut().stopped);
        Ok(Some(Answer { value, stopped }))
    }

    /// The world goes in with the call and comes out with it.
    fn enter<R>(
        &mut self,
        world: &mut Box<World>,
        context: u32,
        allowance: Duration,
        call: impl FnOnce(&mut Store<VmState>) -> wasmtime::Result<R>,
    ) -> wasmtime::Result<R> {
        let state = self.store.data_mut();
        std::mem::swap(world, &mut state.world);
        // A call within a call happens only after the outer one has returned.
        (state.current, state.effective) = (context, 0);
        (state.interrupted, state.allowance) = (None, allowance);
        self.store.set_epoch_deadline(1);
        let fuel = self.store.get_fuel().ok();
        let result = call(&mut self.store);
        let burnt = fuel.zip(self.store.get_fuel().ok()).map_or(0, |(before, after)| before - after);
        let state = self.store.data_mut();
        std::mem::swap(world, &mut state.world);
        let changes = std::mem::take(&mut world.metrics.changes);
        if let Some(stream) = world.cause.and_then(|cause| world.streams.get_mut(&cause)) {
            stream.fuel += burnt;
            stream.changed(changes);
        }
        result
    }

    fn fail(&mut self, function: &str, error: &wasmtime::Error) -> Trap {
        let reason = match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        let trap = Trap { function: function.to_owned(), reason };
        self.store.data_mut().actions.clear();
        self.trap = Some(trap.clone());
        trap
    }

    /// Whether it is the one with this name.
    pub(crate) fn is_at(&self, at: VmAt) -> bool {
        self.store.data().at == at
    }

    /// Whether it has trapped.
    pub(crate) fn failed(&self) -> bool {
        self.trap.is_some()
    }

    /// What the guest asked for during its last callback.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.store.data_mut().actions.pop_front()
    }

    pub(crate) fn state(&mut self) -> &mut VmState {
        self.store.data_mut()
    }

    /// Adds a context below `parent`; 0: a root context.
    pub(crate) fn create_context(
        &mut self,
        parent: u32,
        plugin: &Rc<Plugin>,
        stream: Option<(StreamId, usize)>,
    ) -> u32 {
        let state = self.store.data_mut();
        let id = state.allocate();
        let root = if parent == 0 { id } else { parent };
        let context = Context { root, plugin: Some(Rc::clone(plugin)), stream, call: Call::default() };
        state.contexts.insert(id, context);
        id
    }

    /// Bytes of linear memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }
}

/// CPU time of this thread. Time during which something else ran does not count: what a guest may do must not
/// depend on how busy the machine is.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Called every few milliseconds while a guest runs.
fn interrupt(mut store: StoreContextMut<'_, VmState>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    let now = cpu_time();
    let first = *state.interrupted.get_or_insert(now);
    if now.saturating_sub(first) < state.allowance {
        return Ok(UpdateDeadline::Continue(1));
    }
    wasmtime::bail!("the callback ran for more than {:?} of CPU time", state.allowance)
}
