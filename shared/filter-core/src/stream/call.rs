//! Requests that wait for a call-out.

use super::{Asked, FetchBody, Phase, Stream, misuse};
use crate::denial::{Denial, Reason};
use crate::effect::{Effects, Step, Verdict};
use crate::filter::{Filter, Flow, Host, Outcome};
use crate::policy::Policy;
use crate::task::{Failure, Task, TaskResult};

impl<P: Policy> Stream<P> {
    /// The call-out that this stream awaits is over.
    pub fn resume(
        &mut self,
        filter: &mut Filter<P>,
        result: &TaskResult,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        if !matches!(self.phase, Phase::AwaitingTask) {
            // Answered meanwhile: too large a body, or a host that tells twice.
            return Outcome::flow(Flow::Pause);
        }
        let step = self.reply(filter, result, host);
        let outcome = self.follow(filter, step, Asked::Reply, body, host);
        self.holds_head &= outcome.flow == Flow::Pause;
        outcome
    }

    /// Waits for a call-out, or hears at once that there is none.
    pub(super) fn wait(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        task: &Task,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let tired = self.awaits >= P::AWAITS;
        self.awaits = self.awaits.saturating_add(1);
        let started =
            if tired { Err(Failure::TooManyAwaits) } else { filter.start(task, Some(self.id), host) };
        self.phase = Phase::AwaitingTask;
        let Err(failure) = started else { return self.report(filter, effects, Flow::Pause, host) };
        let heard = if tired { Outcome::flow(Flow::Pause) } else { filter.not_sent(task, failure, host) };
        let Step { verdict, effects: later } = self.reply(filter, &Err(failure), host);
        effects.append(later);
        // One that will not hear of it is refused: nothing else ends this.
        let verdict = match verdict {
            Verdict::Await(_) if tired => Verdict::Deny(Denial::new(Reason::PolicyPhase)),
            verdict => verdict,
        };
        let mut outcome = self.follow(filter, Step { verdict, effects }, Asked::Reply, body, host);
        outcome.precede(heard);
        outcome
    }

    fn reply(&mut self, filter: &mut Filter<P>, result: &TaskResult, host: &dyn Host) -> Step {
        match &filter.policy {
            Some(policy) => policy.on_reply(&mut filter.state, &mut self.data, result, host),
            None => misuse(),
        }
    }
}
