//! The decision about a request.

mod binding;
mod compile;
mod present;

use crate::accepted::Accepted;
use crate::answer::Challenges;
use crate::config::{Config, Crypto, OnError};
use crate::jwks::Source;
use crate::provider::{DenyList, Provider};
use crate::revocation::{Asked, Sync};
use crate::rule::Rule;
use crate::state::{State, Worker};
use crate::stream::{Case, Presented, Stream, Waits};
use crate::verify::Judged;
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, HeaderOp, Metric, Step, Verdict};
use filter_core::http::HeaderName;
use filter_core::matcher::Rules;
use filter_core::message::RequestHead;
use filter_core::policy::{Cx, Mode, Policy};
use filter_core::target::Target;
use filter_core::task::{Key, Task, TaskResult};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The compiled policy.
pub struct JwtAuth {
    mode: Mode,
    pub(crate) providers: Vec<Provider>,
    pub(crate) sources: Vec<Source>,
    pub(crate) lists: Vec<Sync>,
    pub(crate) breakers: usize,
    rules: Rules<Arc<Rule>>,
    default: Arc<Rule>,
    pass_preflight: bool,
    pub(crate) challenges: Challenges,
    pub(crate) crypto: Crypto,
    pub(crate) cache_entries: usize,
    pub(crate) cache_bytes: usize,
    /// The claims that rules ask for, and `iss`: no others are remembered.
    pub(crate) asked: Vec<String>,
    /// Headers that only this filter may set.
    guarded: Vec<HeaderName>,
}

impl Policy for JwtAuth {
    const NAME: &'static str = "jwt-auth";
    type Config = Config;
    type State = State;
    type Stream = Stream;

    const TICK: Option<Duration> = Some(Duration::from_millis(500));
    const HOLDS: bool = false;
    // For each of a few tokens: metadata and keys of a few sources; the deny-list, and once more with the whole script.
    // Every fetch is followed by a pause, so nobody waits so often twice.
    const AWAITS: u8 = 16;

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        compile::policy(config, env, at)
    }

    fn answers(&self) -> bool {
        false
    }

    fn on_request_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let mut effects = Effects::default();
        // R2, always and first: what these headers say is ours alone.
        let forged = self.guarded.iter().filter(|name| head.headers.first(name.as_str()).is_some());
        effects.headers.extend(forged.cloned().map(HeaderOp::Remove));
        let rule = match self.rule(head) {
            Ok(rule) => rule,
            Err(denial) => return effects.refuse_or_proceed(self.mode, denial),
        };
        let mode = self.mode.and(rule.mode);
        // R6.
        if rule.groups.is_empty() || (self.pass_preflight && head.is_preflight()) {
            return Step::proceed(effects);
        }
        // R7 to R9.
        let tokens = match self.present(rule, head) {
            Ok(Some(tokens)) => tokens,
            Ok(None) => return Step::proceed(effects),
            Err(denial) => return effects.refuse_or_proceed(mode, named(denial, rule)),
        };
        let mut case = Case { rule: rule.clone(), mode, tokens, certificate: None, waits: Waits::Nothing };
        let outcome = self.judge_all(state.worker(self, cx), &mut case, &mut effects, cx);
        self.follow(stream, case, outcome, effects)
    }

    fn on_reply(&self, state: &mut State, stream: &mut Stream, result: &TaskResult, cx: &dyn Cx) -> Step {
        let mut effects = Effects::default();
        let Some(mut case) = stream.0.take() else {
            return effects.deny(Denial::new(Reason::PolicyPhase));
        };
        let worker = state.worker(self, cx);
        if let Waits::Revocation(index, mut query) = std::mem::take(&mut case.waits) {
            match self.replied(worker, &case, index, &mut query, result, cx) {
                Some(Err(call)) => {
                    case.waits = Waits::Revocation(index, query);
                    let verdict = Verdict::Await(Task { key: Key::Own, call: *call });
                    stream.0 = Some(case);
                    return Step { verdict, effects };
                }
                Some(Ok(answer)) => {
                    if let Some(token) = case.tokens.get_mut(index) {
                        if let (Ok(revoked), Some(accepted)) = (&answer, &token.accepted) {
                            accepted.checked.set(Some((cx.now().0, *revoked)));
                        }
                        token.revoked = Some(answer);
                    }
                }
                None => {}
            }
        }
        let outcome = self.judge_all(worker, &mut case, &mut effects, cx);
        self.follow(stream, case, outcome, effects)
    }

    fn on_task(&self, state: &mut State, name: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let worker = state.worker(self, cx);
        for (index, source) in self.sources.iter().enumerate().filter(|(_, source)| source.place.has(name)) {
            let Some(kept) = worker.sources.get_mut(index) else { continue };
            if source.heard(kept, name, result, &mut effects, cx) {
                self.rotated(worker, index);
            }
        }
        for (list, kept) in self.lists.iter().zip(&mut worker.lists).filter(|(list, _)| *list.name == *name) {
            list.heard(kept, result, &mut effects, cx);
        }
        effects
    }

    fn on_tick(&self, state: &mut State, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let worker = state.worker(self, cx);
        effects.logs.extend(worker.crypto.take());
        for (index, source) in self.sources.iter().enumerate() {
            if worker.sources.get_mut(index).is_some_and(|kept| source.look(kept, cx)) {
                self.rotated(worker, index);
            }
            effects.tasks.extend(source.due(cx));
        }
        for (list, kept) in self.lists.iter().zip(&mut worker.lists) {
            effects.tasks.extend(list.due(kept, cx));
        }
        effects
    }
}

impl JwtAuth {
    /// R3 to R5: the rule that applies.
    fn rule(&self, head: &RequestHead<'_>) -> Result<&Arc<Rule>, Denial> {
        let target = Target::of(head).map_err(|denial| *denial)?;
        Ok(self.rules.best(&target.host, target.matched(), head.headers).unwrap_or(&self.default))
    }

    /// R10 to R20: judges all tokens as far as can be. `Some`: something is to be awaited first.
    fn judge_all(
        &self,
        worker: &mut Worker,
        case: &mut Case,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Result<Option<Task>, Denial> {
        for index in 0..case.tokens.len() {
            let Some(token) = case.tokens.get_mut(index) else { continue };
            let accepted = match &token.accepted {
                Some(accepted) => accepted.clone(),
                None => match self.judge(worker, &token.text, &token.providers, cx)? {
                    Judged::Accepted(accepted) => token.accepted.insert(accepted).clone(),
                    Judged::Fetch(task) => {
                        case.waits = Waits::Keys;
                        return Ok(Some(task));
                    }
                },
            };
            // R18.
            self.bound(&accepted, &mut case.certificate, cx)?;
            if let Some(task) = self.revoked(worker, case, index, &accepted, effects, cx)? {
                return Ok(Some(task));
            }
        }
        // R20.
        let mut lacking = None;
        let enough = case.tokens.iter().filter_map(|token| token.accepted.as_ref()).any(|accepted| {
            lacking = case.rule.demands.check(&accepted.claims).err();
            lacking.is_none()
        });
        match lacking {
            Some(error) if !enough => Err(self.claims(&error)),
            _ => Ok(None),
        }
    }

    /// R19: whether the deny-list lets a token pass. `Some`: it is to be asked first.
    fn revoked(
        &self,
        worker: &mut Worker,
        case: &mut Case,
        index: usize,
        accepted: &Rc<Accepted>,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Result<Option<Task>, Denial> {
        let Some(provider) = self.providers.get(accepted.provider) else { return Ok(None) };
        let Some(revocation) = provider.revocation.as_ref().filter(|_| !accepted.subject.ids.is_empty())
        else {
            return Ok(None);
        };
        let now = cx.now();
        let heard = case.tokens.get(index).and_then(|token| token.revoked);
        let answer = match (&revocation.list, heard) {
            (_, Some(answer)) => answer.map_err(|error| error.to_string()),
            (DenyList::Sync(place), None) => {
                let list = self.lists.get(*place).zip(worker.lists.get_mut(*place));
                let list = list.and_then(|(list, kept)| list.list(kept, cx));
                list.map(|list| list.revokes(&accepted.subject, now.0 / 1_000_000))
                    .ok_or_else(|| "the list is too old, or not there yet".to_owned())
            }
            (DenyList::Check { check, ttl, breaker }, None) => match accepted.checked.get() {
                Some((at, revoked)) if u128::from(now.0.abs_diff(at)) < ttl.as_micros() => Ok(revoked),
                _ => {
                    let Some(breaker) = worker.breakers.get_mut(*breaker) else {
                        return Err(self.challenges.denial(Reason::RevocationUnavailable));
                    };
                    match check.ask(breaker, &provider.name, &accepted.subject, cx) {
                        Asked::Call(asked) => {
                            let (query, call) = *asked;
                            case.waits = Waits::Revocation(index, query);
                            return Ok(Some(Task { key: Key::Own, call }));
                        }
                        Asked::Failed(error) => Err(error.to_string()),
                    }
                }
            },
        };
        match (answer, revocation.on_error) {
            (Ok(false), _) => Ok(None),
            (Ok(true), _) => Err(self.challenges.denial(Reason::JwtRevoked)),
            (Err(_), OnError::Allow) => {
                // Once per token, however often the request wakes up.
                let token = case.tokens.get_mut(index);
                if token.is_some_and(|token| !std::mem::replace(&mut token.skipped, true)) {
                    effects.metrics.push(Metric { what: "revocation_skipped", reason: None });
                }
                Ok(None)
            }
            (Err(why), OnError::Deny) => Err(self.challenges.denial(Reason::RevocationUnavailable).note(why)),
        }
    }

    /// What the deny-list said of a token; `None`: it was not asked.
    fn replied(
        &self,
        worker: &mut Worker,
        case: &Case,
        index: usize,
        query: &mut filter_core::redis::Query,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Option<Result<crate::revocation::Answer, Box<filter_core::task::CallOut>>> {
        let accepted = case.tokens.get(index)?.accepted.as_ref()?;
        let revocation = self.providers.get(accepted.provider)?.revocation.as_ref()?;
        let DenyList::Check { check, breaker, .. } = &revocation.list else { return None };
        let breaker = worker.breakers.get_mut(*breaker)?;
        Some(check.reply(query, breaker, &accepted.subject, result, cx))
    }

    /// The keys of a source are others now: what was verified with the old ones is to be verified again.
    pub(crate) fn rotated(&self, worker: &mut Worker, source: usize) {
        for (index, _) in self.providers.iter().enumerate().filter(|(_, one)| one.sources.contains(&source)) {
            worker.cache.forget(index);
        }
    }

    fn follow(
        &self,
        stream: &mut Stream,
        case: Case,
        outcome: Result<Option<Task>, Denial>,
        mut effects: Effects,
    ) -> Step {
        match outcome {
            Ok(Some(task)) => {
                stream.0 = Some(case);
                Step { verdict: Verdict::Await(task), effects }
            }
            Ok(None) => {
                self.adopt(case.tokens, &mut effects);
                Step::proceed(effects)
            }
            Err(denial) => {
                let denial = named(denial, &case.rule);
                // R22: the tokens are valid, only not enough: a request that passes all the same passes as theirs.
                if case.mode == Mode::Shadow && denial.reason == Reason::JwtScope {
                    self.adopt(case.tokens, &mut effects);
                }
                effects.refuse_or_proceed(case.mode, denial)
            }
        }
    }

    /// R21: what valid tokens change of a request that goes on.
    fn adopt(&self, tokens: Vec<Presented>, effects: &mut Effects) {
        for token in tokens {
            let Some(accepted) = token.accepted else { continue };
            if !self.providers.get(accepted.provider).is_some_and(|provider| provider.forward) {
                effects.headers.extend(token.strip);
            }
            effects.headers.extend(accepted.headers.iter().cloned());
            effects.exports.extend(accepted.exports.iter().cloned());
        }
    }
}

fn named(denial: Denial, rule: &Rule) -> Denial {
    match &rule.name {
        Some(name) => denial.rule(name),
        None => denial,
    }
}
