//! Asking Redis about one token.

use super::Subject;
use filter_core::policy::Cx;
use filter_core::redis::{BackendError, Breaker, Progress, Query, Redis, Script, Value};
use filter_core::task::{CallOut, TaskResult};

/// One entry for each key, the empty text where there is none.
const SCRIPT: &str = "local found = redis.call('MGET', unpack(KEYS)) \
    for i = 1, #KEYS do found[i] = found[i] or '' end \
    found[#KEYS + 1] = ARGV[#ARGV] return found";

/// A deny-list that is asked.
#[derive(Debug, Clone)]
pub struct Check {
    redis: Redis,
    script: Script,
}

/// What was learnt of a token.
pub type Answer = Result<bool, BackendError>;

/// A question that became one, or an answer at once.
pub enum Asked {
    /// To be called.
    Call(Box<(Query, CallOut)>),
    /// Nothing can be learnt.
    Failed(BackendError),
}

impl Check {
    /// Asks there.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self { redis, script: Script::new(SCRIPT) }
    }

    /// Begins to ask whether a token is revoked. It has at least one id.
    pub fn ask(&self, breaker: &mut Breaker, provider: &str, subject: &Subject, cx: &dyn Cx) -> Asked {
        let Ok(keys) = subject.keys(provider) else { return Asked::Failed(BackendError::NotSent) };
        match Query::ask(&self.redis, breaker, &self.script, keys, Vec::new(), cx) {
            Ok(asked) => Asked::Call(Box::new(asked)),
            Err(error) => Asked::Failed(error),
        }
    }

    /// What came of a call: the next one, or whether the token is revoked.
    ///
    /// # Errors
    /// The next call.
    pub fn reply(
        &self,
        query: &mut Query,
        breaker: &mut Breaker,
        subject: &Subject,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Result<Answer, Box<CallOut>> {
        match query.reply(&self.redis, breaker, &self.script, result, cx) {
            Progress::Again(call) => Err(Box::new(call)),
            Progress::Done(outcome) => Ok(outcome.and_then(|values| revoked(subject, &values))),
        }
    }
}

fn revoked(subject: &Subject, values: &[Value]) -> Answer {
    if values.len() != subject.ids.len() {
        return Err(BackendError::Malformed);
    }
    let mut revoked = false;
    for ((claim, _), value) in subject.ids.iter().zip(values) {
        match value {
            Value::Text(text) if text.is_empty() => {}
            Value::Text(text) => revoked |= subject.is_revoked_by(*claim, text.parse().ok()),
            Value::Integer(before) => revoked |= subject.is_revoked_by(*claim, Some(*before)),
            Value::Nil => return Err(BackendError::Malformed),
        }
    }
    Ok(revoked)
}
