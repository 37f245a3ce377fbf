//! The decision about an attempt. The numbers are those of the README.

mod attempt;
mod settle;

use crate::alarm::Alarm;
use crate::backend::Backend;
use crate::compile;
use crate::config::{Config, OnMissing, Source};
use crate::ledger::Ledger;
use crate::limits::Limits;
use crate::rule::Rule;
use crate::state::State;
use crate::stream::{Attempt, Login, Stream};
use crate::username::{self, Malformed};
use crate::who::Who;
use filter_core::address;
use filter_core::client::{KeySecret, LogClient};
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, ResponseStep, Step, Verdict};
use filter_core::http::HeaderValue;
use filter_core::http::header::{ACCEPT, ACCEPT_ENCODING};
use filter_core::matcher::Rules;
use filter_core::media::{Charset, MediaType, is_coded, unquoted_parts};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy};
use filter_core::target::Target;
use filter_core::task::TaskResult;
use rate_limit::config::OnError;
use std::sync::Arc;
use std::time::Duration;

/// The compiled policy.
pub struct LoginGuard {
    pub(crate) mode: Mode,
    pub(crate) rules: Rules<Arc<Rule>>,
    pub(crate) case_sensitive: bool,
    pub(crate) limits: Limits,
    /// This gateway's part of them.
    pub(crate) alone: Limits,
    pub(crate) ledger: Ledger,
    pub(crate) trusted_hops: Option<u64>,
    pub(crate) secret: KeySecret,
    pub(crate) backend: Option<Backend>,
    pub(crate) on_error: OnError,
    /// In bytes.
    pub(crate) max_body: u64,
    /// A rule finds the user in a body.
    pub(crate) reads_bodies: bool,
    pub(crate) hold_headers: bool,
    pub(crate) alarm: Alarm,
    pub(crate) log_client: LogClient,
    /// What Envoy calls this instance.
    pub(crate) instance: String,
}

impl Policy for LoginGuard {
    const NAME: &'static str = "login-guard";
    type Config = Config;
    type State = State;
    type Stream = Stream;

    const TICK: Option<Duration> = Some(Duration::from_millis(500));

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        compile::policy(config, env, at)
    }

    fn instance(&mut self, name: &str) {
        name.clone_into(&mut self.instance);
        self.ledger.rename(name);
    }

    /// A filter that refuses nothing has no reason to hold anything.
    fn hold_headers(&self) -> bool {
        self.hold_headers && self.reads_bodies && self.mode == Mode::Enforce
    }

    fn awaits_body(&self) -> bool {
        self.reads_bodies && self.mode == Mode::Enforce
    }

    fn on_request_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let effects = Effects::default();
        let target = match Target::of(head) {
            Ok(target) => target,
            // L2.
            Err(denial) => return effects.refuse_or_proceed(self.mode, *denial),
        };
        // L3.
        let best = self.rules.best(&target.host, target.matched(), head.headers);
        let Some(rule) = best.filter(|rule| rule.is_about(head.method())) else {
            return Step::proceed(effects);
        };
        let address = address::of(head.headers, self.trusted_hops, cx);
        let attempt = Attempt { rule: rule.clone(), address };
        if rule.source == Source::Basic {
            return self.found(state, stream, attempt, username::basic(head.headers), effects, cx);
        }
        // L4.
        let empty = head.end_of_stream || head.content_length() == Some(0);
        if !empty && let Err(denial) = fits(&rule.source, head.headers) {
            return effects.refuse_or_proceed(rule.mode, denial.rule(&rule.name));
        }
        let verdict = Verdict::AwaitBody { limit: self.max_body, mode: rule.mode };
        *stream = Stream::Reading(attempt);
        Step { verdict, effects }
    }

    fn on_request_body(&self, state: &mut State, stream: &mut Stream, body: &[u8], cx: &dyn Cx) -> Step {
        let effects = Effects::default();
        let Stream::Reading(attempt) = std::mem::take(stream) else {
            return effects.deny(Denial::new(Reason::PolicyPhase));
        };
        let rule = attempt.rule.clone();
        let found = match &rule.source {
            Source::Json(pointer) => username::json(body, pointer),
            Source::Form(field) => username::form(body, field),
            Source::Basic => return effects.deny(Denial::new(Reason::PolicyPhase)),
        };
        self.found(state, stream, attempt, found, effects, cx)
    }

    fn on_reply(&self, state: &mut State, stream: &mut Stream, result: &TaskResult, cx: &dyn Cx) -> Step {
        match std::mem::take(stream) {
            Stream::Asking(login, query) => self.heard(state, stream, (login, query), result, cx),
            _ => Effects::default().deny(Denial::new(Reason::PolicyPhase)),
        }
    }

    fn on_task(&self, state: &mut State, name: &str, result: &TaskResult, cx: &dyn Cx) -> Effects {
        self.settled(state, name, result, cx)
    }

    fn on_response_headers(
        &self,
        state: &mut State,
        stream: &mut Stream,
        head: &ResponseHead<'_>,
        cx: &dyn Cx,
    ) -> ResponseStep {
        match std::mem::take(stream) {
            Stream::Charged(login, charged) => self.answered(state, &login, charged, head, cx).into(),
            other => {
                *stream = other;
                ResponseStep::default()
            }
        }
    }
}

impl LoginGuard {
    /// L5, L6: whose attempt it is.
    fn found(
        &self,
        state: &mut State,
        stream: &mut Stream,
        attempt: Attempt,
        found: username::Found<'_>,
        effects: Effects,
        cx: &dyn Cx,
    ) -> Step {
        let Attempt { rule, address } = attempt;
        let user = found.and_then(|name| match name {
            Some(name) => username::normalized(&name, self.case_sensitive),
            None => Ok(None),
        });
        let why = match user {
            Ok(None) if rule.on_missing == OnMissing::Deny => Malformed("no name"),
            Ok(user) => {
                let login = Login { rule, who: Who { address, user } };
                return self.attempt(state, stream, login, effects, cx);
            }
            Err(malformed) => malformed,
        };
        let denial = Denial::new(Reason::LoginMalformed).rule(&rule.name).note(why.0);
        effects.refuse_or_proceed(rule.mode, denial)
    }
}

/// L4: whether a body with these fields is what the source reads. One that is read otherwise at the upstream would be
/// another user's attempt there.
fn fits(source: &Source, headers: &Headers) -> Result<(), Denial> {
    let (accept, json) = match source {
        Source::Json(_) => ("application/json", true),
        Source::Form(_) => ("application/x-www-form-urlencoded", false),
        Source::Basic => return Ok(()),
    };
    let mut given = headers.all("content-type").flat_map(unquoted_parts);
    let (first, second) = (given.next(), given.next());
    if second.is_some() {
        // Envoy joins two fields with a comma.
        return Err(Denial::new(Reason::HeaderDuplicate));
    }
    if is_coded(headers) {
        // RFC 9110 section 12.5.3: what would have been taken.
        return Err(
            Denial::new(Reason::MediaEncoding).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        );
    }
    let refused = |reason| Denial::new(reason).header(ACCEPT, HeaderValue::from_static(accept));
    let Some(value) = first else { return Err(refused(Reason::MediaMissing)) };
    let Some(given) = MediaType::parse(value) else { return Err(refused(Reason::MediaType)) };
    let essence = given.essence.as_ref();
    let same = essence == accept
        || (json && essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json")));
    match given.charset() {
        _ if !same => Err(refused(Reason::MediaType)),
        Charset::Other => Err(refused(Reason::MediaType).note("a charset other than utf-8")),
        Charset::Unsaid | Charset::Utf8 => Ok(()),
    }
}
