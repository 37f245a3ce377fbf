//! What a drill prints.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clients::Answer;

/// How often each outcome came: the status and what `x-caller` says, cut at `/` where an answer of Redis names its call.
#[must_use]
pub fn outcomes(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let said = answer.said();
        let said = said.split_once('/').map_or(&*said, |_| "count/id");
        *counts.entry(format!("{} {said}", answer.status)).or_default() += 1;
    }
    counts
}

/// Smallest, median, 99th percentile and largest, in milliseconds.
pub fn spread(times: impl Iterator<Item = Duration>) -> String {
    let mut times: Vec<u128> = times.map(|time| time.as_micros()).collect();
    times.sort_unstable();
    let at = |percent: usize| {
        let index = times.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
        times.get(index).map_or_else(|| "none".to_owned(), |micros| format!("{:.1}", *micros as f64 / 1000.0))
    };
    format!("min {} p50 {} p99 {} max {} ms", at(0), at(50), at(99), at(100))
}
