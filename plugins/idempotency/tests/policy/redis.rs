//! A Redis behind a Webdis, with our scripts written once more.

use filter_core::message::Headers;
use filter_core::policy::Timestamp;
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use idempotency::script::{Action, source};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens: nothing was done.
    Refused,
    /// It was done, and no answer came.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    completed: bool,
    number: u64,
    fingerprint: String,
    /// In ms.
    until: u64,
}

#[derive(Default)]
pub struct Redis {
    records: BTreeMap<String, Record>,
    /// Claims so far: no two have the same number.
    numbers: u64,
    pub fault: Option<Fault>,
    pub seen: Vec<Action>,
}

impl Redis {
    pub fn call(&mut self, call: &CallOut, now: Timestamp) -> TaskResult {
        let body = String::from_utf8(call.body.clone()).unwrap();
        let words: Vec<String> = body.split('/').map(decoded).collect();
        let sum = |action| -> String {
            Sha1::digest(source(action).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let action =
            Action::ALL.into_iter().find(|action| sum(*action) == words[1]).expect("a script of ours");
        self.seen.push(action);
        if self.fault == Some(Fault::Refused) {
            return Ok(Reply { status: 503, headers: Headers::default(), body: Vec::new() });
        }
        let (key, args) = (&words[3], &words[4..]);
        let millis = now.0 / 1000;
        if self.records.get(key).is_some_and(|record| record.until <= millis) {
            self.records.remove(key);
        }
        let mut answer: Vec<Value> = match action {
            Action::Claim => self.claim(key, args, millis),
            Action::Complete => vec![u64::from(self.complete(key, args, millis)).into()],
            Action::Free => vec![u64::from(self.free(key, args)).into()],
        };
        if self.fault == Some(Fault::Lost) {
            return Err(Failure::Deadline);
        }
        answer.push(args.last().unwrap().as_str().into());
        let body = json!({ "EVALSHA": answer }).to_string().into_bytes();
        Ok(Reply { status: 200, headers: Headers::default(), body })
    }

    fn claim(&mut self, key: &str, args: &[String], millis: u64) -> Vec<Value> {
        if let Some(found) = self.records.get(key) {
            let what = match (found.fingerprint == args[0], found.completed) {
                (false, _) => 3,
                (true, true) => 2,
                (true, false) => 1,
            };
            return vec![what.into(), (found.until - millis).into()];
        }
        self.numbers += 1;
        let (number, lasts) = (self.numbers, args[1].parse::<u64>().unwrap());
        let fingerprint = args[0].clone();
        let record = Record { completed: false, number, fingerprint, until: millis + lasts };
        self.records.insert(key.to_owned(), record);
        vec![0.into(), number.into()]
    }

    fn complete(&mut self, key: &str, args: &[String], millis: u64) -> bool {
        let (number, fingerprint) = (args[0].parse().unwrap(), args[1].clone());
        let until = millis + args[2].parse::<u64>().unwrap();
        match self.records.get_mut(key) {
            Some(found) if found.fingerprint != fingerprint => false,
            Some(found) if found.completed => true,
            _ => {
                let record = Record { completed: true, number, fingerprint, until };
                self.records.insert(key.to_owned(), record);
                true
            }
        }
    }

    fn free(&mut self, key: &str, args: &[String]) -> bool {
        let number: u64 = args[0].parse().unwrap();
        let own = self.records.get(key).is_some_and(|found| !found.completed && found.number == number);
        own && self.records.remove(key).is_some()
    }

    /// Whether it remembers a key, and whether as completed.
    pub fn state(&self) -> Option<bool> {
        self.records.values().next().map(|record| record.completed)
    }

    pub fn calls(&self, action: Action) -> usize {
        self.seen.iter().filter(|other| **other == action).count()
    }
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
