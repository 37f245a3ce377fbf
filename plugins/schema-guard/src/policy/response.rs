//! R17: what is reported of answers. They pass, whatever they are.

use super::SchemaGuard;
use crate::responses::What;
use crate::stream::{Asked, Stream};
use filter_core::denial::Denial;
use filter_core::effect::{Effects, ResponseStep};
use filter_core::message::ResponseHead;
use filter_core::policy::{Cx, Watched};

impl SchemaGuard {
    /// The head of an answer. Only the upstream's own are looked at: what a filter or Envoy answers nobody declares.
    pub(super) fn answer(&self, stream: &mut Stream, head: &ResponseHead<'_>, cx: &dyn Cx) -> ResponseStep {
        let mut step = ResponseStep::default();
        let Some(asked) = &mut stream.asked else { return step };
        let Some(responses) = &asked.operation.responses else { return step };
        if cx.property(&["response", "code_details"]).as_deref() != Some(b"via_upstream") {
            return step;
        }
        let method: &[u8] = if asked.by_head { b"HEAD" } else { b"" };
        match responses.pick(method, head) {
            What::Pass => {}
            What::Report(denial) => step.effects.shadow.push(asked.named(*denial)),
            What::Watch(expected) => {
                step.watch = Some(expected.limit);
                asked.expected = Some(expected);
            }
        }
        step
    }

    /// The body of an answer that was asked for.
    pub(super) fn answered(&self, stream: &mut Stream, body: Watched<'_>) -> Effects {
        let mut effects = Effects::default();
        let Some(asked) = &mut stream.asked else { return effects };
        let Some(expected) = asked.expected.take() else { return effects };
        let denial = match body {
            Watched::Whole(body) => expected.check(body, &self.limits, self.max_errors),
            Watched::TooLarge => Some(expected.too_large()),
        };
        effects.shadow.extend(denial.map(|denial| asked.named(denial)));
        effects
    }
}

impl Asked {
    /// A report, with the rule that it is of.
    fn named(&self, denial: Denial) -> Denial {
        denial.rule(&self.rule)
    }
}
