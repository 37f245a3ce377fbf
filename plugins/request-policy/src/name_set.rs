//! Header names, made for one question: is this one of them?

use filter_core::http::HeaderName;

/// A set of header names.
#[derive(Debug, Default)]
pub(crate) struct NameSet {
    /// Sorted, each once.
    names: Vec<HeaderName>,
    /// A bit for each, by [`mark`]: most headers of a message are done with here.
    marks: [u64; 8],
}

impl NameSet {
    /// The names, in any order; duplicates count once.
    pub(crate) fn new(mut names: Vec<HeaderName>) -> Self {
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        let mut marks = [0; 8];
        for (word, bit) in names.iter().map(|name| mark(name.as_str().as_bytes())) {
            if let Some(bits) = marks.get_mut(word) {
                *bits |= bit;
            }
        }
        Self { names, marks }
    }

    /// The member of this name (lower case, as hosts hand names over).
    pub(crate) fn get(&self, name: &[u8]) -> Option<&HeaderName> {
        let (word, bit) = mark(name);
        if self.marks.get(word).is_none_or(|bits| bits & bit == 0) {
            return None;
        }
        let found = self.names.binary_search_by(|own| own.as_str().as_bytes().cmp(name)).ok()?;
        self.names.get(found)
    }

    /// All names, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &HeaderName> {
        self.names.iter()
    }
}

/// One of 512 bits, as a word and a bit of it, for the ends and the length of a name: comparing names is what costs,
/// and half of the listed ones begin with `x-`.
fn mark(name: &[u8]) -> (usize, u64) {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return (0, 1) };
    let mixed = usize::from(*first).wrapping_mul(37)
        ^ usize::from(*last).wrapping_mul(11)
        ^ name.len().wrapping_mul(101);
    ((mixed >> 6) & 7, 1 << (mixed & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_its_names_and_no_others() {
        let names = ["x-b", "server", "$wsep", "x-a", "x-b", "content-type"];
        let set = NameSet::new(names.iter().map(|name| HeaderName::from_static(name)).collect());
        let sorted: Vec<&str> = set.iter().map(HeaderName::as_str).collect();
        assert_eq!(sorted, ["$wsep", "content-type", "server", "x-a", "x-b"]);
        for name in names {
            assert_eq!(set.get(name.as_bytes()).map(HeaderName::as_str), Some(name));
        }
        for other in ["", "x-", "x-c", "x-ab", "3erver", "Server", ":status", "\u{e9}"] {
            assert_eq!(set.get(other.as_bytes()), None, "{other}");
        }
        assert_eq!(NameSet::new(Vec::new()).get(b"server"), None);
    }
}
