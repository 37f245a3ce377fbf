//! The two scripts that count in Redis, what they are given and what they answer. They agree with [`crate::ledger`] event for
//! event; the time is that of Redis.

use crate::ledger::{Outcome, Settled, Waits, identity};
use crate::limits::Limits;
use crate::who::{Kind, Who};
use filter_core::client::KeySecret;
use filter_core::config::Digest;
use filter_core::keys::{LIMITS, instance_part};
use filter_core::redis::{BackendError, Script, Value};
use rate_limit::quota::Quota;
use rate_limit::script::{CLOCK, arguments, compose, numbers};

/// The buckets in the order of the scripts.
const BUCKETS: [Kind; 3] = [Kind::Address, Kind::Pair, Kind::Username];

/// The text of the script that charges an attempt, with this clock.
#[must_use]
pub fn attempt_source(clock: &str) -> String {
    compose(clock, include_str!("lua/attempt.lua"))
}

/// The text of the one that settles it.
#[must_use]
pub fn settle_source(clock: &str) -> String {
    compose(clock, include_str!("lua/settle.lua"))
}

/// Both.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// Charges.
    pub attempt: Script,
    /// Settles.
    pub settle: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self { attempt: Script::new(&attempt_source(CLOCK)), settle: Script::new(&settle_source(CLOCK)) }
    }
}

/// The keys of an attempt: one or six. They have the instance in common, for Redis Cluster keeps that on one node; what a
/// client says is in them as an HMAC.
#[must_use]
pub fn keys(instance: &str, who: &Who, limits: &Limits, secret: &KeySecret) -> Vec<String> {
    let instance = instance_part(instance);
    let key = |what: &str, digest: &str, kind| {
        let digits = secret.digits(&who.key(kind, limits));
        format!("{LIMITS}{{login:{instance}}}:{what}{digest}:{digits}")
    };
    let bucket = |kind: Kind| key(kind.as_str(), &format!(":{}", digest(kind, limits.quota(kind))), kind);
    let mut keys = vec![bucket(Kind::Address)];
    if who.user.is_some() {
        keys.extend([bucket(Kind::Pair), bucket(Kind::Username)]);
        keys.extend([
            key("known", "", Kind::Pair),
            key("locked", "", Kind::Pair),
            key("locked", "", Kind::Username),
        ]);
    }
    keys
}

/// What counts otherwise is counted elsewhere: 16 digits.
fn digest(kind: Kind, quota: &Quota) -> String {
    Digest::of(identity(kind, quota).as_bytes()).to_string()
}

fn common(limits: &Limits) -> Vec<String> {
    let mut args: Vec<String> = BUCKETS.iter().flat_map(|kind| arguments(limits.quota(*kind))).collect();
    args.push(limits.lock.map_or(0, |lock| lock.longest).to_string());
    args
}

/// The arguments of an attempt.
#[must_use]
pub fn attempt(limits: &Limits) -> Vec<String> {
    common(limits)
}

/// What came of it.
///
/// # Errors
/// It is not what the script returns: a wait beyond the longest there is, say.
pub fn read_attempt(values: &[Value], limits: &Limits) -> Result<Waits, BackendError> {
    let [known, lock, address, pair, username] = numbers(values)?;
    let longest = limits.lock.map_or(0, |lock| lock.longest);
    let within = |wait: u64, quota: &Quota| wait <= quota.longest();
    let sound = known <= 1
        && lock <= longest
        && within(address, &limits.address)
        && within(pair, &limits.pair)
        && within(username, &limits.username)
        && (known == 0 || username == 0);
    match sound {
        true => Ok(Waits { known: known == 1, lock, address, pair, username }),
        false => Err(BackendError::Malformed),
    }
}

/// The arguments that settle an attempt. `known`: as it was when it was charged.
#[must_use]
pub fn settle(who: &Who, known: bool, outcome: Outcome, limits: &Limits) -> Vec<String> {
    let mut args = common(limits);
    args.push(limits.lock.map_or(0, |lock| lock.first).to_string());
    let outcome = match outcome {
        Outcome::Failure => "f",
        Outcome::Success => "s",
        Outcome::Nothing => "r",
    };
    let mark = if who.can_be_known() { limits.known_for.div_ceil(1000) } else { 0 };
    args.extend([outcome.to_owned(), u8::from(!known).to_string(), mark.to_string()]);
    args
}

/// What that changed.
///
/// # Errors
/// It is not what the script returns.
pub fn read_settled(values: &[Value]) -> Result<Settled, BackendError> {
    match numbers(values)? {
        [locked @ 0..=2, new @ 0..=1] => Ok(Settled { locked, new: new == 1 }),
        _ => Err(BackendError::Malformed),
    }
}
