//! A line on the terminal during long work.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(500);

/// Says how far it is, where somebody watches.
pub(super) struct Progress {
    watched: bool,
    start: Instant,
    last: Instant,
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let start = Instant::now();
        Self { watched: stderr().is_terminal(), start, last: start, shown: false }
    }

    pub(super) fn at(&mut self, requests: u64) {
        if self.watched && self.last.elapsed() >= INTERVAL {
            self.last = Instant::now();
            self.shown = true;
            let seconds = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
            let rate = requests.saturating_mul(1000) / seconds;
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\r\x1b[K{requests} requests, {rate} a second");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
