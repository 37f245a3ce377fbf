//! The names of members that a schema knows.

/// Names, each with an index.
pub struct Names {
    /// In order of length, and then of bytes.
    sorted: Vec<String>,
    /// Where those of each length begin; one more entry than the longest has bytes, and one for the end.
    starts: Vec<usize>,
}

impl Names {
    /// Most that one schema asks for: the bits of a mask.
    const MOST: usize = 64;

    /// No names.
    pub const NONE: Self = Self { sorted: Vec::new(), starts: Vec::new() };

    /// `None`: too many, or too long.
    #[must_use]
    pub fn of(mut names: Vec<String>) -> Option<Self> {
        /// Longer than any name that people write, so that `starts` stays small.
        const LONGEST: usize = 256;
        names.sort_unstable_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
        names.dedup();
        let longest = names.last().map_or(0, String::len);
        if names.len() > Self::MOST || longest > LONGEST {
            return None;
        }
        let starts =
            (0..=longest + 1).map(|length| names.partition_point(|name| name.len() < length)).collect();
        Some(Self { sorted: names, starts })
    }

    /// The index of a name. Only names of its length are looked at, a few at most: no hash of what an attacker chose.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        let start = *self.starts.get(name.len())?;
        let end = *self.starts.get(name.len() + 1)?;
        let same = self.sorted.get(start..end)?;
        same.iter().position(|own| own == name).map(|index| start + index)
    }

    /// The bit of a name.
    #[must_use]
    pub fn bit(&self, name: &str) -> Option<u64> {
        self.index(name).map(Self::bit_of)
    }

    /// The bit of the name at an index.
    pub(crate) fn bit_of(index: usize) -> u64 {
        u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}
