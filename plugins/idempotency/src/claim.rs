//! Asking whether a request is the first with its key.

use crate::config::OnError;
use crate::policy::Idempotency;
use crate::rule::Rule;
use crate::script::{self, Answer};
use crate::settle::Word;
use crate::state::{State, name};
use crate::stream::{Head, Phase, Stream};
use filter_core::client::Shown;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, Metric, Step, Verdict};
use filter_core::http::HeaderValue;
use filter_core::http::header::RETRY_AFTER;
use filter_core::policy::Cx;
use filter_core::redis::{BackendError, Progress, Query};
use filter_core::task::{CallOut, Key, Task, TaskResult};
use std::sync::Arc;
use std::time::Duration;

/// What a question is called, before its number.
pub(crate) const CLAIM: &str = "claim.";

/// A request about which Redis is asked.
pub(crate) struct Asked {
    rule: Arc<Rule>,
    /// As the client wrote it.
    key: Vec<u8>,
    place: String,
    fingerprint: String,
    /// Of the question.
    pub(crate) number: u64,
    query: Query,
}

/// A request that passed with a key.
pub(crate) struct Claim {
    pub(crate) rule: Arc<Rule>,
    pub(crate) place: String,
    pub(crate) fingerprint: String,
    /// `None`: nobody knows whether Redis heard of it.
    pub(crate) number: Option<u64>,
}

impl Idempotency {
    /// I6: asks Redis.
    pub(crate) fn ask(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: Head,
        body: &[u8],
        cx: &dyn Cx,
    ) -> Step {
        let Head { rule, key, place, fingerprint } = head;
        let fingerprint = fingerprint.digits(body, &self.secret);
        let args = vec![fingerprint.clone(), self.in_flight_ttl.as_millis().to_string()];
        let keys = vec![place.clone()];
        let number = state.number();
        match Query::ask(&self.redis, &mut state.breaker, &self.scripts.claim, keys, args, cx) {
            Ok((query, call)) => {
                let asked = Asked { rule, key, place, fingerprint, number, query };
                let mut effects = Effects::default();
                effects.metrics.push(Metric { what: "backend_calls", reason: None });
                waits(stream, Box::new(asked), call, effects)
            }
            Err(error) => {
                let claim = Claim { rule, place, fingerprint, number: None };
                self.unasked(state, stream, claim, error, cx)
            }
        }
    }

    /// A question is over.
    pub(crate) fn answered(
        &self,
        state: &mut State,
        stream: &mut Stream,
        mut asked: Box<Asked>,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Step {
        let outcome =
            match asked.query.reply(&self.redis, &mut state.breaker, &self.scripts.claim, result, cx) {
                Progress::Again(call) => return waits(stream, asked, call, Effects::default()),
                Progress::Done(outcome) => outcome.and_then(|values| script::read(&values)),
            };
        let Asked { rule, key, place, fingerprint, .. } = *asked;
        match outcome {
            Ok(Answer::First(number)) => {
                let claim = Claim { rule, place, fingerprint, number: Some(number) };
                stream.0 = Phase::Passed(Box::new(claim));
                let mut effects = Effects::default();
                effects.metrics.push(Metric { what: "claimed", reason: None });
                Step::proceed(effects)
            }
            Ok(Answer::InFlight(rest)) => {
                let denial = Denial::new(Reason::IdempotencyInFlight);
                self.refused(&rule, denial.header(RETRY_AFTER, self.retry_after(rest)), &key)
            }
            Ok(Answer::Completed) => self.refused(&rule, Denial::new(Reason::IdempotencyCompleted), &key),
            Ok(Answer::Reused) => self.refused(&rule, Denial::new(Reason::IdempotencyReused), &key),
            Err(error) => {
                let claim = Claim { rule, place, fingerprint, number: None };
                self.unasked(state, stream, claim, error, cx)
            }
        }
    }

    /// I11: a question is over whose client is gone: the request went nowhere.
    pub(crate) fn orphaned(
        &self,
        state: &mut State,
        mut asked: Asked,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Effects {
        let mut effects = Effects::default();
        match asked.query.reply(&self.redis, &mut state.breaker, &self.scripts.claim, result, cx) {
            // The script did not run.
            Progress::Again(_) => {}
            Progress::Done(outcome) => match outcome.and_then(|values| script::read(&values)) {
                Ok(Answer::First(number)) => {
                    effects.metrics.push(Metric { what: "freed", reason: None });
                    self.tell(state, Word::free(asked.place, number), &mut effects, cx);
                }
                Ok(_) => {}
                Err(error) => state.complaints.complain(error, &self.instance, &mut effects, cx.now()),
            },
        }
        effects
    }

    /// I8: Redis cannot be asked.
    fn unasked(
        &self,
        state: &mut State,
        stream: &mut Stream,
        claim: Claim,
        error: BackendError,
        cx: &dyn Cx,
    ) -> Step {
        let mut effects = Effects::default();
        state.complaints.complain(error, &self.instance, &mut effects, cx.now());
        if self.on_error == OnError::Deny {
            let denial = Denial::new(Reason::IdempotencyUnavailable)
                .header(RETRY_AFTER, HeaderValue::from_static("1"))
                .note(format!("Redis cannot be asked: {error}"))
                .rule(&claim.rule.name);
            if let Some(denial) = effects.refuse(claim.rule.mode, denial) {
                return effects.deny(denial);
            }
        }
        effects.metrics.push(Metric { what: "unchecked", reason: None });
        stream.0 = Phase::Passed(Box::new(claim));
        Step::proceed(effects)
    }

    /// I7: in shadow the request passes and says nothing about the key: it is another's.
    fn refused(&self, rule: &Rule, denial: Denial, key: &[u8]) -> Step {
        let shown = Shown { how: self.log_client, secret: Some(&self.secret) };
        let denial = denial.note(format!("key {}", shown.value(key))).rule(&rule.name);
        Effects::default().refuse_or_proceed(rule.mode, denial)
    }

    /// As long as the first request has been on its way, in whole seconds: whoever comes back and back again waits longer
    /// each time. At least a second, and never beyond the end of the record.
    fn retry_after(&self, rest: Duration) -> HeaderValue {
        let gone = self.in_flight_ttl.saturating_sub(rest).as_secs();
        let rest = rest.as_millis().div_ceil(1000).min(u128::from(u64::MAX));
        HeaderValue::from(gone.min(u64::try_from(rest).unwrap_or(u64::MAX)).max(1))
    }
}

/// Waits for an answer. Its call has a name: it is heard of although the client may leave.
fn waits(stream: &mut Stream, asked: Box<Asked>, call: CallOut, effects: Effects) -> Step {
    let key = Key::Worker(name(CLAIM, asked.number));
    stream.0 = Phase::Asking(asked);
    Step { verdict: Verdict::Await(Task { key, call }), effects }
}
