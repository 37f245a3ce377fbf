//! When the answers come.
//!
//! The limits: at the latest at the timeout, 99 % of them within 5 ms of it and all within 50 ms. They are taken at the
//! client, where Envoy's own scheduling and the client's count as well. Whatever else the machine does can make an answer
//! later, so one round of [`ANSWERS`] within the limits shows that the gateway keeps them; a gateway that answers late on
//! its own does so in every round. `precedence` keeps most of the machine out of it. A wrong answer is an error in every
//! round.
//!
//! Early is what comes before the timeout by more than 5 ms. Envoy's timers go by the kernel's coarse clock (libevent,
//! `CLOCK_MONOTONIC_COARSE`), of which a tick is 4 ms at 250 Hz: a timeout ends up to a tick before its time, or after it.

use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::drill::Seen;

/// How many answers make a round.
pub const ANSWERS: usize = 200;
/// How many rounds are tried.
const ROUNDS: usize = 10;
const MOST: Duration = Duration::from_millis(5);
const ALL: Duration = Duration::from_millis(50);
/// A tick of the clock that Envoy's timers go by, and as much as an answer may be late.
const EARLY: Duration = Duration::from_millis(5);

/// The moment at which answers are due.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The timeout of the call-outs.
    pub timeout: Duration,
    /// Whether nothing but the timeout ends them, so that none may come before.
    pub silent: bool,
}

impl Due {
    /// How far apart so many clients are to begin, to be answered evenly over the time for which they have to wait.
    pub fn apart(self, at_once: usize) -> Duration {
        match u32::try_from(at_once) {
            Ok(clients @ 1..) if self.silent => self.timeout / clients,
            _ => Duration::ZERO,
        }
    }
}

/// Answers in order of their durations.
struct Durations(Vec<Duration>);

impl Durations {
    fn of(seen: &[Seen]) -> Self {
        let mut all: Vec<Duration> = seen.iter().map(|seen| seen.took).collect();
        all.sort();
        Self(all)
    }

    /// The longest one, where the last `above` are left aside.
    fn without(&self, above: usize) -> Duration {
        self.0.iter().rev().nth(above).copied().unwrap_or_default()
    }

    fn print(&self, what: &str, timeout: Duration, round: usize) {
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        println!(
            "{what}: {} answers, timeout {} ms: first {:.1}, median {:.1}, 99 % {:.1}, last {:.1} ms (round {round})",
            self.0.len(),
            timeout.as_millis(),
            ms(self.0.first().copied().unwrap_or_default()),
            ms(self.without(self.0.len() / 2)),
            ms(self.without(self.0.len() / 100)),
            ms(self.without(0)),
        );
    }
}

/// Has rounds of requests answered until one keeps the limits.
///
/// # Errors
/// No round does, or a round fails.
pub async fn in_time(what: &str, due: Due, mut round: impl AsyncFnMut() -> Result<Vec<Seen>>) -> Result<()> {
    for number in 1..=ROUNDS {
        let seen = round().await?;
        ensure!(!seen.is_empty(), "{what}: nothing was asked");
        let durations = Durations::of(&seen);
        durations.print(what, due.timeout, number);
        let early = due.silent && durations.without(seen.len() - 1) + EARLY < due.timeout;
        let late = durations.without(seen.len() / 100) > due.timeout + MOST;
        let far_too_late = durations.without(0) > due.timeout + ALL;
        if !(early || late || far_too_late) {
            return Ok(());
        }
    }
    bail!("{what}: none of {ROUNDS} rounds keeps the limits")
}
