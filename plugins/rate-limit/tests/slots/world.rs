//! A store that counts, and a table on it.

use filter_core::policy::Timestamp;
use filter_core::store::{Conflict, Expect, SharedStore};
use rate_limit::Algorithm;
use rate_limit::quota::Quota;
use rate_limit::slots::{Claim, Seed, Spot, Table, Taken};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::TestCx;

pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// A day and a bit.
pub const LONGEST: u64 = 90_000_000_000;

/// `requests` in `per` seconds.
pub fn bucket(requests: u32, per: u64, burst: u32) -> Quota {
    Quota::new(Algorithm::TokenBucket, requests, Duration::from_secs(per), burst).expect("a quota")
}

pub fn claim(spot: Spot, quota: &Quota, cost: u32) -> Claim<'_> {
    Claim { spot, quota, cost }
}

/// A store of which the size can be told, and that may be unlucky.
#[derive(Default)]
pub struct Store {
    values: Mutex<HashMap<String, (Vec<u8>, u32)>>,
    loses: AtomicUsize,
}

impl Store {
    /// The first so many changes come too late.
    pub fn that_loses(times: usize) -> Self {
        Self { loses: AtomicUsize::new(times), ..Self::default() }
    }

    pub fn set(&self, key: &str, value: &[u8]) {
        self.values.lock().expect("a lock").insert(key.to_owned(), (value.to_vec(), 7));
    }

    /// Keys and bytes of values.
    pub fn size(&self) -> (usize, usize) {
        let values = self.values.lock().expect("a lock");
        (values.len(), values.values().map(|(value, _)| value.len()).sum())
    }
}

impl SharedStore for Store {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.values.lock().expect("a lock").get(key).cloned()
    }

    fn cas(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let late = self.loses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if late.is_ok() {
            return Err(Conflict);
        }
        let mut values = self.values.lock().expect("a lock");
        let version = match (values.get(key), expect) {
            (None, Expect::Absent) => 1,
            (Some((_, version)), Expect::Version(expected)) if *version == expected => version + 1,
            _ => return Err(Conflict),
        };
        values.insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }
}

pub struct World {
    pub table: Table,
    pub store: Store,
    pub seed: Seed,
}

impl World {
    pub fn new(slots: u32) -> Self {
        let table = Table::new("test", slots, LONGEST);
        let seed = table.seed(&TestCx::default()).expect("a seed");
        Self { table, store: Store::default(), seed }
    }

    pub fn spot(&self, limit: &str, key: &str) -> Spot {
        self.table.spot(&self.seed, limit.as_bytes(), key.as_bytes())
    }

    /// The key of a slot in the store.
    pub fn slot(&self, number: u32) -> String {
        format!("portcullis.rate-limit.test.slot.{number}")
    }

    /// Whether all passed; `None`: nobody can tell.
    pub fn take(&self, claims: &[(Spot, &Quota, u32)]) -> Option<bool> {
        self.take_at(claims, NOW).0
    }

    /// The same, and how many shared an entry.
    pub fn take_at(&self, claims: &[(Spot, &Quota, u32)], now: Timestamp) -> (Option<bool>, u64) {
        let claims: Vec<Claim<'_>> =
            claims.iter().map(|(spot, quota, cost)| claim(*spot, quota, *cost)).collect();
        match self.table.take(&claims, now, &self.store) {
            (Taken::Granted(decisions), shared) => {
                assert_eq!(decisions.len(), claims.len());
                (Some(true), shared)
            }
            (Taken::Refused(refused), _) => {
                assert!(!refused.is_empty());
                (Some(false), 0)
            }
            (Taken::Busy, _) => (None, 0),
        }
    }

    /// The sum of what so many workers at once come to.
    pub fn workers(&self, count: usize, work: impl Fn(&Self) -> usize + Sync) -> usize {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..count).map(|_| scope.spawn(|| work(self))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
        })
    }
}
