//! Where a gateway counts: a table of a fixed number of slots in the shared store, one value each.
//!
//! Nothing in that store can be deleted, so keys there must not come from traffic. A key of a limit goes to a slot by a
//! keyed hash, whose secret the process draws: nobody can choose keys that meet. A slot has room for [`ENTRIES`] keys. One
//! that is still counted is never put out, or whoever sends enough others would get a fresh quota; a newcomer in a full slot
//! shares one entry per limit with the other newcomers there.

mod notes;
mod slot;

use crate::quota::{Decision, Quota};
use filter_core::policy::{Cx, Timestamp};
use filter_core::store::{Expect, SharedStore};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use slot::{Entry, Place, Slot};
use std::hash::Hasher as _;

pub use slot::{ENTRIES, SHARED};

/// How often a change is tried while other workers are quicker: on one hot key under load 0.6 % of the requests had to try
/// again, none 64 times.
const TRIES: usize = 64;

/// The table of one instance of the plugin.
#[derive(Debug, Clone)]
pub struct Table {
    /// Whose it is: the name of the plugin, or more where one has several.
    family: &'static str,
    prefix: String,
    slots: u64,
    /// In µs: nothing that is counted takes longer to be forgotten.
    longest: u64,
}

/// What keys are hashed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 16]);

/// Where a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    slot: u64,
    /// Of limit and key.
    own: u64,
    /// Of the limit.
    shared: u64,
}

impl Spot {
    /// Tells limit and key from any other.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.own
    }
}

/// A key that is to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'q> {
    /// Where.
    pub spot: Spot,
    /// How much is allowed.
    pub quota: &'q Quota,
    /// How many requests.
    pub cost: u32,
}

/// What became of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// All passed; in their order.
    Granted(Vec<Decision>),
    /// These did not, by their index; nothing was counted but refusals in fixed windows.
    Refused(Vec<(usize, Decision)>),
    /// Other workers were quicker every time, or there is no room: nothing was counted.
    Busy,
}

/// A slot as it was read.
struct Loaded {
    /// In the store.
    key: String,
    slot: Slot,
    expect: Expect,
}

impl Table {
    /// The table of this instance. `longest`, in µs: what is counted is forgotten after so long at most.
    #[must_use]
    pub fn new(instance: &str, slots: u32, longest: u64) -> Self {
        Self::of("rate-limit", instance, slots, longest)
    }

    /// One of another plugin's, which no other has under this name.
    #[must_use]
    pub fn of(family: &'static str, instance: &str, slots: u32, longest: u64) -> Self {
        // Without the digest of the configuration: another one must neither reset what is counted, nor leave this behind for
        // the life of the process.
        let mut table = Self { family, prefix: String::new(), slots: u64::from(slots.max(1)), longest };
        table.rename(instance);
        table
    }

    /// Makes it the table of another instance.
    pub fn rename(&mut self, instance: &str) {
        self.prefix = format!("portcullis.{}.{instance}.", self.family);
    }

    /// What keys are hashed with, drawn once by whoever comes first. `None`: the host has no random bytes.
    #[must_use]
    pub fn seed(&self, cx: &dyn Cx) -> Option<Seed> {
        let key = format!("{}seed", self.prefix);
        let store = cx.store();
        (0..TRIES).find_map(|_| {
            let expect = match store.get(&key) {
                Some((bytes, version)) => match bytes.try_into() {
                    Ok(seed) => return Some(Some(Seed(seed))),
                    Err(_) => Expect::Version(version),
                },
                None => Expect::Absent,
            };
            let mut seed = [0; 16];
            if !cx.random(&mut seed) {
                return Some(None);
            }
            store.cas(&key, &seed, expect).ok().map(|()| Some(Seed(seed)))
        })?
    }

    /// Where the key of a limit is. `limit`: what tells it from every other, its numbers included.
    #[must_use]
    pub fn spot(&self, Seed(seed): &Seed, limit: &[u8], key: &[u8]) -> Spot {
        let mut hasher = SipHasher13::new_with_key(seed);
        hasher.write_usize(limit.len());
        hasher.write(limit);
        let shared = hasher.finish128().h2;
        hasher.write(key);
        let own = hasher.finish128();
        Spot { slot: own.h1.checked_rem(self.slots).unwrap_or(0), own: own.h2, shared }
    }

    /// Takes all, or none. Also: how many of them had to share.
    pub fn take(&self, claims: &[Claim<'_>], now: Timestamp, store: &dyn SharedStore) -> (Taken, u64) {
        let mut loaded: Vec<Option<Loaded>> = Vec::with_capacity(claims.len());
        if let [_, _, ..] = claims {
            let mut refused = Vec::new();
            for (index, claim) in claims.iter().enumerate() {
                let read = self.load(claim.spot, store);
                let Some(place) = self.place(&read.slot, claim.spot, now) else { return (Taken::Busy, 0) };
                let (decision, _) = claim.quota.take(read.slot.record(place), now, claim.cost);
                if decision.granted < claim.cost {
                    refused.push((index, decision));
                }
                loaded.push(Some(read));
            }
            if !refused.is_empty() {
                // Fixed windows count what they refuse, and a record that a clock left behind is put right.
                for (index, _) in &refused {
                    let Some((claim, read)) = claims.get(*index).zip(loaded.get_mut(*index)) else {
                        continue;
                    };
                    let kept = self.charge(claim, read.take(), now, store);
                    // Another worker gave something back meanwhile: it is not for this request any more.
                    if kept.is_some_and(|(decision, _)| decision.granted >= claim.cost) {
                        self.refund(claim, now, store);
                    }
                }
                return (Taken::Refused(refused), 0);
            }
        }
        let mut granted = Vec::with_capacity(claims.len());
        let mut sharing = 0_u64;
        for (index, claim) in claims.iter().enumerate() {
            let read = loaded.get_mut(index).and_then(Option::take);
            let refusal = match self.charge(claim, read, now, store) {
                Some((decision, shared)) if decision.granted >= claim.cost => {
                    sharing = sharing.saturating_add(u64::from(shared));
                    granted.push(decision);
                    continue;
                }
                Some((decision, _)) => Taken::Refused(vec![(index, decision)]),
                None => Taken::Busy,
            };
            for earlier in claims.iter().take(index) {
                self.refund(earlier, now, store);
            }
            return (refusal, 0);
        }
        (Taken::Granted(granted), sharing)
    }

    /// What would come of one claim. `None`: there is no room.
    #[must_use]
    pub fn look(&self, claim: &Claim<'_>, now: Timestamp, store: &dyn SharedStore) -> Option<Decision> {
        let read = self.load(claim.spot, store);
        let place = self.place(&read.slot, claim.spot, now)?;
        Some(claim.quota.take(read.slot.record(place), now, claim.cost).0)
    }

    /// Takes back what was granted and is not used. `false`: other workers were quicker every time, it stays counted.
    pub fn refund(&self, claim: &Claim<'_>, now: Timestamp, store: &dyn SharedStore) -> bool {
        (0..TRIES).any(|_| {
            let mut read = self.load(claim.spot, store);
            let Some(place) = self.place(&read.slot, claim.spot, now) else { return true };
            let Some(record) = read.slot.record(place) else { return true };
            let record = claim.quota.refund(record, now, claim.cost);
            read.slot.put(place, Self::entry(claim, place, record));
            read.save(store)
        })
    }

    /// The decision, and whether the entry is shared. `None`: [`Taken::Busy`].
    fn charge(
        &self,
        claim: &Claim<'_>,
        mut loaded: Option<Loaded>,
        now: Timestamp,
        store: &dyn SharedStore,
    ) -> Option<(Decision, bool)> {
        for _ in 0..TRIES {
            let mut read = loaded.take().unwrap_or_else(|| self.load(claim.spot, store));
            let place = self.place(&read.slot, claim.spot, now)?;
            let before = read.slot.record(place);
            let (decision, after) = claim.quota.take(before, now, claim.cost);
            let shared = matches!(place, Place::Shared(_));
            if after == before.unwrap_or_default() {
                return Some((decision, shared));
            }
            read.slot.put(place, Self::entry(claim, place, after));
            if read.save(store) {
                return Some((decision, shared));
            }
        }
        None
    }

    fn entry(claim: &Claim<'_>, place: Place, record: crate::quota::Record) -> Entry {
        let of = if matches!(place, Place::Shared(_)) { claim.spot.shared } else { claim.spot.own };
        Entry { of, stale_at: claim.quota.stale_at(record).0, record }
    }

    fn place(&self, slot: &Slot, spot: Spot, now: Timestamp) -> Option<Place> {
        slot.place(spot.own, spot.shared, |stale_at| self.is_live(stale_at, now))
    }

    /// What would last longer than anything does was written before the clock was set back, or is junk.
    fn is_live(&self, stale_at: u64, now: Timestamp) -> bool {
        now.0 < stale_at && stale_at <= now.0.saturating_add(self.longest)
    }

    fn load(&self, spot: Spot, store: &dyn SharedStore) -> Loaded {
        let key = format!("{}slot.{}", self.prefix, spot.slot);
        match store.get(&key) {
            Some((bytes, version)) => {
                Loaded { key, slot: Slot::read(&bytes), expect: Expect::Version(version) }
            }
            None => Loaded { key, slot: Slot::default(), expect: Expect::Absent },
        }
    }
}

impl Loaded {
    fn save(&self, store: &dyn SharedStore) -> bool {
        store.cas(&self.key, &self.slot.write(), self.expect).is_ok()
    }
}
