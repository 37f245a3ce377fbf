//! Bytes in a case file: a string, `{b64: …}` for what is not UTF-8, two forms for what is long, and tokens.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::token::Token;

/// Bytes written as a string, as `{b64: <standard base64>}`, as `{repeat: <text>, times: <count>}`, as
/// `{join: [<text>, …]}` or as `{jwt: <token>}` (`README.md`). Anything else — a number above all, whose spelling YAML would not keep — is an error.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string (quote numbers) or {b64: …}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.as_bytes().to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        from_map(map)
    }
}

/// The map forms, as written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    b64: Option<String>,
    repeat: Option<Text>,
    times: Option<usize>,
    join: Option<Vec<Text>>,
    jwt: Option<Token>,
}

/// Reads the map forms; shared with what allows more than a text.
pub(crate) fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Text, A::Error> {
    match Written::deserialize(MapAccessDeserializer::new(map))? {
        Written { b64: Some(encoded), repeat: None, times: None, join: None, jwt: None } => {
            STANDARD.decode(&encoded).map(Text).map_err(|error| A::Error::custom(format!("b64: {error}")))
        }
        Written { b64: None, repeat: Some(text), times: Some(times), join: None, jwt: None } => {
            Ok(Text(text.0.repeat(times)))
        }
        Written { b64: None, repeat: None, times: None, join: Some(parts), jwt: None } => {
            Ok(Text(parts.into_iter().flat_map(|part| part.0).collect()))
        }
        Written { b64: None, repeat: None, times: None, join: None, jwt: Some(token) } => {
            token.mint().map(|text| Text(text.into_bytes())).map_err(A::Error::custom)
        }
        _ => Err(A::Error::custom("expected one of {b64: …}, {repeat: …, times: …}, {join: […]}, {jwt: …}")),
    }
}

/// Bytes as a person reads them in a report: a quoted string, or base64 when they are not UTF-8.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("{{b64: {}}}", STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Text, shown};
    use crate::yaml;

    #[test]
    fn every_form() {
        assert_eq!(yaml::parse::<Text>("plain").unwrap(), Text::from("plain"));
        assert_eq!(yaml::parse::<Text>("'5'").unwrap(), Text::from("5"));
        assert_eq!(yaml::parse::<Text>("{b64: //4=}").unwrap(), Text(vec![0xff, 0xfe]));
        assert_eq!(yaml::parse::<Text>("{repeat: ab, times: 3}").unwrap(), Text::from("ababab"));
        let joined = yaml::parse::<Text>("{join: [a, {b64: /w==}, {repeat: b, times: 2}]}").unwrap();
        assert_eq!(joined, Text(b"a\xffbb".to_vec()));
        assert_eq!(shown(&[0xff, 0xfe]), "{b64: //4=}");
        assert_eq!(shown(b"a\r\n"), r#""a\r\n""#);
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, says) in [
            ("5", "quote numbers"),
            ("true", "quote numbers"),
            ("[a]", "quote numbers"),
            ("{b65: x}", "b65"),
            ("{b64: '*'}", "b64"),
            ("{b64: aa, more: x}", "more"),
            ("{b64: aa, times: 2}", "expected one of"),
            ("{repeat: a}", "expected one of"),
            ("{repeat: a, times: -1}", "times"),
            ("{join: [5]}", "quote numbers"),
            ("{}", "expected one of"),
        ] {
            let error = yaml::parse::<Text>(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
