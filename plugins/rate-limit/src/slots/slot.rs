//! One value of the table.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the form: [`FORM`]; another one is as no value |
//! | 1 | how many of the entries are keys of their own |
//! | 32 each | entries: whose (8), when it is forgotten (8), the record (16); little-endian |

use crate::quota::Record;

/// How many keys a slot has room for.
pub const ENTRIES: usize = 8;
/// How many entries for newcomers a slot has room for, one per limit.
pub const SHARED: usize = 64;
/// Version of this form.
const FORM: u8 = 1;
const ENTRY: usize = 32;

/// What is counted of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Whose it is.
    pub(super) of: u64,
    /// µs since 1970 from which on it means the same as none.
    pub(super) stale_at: u64,
    pub(super) record: Record,
}

/// A value, read.
#[derive(Debug, Default)]
pub(super) struct Slot {
    own: Vec<Entry>,
    shared: Vec<Entry>,
}

/// Where an entry is, or is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A key's own.
    Own(At),
    /// One for all newcomers of a limit.
    Shared(At),
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The entry is there.
    There(usize),
    /// It is to replace one that is over.
    Instead(usize),
    /// It is to be added.
    New,
}

impl Slot {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let Some(([FORM, owns], rest)) = bytes.split_first_chunk() else { return Self::default() };
        let (entries, junk) = rest.as_chunks::<ENTRY>();
        let owns = usize::from(*owns);
        let fits = junk.is_empty()
            && owns <= entries.len().min(ENTRIES)
            && entries.len().saturating_sub(owns) <= SHARED;
        if !fits {
            return Self::default();
        }
        let mut entries = entries.iter().map(Entry::read);
        Self { own: entries.by_ref().take(owns).collect(), shared: entries.collect() }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let entries = self.own.len().saturating_add(self.shared.len());
        let mut bytes = Vec::with_capacity(entries.saturating_mul(ENTRY).saturating_add(2));
        bytes.push(FORM);
        bytes.push(u8::try_from(self.own.len()).unwrap_or(u8::MAX));
        for entry in self.own.iter().chain(&self.shared) {
            let Record([first, second]) = entry.record;
            for number in [entry.of, entry.stale_at, first, second] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    /// Where the entry of a key is, or can be. `None`: there is no room.
    pub(super) fn place(&self, own: u64, shared: u64, live: impl Fn(u64) -> bool) -> Option<Place> {
        let own = find(&self.own, own, ENTRIES, &live).map(Place::Own);
        own.or_else(|| find(&self.shared, shared, SHARED, &live).map(Place::Shared))
    }

    /// The entry of a key's own.
    pub(super) fn own(&self, own: u64) -> Option<Entry> {
        self.own.iter().find(|entry| entry.of == own).copied()
    }

    /// Puts an entry of a key's own: where it was, else where there is room, else instead of the one that is over first.
    pub(super) fn put_first(&mut self, entry: Entry) {
        let there = self.own.iter().position(|other| other.of == entry.of);
        let first =
            self.own.iter().enumerate().min_by_key(|(_, other)| other.stale_at).map(|(index, _)| index);
        let at = match there.or(first.filter(|_| self.own.len() >= ENTRIES)) {
            Some(index) => At::Instead(index),
            None => At::New,
        };
        self.put(Place::Own(at), entry);
    }

    /// What is there.
    pub(super) fn record(&self, place: Place) -> Option<Record> {
        match place {
            Place::Own(At::There(index)) => self.own.get(index),
            Place::Shared(At::There(index)) => self.shared.get(index),
            _ => None,
        }
        .map(|entry| entry.record)
    }

    pub(super) fn put(&mut self, place: Place, entry: Entry) {
        let (list, at) = match place {
            Place::Own(at) => (&mut self.own, at),
            Place::Shared(at) => (&mut self.shared, at),
        };
        match at {
            At::There(index) | At::Instead(index) => {
                if let Some(old) = list.get_mut(index) {
                    *old = entry;
                }
            }
            At::New => list.push(entry),
        }
    }
}

fn find(list: &[Entry], of: u64, room: usize, live: impl Fn(u64) -> bool) -> Option<At> {
    if let Some(index) = list.iter().position(|entry| entry.of == of) {
        return Some(At::There(index));
    }
    if list.len() < room {
        return Some(At::New);
    }
    list.iter().position(|entry| !live(entry.stale_at)).map(At::Instead)
}

impl Entry {
    fn read(bytes: &[u8; ENTRY]) -> Self {
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().unwrap_or(0);
        Self { of: next(), stale_at: next(), record: Record([next(), next()]) }
    }
}
