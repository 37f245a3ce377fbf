//! Limits that Redis counts for each request.

use super::{denied, passed};
use crate::exact::{self, Answer};
use crate::policy::{RateLimit, Settled};
use crate::state::State;
use crate::stream::{By, Case, Charged, Waits};
use filter_core::effect::{Effects, Metric};
use filter_core::policy::Cx;
use filter_core::redis::{BackendError, Progress, Query};
use filter_core::task::{Key, Task, TaskResult};

impl RateLimit {
    /// One call about all of them, and then what it says.
    pub(super) fn ask_exactly(
        &self,
        state: &mut State,
        case: &mut Case,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Settled {
        let mut indices = case.group();
        indices.retain(|index| {
            case.asked.get(*index).is_some_and(|asked| asked.is_open(By::Redis) && asked.limit.is_exact())
        });
        if indices.is_empty() {
            return Settled::Passed;
        }
        let outcome = match std::mem::take(&mut case.waits) {
            Waits::Answered(outcome) => outcome,
            // The script is sent once more, whole.
            Waits::Again(query, call) => {
                (case.waits, case.sent) = (Waits::Exactly(query, indices.len()), Some(cx.now()));
                return Settled::Waits(Task { key: Key::Own, call: *call });
            }
            _ => match self.question(state, case, &indices, cx) {
                Ok((query, task)) => {
                    effects.metrics.push(Metric { what: "backend_calls", reason: None });
                    (case.waits, case.sent) = (Waits::Exactly(query, indices.len()), Some(cx.now()));
                    return Settled::Waits(task);
                }
                Err(error) => Err(error),
            },
        };
        match outcome {
            Ok(answers) => Self::counted(state, case, &indices, &answers, cx),
            Err(error) => {
                state.shared.complaints.complain(error, &self.instance, effects, cx.now());
                for index in indices {
                    if let Some(asked) = case.asked.get_mut(index)
                        && let Some(unavailable) = Self::without(asked, error, effects)
                    {
                        return unavailable;
                    }
                }
                Settled::Passed
            }
        }
    }

    fn question(
        &self,
        state: &mut State,
        case: &Case,
        indices: &[usize],
        cx: &dyn Cx,
    ) -> Result<(Query, Task), BackendError> {
        let backend = self.backend.as_ref().ok_or(BackendError::NotSent)?;
        let asked: Vec<_> = indices.iter().filter_map(|index| case.asked.get(*index)).collect();
        let keys = asked.iter().map(|asked| self.lessee(asked).key).collect();
        let args = exact::question(case.rule.cost, asked.iter().map(|asked| &asked.allowance.quota));
        let breaker = &mut state.shared.breaker;
        let (query, call) = Query::ask(&backend.redis, breaker, &backend.scripts.take, keys, args, cx)?;
        Ok((query, Task { key: Key::Own, call }))
    }

    /// A request's own call is over.
    pub(super) fn answered(
        &self,
        state: &mut State,
        waits: Waits,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Waits {
        let (Waits::Exactly(mut query, limits), Some(backend)) = (waits, &self.backend) else {
            return Waits::Nothing;
        };
        let breaker = &mut state.shared.breaker;
        match query.reply(&backend.redis, breaker, &backend.scripts.take, result, cx) {
            Progress::Again(call) => Waits::Again(query, Box::new(call)),
            Progress::Done(outcome) => {
                Waits::Answered(outcome.and_then(|values| exact::read(&values, limits)))
            }
        }
    }

    fn counted(
        state: &mut State,
        case: &mut Case,
        indices: &[usize],
        answers: &[Answer],
        cx: &dyn Cx,
    ) -> Settled {
        let cost = case.rule.cost;
        // The next question is as long on its way as this one was: sent then, it is there when there is enough.
        let from = case.sent.unwrap_or(cx.now());
        let passes = answers.iter().all(|answer| answer.fits);
        let mut used = Vec::new();
        for (index, answer) in indices.iter().zip(answers) {
            let Some(asked) = case.asked.get_mut(*index) else { continue };
            if passes {
                asked.counted(Charged::Exactly, passed(cost, answer.remaining, answer.reset_us));
            } else if !answer.fits {
                let Answer { remaining, retry_us, reset_us, .. } = *answer;
                let decision = denied(&asked.allowance.quota, cost, remaining, retry_us, reset_us);
                if let Some(number) = asked.number {
                    state.shared.refusals.note(number, cost, &decision, from);
                }
                used.push((*index, decision));
            }
        }
        if passes { Settled::Passed } else { Settled::Used(used) }
    }
}
