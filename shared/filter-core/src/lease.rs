//! Which worker of a gateway does something that one should do: a lease in the shared store, which ends by itself.

use crate::policy::Timestamp;
use crate::store::{Expect, SharedStore};

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Ours, now.
    Taken,
    /// Another worker's, until then at the latest.
    Held(Timestamp),
}

/// Takes the lease of this name until `until`, if nobody has it.
pub fn take(store: &dyn SharedStore, key: &str, now: Timestamp, until: Timestamp) -> Lease {
    let expect = match store.get(key) {
        None => Expect::Absent,
        Some((bytes, version)) => match ends(&bytes) {
            // One that would last longer than any does was written before the clock stepped back.
            Some(end) if end > now && end <= until.max(later(now)) => return Lease::Held(end),
            _ => Expect::Version(version),
        },
    };
    match store.cas(key, &until.0.to_le_bytes(), expect) {
        Ok(()) => Lease::Taken,
        // Somebody was quicker, for about as long as we would have had it.
        Err(_) => Lease::Held(until),
    }
}

/// Gives back the one taken until `until`: whoever wants it next need not wait for its end. If it is somebody else's by
/// now, it stays so.
pub fn release(store: &dyn SharedStore, key: &str, until: Timestamp) {
    if let Some((bytes, version)) = store.get(key)
        && ends(&bytes) == Some(until)
    {
        let _ = store.cas(key, &0_u64.to_le_bytes(), Expect::Version(version));
    }
}

/// No lease lasts longer than 10 s: a call-out takes 5 s at most.
fn later(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_add(10_000_000))
}

fn ends(bytes: &[u8]) -> Option<Timestamp> {
    bytes.try_into().ok().map(|bytes| Timestamp(u64::from_le_bytes(bytes)))
}
