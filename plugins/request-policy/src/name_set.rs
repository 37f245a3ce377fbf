//! Header names, made for one question: is this one of them?

use filter_core::http::HeaderName;

/// A set of header names.
#[derive(Debug, Default)]
pub(crate) struct NameSet {
    /// Sorted, each once.
    names: Vec<HeaderName>,
    /// Their first letters, a bit each: most headers of a message are done with here.
    initials: u32,
}

impl NameSet {
    /// The names, in any order; duplicates count once.
    pub(crate) fn new(mut names: Vec<HeaderName>) -> Self {
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        let initials = names.iter().fold(0, |bits, name| bits | initial(name.as_str().as_bytes()));
        Self { names, initials }
    }

    /// The member of this name (lower case, as hosts hand names over).
    pub(crate) fn get(&self, name: &[u8]) -> Option<&HeaderName> {
        if self.initials & initial(name) == 0 {
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

/// One of 32 bits for the first byte of a name.
fn initial(name: &[u8]) -> u32 {
    name.first().map_or(0, |byte| 1 << (byte & 31))
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
        // `3` and `s` share a bit.
        for other in ["", "x-", "x-c", "x-ab", "3erver", "Server", ":status", "\u{e9}"] {
            assert_eq!(set.get(other.as_bytes()), None, "{other}");
        }
        assert_eq!(NameSet::new(Vec::new()).get(b"server"), None);
    }
}
