//! A lock: for how long nobody may try once failures used up a limit. Each is twice as long as the last one.

use filter_core::policy::Timestamp;
use rate_limit::quota::Record;

/// More than this change nothing: the longest is reached before.
const MOST: u64 = 32;

/// How long locks last, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// The first.
    pub first: u64,
    /// The longest. So long after the end of the last one it is forgotten.
    pub longest: u64,
}

impl Lock {
    /// How long the lock of a record still lasts, in µs. A record is when it ends and how many there were.
    #[must_use]
    pub fn rest(&self, Record([ends, _]): Record, now: Timestamp) -> u64 {
        let left = ends.saturating_sub(now.0);
        // Longer than any lasts: the clock stepped back.
        if left > self.longest { 0 } else { left }
    }

    /// The record of the next lock, and when it is forgotten. `None`: one lasts; of several failures at once the first is
    /// enough.
    #[must_use]
    pub fn next(&self, record: Option<Record>, now: Timestamp) -> Option<(Record, Timestamp)> {
        let Record([ends, times]) = record.unwrap_or_default();
        let live = ends.saturating_add(self.longest) > now.0 && ends <= now.0.saturating_add(self.longest);
        if live && ends > now.0 {
            return None;
        }
        let times = if live { times } else { 0 }.saturating_add(1).min(MOST);
        let doubled =
            1_u64.checked_shl(u32::try_from(times.saturating_sub(1)).unwrap_or(0)).unwrap_or(u64::MAX);
        let ends = now.0.saturating_add(self.first.saturating_mul(doubled).min(self.longest));
        Some((Record([ends, times]), Timestamp(ends.saturating_add(self.longest))))
    }
}
