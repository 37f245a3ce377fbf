//! Limits, users, and both sides that count them.

use crate::lab::{INJECTED, Lab, NONCE, values};
use filter_core::client::KeySecret;
use filter_core::config::{At, Secret};
use filter_core::policy::Timestamp;
use login_guard::ledger::{Desk, Ledger, Outcome, Settled, Waits};
use login_guard::limits::Limits;
use login_guard::lock::Lock;
use login_guard::script;
use login_guard::who::Who;
use rate_limit::algorithm::Algorithm;
use rate_limit::quota::Quota;
use rate_limit::slots::Seed;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use testkit::TestCx;

pub const SECOND: u64 = 1_000_000;
/// 2026-01-01T00:00:00Z.
pub const START: u64 = 1_767_225_600 * SECOND;

pub fn secret() -> KeySecret {
    let errors = RefCell::default();
    KeySecret::new(&Secret::new("0123456789abcdef".to_owned()), &At::root(&errors)).unwrap()
}

pub fn quota(requests: u32, seconds: u64, burst: u32) -> Quota {
    Quota::new(Algorithm::TokenBucket, requests, Duration::from_secs(seconds), burst).unwrap()
}

pub fn limits(lock: Option<Lock>) -> Limits {
    Limits {
        address: quota(6, 60, 5),
        username: quota(7, 60, 4),
        pair: quota(1, 30, 2),
        ipv4_prefix: 32,
        ipv6_prefix: 64,
        lock,
        known_for: 1000 * 86_400 * SECOND,
    }
}

pub fn who(address: u8, user: Option<u8>) -> Who {
    let address = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, address)));
    Who { address, user: user.map(|user| format!("user{user}")) }
}

/// Both sides.
pub struct Pair {
    pub lab: Lab,
    pub limits: Limits,
    pub ledger: Ledger,
    pub cx: TestCx,
    secret: KeySecret,
    seed: Seed,
}

impl Pair {
    pub async fn start(limits: Limits) -> Self {
        Self::start_with(limits, &[]).await
    }

    /// The gateway's user may run these commands, too.
    pub async fn start_with(limits: Limits, commands: &[&str]) -> Self {
        let (ledger, cx) = (Ledger::new("edge", 64, &limits, &limits), TestCx::default());
        let seed = ledger.seed(&cx).unwrap();
        Self { lab: Lab::start_with(commands).await, limits, ledger, cx, secret: secret(), seed }
    }

    pub fn keys(&self, who: &Who) -> Vec<String> {
        script::keys("edge", who, &self.limits, &self.secret)
    }

    fn desk(&self, now: u64) -> Desk<'_> {
        let store = filter_core::policy::Cx::store(&self.cx);
        Desk { seed: self.seed, limits: &self.limits, now: Timestamp(now), store }
    }

    async fn run(
        &mut self,
        source: String,
        who: &Who,
        args: Vec<String>,
        now: u64,
    ) -> Vec<filter_core::redis::Value> {
        let args = [args, vec![now.to_string(), NONCE.to_owned()]].concat();
        let keys = self.keys(who);
        values(&self.lab.run(&source, &keys, &args).await)
    }

    /// What a gateway alone says of an attempt, and what Redis says.
    pub async fn attempt(&mut self, who: &Who, now: u64) -> (Waits, Waits) {
        let (here, _) = self.ledger.attempt(who, self.desk(now)).unwrap();
        let values =
            self.run(script::attempt_source(INJECTED), who, script::attempt(&self.limits), now).await;
        (here, script::read_attempt(&values, &self.limits).unwrap())
    }

    pub async fn settle(&mut self, who: &Who, known: bool, outcome: Outcome, now: u64) -> (Settled, Settled) {
        let here = self.ledger.settle(who, known, outcome, self.desk(now));
        let args = script::settle(who, known, outcome, &self.limits);
        let values = self.run(script::settle_source(INJECTED), who, args, now).await;
        (here, script::read_settled(&values).unwrap())
    }
}
