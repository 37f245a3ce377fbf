//! What is noted of a key beside what is counted: until when something holds.
//!
//! A note never shares an entry: what is said of one key must not be said of all newcomers. Instead the one that ends first
//! gives way in a full slot, so notes are kept in tables of their own, and nothing may depend on one being there.

use super::slot::Entry;
use super::{Spot, TRIES, Table};
use crate::quota::Record;
use filter_core::policy::Timestamp;
use filter_core::store::SharedStore;

impl Table {
    /// What is noted of a key, until it is over.
    #[must_use]
    pub fn noted(&self, spot: Spot, now: Timestamp, store: &dyn SharedStore) -> Option<Record> {
        let entry = self.load(spot, store).slot.own(spot.own)?;
        self.is_live(entry.stale_at, now).then_some(entry.record)
    }

    /// Notes what `change` makes of what is noted, and when that is over; `None`: nothing changes. `false`: other workers were
    /// quicker every time.
    pub fn note(
        &self,
        spot: Spot,
        now: Timestamp,
        store: &dyn SharedStore,
        mut change: impl FnMut(Option<Record>) -> Option<(Record, Timestamp)>,
    ) -> bool {
        (0..TRIES).any(|_| {
            let mut read = self.load(spot, store);
            let noted = read.slot.own(spot.own).filter(|entry| self.is_live(entry.stale_at, now));
            let Some((record, Timestamp(stale_at))) = change(noted.map(|entry| entry.record)) else {
                return true;
            };
            read.slot.put_first(Entry { of: spot.own, stale_at, record });
            read.save(store)
        })
    }
}
