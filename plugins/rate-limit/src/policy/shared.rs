//! Counting together with other gateways, through Redis.

mod ahead;
mod exactly;

use super::{RateLimit, Settled};
use crate::backend::Lessee;
use crate::config::{DistributedMode, OnError};
use crate::lease::Spend;
use crate::limit::Limit;
use crate::quota::{Decision, Quota};
use crate::script;
use crate::state::State;
use crate::stream::{Asked, By, Case, Charged, Waits};
use filter_core::effect::{Effects, Metric};
use filter_core::policy::Cx;
use filter_core::redis::BackendError;
use filter_core::task::{Failure, TaskResult};

/// What a call about requests in advance is called, before the number of the key.
const AHEAD: &str = "lease.";
/// What one that gives them back is.
const BACK: &str = "refund.";

impl RateLimit {
    /// R8: what was refused until a time is, without asking anybody.
    pub(super) fn refused_before(
        &self,
        state: &mut State,
        case: &mut Case,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Option<Settled> {
        let cost = case.rule.cost;
        // What was counted by a question under way its answer will tell.
        let asking = case.asks_exactly();
        let mut refused = Vec::new();
        for index in case.group() {
            let Some(asked) = case.asked.get_mut(index) else { continue };
            let exact = asked.limit.is_exact();
            if !asked.is_open(By::Redis) || asked.woken || (exact && asking) {
                continue;
            }
            // Not before: whoever has none of these limits need not ask for the time.
            let (now, seed) = (cx.now(), state.seed(&self.table, cx)?);
            let number = *asked.number.get_or_insert_with(|| {
                self.table.spot(&seed, &asked.allowance.identity, &asked.key).number()
            });
            let quota = &asked.allowance.quota;
            let decision = if exact {
                let until = state.shared.refusals.refuses(number, cost, now);
                until.map(|(retry, reset)| denied(quota, cost, 0, retry, reset))
            } else {
                let spend = state.shared.leases.denies(number, now, cost);
                spend.and_then(|spend| decided(quota, cost, spend))
            };
            refused.extend(decision.map(|decision| (index, decision)));
        }
        if refused.is_empty() {
            return None;
        }
        effects.metrics.push(Metric { what: "denied_again", reason: None });
        Some(Settled::Used(refused))
    }

    /// Asks the distributed limits whose turn it is: those that were given something in advance, then what Redis counts for
    /// each request. What cannot be asked this gateway counts, or nobody.
    pub(super) fn ask_shared(
        &self,
        state: &mut State,
        case: &mut Case,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Settled {
        if !case.group().iter().filter_map(|index| case.asked.get(*index)).any(|asked| asked.by != By::Table)
        {
            return Settled::Passed;
        }
        match self.ask_ahead(state, case, effects, cx) {
            Settled::Passed => {}
            other => return other,
        }
        match self.count(state, case, By::Alone, effects, cx) {
            Settled::Passed => {}
            other => return other,
        }
        match self.ask_exactly(state, case, effects, cx) {
            Settled::Passed => self.count(state, case, By::Alone, effects, cx),
            other => other,
        }
    }

    /// What a request awaited is over.
    pub(super) fn heard(&self, state: &mut State, case: &mut Case, result: &TaskResult, cx: &dyn Cx) {
        match std::mem::take(&mut case.waits) {
            Waits::Ahead(index) => {
                let cost = case.rule.cost;
                let Some(asked) = case.asked.get_mut(index) else { return };
                asked.woken = true;
                if *result == Err(Failure::TooManyAwaits) {
                    asked.failed = Some(BackendError::NotSent);
                    if let Some(number) = asked.number {
                        state.shared.leases.forget(number, cost);
                    }
                }
            }
            waits => case.waits = self.answered(state, waits, result, cx),
        }
    }

    /// Takes back what was counted of a request that goes nowhere.
    pub(super) fn abandon(&self, state: &mut State, mut case: Case, cx: &dyn Cx) {
        let cost = case.rule.cost;
        if let Waits::Ahead(index) = case.waits
            && let Some(number) = case.asked.get(index).and_then(|asked| asked.number)
        {
            state.shared.leases.forget(number, cost);
        }
        for asked in &mut case.asked {
            self.take_back(state, asked, cost, cx);
        }
    }

    /// What counts a request where Redis cannot. `Some`: nobody does.
    fn without(asked: &mut Asked, error: BackendError, effects: &mut Effects) -> Option<Settled> {
        let what = match asked.limit.distributed.as_ref().map(|distributed| distributed.on_error) {
            Some(OnError::Local) => {
                asked.by = By::Alone;
                "counted_alone"
            }
            Some(OnError::Allow) => {
                asked.by = By::Nobody;
                "uncounted"
            }
            Some(OnError::Deny) | None => {
                let why = format!("limit \"{}\", Redis cannot be asked: {error}", asked.limit.name);
                return Some(Settled::Unavailable(why.into()));
            }
        };
        effects.metrics.push(Metric { what, reason: None });
        None
    }

    /// What there is to know of a key.
    fn lessee(&self, asked: &Asked) -> Lessee {
        let client = self.secret.as_ref().map(|secret| secret.digits(&asked.key)).unwrap_or_default();
        let tag = self.backend.as_ref().and_then(|backend| backend.tag(&asked.limit.name));
        let key = script::key(tag, &self.instance, &asked.limit.name, &asked.allowance.digest, &client);
        Lessee { key, allowance: asked.allowance.clone() }
    }
}

impl Limit {
    /// Whether Redis counts each request.
    pub(crate) fn is_exact(&self) -> bool {
        self.distributed.as_ref().is_some_and(|distributed| distributed.mode == DistributedMode::Exact)
    }
}

fn passed(cost: u32, remaining: u32, reset_us: u64) -> Decision {
    Decision { granted: cost, remaining, retry_us: 0, reset_us, excess_milli: 0 }
}

/// How far above the rate a request is, the time until it would pass tells.
fn denied(quota: &Quota, cost: u32, remaining: u32, retry_us: u64, reset_us: u64) -> Decision {
    let retry_us = retry_us.min(quota.longest());
    let over = u128::from(retry_us).saturating_mul(u128::from(quota.requests())).saturating_mul(1000);
    let over = over.checked_div(u128::from(quota.per_micros())).and_then(|over| u64::try_from(over).ok());
    let excess_milli = match quota.algorithm().is_bucket() {
        true => u64::from(quota.burst()).saturating_mul(1000).saturating_add(over.unwrap_or(u64::MAX)),
        false => u64::from(cost).saturating_mul(1000),
    };
    Decision { granted: 0, remaining, retry_us, reset_us: reset_us.min(quota.longest()), excess_milli }
}

/// A refusal that is remembered.
fn decided(quota: &Quota, cost: u32, spend: Spend) -> Option<Decision> {
    match spend {
        Spend::Denied { remaining, retry_us, reset_us } => {
            Some(denied(quota, cost, remaining, retry_us, reset_us))
        }
        _ => None,
    }
}

impl Asked {
    fn counted(&mut self, charged: Charged, decision: Decision) {
        self.charged = Some(charged);
        self.decision = Some(decision);
    }
}

/// The number of the key in the name of a call.
fn numbered(name: &str, kind: &str) -> Option<u64> {
    name.strip_prefix(kind).and_then(|digits| u64::from_str_radix(digits, 16).ok())
}
