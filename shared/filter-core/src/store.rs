//! State shared by the workers of one gateway: a key-value store with compare-and-swap.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

/// What a compare-and-swap expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// No value under this key.
    Absent,
    /// The value of this version.
    Version(u32),
}

/// Somebody else was quicker; read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict;

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared value was changed meanwhile")
    }
}

impl std::error::Error for Conflict {}

/// Keys carry the plugin's instance and configuration digest: Istio gives all plugins one name space.
/// Nothing can be deleted and every distinct key stays for the life of the process, so keys are bounded by
/// the configuration, never by traffic.
pub trait SharedStore {
    /// Value and version.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Stores a value if the expectation holds.
    ///
    /// # Errors
    /// [`Conflict`] if it does not.
    fn cas(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict>;
}

/// A [`SharedStore`] in memory, for native execution.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, (Vec<u8>, u32)>>);

impl SharedStore for MemoryStore {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.lock().get(key).cloned()
    }

    fn cas(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let mut map = self.lock();
        let version = match (map.get(key), expect) {
            (None, Expect::Absent) => 1,
            (Some((_, version)), Expect::Version(expected)) if *version == expected => {
                version.wrapping_add(1).max(1)
            }
            _ => return Err(Conflict),
        };
        map.insert(key.to_owned(), (value.to_vec(), version));
        Ok(())
    }
}

impl MemoryStore {
    /// A poisoned lock still guards whole values: every change is one insertion.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Vec<u8>, u32)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
