//! Charging an attempt: here, or with all gateways through Redis.

use super::LoginGuard;
use crate::ledger::{Desk, Waits};
use crate::limits::Limits;
use crate::script;
use crate::state::State;
use crate::stream::{By, Charged, Login, Stream};
use filter_core::client::Shown;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, Metric, Step, Verdict};
use filter_core::http::HeaderValue;
use filter_core::http::header::RETRY_AFTER;
use filter_core::policy::Cx;
use filter_core::redis::{BackendError, Progress, Query};
use filter_core::task::{CallOut, Key, Task, TaskResult};
use rate_limit::config::OnError;
use rate_limit::slots::Seed;
use std::borrow::Cow;

/// Longest time a client is told to wait, in seconds: that of the longest lock.
const LONGEST: u64 = 86_400;

impl LoginGuard {
    /// L7: asks Redis, or counts here.
    pub(super) fn attempt(
        &self,
        state: &mut State,
        stream: &mut Stream,
        login: Login,
        mut effects: Effects,
        cx: &dyn Cx,
    ) -> Step {
        let Some(backend) = &self.backend else {
            return self.count(state, stream, login, By::Table, effects, cx);
        };
        let keys = script::keys(&self.instance, &login.who, &self.limits, &self.secret);
        let args = script::attempt(&self.limits);
        match Query::ask(&backend.redis, &mut state.breaker, &backend.scripts.attempt, keys, args, cx) {
            Ok((query, call)) => {
                effects.metrics.push(counter("backend_calls"));
                waits(stream, login, query, call, effects)
            }
            Err(error) => self.without(state, stream, login, error, effects, cx),
        }
    }

    /// What was asked of Redis is over.
    pub(super) fn heard(
        &self,
        state: &mut State,
        stream: &mut Stream,
        (login, mut query): (Login, Query),
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Step {
        let effects = Effects::default();
        let Some(backend) = &self.backend else {
            return effects.deny(Denial::new(Reason::PolicyPhase));
        };
        let script = &backend.scripts.attempt;
        let outcome = match query.reply(&backend.redis, &mut state.breaker, script, result, cx) {
            Progress::Again(call) => return waits(stream, login, query, call, effects),
            Progress::Done(outcome) => outcome,
        };
        match outcome.and_then(|values| script::read_attempt(&values, &self.limits)) {
            Ok(waits) => self.decided(stream, login, waits, By::Redis, effects),
            Err(error) => self.without(state, stream, login, error, effects, cx),
        }
    }

    /// L10: Redis cannot be asked.
    fn without(
        &self,
        state: &mut State,
        stream: &mut Stream,
        login: Login,
        error: BackendError,
        mut effects: Effects,
        cx: &dyn Cx,
    ) -> Step {
        state.complaints.complain(error, &self.instance, &mut effects, cx.now());
        match self.on_error {
            OnError::Local => {
                effects.metrics.push(counter("counted_alone"));
                self.count(state, stream, login, By::Alone, effects, cx)
            }
            OnError::Allow => {
                effects.metrics.push(counter("uncounted"));
                *stream = Stream::Charged(login, Charged { by: By::Nobody, known: false });
                Step::proceed(effects)
            }
            OnError::Deny => unavailable(&login, format!("Redis cannot be asked: {error}").into(), effects),
        }
    }

    /// Counts in the tables of this gateway.
    fn count(
        &self,
        state: &mut State,
        stream: &mut Stream,
        login: Login,
        by: By,
        mut effects: Effects,
        cx: &dyn Cx,
    ) -> Step {
        let Some(seed) = self.seed(state, cx) else {
            return unavailable(&login, "the host has no random bytes".into(), effects);
        };
        match self.ledger.attempt(&login.who, self.desk(seed, by, cx)) {
            Some((waits, sharing)) => {
                effects.metrics.extend((0..sharing).map(|_| counter("overflow")));
                self.decided(stream, login, waits, by, effects)
            }
            None => {
                let why = "no room in the table, or other workers were quicker every time";
                unavailable(&login, why.into(), effects)
            }
        }
    }

    /// L8, L9.
    fn decided(&self, stream: &mut Stream, login: Login, waits: Waits, by: By, mut effects: Effects) -> Step {
        let longest = waits.longest();
        let reason = match waits {
            _ if longest == 0 => {
                effects.metrics.push(counter("attempts"));
                *stream = Stream::Charged(login, Charged { by, known: waits.known });
                return Step::proceed(effects);
            }
            Waits { lock: 1.., .. } => Reason::LoginLocked,
            Waits { address: 1.., .. } => Reason::LoginAddress,
            Waits { username: 1.., .. } => Reason::LoginUsername,
            _ => Reason::LoginPair,
        };
        let seconds = longest.div_ceil(1_000_000).clamp(1, LONGEST);
        let denial = Denial::new(reason)
            .rule(&login.rule.name)
            .header(RETRY_AFTER, HeaderValue::from(seconds))
            .note(self.note(&login, seconds));
        effects.refuse_or_proceed(login.rule.mode, denial)
    }

    /// What the log says of whoever is refused.
    fn note(&self, login: &Login, seconds: u64) -> String {
        let shown = Shown { how: self.log_client, secret: Some(&self.secret) };
        let user =
            login.who.user.as_ref().map_or_else(|| "-".to_owned(), |user| shown.value(user.as_bytes()));
        let client = login.who.address.map_or_else(|| "-".to_owned(), |address| shown.address(address));
        format!("user {user}, client {client}, wait {seconds} s")
    }

    /// What is allowed to whoever is counted so.
    pub(super) fn limits(&self, by: By) -> &Limits {
        match by {
            By::Alone => &self.alone,
            By::Table | By::Redis | By::Nobody => &self.limits,
        }
    }

    /// What is counted here, and when.
    pub(super) fn desk<'a>(&'a self, seed: Seed, by: By, cx: &'a dyn Cx) -> Desk<'a> {
        Desk { seed, limits: self.limits(by), now: cx.now(), store: cx.store() }
    }

    /// What keys of the tables are hashed with. `None`: the host has no random bytes.
    pub(super) fn seed(&self, state: &mut State, cx: &dyn Cx) -> Option<Seed> {
        if state.seed.is_none() {
            state.seed = self.ledger.seed(cx);
        }
        state.seed
    }
}

/// The request waits for this.
fn waits(stream: &mut Stream, login: Login, query: Query, call: CallOut, effects: Effects) -> Step {
    *stream = Stream::Asking(login, query);
    Step { verdict: Verdict::Await(Task { key: Key::Own, call }), effects }
}

/// Nobody can count the attempt.
fn unavailable(login: &Login, why: Cow<'static, str>, effects: Effects) -> Step {
    let denial = Denial::new(Reason::LoginUnavailable)
        .rule(&login.rule.name)
        .header(RETRY_AFTER, HeaderValue::from(1))
        .note(why);
    effects.refuse_or_proceed(login.rule.mode, denial)
}

pub(super) fn counter(what: &'static str) -> Metric {
    Metric { what, reason: None }
}
