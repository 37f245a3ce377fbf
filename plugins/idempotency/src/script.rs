//! The scripts that remember keys in Redis, what they are given and what they say.
//!
//! Every key has an end there. The time is that of Redis: its clock numbers the claims, so that one that is over cannot be
//! freed in the place of a later one.

use filter_core::keys::{IDEMPOTENCY, instance_part};
use filter_core::redis::{BackendError, Script, Value};
use std::time::Duration;

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Asks whether a request is the first with its key.
    Claim,
    /// Says that it was done.
    Complete,
    /// Says that it was not.
    Free,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Claim, Self::Complete, Self::Free];
}

/// The text of a script. Lines of comments are left out: what is not known to Redis is sent whole.
#[must_use]
pub fn source(action: Action) -> String {
    let text = match action {
        Action::Claim => include_str!("lua/claim.lua"),
        Action::Complete => include_str!("lua/complete.lua"),
        Action::Free => include_str!("lua/free.lua"),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Scripts {
    pub(crate) claim: Script,
    pub(crate) complete: Script,
    pub(crate) free: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        let script = |action| Script::new(&source(action));
        Self { claim: script(Action::Claim), complete: script(Action::Complete), free: script(Action::Free) }
    }
}

/// Where a key is remembered. `digits` stand for it and for whose it is.
#[must_use]
pub fn key(instance: &str, digits: &str) -> String {
    format!("{IDEMPOTENCY}{}:{digits}", instance_part(instance))
}

/// What Redis says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is the first; its claim has this number.
    First(u64),
    /// The same request has not been answered yet. The record lasts so long.
    InFlight(Duration),
    /// It was answered.
    Completed,
    /// The key was used for another request.
    Reused,
}

/// What came of a claim.
///
/// # Errors
/// It is not what the script returns, or the record is none of ours.
pub fn read(values: &[Value]) -> Result<Answer, BackendError> {
    let [Value::Integer(what), Value::Integer(number)] = values else { return Err(BackendError::Malformed) };
    let number = u64::try_from(*number).map_err(|_| BackendError::Malformed)?;
    match what {
        0 => Ok(Answer::First(number)),
        1 => Ok(Answer::InFlight(Duration::from_millis(number))),
        2 => Ok(Answer::Completed),
        3 => Ok(Answer::Reused),
        _ => Err(BackendError::Malformed),
    }
}

/// What came of a word about a claim: nothing that matters, but it has to be that.
///
/// # Errors
/// It is not what the scripts return.
pub fn read_word(values: &[Value]) -> Result<(), BackendError> {
    match values {
        [Value::Integer(0 | 1)] => Ok(()),
        _ => Err(BackendError::Malformed),
    }
}
