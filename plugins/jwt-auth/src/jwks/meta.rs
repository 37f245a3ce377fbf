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
}

impl Numbers for Meta {
    fn to_numbers(self) -> Vec<u64> {
        vec![self.fetched, self.refresh, self.attempted, self.failures]
    }

    fn from_numbers(numbers: &[u64]) -> Option<Self> {
        let [fetched, refresh, attempted, failures] = *numbers else { return None };
        Some(Self { fetched, refresh, attempted, failures })
    }
}
