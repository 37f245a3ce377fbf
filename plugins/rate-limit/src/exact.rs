//! Limits that all gateways count together, asked for each request: one call about all that apply, which all let it pass
//! or none counts it. What was refused is remembered until it may pass again.

use crate::lease::{Ask, Heard, REMEMBERED};
use crate::quota::{Decision, Quota};
use crate::script::{SHARE, arguments, count, numbers};
use filter_core::policy::Timestamp;
use filter_core::redis::{BackendError, Value};
use std::collections::BTreeMap;

/// Refusals that are surely remembered; up to twice as many may be.
const REFUSALS: usize = 5_000;

/// What Redis says of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether it lets the request pass. It was counted if all do.
    pub fits: bool,
    /// How many more would pass.
    pub remaining: u32,
    /// How long until it fits, in µs; 0 where it does.
    pub retry_us: u64,
    /// How long until all is there again, in µs.
    pub reset_us: u64,
}

/// The arguments of a question about these quotas, whose keys are in the same order.
#[must_use]
pub fn question<'q>(cost: u32, quotas: impl Iterator<Item = &'q Quota>) -> Vec<String> {
    std::iter::once(cost.to_string()).chain(quotas.flat_map(arguments)).collect()
}

/// What came of it.
///
/// # Errors
/// It is about another number of limits, or not what the script returns.
pub fn read(values: &[Value], limits: usize) -> Result<Vec<Answer>, BackendError> {
    let (groups, []) = values.as_chunks::<4>() else { return Err(BackendError::Malformed) };
    if groups.len() != limits {
        return Err(BackendError::Malformed);
    }
    let one = |group: &[Value; 4]| {
        let [fits, remaining, retry_us, reset_us] = numbers(group)?;
        let fits = match fits {
            0 => false,
            1 => true,
            _ => return Err(BackendError::Malformed),
        };
        Ok(Answer { fits, remaining: count(remaining)?, retry_us, reset_us })
    };
    groups.iter().map(one).collect()
}

/// The arguments of a question for requests in advance.
#[must_use]
pub fn lease_question(ask: Ask, quota: &Quota) -> Vec<String> {
    let numbers = [ask.least, ask.need, ask.want, SHARE].map(|number| number.to_string());
    numbers.into_iter().chain(arguments(quota)).collect()
}

/// What came of it. No more is believed to be given than was asked for.
///
/// # Errors
/// It is not what the script returns: neither enough for whoever asks, nor a time to wait, say.
pub fn read_lease(values: &[Value], ask: Ask) -> Result<Heard, BackendError> {
    let [granted, remaining, retry_us, reset_us] = numbers(values)?;
    let granted = count(granted)?.min(ask.want);
    if granted < ask.least && retry_us == 0 {
        return Err(BackendError::Malformed);
    }
    Ok(Heard { granted, remaining: count(remaining)?, retry_us, reset_us })
}

/// The arguments of what gives requests back.
#[must_use]
pub fn refund_question(back: u32, quota: &Quota) -> Vec<String> {
    std::iter::once(back.to_string()).chain(arguments(quota)).collect()
}

/// Refusals that are remembered: of so many keys at most, whoever comes.
#[derive(Debug, Default)]
pub struct Refusals {
    young: BTreeMap<u64, Refusal>,
    old: BTreeMap<u64, Refusal>,
}

/// Times in µs.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    at: u64,
    retry: u64,
    reset: u64,
    /// Of this cost or a higher one.
    cost: u32,
}

impl Refusals {
    /// Notes that a request of this cost is refused until then.
    pub fn note(&mut self, key: u64, cost: u32, decision: &Decision, now: Timestamp) {
        if self.young.len() >= REFUSALS {
            self.old = std::mem::take(&mut self.young);
        }
        let Decision { retry_us: retry, reset_us: reset, .. } = *decision;
        let refusal = Refusal { at: now.0, retry, reset, cost };
        self.young.insert(key, refusal);
    }

    /// How long a request of this cost is refused, and how long until all is there again.
    #[must_use]
    pub fn refuses(&self, key: u64, cost: u32, now: Timestamp) -> Option<(u64, u64)> {
        let refusal = self.young.get(&key).or_else(|| self.old.get(&key))?;
        // A time before it is of a clock that stepped back.
        let gone = now.0.checked_sub(refusal.at)?;
        (cost >= refusal.cost && gone < refusal.retry.min(REMEMBERED))
            .then(|| (refusal.retry.saturating_sub(gone), refusal.reset.saturating_sub(gone)))
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
