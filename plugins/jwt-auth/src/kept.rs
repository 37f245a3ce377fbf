//! What the workers of a gateway know together about something that is fetched: a few numbers that every look reads,
//! and a document that is read when the numbers say that there is another.
//!
//! What is kept is about its source, not about the configuration that names it: a new configuration does not fetch
//! again what is there.

use filter_core::policy::hex;
use filter_core::store::{SharedStore, update};
use sha2::{Digest as _, Sha256};
use std::marker::PhantomData;

/// Form of both values. Values of another form are as if there were none.
const VERSION: u8 = 1;

/// Numbers that are kept.
pub trait Numbers: Copy + Default {
    /// In a fixed order.
    fn to_numbers(self) -> Vec<u64>;
    /// The same back; `None`: there are more or fewer.
    fn from_numbers(numbers: &[u64]) -> Option<Self>;
}

/// Numbers and a document in the shared store.
#[derive(Debug, Clone)]
pub struct Store<N> {
    numbers: String,
    document: String,
    kind: PhantomData<N>,
}

impl<N: Numbers> Store<N> {
    /// About what `source` describes, and nobody else.
    #[must_use]
    pub fn new(kind: &str, source: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in source {
            // A length before each part: no two lists of parts read the same.
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let mut digest = hex(&hash.finalize());
        digest.truncate(32);
        let key = |what| format!("portcullis.jwt-auth.{kind}.{digest}.{what}");
        Self { numbers: key("numbers"), document: key("document"), kind: PhantomData }
    }

    /// What is known.
    #[must_use]
    pub fn numbers(&self, store: &dyn SharedStore) -> N {
        store.get(&self.numbers).and_then(|(bytes, _)| read(&bytes)).unwrap_or_default()
    }

    /// Changes what is known. `false`: the others were quicker every time.
    pub fn change(&self, store: &dyn SharedStore, change: impl Fn(&mut N)) -> bool {
        update(store, &self.numbers, |value| {
            let mut numbers = value.and_then(|bytes| read(&bytes)).unwrap_or_default();
            change(&mut numbers);
            let numbers = numbers.to_numbers().into_iter().flat_map(u64::to_le_bytes);
            [VERSION].into_iter().chain(numbers).collect()
        })
    }

    /// The document of this number. `None`: there is another by now, or none.
    #[must_use]
    pub fn document(&self, store: &dyn SharedStore, number: u64) -> Option<Vec<u8>> {
        let (mut bytes, _) = store.get(&self.document)?;
        let (version, rest) = bytes.split_first()?;
        let (kept, _) = rest.split_first_chunk()?;
        if *version != VERSION || u64::from_le_bytes(*kept) != number {
            return None;
        }
        Some(bytes.split_off(9))
    }

    /// Keeps a document under a number. The numbers are to be changed afterwards.
    #[must_use]
    pub fn keep(&self, store: &dyn SharedStore, number: u64, document: &[u8]) -> bool {
        let value = [&[VERSION][..], &number.to_le_bytes(), document].concat();
        update(store, &self.document, |_| value.clone())
    }
}

fn read<N: Numbers>(bytes: &[u8]) -> Option<N> {
    let (numbers, []) = bytes.strip_prefix(&[VERSION])?.as_chunks() else { return None };
    let numbers: Vec<u64> = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    N::from_numbers(&numbers)
}
