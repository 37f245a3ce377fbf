//! Host patterns.

use crate::config::{At, FromTree, Shape, Tree};
use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

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
    /// Whether this is the pattern of a canonical host.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        self.test(host).is_some()
    }

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
        let address = labels.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|_| !wildcard);
        let ipv6 = address.and_then(literal);
        let plain = labels.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
            && labels.split('.').all(|label| !label.is_empty());
        let text = match ipv6 {
            None if !plain => {
                at.error("not a host; expected as api.example.com or *.example.com, without scheme and port");
                return None;
            }
            None => domain.to_ascii_lowercase(),
            Some(address) => address,
        };
        Some(Self { text, wildcard })
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "host or `*.`domain",
            schema: r#"{"type": "string", "pattern": "^(\\[[0-9A-Fa-f:.]+\\]|(\\*\\.)?[0-9A-Za-z_-]+(\\.[0-9A-Za-z_-]+)*)$"}"#,
        }
    }
}

/// The host of an `:authority`: lower case, without port and the root's trailing dot. `None` where it is not
/// one host and at most one port: Envoy joins two `Host` fields to `a,b` and lets user info pass (RFC 9110 section
/// 4.2.4 calls that an error), and whoever reads such a value reads a host of his own.
#[must_use]
pub fn canonical(authority: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(authority).ok()?;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (Cow::Owned(literal(address)?), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let host = host.strip_suffix('.').unwrap_or(host);
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            let labels = host.split('.').all(|label| !label.is_empty() && label.bytes().all(plain));
            let lower = !host.bytes().any(|b| b.is_ascii_uppercase());
            let host = if lower { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) };
            (Some(host).filter(|_| labels)?, port)
        }
    };
    match port.strip_prefix(':') {
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) => {}
        None if port.is_empty() => {}
        _ => return None,
    }
    Some(host)
}

/// An IPv6 address in the one spelling of RFC 5952, in its brackets.
fn literal(address: &str) -> Option<String> {
    address.parse::<Ipv6Addr>().ok().map(|address| format!("[{address}]"))
}
