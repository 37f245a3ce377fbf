//! A Redis behind a Webdis.

use crate::reference;
use filter_core::message::Headers;
use filter_core::policy::Timestamp;
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use rate_limit::lease::{Ask, Heard};
use rate_limit::quota::{Quota, Record};
use rate_limit::script::{Action, CLOCK, source};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A failure of the call.
    Failure(Failure),
    /// Another status, without a body.
    Status(u16),
    /// Another body.
    Body(&'static str),
    /// An error of Redis.
    Error(&'static str),
    /// The answer to somebody else.
    Nonce,
    /// These numbers.
    Numbers(&'static [i64]),
}

#[derive(Default)]
pub struct Redis {
    quotas: BTreeMap<String, Quota>,
    records: BTreeMap<String, Record>,
    known: BTreeSet<String>,
    pub fault: Option<Fault>,
    /// Commands: what each was for, by which command, and its keys.
    pub seen: Vec<(Action, String, Vec<String>)>,
}

/// What each script is for, its sum and its text.
static SCRIPTS: LazyLock<[(Action, String, String); 3]> = LazyLock::new(|| {
    [Action::Take, Action::Lease, Action::Refund].map(|action| {
        let text = source(action, CLOCK);
        let sum = Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        (action, sum, text)
    })
});

impl Redis {
    /// What a limit allows.
    pub fn limit(mut self, name: &str, quota: Quota) -> Self {
        self.quotas.insert(name.to_owned(), quota);
        self
    }

    /// It was started anew.
    pub fn restart(&mut self) {
        self.records.clear();
        self.known.clear();
    }

    pub fn call(&mut self, call: &CallOut, now: Timestamp) -> TaskResult {
        let body = String::from_utf8(call.body.clone()).unwrap();
        let words: Vec<String> = body.split('/').map(decoded).collect();
        let (command, script, count) = (&words[0], &words[1], words[2].parse::<usize>().unwrap());
        let (keys, rest) = words[3..].split_at(count);
        let (nonce, args) = rest.split_last().unwrap();
        let ours = SCRIPTS.iter().find(|(_, sum, text)| script == sum || script == text);
        let (action, sum, _) = ours.expect("a script of ours");
        let action = *action;
        self.seen.push((action, command.clone(), keys.to_vec()));
        let mut answer = match self.fault {
            Some(Fault::Failure(failure)) => return Err(failure),
            Some(Fault::Status(status)) => return reply(status, ""),
            Some(Fault::Body(body)) => return reply(200, body),
            Some(Fault::Error(error)) => return reply(200, &json!({ command: [false, error] }).to_string()),
            Some(Fault::Numbers(numbers)) => numbers.to_vec(),
            Some(Fault::Nonce) => {
                return reply(200, &json!({ command: [1, 1, 0, 0, "0".repeat(32)] }).to_string());
            }
            None if command == "EVALSHA" && !self.known.contains(sum) => {
                let error = "NOSCRIPT No matching script. Please use EVAL.";
                return reply(200, &json!({ command: [false, error] }).to_string());
            }
            None => self.run(action, keys, args, now),
        };
        self.known.insert(sum.clone());
        let mut values: Vec<Value> = answer.drain(..).map(Value::from).collect();
        values.push(nonce.clone().into());
        reply(200, &json!({ command: values }).to_string())
    }

    fn run(&mut self, action: Action, keys: &[String], args: &[String], now: Timestamp) -> Vec<i64> {
        let number = |index: usize| args[index].parse::<u32>().unwrap();
        match action {
            Action::Take => self.take(keys, number(0), now),
            Action::Lease => {
                let ask = Ask { least: number(0), need: number(1), want: number(2) };
                let quota = self.quota(&keys[0]);
                let (heard, record) = reference::lease(&quota, self.records.get(&keys[0]).copied(), now, ask);
                self.records.extend(record.map(|record| (keys[0].clone(), record)));
                let Heard { granted, remaining, retry_us, reset_us } = heard;
                vec![granted.into(), remaining.into(), signed(retry_us), signed(reset_us)]
            }
            Action::Refund => {
                let quota = self.quota(&keys[0]);
                let kept = self.records.get(&keys[0]).copied();
                let record = reference::refund(&quota, kept, now, number(0));
                self.records.extend(record.map(|record| (keys[0].clone(), record)));
                Vec::new()
            }
        }
    }

    fn take(&mut self, keys: &[String], cost: u32, now: Timestamp) -> Vec<i64> {
        let decide =
            |redis: &Self, key: &String| redis.quota(key).take(redis.records.get(key).copied(), now, cost);
        let passes = keys.iter().all(|key| decide(self, key).0.granted == cost);
        let mut answer = Vec::new();
        for key in keys {
            let (decision, record) = decide(self, key);
            if passes {
                self.records.insert(key.clone(), record);
            }
            answer.extend([
                i64::from(decision.granted == cost),
                decision.remaining.into(),
                signed(decision.retry_us),
                signed(decision.reset_us),
            ]);
        }
        answer
    }

    fn quota(&self, key: &str) -> Quota {
        let name = key.rsplit(':').nth(2).unwrap();
        self.quotas[name]
    }

    /// How many calls of a kind there were.
    pub fn calls(&self, action: Action) -> usize {
        self.seen.iter().filter(|(other, ..)| *other == action).count()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn reply(status: u16, body: &str) -> TaskResult {
    Ok(Reply { status, headers: Headers::default(), body: body.as_bytes().to_vec() })
}
