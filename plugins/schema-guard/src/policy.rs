//! The decision about a request. The numbers are those of the README.

mod compile;
mod request;
mod response;

use crate::answer;
use crate::config::{Config, UnknownRoutes};
use crate::json::Limits;
use crate::operation::Content;
use crate::rule::Rule;
use crate::stream::{Expected, Stream};
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, ResponseStep, Step};
use filter_core::matcher::Rules;
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy, Watched};
use std::sync::Arc;
use std::time::Duration;

/// The compiled policy.
pub struct SchemaGuard {
    mode: Mode,
    hold_headers: bool,
    unknown_routes: UnknownRoutes,
    pass_preflight: bool,
    terse: bool,
    max_errors: usize,
    limits: Limits,
    /// Largest body, in bytes.
    max_body: u64,
    rules: Rules<Arc<Rule>>,
    /// Whether any answers are looked at.
    watches: bool,
}

impl Policy for SchemaGuard {
    const NAME: &'static str = "schema-guard";
    type Config = Config;
    type State = ();
    type Stream = Stream;

    /// For the deadline of a head that is held and never sees its body.
    const TICK: Option<Duration> = Some(Duration::from_secs(1));
    const CALLS: bool = false;
    const WATCHES: bool = true;

    fn compile(config: Config, _: &dyn Env, at: &At<'_>) -> Option<Self> {
        compile::policy(config, at)
    }

    /// A filter that refuses nothing has no reason to hold anything.
    fn hold_headers(&self) -> bool {
        self.hold_headers && self.mode == Mode::Enforce
    }

    /// Also where an operation takes none: whether there is one is seen at its end. In shadow none is refused after the
    /// upstream was contacted, which is what is asked here.
    fn awaits_body(&self) -> bool {
        self.mode == Mode::Enforce
    }

    fn watches(&self) -> bool {
        self.watches
    }

    fn answers(&self) -> bool {
        self.watches
    }

    fn on_request_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &RequestHead<'_>,
        _: &dyn Cx,
    ) -> Step {
        let mut effects = Effects::default();
        match self.head(stream, head, &mut effects) {
            Ok(verdict) => Step { verdict, effects },
            Err(refusal) => effects.refuse_or_proceed(refusal.mode, *refusal.denial),
        }
    }

    fn on_request_body(&self, _: &mut (), stream: &mut Stream, body: &[u8], _: &dyn Cx) -> Step {
        let effects = Effects::default();
        let Some(awaited) = stream.awaited.take() else {
            return effects.deny(Denial::new(Reason::PolicyPhase));
        };
        match self.body(&awaited.expected, body) {
            Ok(()) => Step::proceed(effects),
            Err(denial) => effects.refuse_or_proceed(awaited.mode, awaited.named(denial)),
        }
    }

    fn on_response_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &ResponseHead<'_>,
        cx: &dyn Cx,
    ) -> ResponseStep {
        self.answer(stream, head, cx)
    }

    fn on_response_body(&self, _: &mut (), stream: &mut Stream, body: Watched<'_>, _: &dyn Cx) -> Effects {
        self.answered(stream, body)
    }
}

impl SchemaGuard {
    /// R12 to R15: whether a body is what is expected.
    fn body(&self, expected: &Expected, body: &[u8]) -> Result<(), Denial> {
        let (operation, index) = match expected {
            Expected::Nothing { required: true } if body.is_empty() => {
                return Err(Denial::new(Reason::SchemaBodyMissing));
            }
            Expected::Nothing { .. } if body.is_empty() => return Ok(()),
            Expected::Nothing { .. } => return Err(Denial::new(Reason::SchemaBodyUnexpected)),
            Expected::Content { operation, index } => (operation, *index),
        };
        let Some(expected) = &operation.body else { return Err(Denial::new(Reason::PolicyPhase)) };
        match expected.content(index) {
            // An empty body is none, whatever its media type.
            Some(_) if body.is_empty() && expected.required => Err(Denial::new(Reason::SchemaBodyMissing)),
            Some(_) if body.is_empty() => Ok(()),
            Some(Content::Json(schema)) => schema
                .check(body, &self.limits, self.max_errors)
                .map_err(|fault| answer::of_body(fault, self.terse)),
            Some(Content::Form(form)) => form
                .check(body, &self.limits, self.max_errors)
                .map_err(|fault| answer::of_body(fault, self.terse)),
            Some(Content::Unseen) | None => Err(Denial::new(Reason::PolicyPhase)),
        }
    }
}
