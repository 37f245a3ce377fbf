//! The scripts that count in Redis, and what they are given.
//!
//! They agree with [`Quota`] event for event; the time is that of Redis.

use crate::algorithm::Algorithm;
use crate::quota::Quota;
use filter_core::keys::{LIMITS, instance_part};
use filter_core::redis::{BackendError, Script, Value};

/// Of what Redis has left one part in so many is given beyond what requests wait for.
pub const SHARE: u32 = 4;

/// Where a script has the time from.
pub const CLOCK: &str = include_str!("lua/clock.lua");

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// All of a cost from every key, or from none.
    Take,
    /// Some in advance.
    Lease,
    /// Takes back what was not used.
    Refund,
}

/// The text of a script, with this clock.
#[must_use]
pub fn source(action: Action, clock: &str) -> String {
    let body = match action {
        Action::Take => include_str!("lua/take.lua"),
        Action::Lease => include_str!("lua/lease.lua"),
        Action::Refund => include_str!("lua/refund.lua"),
    };
    compose(clock, body)
}

/// The text of a script that counts: this clock, the four algorithms, and what is done with them. Lines of comments are left
/// out: what is not known to Redis is sent whole.
#[must_use]
pub fn compose(clock: &str, body: &str) -> String {
    let lines = [clock, include_str!("lua/quota.lua"), body].into_iter().flat_map(str::lines);
    let lines = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// [`Action::Take`]
    pub take: Script,
    /// [`Action::Lease`]
    pub lease: Script,
    /// [`Action::Refund`]
    pub refund: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        let script = |action| Script::new(&source(action, CLOCK));
        Self { take: script(Action::Take), lease: script(Action::Lease), refund: script(Action::Refund) }
    }
}

/// The four arguments that say what is allowed to a key.
#[must_use]
pub fn arguments(quota: &Quota) -> [String; 4] {
    let (kind, numbers) = match quota.algorithm() {
        Algorithm::TokenBucket => {
            let brim = u64::from(quota.capacity()).saturating_mul(quota.weight());
            ("t", [brim, quota.weight(), quota.drain()])
        }
        Algorithm::LeakyBucket => {
            ("l", [u64::from(quota.capacity()).saturating_mul(1000), quota.milli_per_second(), 0])
        }
        Algorithm::SlidingWindow => ("s", [u64::from(quota.requests()), quota.per_millis(), 0]),
        Algorithm::FixedWindow => ("f", [u64::from(quota.requests()), quota.per_micros(), 0]),
    };
    let [a, b, c] = numbers.map(|number| number.to_string());
    [kind.to_owned(), a, b, c]
}

/// The key of a client. `digest`: of what is counted, so that other numbers are counted elsewhere; `client`: digits that stand
/// for who asks. `tag`: limits that are asked about in one call have the same, for Redis Cluster keeps that on one node.
#[must_use]
pub fn key(tag: Option<&str>, instance: &str, limit: &str, digest: &str, client: &str) -> String {
    let instance = instance_part(instance);
    match tag {
        Some(tag) => format!("{LIMITS}{{{tag}}}:{instance}:{limit}:{digest}:{client}"),
        None => format!("{LIMITS}{instance}:{limit}:{digest}:{client}"),
    }
}

/// The numbers of an answer.
///
/// # Errors
/// There are others in it, or not so many.
pub fn numbers<const N: usize>(values: &[Value]) -> Result<[u64; N], BackendError> {
    let mut numbers = [0; N];
    if values.len() != N {
        return Err(BackendError::Malformed);
    }
    for (number, value) in numbers.iter_mut().zip(values) {
        let Value::Integer(value) = value else { return Err(BackendError::Malformed) };
        *number = u64::try_from(*value).map_err(|_| BackendError::Malformed)?;
    }
    Ok(numbers)
}

/// A number of requests.
///
/// # Errors
/// It is none.
pub fn count(number: u64) -> Result<u32, BackendError> {
    u32::try_from(number).map_err(|_| BackendError::Malformed)
}
