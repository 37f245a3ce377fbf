//! The decision about a request.

mod local;
mod shared;

use crate::answer::{Answers, Said, note};
use crate::backend::Backend;
use crate::client;
use crate::compile;
use crate::config::{Config, LimitHeaders};
use crate::key::Request;
use crate::limit::Demand;
use crate::quota::Decision;
use crate::rule::Rule;
use crate::slots::Table;
use crate::state::State;
use crate::stream::{Asked, By, Case, Stream};
use filter_core::address;
use filter_core::client::{KeySecret, LogClient, Shown};
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, HeaderOp, ResponseStep, Step, Verdict};
use filter_core::matcher::Rules;
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy};
use filter_core::target::Target;
use filter_core::task::{Task, TaskResult};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The compiled policy.
pub struct RateLimit {
    pub(crate) mode: Mode,
    pub(crate) rules: Rules<Arc<Rule>>,
    pub(crate) default: Arc<Rule>,
    pub(crate) trusted_hops: Option<u64>,
    pub(crate) answers: Answers,
    pub(crate) log_client: LogClient,
    pub(crate) secret: Option<KeySecret>,
    pub(crate) backend: Option<Backend>,
    /// What Envoy calls this instance.
    pub(crate) instance: String,
    pub(crate) table: Table,
}

/// What the limits whose turn it is say.
pub(crate) enum Settled {
    /// The request passes them.
    Passed,
    /// These are used up, by the index in [`Case::asked`].
    Used(Vec<(usize, Decision)>),
    /// Nobody can count it. For logs: why.
    Unavailable(Cow<'static, str>),
    /// Something is to be awaited first.
    Waits(Task),
}

impl Policy for RateLimit {
    const NAME: &'static str = "rate-limit";
    type Config = Config;
    type State = State;
    type Stream = Stream;

    const TICK: Option<Duration> = Some(Duration::from_millis(500));
    const HOLDS: bool = false;
    // For each of a few limits: once for what others take away meanwhile, and once more where Redis does not know the script.
    const AWAITS: u8 = 32;

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        compile::policy(config, env, at)
    }

    fn instance(&mut self, name: &str) {
        name.clone_into(&mut self.instance);
        self.table.rename(name);
    }

    fn answers(&self) -> bool {
        self.answers.headers != LimitHeaders::None
    }

    fn on_request_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let mut effects = Effects::default();
        let target = match Target::of(head) {
            Ok(target) => target,
            // R2, R3.
            Err(denial) => return effects.refuse_or_proceed(self.mode, *denial),
        };
        // R4.
        let rule = self.rules.best(&target.host, target.matched(), head.headers).unwrap_or(&self.default);
        if rule.limits.is_empty() {
            return Step::proceed(effects);
        }
        let request = Request::new(head, &target, &rule.name, self.trusted_hops, cx);
        match demands(rule, &request, &mut effects) {
            Ok(asked) => self.settle(state, stream, Case::new(rule.clone(), asked), effects, cx),
            Err(denial) => effects.deny(denial),
        }
    }

    fn on_reply(&self, state: &mut State, stream: &mut Stream, result: &TaskResult, cx: &dyn Cx) -> Step {
        let effects = Effects::default();
        let Some(mut case) = stream.case.take() else {
            return effects.deny(Denial::new(Reason::PolicyPhase));
        };
        self.heard(state, &mut case, result, cx);
        self.settle(state, stream, case, effects, cx)
    }

    fn on_task(&self, state: &mut State, name: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        self.told(state, name, result, cx)
    }

    fn on_tick(&self, state: &mut State, cx: &dyn Cx) -> Effects {
        self.give_back(state, cx)
    }

    fn on_done(&self, state: &mut State, stream: &mut Stream, cx: &dyn Cx) -> Effects {
        // One that still waits went nowhere.
        if let Some(case) = stream.case.take() {
            self.abandon(state, case, cx);
        }
        Effects::default()
    }

    fn on_response_headers(
        &self,
        _: &mut State,
        stream: &mut Stream,
        _: &ResponseHead<'_>,
        _: &dyn Cx,
    ) -> ResponseStep {
        let headers = stream.headers.drain(..).map(|(name, value)| HeaderOp::Set(name, value)).collect();
        ResponseStep::from(Effects { headers, ..Effects::default() })
    }
}

/// R5 to R7: what the limits of a rule have to say, those that refuse first.
fn demands(rule: &Rule, request: &Request<'_>, effects: &mut Effects) -> Result<Vec<Asked>, Denial> {
    let mut asked = Vec::with_capacity(rule.limits.len());
    let mut reporting = Vec::new();
    for limit in &rule.limits {
        let mode = rule.mode.and(limit.mode);
        match limit.demand(request) {
            Demand::Nothing => {}
            Demand::Incomplete => {
                let denial = Denial::new(Reason::RateKeyMissing).rule(&rule.name);
                let denial = denial.note(format!("limit \"{}\"", limit.name));
                if let Some(denial) = effects.refuse(mode, denial) {
                    return Err(denial);
                }
            }
            Demand::Count(key, allowance) => {
                let list = if mode == Mode::Enforce { &mut asked } else { &mut reporting };
                list.push(Asked {
                    by: if limit.distributed.is_some() { By::Redis } else { By::Table },
                    limit: limit.clone(),
                    allowance,
                    key,
                    mode,
                    decision: None,
                    charged: None,
                    number: None,
                    woken: false,
                    failed: None,
                });
            }
        }
    }
    asked.append(&mut reporting);
    Ok(asked)
}

impl RateLimit {
    /// R8 to R11: asks the limits whose turn it is, until all are through or something is to be awaited.
    fn settle(
        &self,
        state: &mut State,
        stream: &mut Stream,
        mut case: Case,
        mut effects: Effects,
        cx: &dyn Cx,
    ) -> Step {
        while let Some(turn) = case.turn {
            let denial = match self.ask(state, &mut case, &mut effects, cx) {
                Settled::Passed => {
                    case.next();
                    continue;
                }
                Settled::Waits(task) => {
                    stream.case = Some(case);
                    return Step { verdict: Verdict::Await(task), effects };
                }
                Settled::Used(violated) => {
                    let violated: Vec<Said<'_>> = violated
                        .into_iter()
                        .filter_map(|(index, decision)| Some((case.asked.get(index)?, decision)))
                        .collect();
                    self.limited(&violated, turn, &mut effects, cx)
                }
                Settled::Unavailable(why) => self.answers.unavailable(cx).note(why),
            };
            // R9: what is refused has used up nothing.
            self.refund(state, &mut case, cx);
            if let Some(denial) = effects.refuse(turn, denial.rule(&case.rule.name)) {
                return effects.deny(denial);
            }
            case.next();
        }
        stream.headers = self.answers.state(&case.said());
        Step::proceed(effects)
    }

    /// Local limits first, which cost nobody anything, then those that are shared.
    fn ask(&self, state: &mut State, case: &mut Case, effects: &mut Effects, cx: &dyn Cx) -> Settled {
        if let Some(refused) = self.refused_before(state, case, effects, cx) {
            return refused;
        }
        match self.count(state, case, By::Table, effects, cx) {
            Settled::Passed => self.ask_shared(state, case, effects, cx),
            other => other,
        }
    }

    fn limited(&self, violated: &[Said<'_>], turn: Mode, effects: &mut Effects, cx: &dyn Cx) -> Denial {
        let denial = self.answers.limited(violated, cx);
        let Some(said) = violated.first() else { return denial };
        if turn == Mode::Enforce {
            let limit = said.0.limit.name.as_bytes().to_vec();
            effects.exports.push((format!("{}.limit", self.instance), limit));
        }
        denial.note(note(said, &self.client(said.0, cx)))
    }

    /// What the log shows of a client: the key, and of a limit without one the address.
    fn client(&self, asked: &Asked, cx: &dyn Cx) -> String {
        let shown = Shown { how: self.log_client, secret: self.secret.as_ref() };
        if !asked.limit.sources.is_empty() {
            return client::key(shown, &asked.limit.sources, &asked.key);
        }
        // Behind proxies this is one of theirs.
        let address = address::client(None, None, cx).filter(|_| self.trusted_hops.is_none());
        address.map_or_else(|| "-".to_owned(), |address| shown.address(address))
    }
}
