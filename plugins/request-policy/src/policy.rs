//! The decision, rule by rule.

use crate::config::{Config, DefaultRule, OnAmbiguousPath, OnMethodOverride, RuleConfig};
use crate::headers::Decoration;
use crate::methods::{self, Methods};
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, HeaderOp, RuleName, Step};
use filter_core::http::header::ALLOW;
use filter_core::matcher::{self, Match, Matched, Rules};
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::path::CanonicalPath;
use filter_core::policy::{Cx, Mode, Policy};

/// The compiled policy.
pub struct RequestPolicy {
    mode: Mode,
    on_ambiguous_path: OnAmbiguousPath,
    decoration: Decoration,
    rules: Rules<Rule>,
    default: Rule,
}

struct Rule {
    name: RuleName,
    matcher: Match,
    mode: Mode,
    methods: Methods,
    method_override: OnMethodOverride,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

impl From<RuleConfig> for Rule {
    fn from(config: RuleConfig) -> Self {
        Self {
            name: config.name.into(),
            matcher: config.r#match,
            mode: config.mode,
            methods: Methods::new(config.methods),
            method_override: config.method_override,
        }
    }
}

impl From<DefaultRule> for Rule {
    fn from(config: DefaultRule) -> Self {
        Self {
            name: "default".into(),
            matcher: Match { hosts: None, path: None, headers: None },
            mode: config.mode,
            methods: Methods::new(config.methods),
            method_override: config.method_override,
        }
    }
}

/// What the response phase must know of the request.
#[derive(Debug, Default)]
pub struct Stream {
    /// `:scheme` cannot be read any more when the response arrives.
    tls: bool,
}

impl Policy for RequestPolicy {
    const NAME: &'static str = "request-policy";
    type Config = Config;
    type State = ();
    type Stream = Stream;

    fn compile(config: Config, _: &dyn Env, at: &At<'_>) -> Option<Self> {
        Some(Self {
            mode: config.mode,
            on_ambiguous_path: config.on_ambiguous_path,
            decoration: Decoration::compile(config.security_headers, &at.key("security_headers"))?,
            rules: config.rules.map(Rule::from),
            default: config.default.into(),
        })
    }

    fn on_request_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &RequestHead<'_>,
        _: &dyn Cx,
    ) -> Step {
        // Over HTTP/2 Envoy keeps the connection's `:scheme`, whatever a trusted TLS terminator says in
        // `x-forwarded-proto`. A client that forges either gets a header that browsers ignore over plain HTTP.
        stream.tls = head.scheme() == b"https" || head.headers.first("x-forwarded-proto") == Some(b"https");
        let mut effects = Effects::default();
        match self.decide(head, &mut effects) {
            Some(denial) => effects.deny(denial),
            None => Step::proceed(effects),
        }
    }

    /// R9, R10. R11: in shadow mode nothing changes.
    fn on_response_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &ResponseHead<'_>,
        _: &dyn Cx,
    ) -> Effects {
        let mut effects = Effects::default();
        if self.mode == Mode::Enforce {
            effects.headers = self.decoration.operations(head.headers, stream.tls);
        }
        effects
    }
}

impl RequestPolicy {
    /// The first refusal that is to be carried out; what shadow mode would refuse is noted in `effects`.
    fn decide(&self, head: &RequestHead<'_>, effects: &mut Effects) -> Option<Denial> {
        let path = match head.path().map(CanonicalPath::parse) {
            // R3. Without a path there is nothing to match; a reported one goes on unchecked.
            Some(Err(_)) => return effects.refuse(self.mode, Denial::new(Reason::PathMalformed)),
            Some(Ok(path)) => Some(path),
            // CONNECT has no path.
            None => None,
        };
        // R4
        if let Some(path) = &path {
            match (self.on_ambiguous_path, path.ambiguity, &path.rewritten) {
                (OnAmbiguousPath::Reject, Some(ambiguity), _) => {
                    let denial = Denial::new(Reason::PathAmbiguous).detail(ambiguity.detail());
                    if let Some(denial) = effects.refuse(self.mode, denial) {
                        return Some(denial);
                    }
                }
                (OnAmbiguousPath::Normalize, _, Some(rewritten))
                    if self.mode == Mode::Enforce && head.path() != Some(rewritten) =>
                {
                    effects.headers.push(HeaderOp::SetPath(rewritten.clone()));
                }
                _ => {}
            }
        }
        // R12
        let Some(host) = matcher::canonical_host(head.authority()) else {
            return effects.refuse(self.mode, Denial::new(Reason::HeaderHost));
        };
        // R5
        let matched = path.as_ref().map(|path| path.matched.as_ref());
        let rule = self.rules.best(&host, matched, head.headers).unwrap_or(&self.default);
        self.apply(rule, head, effects)
    }

    fn apply(&self, rule: &Rule, head: &RequestHead<'_>, effects: &mut Effects) -> Option<Denial> {
        let mode = self.mode.and(rule.mode);
        let method = head.method();
        let denial = if !methods::is_token(method) {
            Some(Denial::new(Reason::MethodMalformed)) // R6
        } else if !rule.methods.allows(method) {
            Some(Denial::new(Reason::MethodNotAllowed).header(ALLOW, rule.methods.allow.clone())) // R7
        } else {
            None
        };
        if let Some(denial) = denial.and_then(|denial| effects.refuse(mode, denial.rule(&rule.name))) {
            return Some(denial);
        }
        // R8
        let overrides = methods::override_removals(head.headers);
        match rule.method_override {
            OnMethodOverride::Refuse if !overrides.is_empty() => {
                effects.refuse(mode, Denial::new(Reason::MethodOverride).rule(&rule.name))
            }
            OnMethodOverride::Strip if mode == Mode::Enforce => {
                effects.headers.extend(overrides);
                None
            }
            _ => None,
        }
    }
}
