//! The way of an answer, and the end of the stream.

use super::Stream;
use crate::effect::{Effects, ResponseStep};
use crate::filter::{Filter, Flow, Host, Outcome};
use crate::message::{Headers, ResponseHead};
use crate::policy::Policy;

impl<P: Policy> Filter<P> {
    /// Whether anything is to be heard of answers.
    #[must_use]
    pub fn looks_at_answers(&self) -> bool {
        self.policy.as_ref().is_some_and(Policy::answers)
    }
}

impl<P: Policy> Stream<P> {
    /// An answer is on its way, from the upstream, from Envoy, from another filter or from ourselves.
    pub fn response_headers(
        &mut self,
        filter: &mut Filter<P>,
        head: &ResponseHead<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let ResponseStep { replacement, mut effects, watch } = match &filter.policy {
            Some(policy) if policy.answers() => {
                policy.on_response_headers(&mut filter.state, &mut self.data, head, host)
            }
            _ => ResponseStep::default(),
        };
        let flow = match (replacement, watch) {
            (Some(reply), _) => {
                effects.headers.clear();
                Flow::Reply(reply)
            }
            (None, Some(limit)) if P::WATCHES => {
                effects.append(self.watch(filter, limit, head, host));
                Flow::Continue
            }
            (None, _) => Flow::Continue,
        };
        self.report(filter, effects, flow, host)
    }

    /// The answer ends with trailers.
    pub fn response_trailers(
        &mut self,
        filter: &mut Filter<P>,
        trailers: &Headers,
        host: &dyn Host,
    ) -> Outcome {
        let mut effects = if P::WATCHES { self.watched(filter, host) } else { Effects::default() };
        if let Some(policy) = filter.policy.as_ref().filter(|policy| policy.answers()) {
            effects.append(policy.on_response_trailers(&mut filter.state, &mut self.data, trailers, host));
        }
        self.report(filter, effects, Flow::Continue, host)
    }

    /// The stream ended.
    pub fn done(&mut self, filter: &mut Filter<P>, host: &dyn Host) -> Outcome {
        filter.forget(self.id);
        // One that was cut off has nothing to say.
        let _ = self.unwatch(filter);
        let effects = match &filter.policy {
            Some(policy) => policy.on_done(&mut filter.state, &mut self.data, host),
            None => Effects::default(),
        };
        self.report(filter, effects, Flow::Continue, host)
    }
}
