//! One virtual machine: an instance of a module, its contexts, and the one way in.

pub(crate) mod callback;
mod state;

use std::rc::Rc;
use std::time::Duration;

use wasmtime::{InstancePre, Store};

use crate::abi::AbiVersion;
use crate::engine::Engine;
use crate::error::{LoadError, Trap};
use crate::limits::Limits;
use crate::message::StreamId;
use crate::plugin::Plugin;
use crate::world::World;
use callback::{Callback, Exports};
use state::interrupt;
pub(crate) use state::{Action, Call, Context, Restriction, VmState};

/// Names a VM of a host: its thread, which of the VMs there, and the how manieth that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VmAt {
    pub(crate) thread: usize,
    pub(crate) vm: usize,
    pub(crate) generation: u64,
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
    /// When it failed, in ns of virtual time.
    pub(crate) failed_at: u64,
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
    pub(crate) fn new(template: &Template, at: VmAt, limits: &Limits) -> Result<Self, LoadError> {
        let plugin = &template.plugin;
        let state = VmState::new(plugin, template.abi, at, limits);
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
        let named =
            |wanted: &str| start.iter().find(|(name, _)| *name == wanted).map(|(_, function)| *function);
        let malloc = named("malloc").or_else(|| named("proxy_on_memory_allocate"));
        let malloc = malloc.and_then(|function| function.typed(&store).ok());
        let state = store.data_mut();
        (state.memory, state.malloc) = (memory, malloc);
        Ok(Self { store, exports, start, trap: None, failed_at: 0 })
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
            done.map_err(|error| self.fail(world.now, name, &error))?;
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
            .map_err(|error| self.fail(world.now, callback.name(), &error))?;
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

    fn fail(&mut self, now: u64, function: &str, error: &wasmtime::Error) -> Trap {
        self.failed_at = now;
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
