//! What becomes of an answer (R9, R10, R28, R29).

use crate::cors::{AnswerTo, CorsRequest, CorsVerdict};
use crate::mask::Mask;
use crate::policy::RequestPolicy;
use crate::rule::Rule;
use crate::seen::Seen;
use filter_core::effect::{Effects, HeaderOp, ResponseStep};
use filter_core::message::{Headers, RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode};
use std::sync::Arc;

/// What the response phase must know of the request: nothing of it can be read any more when the answer comes.
#[derive(Default)]
pub struct Stream {
    pub(crate) tls: bool,
    rule: Option<Arc<Rule>>,
    /// The origin that may read the answer.
    origin: Option<Box<[u8]>>,
    kind: AnswerTo,
    grpc: bool,
    request_id: Option<Box<str>>,
}

impl Stream {
    pub(crate) fn begin(&mut self, head: &RequestHead<'_>, seen: &Seen<'_>) {
        // Over HTTP/2 Envoy keeps the connection's `:scheme`, whatever a trusted TLS terminator says in
        // `x-forwarded-proto`. A client that forges either gets a header that browsers ignore over plain HTTP.
        self.tls = head.scheme() == b"https" || seen.forwarded_proto == Some(b"https");
        if head.method() == b"OPTIONS" {
            self.kind = AnswerTo::Options;
        }
    }

    /// The rule whose word is on the answer, and what it will need to know.
    pub(crate) fn choose(&mut self, rule: &Arc<Rule>, head: &RequestHead<'_>, seen: &Seen<'_>) {
        // What `default` asked for first need not be found out again.
        if rule.mask.is_on() && self.request_id.is_none() {
            self.grpc = head.headers.is_grpc();
            self.request_id = seen.request_id.and_then(safe_id);
        }
        self.rule = Some(Arc::clone(rule));
    }

    /// The request is refused: a page of an allowed origin may read why, whichever rule asked first. The refusal of a
    /// preflight no page gets to read.
    pub(crate) fn answer_page(&mut self, asked: &CorsRequest<'_>) {
        let Some(cors) = self.rule.as_ref().and_then(|rule| rule.cors.as_ref()) else { return };
        if !asked.is_preflight() && cors.check(asked) == CorsVerdict::Allowed {
            self.allow_origin(asked.origin, false);
        }
    }

    /// The page of this origin may read the answer.
    pub(crate) fn allow_origin(&mut self, origin: Option<&[u8]>, preflight: bool) {
        self.origin = origin.map(Box::from);
        if preflight {
            self.kind = AnswerTo::Preflight;
        }
    }
}

/// A request id that can go into a document as it is.
fn safe_id(id: &[u8]) -> Option<Box<str>> {
    let safe = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
    let id = std::str::from_utf8(id).ok().filter(|id| (1..=128).contains(&id.len()))?;
    id.as_bytes().iter().all(safe).then(|| id.into())
}

impl RequestPolicy {
    /// R11: in shadow mode nothing changes.
    pub(crate) fn answer(&self, stream: &Stream, head: &ResponseHead<'_>, cx: &dyn Cx) -> ResponseStep {
        if self.mode == Mode::Shadow {
            return ResponseStep::default();
        }
        let rule = stream.rule.as_ref().unwrap_or(&self.default);
        if rule.mode == Mode::Enforce
            && let Some((status, mut kept)) = rule.mask.kept(head.headers)
            && cx.property(&["response", "code_details"]).as_deref() == Some(b"via_upstream")
        {
            for operation in decorate(rule, stream, &kept) {
                kept.apply(&operation);
            }
            let reply = Mask::reply(status, &kept, stream.request_id.as_deref(), stream.grpc);
            return ResponseStep { replacement: Some(reply), ..ResponseStep::default() };
        }
        let mut effects = Effects { headers: decorate(rule, stream, head.headers), ..Effects::default() };
        if masks_grpc(rule, stream) {
            rule.mask.grpc_operations(head.headers, &mut effects.headers);
        }
        effects.into()
    }

    /// A gRPC error usually comes here.
    pub(crate) fn answer_trailers(&self, stream: &Stream, trailers: &Headers) -> Effects {
        let mut effects = Effects::default();
        let rule = stream.rule.as_ref().unwrap_or(&self.default);
        if self.mode == Mode::Enforce && masks_grpc(rule, stream) {
            rule.mask.grpc_operations(trailers, &mut effects.headers);
        }
        effects
    }
}

fn masks_grpc(rule: &Rule, stream: &Stream) -> bool {
    stream.grpc && rule.mode == Mode::Enforce && rule.mask.is_on()
}

/// The operations on an answer that goes to the client.
fn decorate(rule: &Rule, stream: &Stream, headers: &Headers) -> Vec<HeaderOp> {
    let mut operations = Vec::with_capacity(16);
    // Before the lists: one of them may append to `vary`.
    if let Some(cors) = rule.cors.as_ref().filter(|_| rule.mode == Mode::Enforce) {
        cors.operations(headers, stream.origin.as_deref(), stream.kind, &mut operations);
    }
    rule.decoration.operations(headers, stream.tls, &mut operations);
    operations
}
