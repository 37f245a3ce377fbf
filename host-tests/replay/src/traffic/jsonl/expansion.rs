//! How long the texts of a line become: `{repeat: …, times: …}` says much in few bytes, and recorded traffic
//! comes from strangers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::traffic::json::{Mismatch, parse};

/// Whether the line may hold the key `times`, escaped or not.
pub(super) fn may_expand(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"times").is_some() || memchr::memmem::find(line, b"\\u").is_some()
}

/// All texts of the line together, in bytes.
pub(super) fn length(line: &[u8]) -> Result<usize, Mismatch> {
    parse::<Length>(line).map(|length| length.0)
}

struct Length(usize);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LengthVisitor;
        impl<'de> Visitor<'de> for LengthVisitor {
            type Value = usize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<usize, E> {
                Ok(0)
            }
            fn visit_bool<E>(self, _: bool) -> Result<usize, E> {
                Ok(0)
            }
            fn visit_u64<E>(self, _: u64) -> Result<usize, E> {
                Ok(0)
            }
            fn visit_i64<E>(self, _: i64) -> Result<usize, E> {
                Ok(0)
            }
            fn visit_f64<E>(self, _: f64) -> Result<usize, E> {
                Ok(0)
            }
            fn visit_str<E>(self, text: &str) -> Result<usize, E> {
                Ok(text.len())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
                let mut total = 0_usize;
                while let Some(Length(length)) = list.next_element()? {
                    total = total.saturating_add(length);
                }
                Ok(total)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
                let (mut total, mut repeated, mut times) = (0_usize, 0_usize, 1_usize);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        // What is no count is refused when the text is read.
                        "times" => times = map.next_value::<&RawValue>()?.get().parse().unwrap_or(times),
                        "repeat" => repeated = map.next_value::<Length>()?.0.max(repeated),
                        _ => total = total.saturating_add(map.next_value::<Length>()?.0),
                    }
                }
                Ok(total.saturating_add(repeated.saturating_mul(times)))
            }
        }
        deserializer.deserialize_any(LengthVisitor).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{length, may_expand};

    fn of(line: &str) -> Option<usize> {
        length(line.as_bytes()).ok()
    }

    #[test]
    fn repetitions_multiply() {
        assert_eq!(of(r#"{"path": "/abc", "t_ms": 5, "x": [1.5, -1, null, true]}"#), Some(4));
        assert_eq!(
            of(r#"{"body": {"times": 1000, "repeat": {"join": ["ab", {"repeat": "c", "times": 3}]}}}"#),
            Some(5000)
        );
        assert_eq!(
            of(r#"{"a": {"repeat": {"repeat": "ab", "times": 9999999999999}, "times": 9999999999}}"#),
            Some(usize::MAX)
        );
        assert_eq!(of(r#"{"expect": {"body_json": {"times": 99999999999, "a": "b"}}}"#), Some(1));
        assert_eq!(of(r#"{"body": {"repeat": "a", "times": 5}"#), None);
    }

    #[test]
    fn an_escaped_key_is_seen() {
        assert!(may_expand(br#"{"body": {"repeat": "a", "t\u0069mes": 5}}"#));
        assert!(!may_expand(br#"{"body": "abc"}"#));
    }
}
