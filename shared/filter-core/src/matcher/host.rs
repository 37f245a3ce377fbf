//! Host patterns.

use crate::config::{At, FromTree, Shape, Tree};
use std::borrow::Cow;
use std::fmt;

/// An exact host, or `*.` and a domain for exactly one label more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// Lower case, without port and trailing dot; for a wildcard with its leading dot.
    text: String,
    wildcard: bool,
}

/// How closely a host pattern matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The rule names no host.
    #[default]
    Any,
    /// `*.example.com`: the longer domain is the closer one.
    Wildcard(usize),
    /// The very host.
    Exact,
}

impl HostPattern {
    pub(super) fn test(&self, host: &str) -> Option<Rank> {
        if !self.wildcard {
            return (host == self.text).then_some(Rank::Exact);
        }
        let label = host.strip_suffix(self.text.as_str())?;
        (!label.is_empty() && !label.contains('.')).then_some(Rank::Wildcard(self.text.len()))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.wildcard { "*" } else { "" }, self.text)
    }
}

impl FromTree for HostPattern {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a host", tree) };
        let (domain, wildcard) = match text.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (text.as_str(), false),
        };
        let labels = if wildcard { domain.strip_prefix('.').unwrap_or_default() } else { domain };
        let ipv6 = labels.starts_with('[') && labels.ends_with(']') && !wildcard;
        let plain = labels.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            && labels.split('.').all(|label| !label.is_empty());
        if !(plain || ipv6) {
            at.error("not a host; expected as api.example.com or *.example.com, without scheme and port");
            return None;
        }
        Some(Self { text: domain.to_ascii_lowercase(), wildcard })
    }

    fn shape() -> Shape {
        Shape::Scalar("host or `*.`domain")
    }
}

/// The host of an `:authority`: lower case, without user info, port and the root's trailing dot.
#[must_use]
pub fn canonical(authority: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(authority).unwrap_or_default();
    let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let end = match text.strip_prefix('[') {
        Some(_) => text.find(']').map_or(text.len(), |at| at.saturating_add(1)),
        None => text.find(':').unwrap_or(text.len()),
    };
    let host = text.get(..end).unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}
