//! JSON, and where in it something is wrong.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Why a text is not what was expected.
pub(super) struct Mismatch {
    /// Path of the member, empty for the whole.
    pub(super) path: String,
    pub(super) message: String,
    /// Line within the text from 1, 0 where it is not known.
    pub(super) line: usize,
    /// Column within that line, in bytes from 1.
    pub(super) column: usize,
}

/// Reads one JSON value; nothing but white space may follow it.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Mismatch> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // `?` stands for a key that was not read.
        Mismatch::new(path.trim_end_matches(['.', '?']).to_owned(), error.inner())
    })?;
    json.end().map_err(|error| Mismatch::new(String::new(), &error))?;
    Ok(value)
}

impl Mismatch {
    fn new(path: String, error: &serde_json::Error) -> Self {
        let mut message = error.to_string();
        if error.line() > 0
            && let Some(at) = message.rfind(" at line ")
        {
            message.truncate(at);
        }
        Self { path, message, line: error.line(), column: error.column() }
    }
}

/// A JSON value in its source, one level open.
pub(super) enum Node<'a> {
    Object(Vec<(String, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
    /// A string, number, boolean or null.
    Scalar,
}

/// Opens one level: members in order, duplicates kept.
pub(super) fn open(value: &RawValue) -> Result<Node<'_>, serde_json::Error> {
    let text = value.get();
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Members<'_>>(text).map(|members| Node::Object(members.0)),
        Some(b'[') => serde_json::from_str::<Items<'_>>(text).map(|items| Node::Array(items.0)),
        _ => Ok(Node::Scalar),
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Loose(name), value)) = map.next_entry()? {
                    members.push((String::from_utf8_lossy(&name).into_owned(), value));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Vec<&'de RawValue>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(ItemsVisitor).map(Self)
    }
}

/// The bytes of a JSON string that may hold lone surrogates, which Rust's strings cannot. Python writes a
/// byte that is not UTF-8 as one of U+DC80 to U+DCFF (PEP 383): it becomes that byte again, any other the
/// replacement character, as in a browser.
#[derive(Debug, Default)]
pub(super) struct Loose(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LooseVisitor;
        impl Visitor<'_> for LooseVisitor {
            type Value = Loose;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
                Ok(Loose(text.as_bytes().to_vec()))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Loose, E> {
                Ok(Loose(without_surrogates(bytes)))
            }
        }
        deserializer.deserialize_bytes(LooseVisitor)
    }
}

/// UTF-8 does not have what a surrogate would be encoded as: ED followed by A0 to BF.
fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (0xed, [high @ 0xb2..=0xb3, low @ 0x80..=0xbf, after @ ..]) => {
                out.push(0x80 | ((high & 1) << 6) | (low & 0x3f));
                after
            }
            (0xed, [0xa0..=0xbf, _, after @ ..]) => {
                out.extend_from_slice("\u{fffd}".as_bytes());
                after
            }
            _ => {
                out.push(byte);
                after
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Loose, Node, open, parse};
    use serde_json::value::RawValue;

    fn loose(json: &str) -> Vec<u8> {
        parse::<Loose>(json.as_bytes()).map(|loose| loose.0).map_err(|error| error.message).unwrap()
    }

    #[test]
    fn a_string_with_surrogates_is_bytes() {
        assert_eq!(loose(r#""plain \u00e9 \ud83d\ude00""#), "plain é 😀".as_bytes());
        assert_eq!(loose(r#""\udc80\udcbf\udcc0\udcff""#), [0x80, 0xbf, 0xc0, 0xff]);
        assert_eq!(loose(r#""a\ud800b\udfff""#), "a\u{fffd}b\u{fffd}".as_bytes());
        assert_eq!(loose("\"\u{d7ff}\""), "\u{d7ff}".as_bytes());
    }

    #[test]
    fn one_level_is_opened_in_order() {
        let value: &RawValue = serde_json::from_str(r#" {"b": [1, {}], "a": 1.10, "b": "x"} "#).unwrap();
        let Node::Object(members) = open(value).unwrap() else { panic!("not an object") };
        let shown: Vec<String> =
            members.iter().map(|(name, value)| format!("{name}={}", value.get())).collect();
        assert_eq!(shown, ["b=[1, {}]", "a=1.10", "b=\"x\""]);
        let Node::Array(items) = open(members[0].1).unwrap() else { panic!("not an array") };
        assert_eq!(items.len(), 2);
        assert!(matches!(open(members[1].1).unwrap(), Node::Scalar));
    }
}
