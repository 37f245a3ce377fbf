//! A deny-list as it is kept in the shared store: a sorted table of fingerprints, no id in clear.

use super::Subject;
use filter_core::keys::{Change, Claim, LogMember};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Most entries; a list that would be longer is of no use, and the filter says so.
pub const MOST: usize = 100_000;
/// Bytes of a fingerprint: of SHA-256, so many that two ids never meet.
const FINGERPRINT: usize = 16;
/// Bytes of an entry as it is kept: fingerprint, not-before and expiry in seconds, little-endian.
const ENTRY: usize = FINGERPRINT + 16;

type Fingerprint = [u8; FINGERPRINT];

/// Revocations by what they are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List(BTreeMap<Fingerprint, Entry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Tokens issued earlier are revoked, in seconds; of a `jti` nothing is asked.
    before: i64,
    /// From when on it is moot, in seconds.
    expires: u64,
}

impl List {
    /// Applies what the log says, in the order of its scores.
    pub fn apply(&mut self, member: &LogMember) {
        let place = fingerprint(member.claim, &member.id);
        match entry(member) {
            None => self.0.remove(&place),
            Some(entry) => self.0.insert(place, entry),
        };
    }

    /// Whether that changes nothing.
    #[must_use]
    pub fn says(&self, member: &LogMember) -> bool {
        self.0.get(&fingerprint(member.claim, &member.id)).copied() == entry(member)
    }

    /// Whether anything is moot by now.
    #[must_use]
    pub fn has_moot(&self, now_seconds: u64) -> bool {
        self.0.values().any(|entry| entry.expires <= now_seconds)
    }

    /// Drops what is moot by now.
    pub fn prune(&mut self, now_seconds: u64) {
        self.0.retain(|_, entry| entry.expires > now_seconds);
    }

    /// Whether a token is revoked.
    #[must_use]
    pub fn revokes(&self, subject: &Subject, now_seconds: u64) -> bool {
        subject.ids.iter().any(|(claim, id)| {
            let found = self.0.get(&fingerprint(*claim, id)).filter(|entry| entry.expires > now_seconds);
            found.is_some_and(|entry| subject.is_revoked_by(*claim, Some(entry.before)))
        })
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it is kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(ENTRY));
        for (place, Entry { before, expires }) in &self.0 {
            bytes.extend(place);
            bytes.extend(before.to_le_bytes());
            bytes.extend(expires.to_le_bytes());
        }
        bytes
    }

    /// From how it is kept. `None`: it is not.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, []) = bytes.as_chunks::<ENTRY>() else { return None };
        let entry = |bytes: &[u8; ENTRY]| {
            let (place, rest) = bytes.split_first_chunk()?;
            let (before, rest) = rest.split_first_chunk()?;
            let (expires, _) = rest.split_first_chunk()?;
            let entry = Entry { before: i64::from_le_bytes(*before), expires: u64::from_le_bytes(*expires) };
            Some((*place, entry))
        };
        entries.iter().map(entry).collect::<Option<_>>().map(Self)
    }
}

/// What the log says of an id. `None`: nothing any more.
fn entry(member: &LogMember) -> Option<Entry> {
    let before = match member.change {
        Change::Cancelled => return None,
        Change::Revoked => i64::MAX,
        Change::RevokedBefore(before) => i64::try_from(before).unwrap_or(i64::MAX),
    };
    Some(Entry { before, expires: member.expires })
}

fn fingerprint(claim: Claim, id: &str) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(claim.as_str());
    hash.update(b":");
    hash.update(id);
    let digest: [u8; 32] = hash.finalize().into();
    let mut place = Fingerprint::default();
    place.iter_mut().zip(digest).for_each(|(byte, hashed)| *byte = hashed);
    place
}
