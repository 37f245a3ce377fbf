//! What the host keeps beside an instance.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Memory, StoreContextMut, StoreLimits, StoreLimitsBuilder, TypedFunc, UpdateDeadline};

use super::VmAt;
use crate::abi::{AbiVersion, StreamType};
use crate::headers::HeaderMap;
use crate::hostcalls::callout::Tokens;
use crate::limits::Limits;
use crate::message::{Response, StreamId};
use crate::metrics::Handles;
use crate::plugin::Plugin;
use crate::stream::LocalReply;
use crate::world::World;

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
    pub(super) memory: Option<Memory>,
    pub(super) malloc: Option<TypedFunc<u32, u32>>,
    pub(super) limits: StoreLimits,
    /// CPU time at the first interruption of the callback that runs.
    pub(super) interrupted: Option<Duration>,
    pub(super) allowance: Duration,
}

impl VmState {
    pub(super) fn new(plugin: &Plugin, abi: AbiVersion, at: VmAt, limits: &Limits) -> Self {
        let store_limits = StoreLimitsBuilder::new()
            .memory_size(limits.memory)
            .table_elements(1 << 20)
            .instances(1)
            .memories(4)
            .tables(16)
            .build();
        Self {
            world: Box::default(),
            at,
            abi,
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
        }
    }

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
    pub(super) fn allocate(&mut self) -> u32 {
        loop {
            let id = self.next_context;
            self.next_context = self.next_context.checked_add(1).unwrap_or(1);
            if id != 0 && !self.contexts.contains_key(&id) {
                return id;
            }
        }
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
pub(super) fn interrupt(mut store: StoreContextMut<'_, VmState>) -> wasmtime::Result<UpdateDeadline> {
    let state = store.data_mut();
    let now = cpu_time();
    let first = *state.interrupted.get_or_insert(now);
    if now.saturating_sub(first) < state.allowance {
        return Ok(UpdateDeadline::Continue(1));
    }
    wasmtime::bail!("the callback ran for more than {:?} of CPU time", state.allowance)
}
