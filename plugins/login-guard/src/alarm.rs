//! When so many attempts fail that somebody should look: counted by all workers of a gateway together.

use filter_core::policy::Timestamp;
use filter_core::store::{SharedStore, update};

/// When to say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// Failures among the attempts, in percent.
    pub ratio: u64,
    /// Fewer attempts than this say nothing.
    pub attempts: u64,
    /// What is counted together, in µs.
    pub window: u64,
}

/// What was counted in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// When it began, in µs since 1970.
    pub start: u64,
    /// Attempts that were answered.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Whether it was said.
    pub told: bool,
}

impl Count {
    /// What is not in this form is as nothing.
    fn read(bytes: &[u8]) -> Self {
        let numbers: Vec<u64> =
            bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
        match numbers.as_slice() {
            [start, attempts, failures, told] => {
                Self { start: *start, attempts: *attempts, failures: *failures, told: *told != 0 }
            }
            _ => Self::default(),
        }
    }

    fn write(self) -> Vec<u8> {
        [self.start, self.attempts, self.failures, u64::from(self.told)]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect()
    }
}

impl Alarm {
    /// Counts an attempt that was answered. `Some`: now is the time to say so, once in a window. Where other workers are
    /// quicker every time the attempt is not counted.
    pub fn count(&self, key: &str, failed: bool, now: Timestamp, store: &dyn SharedStore) -> Option<Count> {
        let start = now.0.saturating_sub(now.0.checked_rem(self.window).unwrap_or(0));
        let mut alarm = None;
        let kept = update(store, key, |value| {
            let mut count =
                value.as_deref().map(Count::read).filter(|count| count.start == start).unwrap_or_default();
            count.start = start;
            count.attempts = count.attempts.saturating_add(1);
            count.failures = count.failures.saturating_add(u64::from(failed));
            let many = count.attempts >= self.attempts
                && count.failures.saturating_mul(100) >= count.attempts.saturating_mul(self.ratio);
            let tell = many && !count.told;
            count.told |= tell;
            alarm = tell.then_some(count);
            count.write()
        });
        alarm.filter(|_| kept)
    }
}
