//! What is decided when the head of a request is there.

use super::SchemaGuard;
use crate::answer;
use crate::config::UnknownRoutes;
use crate::operation::{Content, Operation};
use crate::rule::Rule;
use crate::stream::{Asked, Awaited, Expected, Stream};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, Verdict};
use filter_core::http::header::ALLOW;
use filter_core::message::RequestHead;
use filter_core::policy::Mode;
use filter_core::target::Target;
use std::sync::Arc;

/// A refusal, and whether it is carried out.
pub(super) struct Refusal {
    pub(super) mode: Mode,
    pub(super) denial: Box<Denial>,
}

impl SchemaGuard {
    /// R2 to R11.
    pub(super) fn head(
        &self,
        stream: &mut Stream,
        head: &RequestHead<'_>,
        effects: &mut Effects,
    ) -> Result<Verdict, Refusal> {
        // R2, R3
        let target = Target::of(head).map_err(|denial| Refusal { mode: self.mode, denial })?;
        // R4
        let matched = target.matched();
        let rule = self.rules.best(&target.host, matched, head.headers);
        let mode = rule.map_or(self.mode, |rule| self.mode.and(rule.mode));
        let case = Case { rule, mode, head, max_body: self.max_body };
        let Some(operation) = rule.and_then(|rule| rule.operation(head.method())) else {
            // R6
            if self.pass_preflight && head.is_preflight() {
                return case.no_body(stream, false);
            }
            return self.unknown(&case, effects);
        };
        // R7
        let captures = case.rule.into_iter().flat_map(|rule| rule.captures(matched));
        let checked =
            operation.parameters.check(captures, target.query(), head.headers, &self.limits, self.max_errors);
        if let Err(violations) = checked {
            let denial = case.named(answer::of_parameters(violations, self.terse));
            // In shadow the body is checked all the same.
            if let Some(denial) = effects.refuse(mode, denial) {
                return Err(Refusal { mode, denial: Box::new(denial) });
            }
        }
        if let (Some(rule), Some(_)) = (case.rule, &operation.responses) {
            let by_head = head.method() == b"HEAD";
            let (rule, operation) = (rule.name.clone(), operation.clone());
            stream.asked = Some(Asked { rule, operation, by_head, expected: None });
        }
        case.body(stream, operation)
    }

    /// R5: nothing is known of this path, or of this method on it.
    fn unknown(&self, case: &Case<'_>, effects: &mut Effects) -> Result<Verdict, Refusal> {
        let denial = match case.rule {
            Some(rule) => Denial::new(Reason::MethodNotAllowed).header(ALLOW, rule.allow.clone()),
            None => Denial::new(Reason::SchemaRoute),
        };
        match self.unknown_routes {
            UnknownRoutes::Deny => return Err(case.refusal(denial)),
            UnknownRoutes::Report => effects.shadow.push(case.named(denial)),
            UnknownRoutes::Allow => {}
        }
        Ok(Verdict::Continue)
    }
}

/// A request and whose it is.
struct Case<'a> {
    rule: Option<&'a Arc<Rule>>,
    /// Whether refusals are carried out.
    mode: Mode,
    head: &'a RequestHead<'a>,
    /// Largest body of any operation, in bytes.
    max_body: u64,
}

impl Case<'_> {
    fn named(&self, denial: Denial) -> Denial {
        match self.rule {
            Some(rule) => denial.rule(&rule.name),
            None => denial,
        }
    }

    fn refusal(&self, denial: Denial) -> Refusal {
        Refusal { mode: self.mode, denial: Box::new(self.named(denial)) }
    }

    /// R8 to R11: what is known of the body by the head alone.
    fn body(&self, stream: &mut Stream, operation: &Arc<Operation>) -> Result<Verdict, Refusal> {
        let Self { head, mode, .. } = *self;
        // R8: what follows is no body, and nothing of it would be seen.
        if head.method() == b"CONNECT" || head.headers.first("upgrade").is_some() {
            if !operation.upgrade {
                let note = "the connection is to become one of another protocol";
                return Err(self.refusal(Denial::new(Reason::SchemaBodyUnexpected).note(note)));
            }
            if head.content_length().is_none_or(|length| length == 0) {
                return Ok(Verdict::Continue);
            }
        }
        let Some(body) = &operation.body else { return self.no_body(stream, false) };
        // R9
        if head.end_of_stream || head.content_length() == Some(0) {
            return self.no_body(stream, body.required);
        }
        // R10
        let index = body.choose(head.headers).map_err(|denial| self.refusal(denial))?;
        // R11
        let limit = body.limit;
        if matches!(body.content(index), Some(Content::Unseen)) {
            return Ok(Verdict::CountBody { limit, mode });
        }
        let expected = Expected::Content { operation: operation.clone(), index };
        stream.awaited = Some(Awaited { rule: self.rule.map(|rule| rule.name.clone()), mode, expected });
        Ok(Verdict::AwaitBody { limit, mode })
    }

    /// R9: there is no body, or none may come.
    fn no_body(&self, stream: &mut Stream, required: bool) -> Result<Verdict, Refusal> {
        let Self { head, mode, .. } = *self;
        if head.content_length().is_some_and(|length| length > 0) {
            return Err(self.refusal(Denial::new(Reason::SchemaBodyUnexpected)));
        }
        if head.end_of_stream {
            return if required {
                Err(self.refusal(Denial::new(Reason::SchemaBodyMissing)))
            } else {
                Ok(Verdict::Continue)
            };
        }
        // Chunks may follow, or a frame that ends the stream, or trailers: whether there is a body is seen at its end. None
        // of it passes before.
        let expected = Expected::Nothing { required };
        stream.awaited = Some(Awaited { rule: self.rule.map(|rule| rule.name.clone()), mode, expected });
        Ok(Verdict::AwaitBody { limit: self.max_body, mode })
    }
}
