//! What requests are told apart by.

use filter_core::config::{At, FieldShape, FromTree, Shape, Tree};
use filter_core::config_struct;
use filter_core::http::HeaderName;
use filter_core::keys::encode;
use std::fmt;
use std::num::NonZeroU64;

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The client's network: so many bits of its address.
    Address {
        /// Of an IPv4 address, 1 to 32.
        v4: u32,
        /// Of an IPv6 address, 1 to 128.
        v6: u32,
    },
    /// The value of a header.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(String),
    /// The value of a query parameter.
    Query(String),
    /// A claim that jwt-auth handed on (`claim_state`).
    Claim(String),
    /// The method.
    Method,
    /// The host, without port.
    Host,
    /// The canonical path, without query.
    Path,
    /// The rule that applies.
    Route,
    /// The same for all.
    Constant(String),
}

config_struct! {
    /// A network.
    pub struct AddressKey {
        /// How many bits of an IPv4 address count, at most 32.
        ipv4_prefix: NonZeroU64 = 32,
        /// How many bits of an IPv6 address count, at most 128. Whoever has a network has 2^64 addresses.
        ipv6_prefix: NonZeroU64 = 64,
    }
}

config_struct! {
    /// A source without options.
    pub struct Nothing {}
}

const SOURCES: &[&str] =
    &["address", "header", "cookie", "query", "claim", "method", "host", "path", "route", "constant"];

/// One text for each source, the same in every version: keys in Redis are made of it.
impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { v4, v6 } => write!(f, "address:{v4}:{v6}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{}", encode(name)),
            Self::Query(name) => write!(f, "query:{}", encode(name)),
            Self::Claim(name) => write!(f, "claim:{}", encode(name)),
            Self::Method => f.write_str("method"),
            Self::Host => f.write_str("host"),
            Self::Path => f.write_str("path"),
            Self::Route => f.write_str("route"),
            Self::Constant(text) => write!(f, "constant:{}", encode(text)),
        }
    }
}

impl FromTree for KeySource {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Object(members) = tree else { return at.expected("an object", tree) };
        let [(source, value)] = members.as_slice() else {
            at.error(format!("expected exactly one of {}", SOURCES.join(", ")));
            return None;
        };
        let at = at.key(source);
        let text = || String::read(value, &at);
        let plain = |this| Nothing::read(value, &at).map(|Nothing {}| this);
        match source.as_str() {
            "address" => address(AddressKey::read(value, &at)?, &at),
            "header" => header(HeaderName::read(value, &at)?, &at),
            "cookie" => text().map(Self::Cookie),
            "query" => text().map(Self::Query),
            "claim" => text().map(Self::Claim),
            "constant" => text().map(Self::Constant),
            "method" => plain(Self::Method),
            "host" => plain(Self::Host),
            "path" => plain(Self::Path),
            "route" => plain(Self::Route),
            _ => {
                at.error(format!("unknown key; expected one of {}", SOURCES.join(", ")));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::OneOf(vec![
            one::<AddressKey>("address", "The client's network: `192.0.2.1` and `2001:db8::/64`."),
            one::<HeaderName>("header", "The value of this header."),
            one::<String>("cookie", "The value of this cookie."),
            one::<String>("query", "The value of this query parameter, percent-decoded."),
            one::<String>(
                "claim",
                "A claim of a token that jwt-auth verified, by the name under which it hands it on (`claim_state`).",
            ),
            one::<Nothing>("method", "The method."),
            one::<Nothing>("host", "The host, without port."),
            one::<Nothing>("path", "The canonical path, without query."),
            one::<Nothing>("route", "The rule that applies."),
            one::<String>("constant", "This text: tells two limits of one name apart, say."),
        ])
    }
}

fn one<T: FromTree>(key: &'static str, doc: &'static str) -> FieldShape {
    FieldShape { key, doc, default: None, required: false, shape: T::shape() }
}

/// A header that requests have and that tells clients apart. What is about one connection never reaches a filter.
fn header(name: HeaderName, at: &At<'_>) -> Option<KeySource> {
    let message = match name.as_str() {
        "host" => "use `host`: Envoy keeps it as :authority",
        "cookie" => "cookies go by name: see `cookie`",
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding"
        | "upgrade" => "this is about one connection, not about a client",
        _ => return Some(KeySource::Header(name)),
    };
    at.error(message);
    None
}

fn address(key: AddressKey, at: &At<'_>) -> Option<KeySource> {
    let (v4, v6) =
        (prefix("ipv4_prefix", key.ipv4_prefix, 32, at), prefix("ipv6_prefix", key.ipv6_prefix, 128, at));
    Some(KeySource::Address { v4: v4?, v6: v6? })
}

/// How many bits of an address count. `None`: an error was reported at this name below `at`.
#[must_use]
pub fn prefix(name: &str, bits: NonZeroU64, most: u32, at: &At<'_>) -> Option<u32> {
    let read = u32::try_from(bits.get()).ok().filter(|bits| *bits <= most);
    if read.is_none() {
        at.key(name).error(format!("must be 1 to {most}"));
    }
    read
}
