//! Keeping a whole deny-list: one worker reads the log every interval, all look into the shared store.
//!
//! The log is read from a minute before the last score on ([`LOG_OVERLAP`]), since two operators may write out of order;
//! applying a member twice does no harm. Now and then it is read from its beginning: then what was taken out of it, or
//! lost with a Redis, is forgotten here, too.

use super::list::{List, MOST};
use crate::kept::{Numbers, Store};
use filter_core::effect::{Effects, Level, LogLine, Metric};
use filter_core::keys::{KeyError, LOG_OVERLAP, LogMember, revocation_log};
use filter_core::policy::{Cx, micros};
use filter_core::redis::{BackendError, Breaker, By, Redis, Script, Sent, Value};
use filter_core::task::{CallOut, Failure, Key, Task, TaskResult};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Members at once: so many of the longest fit an answer. A longer log is read in several goes.
const PAGE: usize = 100;
/// How often the log is read from its beginning, in µs.
const WHOLE: u64 = 600_000_000;
/// Members with their scores, from a score on.
const SCRIPT: &str = "local found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3]) \
    found[#found + 1] = ARGV[#ARGV] return found";

/// A deny-list that is kept.
#[derive(Debug, Clone)]
pub struct Sync {
    /// Name of the fetch.
    pub name: Arc<str>,
    provider: String,
    key: String,
    redis: Redis,
    script: Script,
    interval: Duration,
    max_age: Duration,
    store: Store<Known>,
}

/// What all workers know of a list. Times in µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// Number of the list that is kept; 0: none is.
    number: u64,
    /// When the log was last read to its end.
    read: u64,
    /// When it was last read from its beginning.
    whole: u64,
    /// When a reading last ended, whatever came of it.
    attempted: u64,
    /// The last score seen, in ms.
    score: u64,
}

impl Numbers for Known {
    fn to_numbers(self) -> Vec<u64> {
        vec![self.number, self.read, self.whole, self.attempted, self.score]
    }

    fn from_numbers(numbers: &[u64]) -> Option<Self> {
        let [number, read, whole, attempted, score] = *numbers else { return None };
        Some(Self { number, read, whole, attempted, score })
    }
}

/// What a worker holds of a list.
#[derive(Debug, Default)]
pub struct Kept {
    list: Rc<List>,
    number: u64,
    reading: Option<Reading>,
    breaker: Breaker,
}

/// A reading under way.
#[derive(Debug)]
struct Reading {
    began: u64,
    /// When the last page was asked for.
    asked: u64,
    whole: bool,
    /// Shared with the list that serves until there is something new.
    list: Rc<List>,
    /// Where the next page begins: a score in ms, and how many members of it are known.
    from: u64,
    offset: usize,
    sent: Sent,
    by: By,
}

impl Sync {
    /// A list that is read there.
    ///
    /// # Errors
    /// The provider has no log: its name is too long.
    pub fn new(
        name: Arc<str>,
        provider: &str,
        redis: Redis,
        place: &[&str],
        interval: Duration,
        max_age: Duration,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            name,
            provider: provider.to_owned(),
            key: revocation_log(provider)?,
            redis,
            script: Script::new(SCRIPT),
            interval,
            max_age,
            store: Store::new("revoked", &[place, &[provider]].concat()),
        })
    }

    /// The list that serves now. `None`: there is none, or it is too old.
    #[must_use]
    pub fn list(&self, kept: &mut Kept, cx: &dyn Cx) -> Option<Rc<List>> {
        let known = self.store.numbers(cx.store());
        self.look(kept, &known, cx);
        let serves = known.number != 0 && known.number == kept.number;
        (serves && cx.now().0.abs_diff(known.read) <= micros(self.max_age)).then(|| kept.list.clone())
    }

    fn look(&self, kept: &mut Kept, known: &Known, cx: &dyn Cx) {
        if known.number != kept.number
            && let Some(document) = self.store.document(cx.store(), known.number)
            && let Some(list) = List::from_bytes(&document)
        {
            kept.list = Rc::new(list);
            kept.number = known.number;
        }
    }

    /// The next reading, if it is time.
    #[must_use]
    pub fn due(&self, kept: &mut Kept, cx: &dyn Cx) -> Option<Task> {
        let (known, now) = (self.store.numbers(cx.store()), cx.now().0);
        let lost = micros(Duration::from_secs(10));
        let busy = kept.reading.as_ref().is_some_and(|reading| now.abs_diff(reading.asked) < lost);
        if busy || now.abs_diff(known.attempted) < micros(self.interval) || !kept.breaker.admits(cx.now()) {
            return None;
        }
        self.look(kept, &known, cx);
        let whole = known.number == 0 || kept.number != known.number || now.abs_diff(known.whole) > WHOLE;
        let list = if whole { Rc::default() } else { kept.list.clone() };
        let from = if whole { 0 } else { known.score.saturating_sub(millis(LOG_OVERLAP)) };
        let (call, sent) = self.page(By::Sha, from, 0, cx)?;
        kept.reading =
            Some(Reading { began: now, asked: now, whole, list, from, offset: 0, sent, by: By::Sha });
        Some(self.task(call))
    }

    /// A call of a reading is over.
    pub fn heard(&self, kept: &mut Kept, result: &TaskResult, effects: &mut Effects, cx: &dyn Cx) {
        if *result == Err(Failure::Elsewhere) {
            kept.reading = None;
            return;
        }
        let Some(mut reading) = kept.reading.take() else { return };
        let outcome = self.redis.read(&reading.sent, result);
        let next = match outcome {
            Err(BackendError::NoScript) if reading.by == By::Sha => Ok(Some(By::Source)),
            Err(error) => Err(error),
            Ok(values) => reading.take(&values).map(|more| more.then_some(By::Sha)),
        };
        if reading.list.len() > MOST {
            Rc::make_mut(&mut reading.list).prune(cx.now().0 / 1_000_000);
        }
        match next {
            Ok(_) if reading.list.len() > MOST => {
                self.failed(&format!("more than {MOST} revocations"), effects, cx);
            }
            Ok(Some(by)) => {
                let Some((call, sent)) = self.page(by, reading.from, reading.offset, cx) else { return };
                (reading.by, reading.sent, reading.asked) = (by, sent, cx.now().0);
                effects.tasks.push(self.task(call));
                kept.reading = Some(reading);
            }
            Ok(None) => {
                kept.breaker.succeeded();
                self.publish(reading, kept, effects, cx);
            }
            Err(error) => {
                kept.breaker.failed(cx.now());
                self.failed(&error.to_string(), effects, cx);
            }
        }
    }

    fn publish(&self, mut reading: Reading, kept: &mut Kept, effects: &mut Effects, cx: &dyn Cx) {
        let now = cx.now().0;
        if reading.list.has_moot(now / 1_000_000) {
            Rc::make_mut(&mut reading.list).prune(now / 1_000_000);
        }
        let changed =
            kept.number == 0 || !(Rc::ptr_eq(&reading.list, &kept.list) || reading.list == kept.list);
        if changed && !self.store.keep(cx.store(), now, &reading.list.to_bytes()) {
            return self.failed("the shared store does not take it", effects, cx);
        }
        let kept_there = self.store.change(cx.store(), |known| {
            if changed {
                known.number = now;
            }
            if reading.whole {
                known.whole = reading.began;
            }
            // From its beginning: scores of a Redis that lost its data may begin anew, too.
            let earlier = if reading.whole { 0 } else { known.score };
            (known.read, known.attempted, known.score) = (reading.began, now, earlier.max(reading.from));
        });
        if changed && kept_there {
            kept.list = reading.list;
            kept.number = now;
        }
    }

    fn failed(&self, why: &str, effects: &mut Effects, cx: &dyn Cx) {
        let now = cx.now().0;
        self.store.change(cx.store(), |known| known.attempted = now);
        effects.metrics.push(Metric { what: "revocation_failed", reason: None });
        let text = format!("jwt-auth: provider {}: the deny-list could not be read: {why}", self.provider);
        effects.logs.push(LogLine { level: Level::Warn, text });
    }

    fn page(&self, by: By, from: u64, offset: usize, cx: &dyn Cx) -> Option<(CallOut, Sent)> {
        let (from, offset, page) = (from.to_string(), offset.to_string(), PAGE.to_string());
        self.redis.call(&self.script, by, &[&self.key], &[&from, &offset, &page], cx)
    }

    fn task(&self, call: CallOut) -> Task {
        Task { key: Key::Gateway(self.name.clone()), call }
    }
}

impl Reading {
    /// Applies a page: members and scores by turns. `true`: there may be more.
    fn take(&mut self, values: &[Value]) -> Result<bool, BackendError> {
        let (pairs, []) = values.as_chunks() else { return Err(BackendError::Malformed) };
        for pair in pairs {
            let [Value::Text(member), Value::Text(score)] = pair else { return Err(BackendError::Malformed) };
            // Redis writes whole scores without a fraction, up to 2^53.
            let score: u64 = score.parse().map_err(|_| BackendError::Malformed)?;
            // What a later version writes is not for this one.
            if let Some(member) = LogMember::parse(member)
                && !self.list.says(&member)
            {
                Rc::make_mut(&mut self.list).apply(&member);
            }
            // Backwards no page would be the last.
            if score < self.from {
                return Err(BackendError::Malformed);
            }
            self.offset = if score == self.from { self.offset.saturating_add(1) } else { 1 };
            self.from = score;
        }
        Ok(pairs.len() >= PAGE)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
