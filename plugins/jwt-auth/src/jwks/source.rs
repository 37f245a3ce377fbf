//! One source of keys: when it is asked, and what becomes of the answer.

use super::freshness::{Freshness, clock_difference};
use super::meta::Meta;
use super::place::{Place, Step};
use crate::kept::Store;
use crate::keys::KeySet;
use filter_core::effect::{Effects, Level, LogLine, Metric};
use filter_core::policy::{Cx, Timestamp, micros};
use filter_core::task::{Failure, Task, TaskResult};
use sha2::{Digest as _, Sha256};
use std::rc::Rc;
use std::time::Duration;

/// After the first failed fetch in a row, so long until the next; then twice as long each time, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// From which difference on clocks are worth a line, in seconds: tokens of a minute suffer before this does harm.
const CLOCK_WARNING: u64 = 5;

/// A source of keys.
#[derive(Debug, Clone)]
pub struct Source {
    /// For log lines.
    pub provider: String,
    /// Where it is.
    pub place: Place,
    /// What the shared store holds of it.
    pub store: Store<Meta>,
    /// How long its keys serve.
    pub freshness: Freshness,
    /// How long beyond that while there are no others.
    pub stale_ttl: Duration,
    /// Least time between two fetches on behalf of unknown keys.
    pub refetch_interval: Duration,
}

/// What a worker holds of a source.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    keys: Option<Rc<KeySet>>,
    /// SHA-256 of the document they were read from.
    document: [u8; 32],
    fetched: u64,
    refresh: u64,
}

/// What a request is to do that finds no key.
#[derive(Debug, Clone, PartialEq)]
pub enum Need {
    /// Await this, then look again.
    Fetch(Task),
    /// There will be no other keys for a while.
    Nothing,
}

impl Worker {
    /// Whether a key has this very name.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.has(kid))
    }
}

impl Source {
    /// Takes over what another worker fetched. `true`: the keys are others now.
    pub fn look(&self, worker: &mut Worker, cx: &dyn Cx) -> bool {
        let meta = self.store.numbers(cx.store());
        worker.refresh = meta.refresh;
        if meta.fetched == worker.fetched {
            return false;
        }
        let Some(document) = self.store.document(cx.store(), meta.fetched) else { return false };
        let digest: [u8; 32] = Sha256::digest(&document).into();
        if worker.keys.is_none() || digest != worker.document {
            // Whoever kept it has read it, so this one reads it, too.
            let Ok(set) = KeySet::fetched(&document) else { return false };
            worker.keys = Some(Rc::new(set.keys));
            worker.document = digest;
            worker.fetched = meta.fetched;
            return true;
        }
        // The same once more: what was verified with them stays so.
        worker.fetched = meta.fetched;
        false
    }

    /// The keys that serve now. `None`: there are none, or they are too old.
    #[must_use]
    pub fn keys(&self, worker: &Worker, now: Timestamp) -> Option<Rc<KeySet>> {
        worker.keys.clone().filter(|_| self.serves(worker, now))
    }

    /// Whether there are such keys.
    #[must_use]
    pub fn serves(&self, worker: &Worker, now: Timestamp) -> bool {
        worker.keys.is_some() && now.0 < worker.refresh.saturating_add(micros(self.stale_ttl))
    }

    /// What is to be fetched although nobody waits for it.
    #[must_use]
    pub fn due(&self, cx: &dyn Cx) -> Option<Task> {
        let (meta, now) = (self.store.numbers(cx.store()), cx.now());
        let next = meta.attempted.saturating_add(micros(self.retry(&meta)));
        // A time far ahead was written before the clock stepped back.
        let waits = now.0 < next && next <= now.0.saturating_add(micros(self.refetch_interval));
        // Keys from the future were fetched before the clock stepped back: how old they are nobody knows.
        let old = now.0 >= meta.refresh || meta.fetched > now.0;
        (!waits && old).then(|| self.place.task(cx))
    }

    /// What a request is to do that names an unknown key, or any while there are none.
    ///
    /// A fetch in the background does not count against an unknown key: it may have ended just before the key was
    /// published, and the next one would be refused for as long as the interval is.
    #[must_use]
    pub fn need(&self, worker: &Worker, cx: &dyn Cx) -> Need {
        let (meta, now) = (self.store.numbers(cx.store()), cx.now());
        if now.0.abs_diff(meta.attempted) < micros(self.retry(&meta)) {
            return Need::Nothing;
        }
        if worker.keys.is_some() {
            let under_way = meta.attempted < meta.urged;
            let recent = now.0.abs_diff(meta.urged) < micros(self.refetch_interval);
            // One that is under way is waited for, with those that asked before. While every attempt to say that one begins
            // fails, none does: one in an interval is what the key server was promised.
            let begins = !(recent && under_way);
            let urged = now.0.max(meta.attempted.saturating_add(1));
            if begins && (recent || !self.store.change(cx.store(), |meta| meta.urged = urged)) {
                return Need::Nothing;
            }
        }
        Need::Fetch(self.place.task(cx))
    }

    /// How long until a key server that failed is asked again.
    fn retry(&self, meta: &Meta) -> Duration {
        match meta.failures {
            0 => Duration::ZERO,
            failures => {
                let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
                let doubled = FIRST_RETRY.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX));
                doubled.min(self.refetch_interval)
            }
        }
    }

    /// A fetch of this source's is over. `true`: the keys of this worker are others now.
    pub fn heard(
        &self,
        worker: &mut Worker,
        name: &str,
        result: &TaskResult,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> bool {
        if *result == Err(Failure::Elsewhere) {
            return self.look(worker, cx);
        }
        match self.place.read(name, result, cx) {
            Ok(Step::Next(task)) => {
                effects.tasks.push(task);
                false
            }
            Ok(Step::Document(reply)) => match KeySet::fetched(&reply.body) {
                Ok(set) => {
                    for skipped in &set.skipped {
                        self.log(effects, format!("a key is not used: {skipped}"));
                    }
                    self.keep(&reply.body, self.freshness.of(&reply.headers), cx);
                    self.compare_clocks(clock_difference(&reply.headers, cx.now()), effects);
                    effects.metrics.push(Metric { what: "jwks_fetched", reason: None });
                    self.look(worker, cx)
                }
                Err(error) => {
                    self.failed(&format!("no JSON Web Key Set: {error}"), worker, effects, cx);
                    false
                }
            },
            Err(why) => {
                self.failed(&why, worker, effects, cx);
                false
            }
        }
    }

    fn keep(&self, document: &[u8], duration: Duration, cx: &dyn Cx) {
        let now = cx.now();
        // Up to a fifth earlier, so that gateways that started together do not fetch together.
        let mut random = [0; 1];
        let share = if cx.random(&mut random) { u32::from(random[0]) } else { 0 };
        let early = duration.saturating_mul(share) / (255 * 5);
        let refresh = now.0.saturating_add(micros(duration.saturating_sub(early)));
        if self.store.keep(cx.store(), now.0, document) {
            self.store.change(cx.store(), |meta| {
                let urged = meta.ended(now.0);
                *meta = Meta { fetched: now.0, refresh, attempted: now.0, failures: 0, urged };
            });
        }
    }

    fn failed(&self, why: &str, worker: &Worker, effects: &mut Effects, cx: &dyn Cx) {
        let now = cx.now();
        self.store.change(cx.store(), |meta| {
            meta.urged = meta.ended(now.0);
            meta.attempted = now.0;
            meta.failures = meta.failures.saturating_add(1);
        });
        let serving = match (&worker.keys, self.keys(worker, now)) {
            (_, Some(_)) => {
                let age = now.0.saturating_sub(worker.fetched) / 1_000_000;
                format!("keys fetched {age} s ago serve")
            }
            (Some(_), None) => "the keys are too old to serve".to_owned(),
            (None, None) => "there are no keys".to_owned(),
        };
        effects.metrics.push(Metric { what: "jwks_failed", reason: None });
        self.log(effects, format!("keys could not be fetched: {why}; {serving}"));
    }

    fn compare_clocks(&self, difference: Option<i64>, effects: &mut Effects) {
        let Some(difference) = difference else { return };
        // Gauges are never negative.
        let ahead = u64::try_from(difference).unwrap_or(0);
        effects.gauges.push(("clock_ahead_seconds", ahead));
        effects.gauges.push(("clock_behind_seconds", difference.unsigned_abs().saturating_sub(ahead)));
        if difference.unsigned_abs() > CLOCK_WARNING {
            let text = format!("the clock here and that of the key server differ by {difference} s");
            self.log(effects, text);
        }
    }

    fn log(&self, effects: &mut Effects, text: String) {
        let text = format!("jwt-auth: provider {}: {text}", self.provider);
        effects.logs.push(LogLine { level: Level::Warn, text });
    }
}
