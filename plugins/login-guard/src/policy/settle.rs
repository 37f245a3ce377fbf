//! What becomes of a charge once the upstream has answered.

use super::LoginGuard;
use super::attempt::counter;
use crate::ledger::{Outcome, Settled};
use crate::rule::Said;
use crate::script;
use crate::state::State;
use crate::stream::{By, Charged, Login};
use crate::who::Who;
use filter_core::effect::{Effects, Level, LogLine};
use filter_core::message::ResponseHead;
use filter_core::policy::Cx;
use filter_core::redis::{Progress, Query};
use filter_core::task::{Key, Task, TaskResult};
use std::sync::Arc;

/// What a call that settles is called, before its number.
const SETTLE: &str = "settle.";

impl LoginGuard {
    /// L11 to L14. What the upstream did not say is no word about a password: Envoy's own answer, or that of a later filter.
    pub(super) fn answered(
        &self,
        state: &mut State,
        login: &Login,
        charged: Charged,
        head: &ResponseHead<'_>,
        cx: &dyn Cx,
    ) -> Effects {
        let mut effects = Effects::default();
        let upstream = cx.property(&["response", "code_details"]).as_deref() == Some(b"via_upstream");
        let said = if upstream { login.rule.failure.said(head.headers) } else { Said::Nothing };
        let (outcome, what) = match said {
            Said::Failed => (Outcome::Failure, "failures"),
            Said::Succeeded => (Outcome::Success, "successes"),
            Said::Nothing => (Outcome::Nothing, "refunded"),
        };
        effects.metrics.push(counter(what));
        if said != Said::Nothing {
            self.watch(said == Said::Failed, &mut effects, cx);
        }
        self.settle(state, &login.who, charged, outcome, &mut effects, cx);
        effects
    }

    fn settle(
        &self,
        state: &mut State,
        who: &Who,
        charged: Charged,
        outcome: Outcome,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) {
        let limits = self.limits(charged.by);
        // Nothing else comes of a failure.
        if outcome == Outcome::Failure && (limits.lock.is_none() || who.user.is_none()) {
            return;
        }
        let local = matches!(charged.by, By::Table | By::Alone);
        if let Some(seed) = self.seed(state, cx).filter(|_| local) {
            let known = charged.known;
            let settled = self.ledger.settle(who, known, outcome, self.desk(seed, charged.by, cx));
            report(settled, effects);
            return;
        }
        // Where Redis cannot be asked later this gateway still knows whom it has seen.
        if outcome == Outcome::Success
            && who.can_be_known()
            && let Some(seed) = self.seed(state, cx)
        {
            self.ledger.remember(who, self.desk(seed, charged.by, cx));
        }
        if charged.by == By::Redis {
            self.tell(state, who, charged.known, outcome, effects, cx);
        }
    }

    /// Has Redis settle an attempt. Nobody waits for that.
    fn tell(
        &self,
        state: &mut State,
        who: &Who,
        known: bool,
        outcome: Outcome,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) {
        let Some(backend) = &self.backend else { return };
        let keys = script::keys(&self.instance, who, &self.limits, &self.secret);
        let args = script::settle(who, known, outcome, &self.limits);
        let script = &backend.scripts.settle;
        match Query::ask(&backend.redis, &mut state.breaker, script, keys, args, cx) {
            Ok((query, call)) => {
                effects.metrics.push(counter("backend_calls"));
                let number = state.next;
                state.next = number.wrapping_add(1);
                let name: Arc<str> = format!("{SETTLE}{number}").into();
                state.settling.insert(number, (name.clone(), query));
                effects.tasks.push(Task { key: Key::Worker(name), call });
            }
            // It stays charged: what is lost is lost to the side of caution.
            Err(error) => state.complaints.complain(error, &self.instance, effects, cx.now()),
        }
    }

    /// A call that settles is over.
    pub(super) fn settled(&self, state: &mut State, name: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let number = name.strip_prefix(SETTLE).and_then(|number| number.parse::<u64>().ok());
        let (Some(backend), Some(number)) = (&self.backend, number) else { return effects };
        let Some((name, mut query)) = state.settling.remove(&number) else { return effects };
        let script = &backend.scripts.settle;
        match query.reply(&backend.redis, &mut state.breaker, script, result, cx) {
            Progress::Again(call) => {
                effects.tasks.push(Task { key: Key::Worker(name.clone()), call });
                state.settling.insert(number, (name, query));
            }
            Progress::Done(outcome) => match outcome.and_then(|values| script::read_settled(&values)) {
                Ok(settled) => report(settled, &mut effects),
                Err(error) => state.complaints.complain(error, &self.instance, &mut effects, cx.now()),
            },
        }
        effects
    }

    /// L15.
    fn watch(&self, failed: bool, effects: &mut Effects, cx: &dyn Cx) {
        let key = format!("portcullis.login-guard-alarm.{}", self.instance);
        let Some(count) = self.alarm.count(&key, failed, cx.now(), cx.store()) else { return };
        effects.metrics.push(counter("alarm"));
        let text = format!(
            "{}: alarm: {} of {} attempts to log in failed within {} s",
            self.instance,
            count.failures,
            count.attempts,
            self.alarm.window / 1_000_000
        );
        effects.logs.push(LogLine { level: Level::Critical, text });
    }
}

fn report(settled: Settled, effects: &mut Effects) {
    effects.metrics.extend((0..settled.locked).map(|_| counter("locked")));
    if settled.new {
        effects.metrics.push(counter("known_created"));
    }
}
