//! The decision about a request, rule by rule.

use crate::config::{Config, OnAmbiguousPath, OnDuplicate, OnHeader, OnMismatch};
use crate::cors::{CorsRequest, CorsVerdict};
use crate::csrf::CsrfRequest;
use crate::fields::FieldRules;
use crate::limits::Limits;
use crate::methods;
use crate::origin;
use crate::response::Stream;
use crate::rule::{Base, Rule};
use crate::seen::Seen;
use filter_core::address;
use filter_core::config::{At, Env};
use filter_core::denial::{Denial, LocalReply, Reason};
use filter_core::effect::{Effects, HeaderOp, ResponseStep, Step, Verdict};
use filter_core::http::HeaderName;
use filter_core::http::HeaderValue;
use filter_core::http::header::ALLOW;
use filter_core::matcher::{self, HostPattern, Rules};
use filter_core::media::is_token;
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::path::CanonicalPath;
use filter_core::policy::{Cx, Mode, Policy};
use std::sync::Arc;

/// The compiled policy.
pub struct RequestPolicy {
    pub(crate) mode: Mode,
    limits: Limits,
    allowed_hosts: Option<Vec<HostPattern>>,
    on_ambiguous_path: OnAmbiguousPath,
    fields: FieldRules,
    trusted_hops: Option<u64>,
    rules: Rules<Arc<Rule>>,
    pub(crate) default: Arc<Rule>,
}

impl Policy for RequestPolicy {
    const NAME: &'static str = "request-policy";
    type Config = Config;
    type State = ();
    type Stream = Stream;

    fn compile(config: Config, _: &dyn Env, at: &At<'_>) -> Option<Self> {
        let trusted_hops = config.client_address.trusted_hops.map(std::num::NonZeroU64::get);
        let fields = FieldRules::compile(config.request_headers, trusted_hops, &at.key("request_headers"));
        let base = Base::compile(config.default, config.security_headers, config.mask_errors, at);
        // Where the base is wrong the rules are looked at all the same, on a plain one.
        let plain = if base.is_none() { Base::plain() } else { None };
        let rules = base
            .as_ref()
            .or(plain.as_ref())
            .and_then(|base| config.rules.compile(|i, rule| base.rule(rule, &at.key("rules").index(i))));
        Some(Self {
            mode: config.mode,
            limits: config.limits.into(),
            allowed_hosts: config.allowed_hosts.map(|hosts| hosts.0),
            on_ambiguous_path: config.on_ambiguous_path,
            fields: fields?,
            trusted_hops,
            rules: rules?,
            default: base?.into_rule(),
        })
    }

    fn on_request_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        let seen = Seen::of(head.headers);
        stream.begin(head, &seen);
        let mut effects = Effects::default();
        let request = Request { head, seen: &seen, cx };
        match self.decide(stream, &request, &mut effects) {
            Ok(verdict) => Step { verdict, effects },
            Err(denial) => {
                // R28: most rules refuse before R22 asked who may read the answer.
                stream.answer_page(&request.cors(stream.tls));
                effects.deny(denial)
            }
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

    fn on_response_trailers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        trailers: &Headers,
        _: &dyn Cx,
    ) -> Effects {
        self.answer_trailers(stream, trailers)
    }
}

/// A request and what is known of it.
struct Request<'a> {
    head: &'a RequestHead<'a>,
    seen: &'a Seen<'a>,
    cx: &'a dyn Cx,
}

impl<'a> Request<'a> {
    /// What it says about CORS.
    fn cors(&self, tls: bool) -> CorsRequest<'a> {
        let &Request { head, seen, .. } = self;
        CorsRequest {
            method: head.method(),
            origin: seen.origin,
            same_origin: seen.origin.is_some_and(|own| origin::is_same(own, tls, head.authority())),
            request_method: seen.request_method,
            request_headers: seen.request_headers.as_deref(),
            private_network: seen.private_network,
        }
    }
}

/// Where checks go through: in shadow mode a failed one is noted and the request goes on.
struct Gate<'a> {
    mode: Mode,
    rule: Option<&'a Rule>,
    effects: &'a mut Effects,
}

impl Gate<'_> {
    fn pass(&mut self, checked: Result<(), Denial>) -> Result<(), Denial> {
        let Err(denial) = checked else { return Ok(()) };
        let denial = match self.rule {
            Some(rule) => denial.rule(&rule.name),
            None => denial,
        };
        self.effects.refuse(self.mode, denial).map_or(Ok(()), Err)
    }
}

impl RequestPolicy {
    /// What is asked of every request, then of the rule that applies. The first refusal that is to be carried out is
    /// the error.
    fn decide(
        &self,
        stream: &mut Stream,
        request: &Request<'_>,
        effects: &mut Effects,
    ) -> Result<Verdict, Denial> {
        let &Request { head, seen, .. } = request;
        stream.choose(&self.default, head, seen);
        let mut gate = Gate { mode: self.mode, rule: None, effects };
        // R13, R14: before anything whose cost grows with a path or the fields.
        gate.pass(self.limits.check(head.path(), seen))?;
        // R15, R16
        gate.pass(require(!seen.control, Reason::HeaderControl))?;
        let duplicate = seen.duplicate && self.fields.duplicates == OnDuplicate::Refuse;
        gate.pass(require(!duplicate, Reason::HeaderDuplicate))?;
        // R3. Without a path there is nothing to match; a reported one goes on unchecked.
        let path = match head.path().map(CanonicalPath::parse) {
            Some(Err(_)) => {
                gate.pass(Err(Denial::new(Reason::PathMalformed)))?;
                return Ok(Verdict::Continue);
            }
            Some(Ok(path)) => Some(path),
            // CONNECT has no path.
            None => None,
        };
        // R4
        if let Some(path) = &path {
            self.unambiguous(path, head, &mut gate)?;
        }
        // R12, R20
        let Some(host) = matcher::canonical_host(head.authority()) else {
            gate.pass(Err(Denial::new(Reason::HeaderHost)))?;
            return Ok(Verdict::Continue);
        };
        let served =
            self.allowed_hosts.as_ref().is_none_or(|hosts| hosts.iter().any(|other| other.matches(&host)));
        gate.pass(require(served, Reason::HeaderMisdirected))?;
        // R5
        let matched = path.as_ref().map(|path| path.matched.as_ref());
        let rule = self.rules.best(&host, matched, head.headers).unwrap_or(&self.default);
        stream.choose(rule, head, seen);
        // R18, R19
        if let Some(denial) = self.fields.apply(head.headers, seen, self.mode, gate.effects) {
            return Err(denial);
        }
        // R21
        let expected = seen.expect.is_none_or(|expect| expect.eq_ignore_ascii_case(b"100-continue"));
        gate.pass(require(expected, Reason::HeaderExpect))?;
        gate.mode = self.mode.and(rule.mode);
        gate.rule = Some(rule);
        self.apply(rule, stream, request, &mut gate)
    }

    /// R4: refused, or sent upstream in the form that was matched.
    fn unambiguous(
        &self,
        path: &CanonicalPath<'_>,
        head: &RequestHead<'_>,
        gate: &mut Gate<'_>,
    ) -> Result<(), Denial> {
        match (self.on_ambiguous_path, path.ambiguity, &path.rewritten) {
            (OnAmbiguousPath::Reject, Some(ambiguity), _) => {
                gate.pass(Err(Denial::new(Reason::PathAmbiguous).detail(ambiguity.detail())))
            }
            (OnAmbiguousPath::Normalize, _, Some(rewritten))
                if gate.mode == Mode::Enforce && head.path() != Some(rewritten) =>
            {
                gate.effects.headers.push(HeaderOp::SetPath(rewritten.clone()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn apply(
        &self,
        rule: &Rule,
        stream: &mut Stream,
        request: &Request<'_>,
        gate: &mut Gate<'_>,
    ) -> Result<Verdict, Denial> {
        let &Request { head, seen, cx } = request;
        let method = head.method();
        // R17
        if !rule.access.is_free() {
            let client = address::client(self.trusted_hops, seen.forwarded_for.as_deref(), cx);
            gate.pass(rule.access.check(client))?;
        }
        // R22, R23
        let asked = request.cors(stream.tls);
        if let Some(verdict) = cross_origin(rule, stream, &asked, gate)? {
            return Ok(verdict);
        }
        // R6, R7
        if !is_token(method) {
            gate.pass(Err(Denial::new(Reason::MethodMalformed)))?;
        } else if !rule.methods.allows(method) {
            let allow = rule.methods.allow.clone();
            gate.pass(Err(Denial::new(Reason::MethodNotAllowed).header(ALLOW, allow)))?;
        }
        // R8
        if rule.method_override != OnHeader::Allow {
            let overrides = methods::override_removals(head.headers);
            if rule.method_override == OnHeader::Refuse {
                gate.pass(require(overrides.is_empty(), Reason::MethodOverride))?;
            } else if gate.mode == Mode::Enforce {
                gate.effects.headers.extend(overrides);
            }
        }
        // R24
        let caused = CsrfRequest {
            method,
            cookie: seen.cookie,
            origin: seen.origin,
            same_origin: asked.same_origin,
            fetch_site: seen.fetch_site,
        };
        gate.pass(rule.csrf.check(&caused))?;
        body(rule, head, seen, gate)
    }
}

/// R22: another origin's page may call or not. R23: its browser asks first, and the answer comes from here. `Some`:
/// nothing is left to decide.
fn cross_origin(
    rule: &Rule,
    stream: &mut Stream,
    asked: &CorsRequest<'_>,
    gate: &mut Gate<'_>,
) -> Result<Option<Verdict>, Denial> {
    let Some(cors) = &rule.cors else { return Ok(None) };
    let preflight = asked.is_preflight();
    let verdict = cors.check(asked);
    if gate.mode == Mode::Shadow {
        if let CorsVerdict::Refused(denial) = verdict
            && cors.on_mismatch() == OnMismatch::Refuse
        {
            gate.pass(Err(denial))?;
        }
        // A preflight is the upstream's to answer; the rules about methods are not for it.
        return Ok(preflight.then_some(Verdict::Continue));
    }
    match verdict {
        CorsVerdict::NotCrossOrigin => Ok(None),
        CorsVerdict::Allowed => {
            stream.allow_origin(asked.origin, false);
            Ok(None)
        }
        CorsVerdict::Preflight(headers) => {
            stream.allow_origin(asked.origin, true);
            Ok(Some(Verdict::Answer(preflight_answer(headers))))
        }
        CorsVerdict::Refused(denial) => match cors.on_mismatch() {
            OnMismatch::Refuse => gate.pass(Err(denial)).map(|()| None),
            OnMismatch::Silent if preflight => Ok(Some(Verdict::Answer(preflight_answer(Vec::new())))),
            OnMismatch::Silent => Ok(None),
        },
    }
}

/// Its origin and `Vary` are added when it passes the response phase.
fn preflight_answer(headers: Vec<(HeaderName, HeaderValue)>) -> LocalReply {
    LocalReply {
        status: 204,
        details: "portcullis_cors.preflight".to_owned(),
        headers,
        body: Vec::new(),
        grpc_status: None,
    }
}

/// R25 to R27. What follows a WebSocket's or a tunnel's head is no body and passes.
fn body(
    rule: &Rule,
    head: &RequestHead<'_>,
    seen: &Seen<'_>,
    gate: &mut Gate<'_>,
) -> Result<Verdict, Denial> {
    let handshake = head.method() == b"GET" && seen.upgrade.is_some();
    let tunnel = head.method() == b"CONNECT" || (handshake && !seen.announces_body());
    if head.end_of_stream || tunnel || seen.content_length == Some(b"0") {
        return Ok(Verdict::Continue);
    }
    let length_known = seen.content_length.is_some() || !rule.require_content_length;
    gate.pass(require(length_known, Reason::SizeUnknown))?;
    gate.pass(rule.media.check(head.method(), seen.content_type))?;
    Ok(Verdict::CountBody { limit: rule.max_body, mode: gate.mode })
}

fn require(holds: bool, otherwise: Reason) -> Result<(), Denial> {
    if holds { Ok(()) } else { Err(Denial::new(otherwise)) }
}
