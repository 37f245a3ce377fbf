//! A configured filter on one worker: what its streams share, what it reports, and its call-outs.

use crate::audit::{self, Facts, LineLimiter};
use crate::config::{self, ConfigErrors, Digest, Env};
use crate::denial::{Denial, LocalReply};
use crate::effect::{Effects, HeaderOp, Level, LogLine, Metric};
use crate::lease::{self, Lease};
use crate::names;
use crate::policy::{Cx, Policy, Timestamp, micros};
use crate::stream::Held;
use crate::task::{CallOut, Failure, Key, Task, TaskResult};
use crate::tasks::{Finished, Sent, Tasks, Token, Waiter};
use crate::workers::{self, Presence, Queue};
use std::sync::Arc;
use std::time::Duration;

/// What a host does for a filter, beside answering questions.
pub trait Host: Cx {
    /// Sends a call-out in the name of the root context. `None`: it cannot be sent, and no answer will come.
    fn dial(&self, call: &CallOut) -> Option<Token>;

    /// Registers a queue of this name, of which this worker hears. `None`: there are no queues.
    fn listen(&self, name: &str) -> Option<Queue>;
}

/// A configured filter on one worker.
pub struct Filter<P: Policy> {
    pub(crate) instance: String,
    pub(crate) policy: Option<P>,
    pub(crate) state: P::State,
    /// Of the configuration.
    digest: String,
    limiter: LineLimiter,
    tasks: Tasks,
    pub(crate) held: Held,
    /// Bytes of answers that are gathered now.
    pub(crate) watched: u64,
    presence: Presence,
}

/// A filter without a policy: it refuses every request with `policy.unavailable`.
impl<P: Policy> Default for Filter<P> {
    fn default() -> Self {
        Self {
            instance: P::NAME.to_owned(),
            policy: None,
            state: P::State::default(),
            digest: String::new(),
            limiter: LineLimiter::default(),
            tasks: Tasks::default(),
            held: Held::default(),
            watched: 0,
            presence: Presence::default(),
        }
    }
}

/// What the host does with the stream after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Pass what was held, go on.
    Continue,
    /// Hold.
    Pause,
    /// Answer; never resume.
    Reply(LocalReply),
}

/// Everything the host has to do after an event, in this order: headers, exports, counters, logs, other workers, flow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// Operations on the header map of the event.
    pub headers: Vec<HeaderOp>,
    /// Filter state, full keys without Envoy's `wasm.`.
    pub exports: Vec<(String, Vec<u8>)>,
    /// Counters to increase, full names.
    pub counters: Vec<String>,
    /// Gauges to set, full names.
    pub gauges: Vec<(String, u64)>,
    /// Log lines.
    pub logs: Vec<LogLine>,
    /// Call-outs by name that other workers may wait for, and that are over.
    pub tell: Vec<Arc<str>>,
    /// What happens to the stream.
    pub flow: Flow,
}

impl Outcome {
    /// Nothing but a flow.
    pub fn flow(flow: Flow) -> Self {
        Self {
            headers: Vec::new(),
            exports: Vec::new(),
            counters: Vec::new(),
            gauges: Vec::new(),
            logs: Vec::new(),
            tell: Vec::new(),
            flow,
        }
    }

    /// Adds what a later event asks for; the flow stays.
    pub(crate) fn append(&mut self, later: Self) {
        let Self { headers, exports, counters, gauges, logs, tell, flow: _ } = later;
        self.headers.extend(headers);
        self.exports.extend(exports);
        self.counters.extend(counters);
        self.gauges.extend(gauges);
        self.logs.extend(logs);
        self.tell.extend(tell);
    }

    /// Adds what an earlier event asked for; the flow stays.
    pub(crate) fn precede(&mut self, mut earlier: Self) {
        std::mem::swap(self, &mut earlier);
        std::mem::swap(&mut self.flow, &mut earlier.flow);
        self.append(earlier);
    }
}

/// A call-out is over: what is to be done, and which streams are to be resumed with this result.
#[derive(Debug)]
#[must_use]
pub struct Resumption {
    /// What the root context does. It has no headers and no flow.
    pub outcome: Outcome,
    /// Contexts of the streams that waited, in the order in which they came.
    pub waiters: Vec<Waiter>,
    /// What they waited for.
    pub result: TaskResult,
}

impl<P: Policy> Filter<P> {
    /// Loads the policy; state starts anew. `instance` is Envoy's `name` of the plugin. After an error the
    /// filter is without a policy.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn configure(&mut self, instance: &str, bytes: &[u8], env: &dyn Env) -> Result<Digest, ConfigErrors> {
        const { assert!(P::TICK.is_some() || !(P::CALLS || P::HOLDS), "what is lost is noticed at ticks") };
        instance.clone_into(&mut self.instance);
        (self.policy, self.state) = (None, P::State::default());
        let mut policy: P = config::load(bytes, env)?;
        policy.instance(instance);
        self.policy = Some(policy);
        let digest = Digest::of(bytes);
        self.digest = digest.to_string();
        Ok(digest)
    }

    /// What was loaded last, if it was good.
    #[must_use]
    pub fn policy(&self) -> Option<&P> {
        self.policy.as_ref()
    }

    /// Most bytes of the answer's body that are of use. `None`: nobody waits for this answer any more, or ever did.
    #[must_use]
    pub fn max_reply(&self, token: Token) -> Option<usize> {
        if P::CALLS { self.tasks.max_reply(token) } else { None }
    }

    /// The queues of the other workers.
    #[must_use]
    pub fn others(&self, host: &dyn Host) -> Vec<Queue> {
        workers::others(host.store(), &self.workers_key(), self.presence.queue(), host.now())
    }

    /// The queue of this worker; `None` before it first announced itself.
    #[must_use]
    pub fn queue(&self) -> Option<Queue> {
        self.presence.queue()
    }

    /// The host answers a call-out. `None`: nobody is waiting for this answer any more, or ever was.
    pub fn answered(&mut self, token: Token, result: TaskResult, host: &dyn Host) -> Option<Resumption> {
        if !P::CALLS {
            return None;
        }
        let finished = self.tasks.answered(token)?;
        Some(self.finish(finished, result, host))
    }

    /// Another worker is done with the call-out of this name.
    pub fn told(&mut self, name: &str, host: &dyn Host) -> Option<Resumption> {
        if !P::CALLS {
            return None;
        }
        let finished = self.tasks.told(name)?;
        Some(self.finish(finished, Err(Failure::Elsewhere), host))
    }

    /// Time has passed. `None`: nothing more is to be done now; else this is to be called again.
    pub fn next_lost(&mut self, host: &dyn Host) -> Option<Resumption> {
        if !P::CALLS {
            return None;
        }
        let finished = self.tasks.next_lost(host.now())?;
        // Whether a worker that said nothing did its work, the shared store tells.
        let failure = if finished.elsewhere { Failure::Elsewhere } else { Failure::Deadline };
        Some(self.finish(finished, Err(failure), host))
    }

    /// The context of a stream whose head has been held for too long: it is to be told ([`crate::stream::Stream::overdue`]).
    /// `None`: there is no other.
    pub fn next_overdue(&mut self) -> Option<Waiter> {
        if P::HOLDS { self.held.next_overdue() } else { None }
    }

    /// A tick of the policy's own.
    pub fn tick(&mut self, host: &dyn Host) -> Outcome {
        if P::TICK.is_none() {
            return Outcome::flow(Flow::Continue);
        }
        if P::HOLDS {
            self.held.tick();
        }
        if P::CALLS {
            self.announce(host);
        }
        let effects = match &self.policy {
            Some(policy) => policy.on_tick(&mut self.state, host),
            None => Effects::default(),
        };
        self.root(effects, host)
    }

    fn finish(&mut self, finished: Finished, result: TaskResult, host: &dyn Host) -> Resumption {
        let Finished { name, lease, waiters, elsewhere: _ } = finished;
        let mut outcome = Outcome::flow(Flow::Continue);
        if let Some(name) = name {
            let effects = self.learn(&name, &result, host);
            // What was learnt is in the shared store before anybody else may begin, or is told; what follows may have the
            // same name.
            if let Some(until) = lease {
                lease::release(host.store(), &self.lease_key(&name), until);
                outcome.tell.push(name);
            }
            outcome.append(self.root(effects, host));
        }
        Resumption { outcome, waiters, result }
    }

    /// The policy hears once what came of a shared call-out.
    fn learn(&mut self, name: &str, result: &TaskResult, host: &dyn Host) -> Effects {
        match &self.policy {
            Some(policy) => policy.on_task(&mut self.state, name, result, host),
            None => Effects::default(),
        }
    }

    /// Effects of an event that is about no request.
    fn root(&mut self, mut effects: Effects, host: &dyn Host) -> Outcome {
        effects.headers.clear();
        let mut outcome = self.start_all(&mut effects, host);
        outcome.append(self.perform(effects));
        outcome
    }

    /// Starts what nobody waits for. What cannot be sent the policy hears of when it is shared, and else it is lost.
    pub(crate) fn start_all(&mut self, effects: &mut Effects, host: &dyn Host) -> Outcome {
        let mut outcome = Outcome::flow(Flow::Continue);
        for task in std::mem::take(&mut effects.tasks) {
            if let Err(failure) = self.start(&task, None, host)
                && let Some(name) = task.key.name()
                && let Some(policy) = &self.policy
            {
                // Starting over at once would not end.
                let mut told = policy.on_task(&mut self.state, name, &Err(failure), host);
                told.tasks.clear();
                outcome.append(self.perform(told));
            }
        }
        outcome
    }

    /// Sends a call-out, or joins the one under way.
    ///
    /// # Errors
    /// It could not be sent.
    pub(crate) fn start(
        &mut self,
        task: &Task,
        waiter: Option<Waiter>,
        host: &dyn Host,
    ) -> Result<(), Failure> {
        if !(P::CALLS && self.tasks.has_room()) {
            return Err(Failure::NotSent);
        }
        if self.tasks.join(&task.key, waiter) {
            return Ok(());
        }
        let now = host.now();
        let until = Timestamp(now.0.saturating_add(micros(task.call.timeout.saturating_add(LEASE))));
        let leased = match &task.key {
            Key::Gateway(name) => Some(self.lease_key(name)),
            Key::Own | Key::Worker(_) => None,
        };
        if task.key.name().is_some() {
            // Before the look at the lease: whoever gives it back after that look tells this worker. Its queue is also how it
            // goes on when many wait.
            self.announce(host);
        }
        if let Some(key) = &leased
            && let Lease::Held(until) = lease::take(host.store(), key, now, until)
        {
            self.tasks.add(task, Sent::Elsewhere(until), waiter);
            return Ok(());
        }
        match host.dial(&task.call) {
            Some(token) => {
                let lease = leased.map(|_| until);
                self.tasks.add(task, Sent::Here { token, now, lease }, waiter);
                Ok(())
            }
            None => {
                if let Some(key) = &leased {
                    lease::release(host.store(), key, until);
                }
                Err(Failure::NotSent)
            }
        }
    }

    /// The policy hears of a call-out that was not sent.
    pub(crate) fn not_sent(&mut self, task: &Task, failure: Failure, host: &dyn Host) -> Outcome {
        match task.key.name() {
            Some(name) => {
                let effects = self.learn(name, &Err(failure), host);
                self.root(effects, host)
            }
            None => Outcome::flow(Flow::Continue),
        }
    }

    /// A stream is gone.
    pub(crate) fn forget(&mut self, waiter: Waiter) {
        if P::CALLS {
            self.tasks.forget(waiter);
        }
        if P::HOLDS {
            self.held.forget(waiter);
        }
    }

    /// What does not depend on a stream: headers as they are, counters, lines, exports.
    pub(crate) fn perform(&self, effects: Effects) -> Outcome {
        let mut outcome = Outcome::flow(Flow::Continue);
        outcome.headers = effects.headers;
        outcome.logs = effects.logs;
        for metric in effects.metrics {
            outcome.counters.push(self.counter(metric));
        }
        for (what, value) in effects.gauges {
            outcome.gauges.push((self.counter(Metric { what, reason: None }), value));
        }
        for (key, value) in effects.exports {
            outcome.exports.push((format!("{}{key}", names::STATE_PREFIX), value));
        }
        outcome
    }

    pub(crate) fn counter(&self, metric: Metric) -> String {
        names::metric(P::NAME, &self.instance, metric)
    }

    pub(crate) fn audit(
        &mut self,
        event: &str,
        denial: &Denial,
        facts: Option<&Facts>,
        now: Timestamp,
        logs: &mut Vec<LogLine>,
    ) {
        if let Some(suppressed) = self.limiter.admit(now) {
            let none = Facts::default();
            let text = audit::line(event, &self.instance, denial, facts.unwrap_or(&none), suppressed);
            logs.push(LogLine { level: Level::Warn, text });
        }
    }

    /// Says to the other workers that this one is there. Nothing of this may happen while the plugin is configured: that
    /// runs on machines that never serve a request.
    fn announce(&mut self, host: &dyn Host) {
        let key = self.workers_key();
        self.presence.announce(&key, host);
    }

    fn workers_key(&self) -> String {
        names::shared(P::NAME, &self.instance, &self.digest, "workers")
    }

    fn lease_key(&self, name: &str) -> String {
        names::shared(P::NAME, &self.instance, &self.digest, &format!("lease.{name}"))
    }
}

/// How much longer than its call-out a lease lasts: a worker that died must not keep the others waiting for long.
const LEASE: Duration = Duration::from_millis(500);
