//! Limits of which each worker is given some in advance.

use super::{AHEAD, BACK, decided, numbered, passed};
use crate::backend::{Call, Shared};
use crate::exact::{lease_question, read_lease, refund_question};
use crate::lease::{Ask, Spend, Terms, Who};
use crate::policy::{RateLimit, Settled};
use crate::state::State;
use crate::stream::{By, Case, Charged, Waits};
use filter_core::effect::{Effects, Metric};
use filter_core::policy::{Cx, micros};
use filter_core::redis::{BackendError, Progress, Query};
use filter_core::task::{Key, Task, TaskResult};

impl RateLimit {
    /// Spends what was given in advance, or asks for it.
    pub(super) fn ask_ahead(
        &self,
        state: &mut State,
        case: &mut Case,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Settled {
        let cost = case.rule.cost;
        for index in case.group() {
            let Some(asked) = case.asked.get_mut(index).filter(|asked| asked.is_open(By::Redis)) else {
                continue;
            };
            let Some(distributed) = asked.limit.distributed.as_ref().filter(|_| !asked.limit.is_exact())
            else {
                continue;
            };
            let (quota, who) = (asked.allowance.quota, if asked.woken { Who::Woken } else { Who::Fresh });
            let terms = Terms::new(&quota, micros(distributed.lease_ttl));
            asked.woken = false;
            let shared = &mut state.shared;
            let spent = match (asked.failed.take(), asked.number) {
                (Some(error), _) => Spend::Failed(error),
                // The host has no random bytes.
                (None, None) => Spend::Failed(BackendError::NotSent),
                (None, Some(number)) => {
                    shared.leases.spend(number, &terms, cx.now(), cost, who, || self.lessee(asked))
                }
            };
            let number = asked.number.unwrap_or_default();
            let task = match spent {
                Spend::Granted { remaining, reset_us } => {
                    asked.counted(Charged::Ahead, passed(cost, remaining, reset_us));
                    if let Some(ask) = shared.leases.prefetch(number, cx.now()) {
                        let task = self.refill(shared, number, ask, effects, cx).ok();
                        effects.tasks.extend(task);
                    }
                    continue;
                }
                Spend::Denied { .. } => {
                    let decision = decided(&quota, cost, spent);
                    return Settled::Used(decision.map(|decision| (index, decision)).into_iter().collect());
                }
                Spend::Refill(ask) => {
                    let task = self.refill(shared, number, ask, effects, cx);
                    if task.is_err() {
                        // It does not wait.
                        shared.leases.forget(number, cost);
                    }
                    task
                }
                Spend::Join => shared.calls.get(&number).map(Call::task).ok_or(BackendError::NotSent),
                Spend::Failed(error) => Err(error),
                Spend::Overflow => {
                    shared.complaints.complain(BackendError::NotSent, &self.instance, effects, cx.now());
                    Err(BackendError::NotSent)
                }
            };
            match task {
                Ok(task) => {
                    case.waits = Waits::Ahead(index);
                    return Settled::Waits(task);
                }
                Err(error) => {
                    if let Some(unavailable) = Self::without(asked, error, effects) {
                        return unavailable;
                    }
                }
            }
        }
        Settled::Passed
    }

    /// The call that asks for more.
    fn refill(
        &self,
        shared: &mut Shared,
        number: u64,
        ask: Ask,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Result<Task, BackendError> {
        let asked = match (&self.backend, shared.leases.about(number)) {
            (Some(backend), Some(about)) => {
                let (keys, args) = (vec![about.key.clone()], lease_question(ask, &about.allowance.quota));
                Query::ask(&backend.redis, &mut shared.breaker, &backend.scripts.lease, keys, args, cx)
            }
            _ => Err(BackendError::NotSent),
        };
        match asked {
            Ok((query, call)) => {
                effects.metrics.push(Metric { what: "backend_calls", reason: None });
                let name = format!("{AHEAD}{number:016x}").into();
                let call = Call { name, query, call, ask };
                let task = call.task();
                shared.calls.insert(number, call);
                Ok(task)
            }
            Err(error) => {
                shared.leases.failed(number, error);
                shared.complaints.complain(error, &self.instance, effects, cx.now());
                Err(error)
            }
        }
    }

    /// A call about requests in advance is over.
    pub(in crate::policy) fn told(
        &self,
        state: &mut State,
        name: &str,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Effects {
        let mut effects = Effects::default();
        let Some(backend) = &self.backend else { return effects };
        let Shared { leases, breaker, calls, backs, .. } = &mut state.shared;
        let failed = if let Some(number) = numbered(name, AHEAD) {
            let Some(mut call) = calls.remove(&number) else { return effects };
            let progress = call.query.reply(&backend.redis, breaker, &backend.scripts.lease, result, cx);
            match progress {
                Progress::Again(next) => {
                    call.call = next;
                    effects.tasks.push(call.task());
                    calls.insert(number, call);
                    leases.again(number);
                    None
                }
                Progress::Done(outcome) => match outcome.and_then(|values| read_lease(&values, call.ask)) {
                    Ok(mut heard) => {
                        let longest = leases.about(number).map_or(0, |about| about.allowance.quota.longest());
                        heard.retry_us = heard.retry_us.min(longest);
                        heard.reset_us = heard.reset_us.min(longest);
                        leases.heard(number, heard, cx.now());
                        None
                    }
                    Err(error) => {
                        leases.failed(number, error);
                        Some(error)
                    }
                },
            }
        } else if let Some(number) = numbered(name, BACK) {
            let Some((name, mut query)) = backs.remove(&number) else { return effects };
            match query.reply(&backend.redis, breaker, &backend.scripts.refund, result, cx) {
                Progress::Again(call) => {
                    effects.tasks.push(Task { key: Key::Worker(name.clone()), call });
                    backs.insert(number, (name, query));
                    None
                }
                Progress::Done(outcome) => outcome.err(),
            }
        } else {
            None
        };
        if let Some(error) = failed {
            state.shared.complaints.complain(error, &self.instance, &mut effects, cx.now());
        }
        effects
    }

    /// Gives back what lies unused. What cannot be given back now is lost.
    pub(in crate::policy) fn give_back(&self, state: &mut State, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let Some(backend) = &self.backend else { return effects };
        let Shared { leases, breaker, backs, .. } = &mut state.shared;
        for back in leases.idle(cx.now()) {
            if backs.contains_key(&back.key) {
                continue;
            }
            let (keys, args) =
                (vec![back.about.key.clone()], refund_question(back.count, &back.about.allowance.quota));
            if let Ok((query, call)) =
                Query::ask(&backend.redis, breaker, &backend.scripts.refund, keys, args, cx)
            {
                effects.metrics.push(Metric { what: "backend_calls", reason: None });
                let name: std::sync::Arc<str> = format!("{BACK}{:016x}", back.key).into();
                backs.insert(back.key, (name.clone(), query));
                effects.tasks.push(Task { key: Key::Worker(name), call });
            }
        }
        effects
    }
}
