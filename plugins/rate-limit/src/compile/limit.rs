//! One limit, compiled.

use crate::config::{Count, Distributed, KeySource, LimitConfig, Override, Rate};
use crate::key::Key;
use crate::limit::{Allowance, Limit};
use crate::quota::{Quota, QuotaError};
use filter_core::address::{Cidr, Ranges};
use filter_core::config::{At, FromTree as _, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// More parts of a key than this are a mistake.
const MAX_SOURCES: usize = 8;
const MAX_LEASE: Duration = Duration::from_secs(60);

/// What is allowed to certain keys instead; nothing is counted of those that have none.
type Others = BTreeMap<Vec<u8>, Option<Arc<Allowance>>>;

/// `gateways`: how many count together, where it is distributed. `None`: an error was reported below `at`.
pub(super) fn compile(config: LimitConfig, gateways: u32, at: &At<'_>) -> Option<Limit> {
    let LimitConfig {
        name,
        algorithm,
        rate,
        burst,
        key,
        on_missing,
        unlimited,
        overrides,
        mode,
        distributed,
    } = config;
    let sources = sources(key, &at.key("key"));
    let quota = |Rate { requests, per }: Rate, burst: Option<Count>, at: &At<'_>| {
        let made = Quota::new(algorithm, requests, per, burst.map_or(0, |Count(burst)| burst));
        if let Err(error) = &made {
            at.key(if *error == QuotaError::Burst { "burst" } else { "rate" }).error(error.to_string());
        }
        made.ok()
    };
    let own = quota(rate, burst, at);
    let distributed = match distributed {
        Some(distributed) => sane(distributed, &at.key("distributed")).map(Some),
        None => Some(None),
    };
    let (sources, distributed) = (sources?, distributed?);
    let mut others = Others::new();
    let ranges = whose(&sources, unlimited, &mut others, &at.key("unlimited"));
    let gateways = distributed.is_some().then_some(gateways);
    let allowance = |quota| Arc::new(Allowance::new(&name.0, &sources, quota, gateways));
    let list = at.key("overrides");
    let mut sound = true;
    for (i, Override { key, rate, burst }) in overrides.into_iter().enumerate() {
        let at = list.index(i);
        let place = at.key("key");
        if key.0.len() != sources.len() {
            place.error(format!("{} values for a key of {} parts", key.0.len(), sources.len()));
            sound = false;
            continue;
        }
        let written = Key::written(&sources, &key.0, &place).zip(quota(rate, burst, &at));
        let Some((key, quota)) = written else {
            sound = false;
            continue;
        };
        if others.insert(key.bytes, Some(allowance(quota))).is_some() {
            place.error("the same key as in an earlier override, or in unlimited");
            sound = false;
        }
    }
    let (allowance, unlimited) = (allowance(own?), ranges?);
    sound.then(|| Limit {
        name: name.0.into(),
        sources,
        on_missing,
        unlimited,
        allowance,
        others,
        mode,
        distributed,
    })
}

fn sources(sources: Vec<KeySource>, at: &At<'_>) -> Option<Vec<KeySource>> {
    if sources.len() > MAX_SOURCES {
        at.error(format!("{} parts; at most {MAX_SOURCES} are accepted", sources.len()));
        return None;
    }
    let mut sound = true;
    for (i, source) in sources.iter().enumerate() {
        let same = |other: &KeySource| match (source, other) {
            (KeySource::Address { .. }, KeySource::Address { .. }) => true,
            _ => source == other,
        };
        if let Some(earlier) = sources.iter().take(i).position(same) {
            at.index(i).error(format!("the same part as {}[{earlier}]", at.label()));
            sound = false;
        }
    }
    sound.then_some(sources)
}

/// Whose requests pass uncounted: addresses as ranges, other keys among the `others`.
fn whose(sources: &[KeySource], texts: Vec<String>, others: &mut Others, at: &At<'_>) -> Option<Ranges> {
    let mut ranges = Vec::new();
    let mut sound = true;
    match sources {
        _ if texts.is_empty() => {}
        [KeySource::Address { .. }] => {
            for (i, text) in texts.into_iter().enumerate() {
                match Cidr::read(&Tree::String(text), &at.index(i)) {
                    Some(range) => ranges.push(range),
                    None => sound = false,
                }
            }
        }
        [source] => {
            for (i, text) in texts.iter().enumerate() {
                let mut key = Key::default();
                sound &= key.push_written(source, text, &at.index(i)).is_some();
                others.insert(key.bytes, None);
            }
        }
        _ => {
            at.error("the key must have exactly one part; write a rule without the limit");
            sound = false;
        }
    }
    sound.then(|| Ranges::new(ranges))
}

fn sane(distributed: Distributed, at: &At<'_>) -> Option<Distributed> {
    if distributed.lease_ttl > MAX_LEASE {
        at.key("lease_ttl").error("at most \"60s\"");
        return None;
    }
    Some(distributed)
}
