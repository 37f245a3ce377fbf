//! Whose a key is.

use filter_core::address::{self, network};
use filter_core::config::{At, FieldShape, FromTree, Shape, Tree};
use filter_core::config_struct;
use filter_core::http::HeaderName;
use filter_core::message::RequestHead;
use filter_core::names::claim;
use filter_core::policy::Cx;
use std::fmt;

/// Bits of an address that count: whoever has a network has 2^64 addresses of IPv6.
const PREFIXES: (u32, u32) = (32, 64);

/// What tells subjects apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A claim that jwt-auth handed on (`claim_state`).
    Claim(String),
    /// The value of a header.
    Header(HeaderName),
    /// The client's address.
    Address,
}

config_struct! {
    /// A source without options.
    pub struct Nothing {}
}

const SOURCES: [&str; 3] = ["claim", "header", "address"];

/// One text for each source, the same in every version: keys in Redis are made of it.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(name) => write!(f, "claim:{name}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Address => f.write_str("address"),
        }
    }
}

impl FromTree for Subject {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Object(members) = tree else { return at.expected("an object", tree) };
        let [(source, value)] = members.as_slice() else {
            at.error(format!("expected exactly one of {}", SOURCES.join(", ")));
            return None;
        };
        let at = at.key(source);
        match source.as_str() {
            "claim" => String::read(value, &at).map(Self::Claim),
            "header" => header(HeaderName::read(value, &at)?, &at),
            "address" => Nothing::read(value, &at).map(|Nothing {}| Self::Address),
            _ => {
                at.error(format!("unknown key; expected one of {}", SOURCES.join(", ")));
                None
            }
        }
    }

    fn shape() -> Shape {
        fn one<T: FromTree>(key: &'static str, doc: &'static str) -> FieldShape {
            FieldShape { key, doc, default: None, required: false, shape: T::shape() }
        }
        Shape::OneOf(vec![
            one::<String>(
                "claim",
                "A claim of a token that jwt-auth verified, by the name under which it hands it on (`claim_state`).",
            ),
            one::<HeaderName>(
                "header",
                "The value of this header, which nobody but a proxy or a filter in front may set: else whoever writes it chooses whose keys it has.",
            ),
            one::<Nothing>(
                "address",
                "The client's address, of IPv6 the first 64 bits. Clients behind one address share their keys.",
            ),
        ])
    }
}

/// A header that requests have and that is about a subject.
fn header(name: HeaderName, at: &At<'_>) -> Option<Subject> {
    let message = match name.as_str() {
        "host" => "the host is part of what a key stands for, whoever sends it",
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding"
        | "upgrade" => "this is about one connection, not about a client",
        _ => return Some(Subject::Header(name)),
    };
    at.error(message);
    None
}

/// The subject of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// It has none: all such requests share their keys, and nobody else's.
    Nobody,
    /// It has two, or more: likewise.
    Ambiguous,
    /// It has this one.
    One(Vec<u8>),
}

impl Subject {
    /// Whose a request is. An empty value is none.
    pub(crate) fn of(&self, head: &RequestHead<'_>, trusted_hops: Option<u64>, cx: &dyn Cx) -> Whose {
        let found = match self {
            Self::Claim(name) => claim(cx, name),
            Self::Header(name) => {
                let mut values = head.headers.all(name.as_str()).map(<[u8]>::trim_ascii);
                let (first, second) = (values.next(), values.next());
                if second.is_some() {
                    return Whose::Ambiguous;
                }
                first.map(<[u8]>::to_vec)
            }
            Self::Address => {
                let client = address::of(head.headers, trusted_hops, cx);
                client.map(|client| network(client, PREFIXES.0, PREFIXES.1).to_be_bytes().to_vec())
            }
        };
        found.filter(|value| !value.is_empty()).map_or(Whose::Nobody, Whose::One)
    }
}
