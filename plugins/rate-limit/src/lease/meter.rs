//! How much was used lately.

/// What counts as lately, in µs.
const SPAN: u64 = 100_000;

/// Counts over two spans side by side; the earlier one by the part of it that is still lately.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter {
    /// Beginning of the span, in µs.
    start: u64,
    current: u32,
    before: u32,
}

impl Meter {
    /// So many were used now.
    pub fn add(&mut self, now: u64, count: u32) {
        self.turn(now);
        self.current = self.current.saturating_add(count);
    }

    /// How many were used in the last 100 ms.
    pub fn lately(&mut self, now: u64) -> u32 {
        self.turn(now);
        let gone = now.saturating_sub(self.start).min(SPAN);
        let before = u64::from(self.before).saturating_mul(SPAN.saturating_sub(gone)) / SPAN;
        self.current.saturating_add(u32::try_from(before).unwrap_or(u32::MAX))
    }

    fn turn(&mut self, now: u64) {
        match now.checked_sub(self.start) {
            Some(gone) if gone < SPAN => {}
            Some(gone) if gone < SPAN.saturating_mul(2) => {
                self.start = self.start.saturating_add(SPAN);
                self.before = std::mem::take(&mut self.current);
            }
            // Long ago, or the clock stepped back.
            _ => *self = Self { start: now, current: 0, before: 0 },
        }
    }
}
