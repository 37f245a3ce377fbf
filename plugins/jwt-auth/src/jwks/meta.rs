//! What all workers know about a source of keys.

use crate::kept::Numbers;

/// Times in µs since the epoch; 0: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Meta {
    /// When the document was fetched that is kept; its number, too: two fetches never end at once.
    pub fetched: u64,
    /// When it is to be fetched again.
    pub refresh: u64,
    /// When a fetch last ended, whatever came of it.
    pub attempted: u64,
    /// Fetches in a row that brought nothing.
    pub failures: u64,
    /// When one was last asked for on behalf of an unknown key, and once that one has ended, when it did.
    pub urged: u64,
}

impl Meta {
    /// What `urged` is after a fetch that ends now: intervals are counted from the end, and one that was under way is not
    /// any more, even if the clock stepped back meanwhile. The first of all counts, too: it is as new as can be.
    #[must_use]
    pub fn ended(&self, now: u64) -> u64 {
        if self.attempted < self.urged || self.fetched == 0 { now } else { self.urged }
    }
}

impl Numbers for Meta {
    fn to_numbers(self) -> Vec<u64> {
        vec![self.fetched, self.refresh, self.attempted, self.failures, self.urged]
    }

    fn from_numbers(numbers: &[u64]) -> Option<Self> {
        let [fetched, refresh, attempted, failures, urged] = *numbers else { return None };
        Some(Self { fetched, refresh, attempted, failures, urged })
    }
}
