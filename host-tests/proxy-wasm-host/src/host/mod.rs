//! A gateway: plugins in a chain, VMs on threads, a clock of its own, and everything that happens in its time.

mod events;
mod start;
mod streams;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use crate::abi::MetricKind;
use crate::error::{StartError, Trap};
use crate::foreign::Registry;
use crate::limits::Limits;
use crate::message::{Exchange, LogLine, Network, StreamId};
use crate::metrics::Metric;
use crate::plugin::Plugin;
use crate::random::Random;
use crate::stream::nanoseconds;
use crate::vm::callback::Callback;
use crate::vm::{Answer, Template, Vm, VmAt};
use crate::world::World;

/// What a host is made with, beside its plugins.
#[derive(Debug)]
pub struct Options {
    /// Worker threads of the gateway. All run in this one thread, by turns.
    pub workers: usize,
    /// What randomness comes from.
    pub seed: u64,
    /// The time at the start, since the Unix epoch.
    pub start: Duration,
    /// What guests may use.
    pub limits: Limits,
    /// The clusters a call-out can go to; `None`: any.
    pub clusters: Option<BTreeSet<String>>,
    /// Attributes of every stream, by path (segments separated by NUL), that the host cannot know: `connection`,
    /// `destination`, `upstream` (read once there is one), `xds`.
    pub attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Functions beyond the ABI.
    pub foreign: Registry,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            seed: 0,
            start: Duration::from_secs(1_800_000_000),
            limits: Limits::default(),
            clusters: None,
            attributes: BTreeMap::new(),
            foreign: Registry::default(),
        }
    }
}

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The reason.
    #[source]
    pub error: StartError,
    /// What was logged until then: a module says here what it does not like.
    pub logs: Vec<LogLine>,
}

/// A plugin in the chain.
#[derive(Clone)]
pub(crate) struct Installed {
    pub(crate) plugin: Rc<Plugin>,
    /// Which of a thread's VMs it runs in.
    pub(crate) vm: usize,
}

/// One thread's VMs, and the root contexts there, by plugin.
#[derive(Default)]
pub(crate) struct Thread {
    vms: Vec<Option<Vm>>,
    roots: Vec<Option<(u64, u32)>>,
}

/// A gateway with its plugins started.
pub struct Host<N: Network> {
    pub(crate) world: Box<World>,
    pub(crate) chain: Vec<Installed>,
    pub(crate) network: N,
    /// Streams that ended during the event at hand.
    pub(crate) ended: Vec<StreamId>,
    templates: Vec<Template>,
    /// The workers, then the main thread.
    threads: Vec<Thread>,
    workers: usize,
    generations: u64,
    next_stream: u64,
    next_worker: usize,
    /// Streams whose idle time runs, by when it ends.
    idle: BTreeSet<(u64, StreamId)>,
    finished: VecDeque<Exchange>,
    traps: Vec<Trap>,
}

/// What came of calling a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Invoked {
    Answer(Answer),
    /// The module has no such callback.
    Missing,
    /// The VM has trapped, now or before.
    Failed,
}

impl<N: Network> Host<N> {
    /// Starts every plugin on every thread, as Envoy does: a base VM, a canary that is configured and thrown away,
    /// then the main thread and the workers.
    ///
    /// # Errors
    /// A module cannot be run, traps at its start, or refuses its configuration.
    pub fn new(plugins: Vec<Plugin>, options: Options, network: N) -> Result<Self, Box<Refused>> {
        let now = nanoseconds(options.start);
        let world = World {
            now,
            start: now,
            limits: Rc::new(options.limits),
            clusters: options.clusters,
            attributes: options.attributes,
            foreign: Rc::new(options.foreign),
            random: Random::new(options.seed),
            ..World::default()
        };
        let mut host = Self {
            world: Box::new(world),
            chain: Vec::new(),
            network,
            ended: Vec::new(),
            templates: Vec::new(),
            threads: (0..=options.workers.max(1)).map(|_| Thread::default()).collect(),
            workers: options.workers.max(1),
            generations: 0,
            next_stream: 1,
            next_worker: 0,
            idle: BTreeSet::new(),
            finished: VecDeque::new(),
            traps: Vec::new(),
        };
        match host.install(plugins) {
            Ok(()) => Ok(host),
            Err(error) => Err(Box::new(Refused { error, logs: host.take_logs() })),
        }
    }

    /// The id that the next request will get.
    #[must_use]
    pub fn next_id(&self) -> StreamId {
        StreamId(self.next_stream)
    }

    /// The time, since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.world.now)
    }

    /// What lies outside.
    pub fn network(&mut self) -> &mut N {
        &mut self.network
    }

    /// Log lines that belong to no request, since the last take: those of the start first.
    pub fn take_logs(&mut self) -> Vec<LogLine> {
        self.world.log_bytes = 0;
        std::mem::take(&mut self.world.logs)
    }

    /// Traps that belong to no request, since the last take.
    pub fn take_traps(&mut self) -> Vec<Trap> {
        std::mem::take(&mut self.traps)
    }

    /// Every metric that was defined.
    pub fn metrics(&self) -> impl Iterator<Item = (MetricKind, &str, Metric)> {
        self.world.metrics.iter()
    }

    /// Bytes of linear memory of all VMs.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.threads.iter().flat_map(|thread| thread.vms.iter().flatten()).map(Vm::memory_bytes).sum()
    }

    /// The VM at this place, if it is still the same.
    pub(crate) fn vm(&mut self, at: VmAt) -> Option<&mut Vm> {
        let vm = self.threads.get_mut(at.thread)?.vms.get_mut(at.vm)?.as_mut()?;
        (vm.state().at == at).then_some(vm)
    }

    /// Calls a guest on behalf of a request, then does what the guest asked for meanwhile.
    pub(crate) fn invoke(
        &mut self,
        at: VmAt,
        context: u32,
        callback: Callback,
        arguments: [u32; 4],
        cause: Option<StreamId>,
    ) -> Invoked {
        let Some(thread) = self.threads.get_mut(at.thread) else { return Invoked::Failed };
        let vm = thread.vms.get_mut(at.vm).and_then(Option::as_mut);
        let Some(vm) = vm.filter(|vm| vm.is_at(at)) else { return Invoked::Failed };
        if vm.failed() {
            return Invoked::Failed;
        }
        let before = std::mem::replace(&mut self.world.cause, cause);
        let called = vm.call(&mut self.world, context, callback, arguments);
        self.world.cause = before;
        match called {
            Ok(None) => Invoked::Missing,
            Ok(Some(answer)) => {
                self.after_call(at);
                Invoked::Answer(answer)
            }
            Err(trap) => {
                self.trapped(trap, cause);
                self.dial();
                Invoked::Failed
            }
        }
    }

    fn trapped(&mut self, trap: Trap, cause: Option<StreamId>) {
        match cause.and_then(|cause| self.world.streams.get_mut(&cause)) {
            Some(stream) => stream.traps.push(trap),
            None => self.traps.push(trap),
        }
    }
}
