//! Telling Redis what became of a request. Nobody waits for that; what cannot be said now is said again, for a while: a
//! request that was done and is forgotten would be done twice.

use crate::policy::Idempotency;
use crate::script::{Action, read_word};
use crate::state::{State, name};
use filter_core::effect::{Effects, Metric};
use filter_core::policy::Cx;
use filter_core::redis::{BackendError, Progress, Query, Script};
use filter_core::task::{Key, Task, TaskResult};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a word is called, before its number.
pub(crate) const WORD: &str = "word.";

/// Most words of a worker that are under way or put off; more are lost.
const MOST: usize = 10_000;
/// How often one is tried: over 55 s, with the pauses below.
const TRIES: u32 = 10;
/// The longest pause, in ticks. The first is one tick, each other twice as long as the one before.
const LONGEST: u64 = 16;
/// Most words that are tried again at a tick: Redis may just have come back.
const AT_A_TICK: usize = 100;

/// What Redis is to be told of a key.
pub(crate) struct Word {
    action: Action,
    place: String,
    args: Vec<String>,
    tries: u32,
    /// The tick at which it is tried again.
    due: u64,
    /// While it is under way.
    query: Option<Query>,
}

impl Word {
    /// The request was done. `claim`: its number, 0 where nobody knows.
    pub(crate) fn complete(place: String, claim: u64, fingerprint: String, ttl: Duration) -> Self {
        let args = vec![claim.to_string(), fingerprint, ttl.as_millis().to_string()];
        Self { action: Action::Complete, place, args, tries: 0, due: 0, query: None }
    }

    /// It was not.
    pub(crate) fn free(place: String, claim: u64) -> Self {
        let args = vec![claim.to_string()];
        Self { action: Action::Free, place, args, tries: 0, due: 0, query: None }
    }
}

/// What Redis is still to be told, by number.
#[derive(Default)]
pub(crate) struct Words {
    list: BTreeMap<u64, Word>,
    ticks: u64,
}

impl Words {
    /// It could not be said. `false`: it is given up.
    fn put_off(&mut self, number: u64) -> bool {
        let Some(word) = self.list.get_mut(&number) else { return true };
        word.query = None;
        let pause = 1_u64.checked_shl(word.tries).unwrap_or(LONGEST).min(LONGEST);
        word.tries = word.tries.saturating_add(1);
        word.due = self.ticks.saturating_add(pause);
        if word.tries < TRIES {
            return true;
        }
        self.list.remove(&number);
        false
    }

    /// Time has passed: what is to be tried again.
    fn tick(&mut self) -> Vec<u64> {
        self.ticks = self.ticks.saturating_add(1);
        let due = self.list.iter().filter(|(_, word)| word.query.is_none() && word.due <= self.ticks);
        due.map(|(number, _)| *number).take(AT_A_TICK).collect()
    }
}

impl Idempotency {
    fn script(&self, action: Action) -> &Script {
        match action {
            Action::Claim => &self.scripts.claim,
            Action::Complete => &self.scripts.complete,
            Action::Free => &self.scripts.free,
        }
    }

    /// I10: says it, now or later.
    pub(crate) fn tell(&self, state: &mut State, word: Word, effects: &mut Effects, cx: &dyn Cx) {
        if state.words.list.len() >= MOST {
            effects.metrics.push(Metric { what: "unsettled", reason: None });
            return;
        }
        let number = state.number();
        state.words.list.insert(number, word);
        self.send(state, number, effects, cx);
    }

    fn send(&self, state: &mut State, number: u64, effects: &mut Effects, cx: &dyn Cx) {
        let Some(word) = state.words.list.get_mut(&number) else { return };
        let (keys, args) = (vec![word.place.clone()], word.args.clone());
        let script = self.script(word.action);
        match Query::ask(&self.redis, &mut state.breaker, script, keys, args, cx) {
            Ok((query, call)) => {
                word.query = Some(query);
                effects.metrics.push(Metric { what: "backend_calls", reason: None });
                effects.tasks.push(Task { key: Key::Worker(name(WORD, number)), call });
            }
            Err(error) => self.unsaid(state, number, error, effects, cx),
        }
    }

    /// A word is over.
    pub(crate) fn told(&self, state: &mut State, number: u64, result: &TaskResult, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let Some(word) = state.words.list.get_mut(&number) else { return effects };
        let Some(mut query) = word.query.take() else { return effects };
        match query.reply(&self.redis, &mut state.breaker, self.script(word.action), result, cx) {
            Progress::Again(call) => {
                word.query = Some(query);
                effects.tasks.push(Task { key: Key::Worker(name(WORD, number)), call });
            }
            Progress::Done(outcome) => match outcome.and_then(|values| read_word(&values)) {
                Ok(()) => {
                    state.words.list.remove(&number);
                }
                Err(error) => self.unsaid(state, number, error, &mut effects, cx),
            },
        }
        effects
    }

    fn unsaid(
        &self,
        state: &mut State,
        number: u64,
        error: BackendError,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) {
        state.complaints.complain(error, &self.instance, effects, cx.now());
        if !state.words.put_off(number) {
            effects.metrics.push(Metric { what: "unsettled", reason: None });
        }
    }

    /// Says again what is due.
    pub(crate) fn say_again(&self, state: &mut State, cx: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        for number in state.words.tick() {
            self.send(state, number, &mut effects, cx);
        }
        effects
    }
}
