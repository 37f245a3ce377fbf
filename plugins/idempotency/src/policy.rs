//! The decision about a request. The numbers are those of the README.

use crate::claim::CLAIM;
use crate::compile;
use crate::config::{Config, OnClientLost, OnError};
use crate::fingerprint::{self, Fingerprint};
use crate::key::{self, Lengths, NoKey};
use crate::rule::Rule;
use crate::script::{self, Scripts};
use crate::settle::{WORD, Word};
use crate::state::{State, numbered};
use crate::stream::{Head, Phase, Stream};
use crate::subject::{Subject, Whose};
use filter_core::client::{KeySecret, LogClient};
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, Metric, ResponseStep, Step, Verdict};
use filter_core::http::HeaderName;
use filter_core::matcher::Rules;
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy};
use filter_core::redis::Redis;
use filter_core::target::Target;
use filter_core::task::TaskResult;
use std::sync::Arc;
use std::time::Duration;

/// The compiled policy.
pub struct Idempotency {
    pub(crate) mode: Mode,
    pub(crate) rules: Rules<Arc<Rule>>,
    pub(crate) header: HeaderName,
    pub(crate) lengths: Lengths,
    pub(crate) subject: Option<Subject>,
    pub(crate) trusted_hops: Option<u64>,
    /// In bytes.
    pub(crate) max_body: u64,
    pub(crate) hold_headers: bool,
    pub(crate) in_flight_ttl: Duration,
    pub(crate) free_statuses: Vec<u16>,
    pub(crate) on_client_lost: OnClientLost,
    pub(crate) on_error: OnError,
    pub(crate) secret: KeySecret,
    pub(crate) redis: Redis,
    pub(crate) scripts: Scripts,
    pub(crate) log_client: LogClient,
    /// What Envoy calls this instance.
    pub(crate) instance: String,
}

impl Policy for Idempotency {
    const NAME: &'static str = "idempotency";
    type Config = Config;
    type State = State;
    type Stream = Stream;

    const TICK: Option<Duration> = Some(Duration::from_millis(500));

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        compile::policy(config, env, at)
    }

    fn instance(&mut self, name: &str) {
        name.clone_into(&mut self.instance);
    }

    /// A filter that refuses nothing has no reason to hold anything.
    fn hold_headers(&self) -> bool {
        self.hold_headers && self.mode == Mode::Enforce
    }

    fn awaits_body(&self) -> bool {
        self.mode == Mode::Enforce
    }

    fn on_request_headers(
        &self,
        _: &mut State,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let effects = Effects::default();
        let target = match Target::of(head) {
            Ok(target) => target,
            // I2
            Err(denial) => return effects.refuse_or_proceed(self.mode, *denial),
        };
        // I3
        let rule = self.rules.best(&target.host, target.matched(), head.headers);
        let Some(rule) = rule.filter(|rule| rule.covers(head.method())) else {
            return Step::proceed(effects);
        };
        // I4
        let key = match key::read(head.headers.all(self.header.as_str()), self.lengths) {
            Ok(key) => key.into_owned(),
            Err(NoKey::Missing) if !rule.required => return Step::proceed(effects),
            Err(why) => return effects.refuse_or_proceed(rule.mode, why.denial().rule(&rule.name)),
        };
        let subject = self.subject.as_ref();
        let whose = subject.map_or(Whose::Nobody, |subject| subject.of(head, self.trusted_hops, cx));
        let digits = fingerprint::key(&self.secret, subject, &whose, &key);
        let place = script::key(&self.instance, &digits);
        let fingerprint = Fingerprint::begin(head, &target);
        let (rule, mode) = (rule.clone(), rule.mode);
        stream.0 = Phase::Body(Box::new(Head { rule, key, place, fingerprint }));
        // I5
        Step { verdict: Verdict::AwaitBody { limit: self.max_body, mode }, effects }
    }

    fn on_request_body(&self, state: &mut State, stream: &mut Stream, body: &[u8], cx: &dyn Cx) -> Step {
        match std::mem::take(&mut stream.0) {
            Phase::Body(head) => self.ask(state, stream, *head, body, cx),
            _ => Effects::default().deny(Denial::new(Reason::PolicyPhase)),
        }
    }

    fn on_reply(&self, state: &mut State, stream: &mut Stream, result: &TaskResult, cx: &dyn Cx) -> Step {
        match std::mem::take(&mut stream.0) {
            Phase::Asking(asked) => self.answered(state, stream, asked, result, cx),
            _ => Effects::default().deny(Denial::new(Reason::PolicyPhase)),
        }
    }

    fn on_task(&self, state: &mut State, name: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        if let Some(number) = numbered(name, WORD) {
            return self.told(state, number, result, cx);
        }
        // Of a question whose client is there its stream hears.
        match numbered(name, CLAIM).and_then(|number| state.orphans.remove(&number)) {
            Some(asked) => self.orphaned(state, *asked, result, cx),
            None => Effects::default(),
        }
    }

    fn on_tick(&self, state: &mut State, cx: &dyn Cx) -> Effects {
        self.say_again(state, cx)
    }

    fn on_response_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &ResponseHead<'_>,
        cx: &dyn Cx,
    ) -> ResponseStep {
        // A request that is not on its way has none: the answer is the gateway's, and the end of the stream decides.
        let Phase::Passed(claim) = &mut stream.0 else { return ResponseStep::default() };
        let mut effects = Effects::default();
        // I9
        let (place, number) = (std::mem::take(&mut claim.place), claim.number);
        if self.done(head, cx) {
            effects.metrics.push(Metric { what: "completed", reason: None });
            let fingerprint = std::mem::take(&mut claim.fingerprint);
            let word = Word::complete(place, number.unwrap_or(0), fingerprint, claim.rule.ttl);
            self.tell(state, word, &mut effects, cx);
        } else {
            self.free(state, place, number, &mut effects, cx);
        }
        stream.0 = Phase::Untouched;
        ResponseStep::from(effects)
    }

    fn on_done(&self, state: &mut State, stream: &mut Stream, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        match std::mem::take(&mut stream.0) {
            // I11: what Redis says will be heard without the request.
            Phase::Asking(asked) => {
                state.orphans.insert(asked.number, asked);
            }
            Phase::Passed(claim) if self.on_client_lost == OnClientLost::Free => {
                self.free(state, claim.place, claim.number, &mut effects, cx);
            }
            Phase::Passed(_) => effects.metrics.push(Metric { what: "kept", reason: None }),
            Phase::Body(_) | Phase::Untouched => {}
        }
        effects
    }
}

impl Idempotency {
    /// Whether an answer says that the request was done. What Envoy or another filter answers is no answer of the upstream's.
    /// A status that the host does not tell may be any: nothing is done twice for it.
    fn done(&self, head: &ResponseHead<'_>, cx: &dyn Cx) -> bool {
        let upstream = cx.property(&["response", "code_details"]).as_deref() == Some(b"via_upstream");
        let status = head.headers.first(":status").and_then(|status| std::str::from_utf8(status).ok());
        let status = status.and_then(|status| status.parse::<u16>().ok());
        upstream && status.is_none_or(|status| status < 500 && !self.free_statuses.contains(&status))
    }

    /// The request was not done. Where nobody knows whether Redis heard of it, there is nothing to free for sure.
    fn free(
        &self,
        state: &mut State,
        place: String,
        number: Option<u64>,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) {
        let Some(number) = number else { return };
        effects.metrics.push(Metric { what: "freed", reason: None });
        self.tell(state, Word::free(place, number), effects, cx);
    }
}
