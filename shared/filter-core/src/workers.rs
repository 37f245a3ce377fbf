//! The workers of a gateway that can be told something: a bounded list in the shared store, by the queues they listen on.

use crate::filter::Host;
use crate::policy::{Timestamp, random_digits};
use crate::store::{SharedStore, update};

/// A queue as the host numbers it.
pub type Queue = u32;

/// Most workers in the list; a gateway has about as many as the machine has cores.
const MOST: usize = 256;
/// One that was not heard of for so long, in µs, is gone: its virtual machine failed or was replaced.
const SILENT: u64 = 60_000_000;
/// How often a worker says that it is there, in µs.
const EVERY: u64 = 15_000_000;
/// Bytes of an entry: queue and time, little-endian.
const ENTRY: usize = 12;

/// What a worker said of itself.
#[derive(Debug, Default)]
pub struct Presence {
    queue: Option<Queue>,
    /// When, in µs; 0 before the first time.
    announced: u64,
}

impl Presence {
    /// Where this worker is told something; `None` before it first announced itself.
    #[must_use]
    pub fn queue(&self) -> Option<Queue> {
        self.queue
    }

    /// Says that this worker is there, if it has not lately.
    pub fn announce(&mut self, key: &str, host: &dyn Host) {
        let now = host.now();
        if self.announced != 0 && now.0.abs_diff(self.announced) < EVERY {
            return;
        }
        if self.queue.is_none() {
            // The last to register a name gets its notices: a name of its own for every worker.
            self.queue = random_digits(host).and_then(|name| host.listen(&name));
        }
        if self.queue.is_some_and(|queue| announce(host.store(), key, queue, now)) {
            self.announced = now.0;
        }
    }
}

/// Says that the worker with this queue is there. `false`: the others were quicker every time; try again later.
pub fn announce(store: &dyn SharedStore, key: &str, queue: Queue, now: Timestamp) -> bool {
    update(store, key, |bytes| {
        let mut entries = bytes.map(|bytes| read(&bytes)).unwrap_or_default();
        // A time ahead of now was written before the clock stepped back.
        entries.retain(|(other, seen)| *other != queue && seen.saturating_add(SILENT) > now.0);
        entries.truncate(MOST.saturating_sub(1));
        entries.push((queue, now.0));
        let entries = entries.iter();
        entries.flat_map(|(queue, seen)| queue.to_le_bytes().into_iter().chain(seen.to_le_bytes())).collect()
    })
}

/// The queues of the other workers that are there.
pub fn others(store: &dyn SharedStore, key: &str, queue: Option<Queue>, now: Timestamp) -> Vec<Queue> {
    let entries = store.get(key).map(|(bytes, _)| read(&bytes)).unwrap_or_default();
    let there = entries.into_iter().filter(|(_, seen)| seen.saturating_add(SILENT) > now.0);
    there.map(|(other, _)| other).filter(|other| Some(*other) != queue).collect()
}

fn read(bytes: &[u8]) -> Vec<(Queue, u64)> {
    let (entries, _) = bytes.as_chunks::<ENTRY>();
    let entry = |bytes: &[u8; ENTRY]| {
        let (queue, seen) = bytes.split_at_checked(4)?;
        Some((Queue::from_le_bytes(queue.try_into().ok()?), u64::from_le_bytes(seen.try_into().ok()?)))
    };
    entries.iter().filter_map(entry).take(MOST).collect()
}
