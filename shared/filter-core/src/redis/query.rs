//! One question to Redis from the first call to the outcome: the script by its sum, once more whole if Redis does not
//! know it, and nothing at all while the circuit is open.

use super::{BackendError, Breaker, By, Redis, Script, Sent, Value};
use crate::policy::Cx;
use crate::task::{CallOut, TaskResult};

/// A question under way. It takes as long as two calls at most: the second is made after NOSCRIPT alone, once.
#[derive(Debug, Clone)]
pub struct Query {
    keys: Vec<String>,
    args: Vec<String>,
    sent: Sent,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// This is to be called next.
    Again(CallOut),
    /// What the script returned without the nonce, or why there is nothing.
    Done(Result<Vec<Value>, BackendError>),
}

impl Query {
    /// The question and its first call.
    ///
    /// # Errors
    /// [`BackendError::CircuitOpen`], or [`BackendError::NotSent`] where [`Redis::call`] has nothing to send.
    pub fn ask(
        redis: &Redis,
        breaker: &mut Breaker,
        script: &Script,
        keys: Vec<String>,
        args: Vec<String>,
        cx: &dyn Cx,
    ) -> Result<(Self, CallOut), BackendError> {
        // First: what cannot be asked at all is no fault of the backend's, nor the probe that decides about it.
        let (call, sent) = call(redis, script, By::Sha, &keys, &args, cx)?;
        if !breaker.admits(cx.now()) {
            return Err(BackendError::CircuitOpen);
        }
        Ok((Self { keys, args, sent }, call))
    }

    /// What a call came to. The breaker learns of every outcome but NOSCRIPT, which is about the script.
    pub fn reply(
        &mut self,
        redis: &Redis,
        breaker: &mut Breaker,
        script: &Script,
        result: &TaskResult,
        cx: &dyn Cx,
    ) -> Progress {
        let outcome = match redis.read(&self.sent, result) {
            Err(BackendError::NoScript) if self.sent.by == By::Sha => {
                match call(redis, script, By::Source, &self.keys, &self.args, cx) {
                    Ok((call, sent)) => {
                        self.sent = sent;
                        return Progress::Again(call);
                    }
                    Err(error) => Err(error),
                }
            }
            outcome => outcome,
        };
        match outcome {
            Ok(_) => breaker.succeeded(),
            Err(_) => breaker.failed(cx.now()),
        }
        Progress::Done(outcome)
    }
}

fn call(
    redis: &Redis,
    script: &Script,
    by: By,
    keys: &[String],
    args: &[String],
    cx: &dyn Cx,
) -> Result<(CallOut, Sent), BackendError> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    redis.call(script, by, &keys, &args, cx).ok_or(BackendError::NotSent)
}
