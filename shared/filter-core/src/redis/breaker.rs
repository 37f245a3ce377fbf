//! A circuit breaker: a backend that fails is left alone for a while, then asked once.

use crate::policy::{Timestamp, micros};
use std::time::Duration;

/// How many failures in a row open the circuit.
const THRESHOLD: u32 = 5;
/// How long it stays open: doubled after every failed probe, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// A probe of which nothing is heard for so long is repeated: the client that caused it may have left.
const PROBE: Duration = Duration::from_secs(1);

/// One per backend and worker.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    /// Failures since the last success.
    failures: u32,
    /// Until when nothing is sent; in µs, as [`Timestamp`].
    open_until: u64,
    /// How long it was open last.
    pause: Duration,
    /// When the probe was sent that is under way.
    probing: Option<u64>,
}

impl Breaker {
    /// Whether a call may be sent now. After a pause one may, whose outcome decides about the others.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        if self.failures < THRESHOLD {
            return true;
        }
        // A clock that steps back must not keep it open for as long as the step.
        let now = now.0;
        self.open_until = self.open_until.min(now.saturating_add(micros(LAST_PAUSE)));
        let probe = self.probing.filter(|sent| (*sent..sent.saturating_add(micros(PROBE))).contains(&now));
        if now < self.open_until || probe.is_some() {
            return false;
        }
        self.probing = Some(now);
        true
    }

    /// Whether calls are held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.failures >= THRESHOLD
    }

    /// An answer came that was of use.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed. Those sent before the circuit opened do not prolong the pause.
    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        let opens = self.failures == THRESHOLD;
        if opens || self.probing.take().is_some() {
            self.pause = if opens { FIRST_PAUSE } else { (self.pause.saturating_mul(2)).min(LAST_PAUSE) };
            self.open_until = now.0.saturating_add(micros(self.pause));
        }
    }
}
