//! Tokens that were verified: signature, issuer, audience and everything else that stays true of the same bytes. What
//! changes with time is asked again on every hit.

use crate::accepted::Accepted;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many of a token's last bytes find it. They are signature: whoever cannot sign cannot choose those of a token
/// that is kept, so no stranger can crowd one place; the whole token is compared all the same.
const SUFFIX: usize = 32;
/// By which token and as whose it was accepted: two providers may have the same issuer.
type Key = ([u8; SUFFIX], usize);
/// What keeping a token takes beyond its bytes and claims, about: map node, reference counts, allocations.
const OVERHEAD: usize = 256;

/// A bounded cache of two generations: what is used moves into the young one; when that is full the old one is dropped
/// and they change places. So the least lately used half goes, at the cost of nothing per hit.
#[derive(Debug)]
pub struct Cache {
    young: Generation,
    old: Generation,
    /// Most of each generation; of bytes a half.
    entries: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Generation {
    tokens: BTreeMap<Key, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    token: Box<[u8]>,
    accepted: Rc<Accepted>,
}

impl Entry {
    fn bytes(&self) -> usize {
        OVERHEAD.saturating_add(self.token.len()).saturating_add(self.accepted.bytes)
    }
}

impl Cache {
    /// So many of the tokens used last are surely kept, where their bytes allow it; up to twice as many may be.
    #[must_use]
    pub fn new(entries: usize, bytes: usize) -> Self {
        Self { young: Generation::default(), old: Generation::default(), entries, bytes: bytes.div_ceil(2) }
    }

    /// What was learnt of a token as one of a provider's.
    pub fn get(&mut self, token: &[u8], provider: usize) -> Option<Rc<Accepted>> {
        let key = (*token.last_chunk()?, provider);
        let found = |generation: &Generation| {
            generation
                .tokens
                .get(&key)
                .filter(|entry| is_same(&entry.token, token))
                .map(|entry| entry.accepted.clone())
        };
        if let Some(accepted) = found(&self.young) {
            return Some(accepted);
        }
        let accepted = found(&self.old)?;
        if let Some(entry) = self.old.remove(&key) {
            self.put(key, entry);
        }
        Some(accepted)
    }

    /// Keeps what was learnt of a token.
    pub fn insert(&mut self, token: &[u8], accepted: Rc<Accepted>) {
        if let Some(suffix) = token.last_chunk() {
            self.put((*suffix, accepted.provider), Entry { token: token.into(), accepted });
        }
    }

    /// Forgets every token of a provider: its keys are others now.
    pub fn forget(&mut self, provider: usize) {
        for generation in [&mut self.young, &mut self.old] {
            let bytes = &mut generation.bytes;
            generation.tokens.retain(|_, entry| {
                let keep = entry.accepted.provider != provider;
                if !keep {
                    *bytes = bytes.saturating_sub(entry.bytes());
                }
                keep
            });
        }
    }

    /// How many tokens are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.tokens.len().saturating_add(self.old.tokens.len())
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn put(&mut self, key: Key, entry: Entry) {
        let bytes = entry.bytes();
        if self.entries == 0 || bytes > self.bytes {
            return;
        }
        if self.young.tokens.len() >= self.entries || self.young.bytes.saturating_add(bytes) > self.bytes {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.remove(&key);
        self.young.bytes = self.young.bytes.saturating_add(bytes);
        self.young.tokens.insert(key, entry);
    }
}

impl Generation {
    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.tokens.remove(key)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes());
        Some(entry)
    }
}

/// Whether two texts are equal, eight bytes at a time: `memcmp` of wasi-libc goes byte by byte.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((words, rest), (others, other)) = (a.as_chunks(), b.as_chunks());
    let mut pairs = words.iter().zip(others);
    a.len() == b.len()
        && rest == other
        && pairs.all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
}
