//! Answers of Redis, as the two HTTP gateways that filters speak to give them: Webdis and the REST dialect of Upstash.
//!
//! A script answers with the nonce of its call, which is random: an answer can be written down only as far as it does
//! not depend on the call, and is made when the call is there.

use percent_encoding::percent_decode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What Redis answers to a script.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Written", untagged)]
pub enum RedisAnswer {
    /// What the script returns.
    Values {
        /// Its values without the nonce.
        values: Vec<Value>,
        /// The last one.
        nonce: Nonce,
    },
    /// An error.
    Error {
        /// Its text, without the `-` before it.
        error: String,
    },
}

/// The last value of a script's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nonce {
    /// That of the call.
    #[default]
    Own,
    /// That of another call.
    Another,
    /// There is none.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    values: Option<Vec<Value>>,
    nonce: Option<Nonce>,
    error: Option<String>,
}

impl TryFrom<Written> for RedisAnswer {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        match written {
            Written { values: Some(values), nonce, error: None } => {
                Ok(Self::Values { values, nonce: nonce.unwrap_or_default() })
            }
            Written { values: None, nonce: None, error: Some(error) } => Ok(Self::Error { error }),
            _ => Err("redis: either {values: […], nonce: …} or {error: …}"),
        }
    }
}

/// Of 2^128 nonces the one that no call has.
const ANOTHER: &str = "ffffffffffffffffffffffffffffffff";
/// What stands in the place of a nonce where calls are compared.
const COMPARED: [u8; 32] = [b'0'; 32];

/// What a gateway to Redis speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Webdis,
    Upstash,
}

/// A command as it reached the gateway.
struct Command {
    dialect: Dialect,
    /// The command and its arguments.
    words: Vec<String>,
}

impl Command {
    /// Webdis has the words between slashes, percent-encoded, so that a `[` can only begin a JSON array, which is the
    /// other dialect. `None`: neither.
    fn read(body: &[u8]) -> Option<Self> {
        if body.starts_with(b"[") {
            return Some(Self { dialect: Dialect::Upstash, words: serde_json::from_slice(body).ok()? });
        }
        let words = body.split(|byte| *byte == b'/').map(|word| {
            let decoded: Vec<u8> = percent_decode(word).collect();
            String::from_utf8(decoded).ok()
        });
        let words = words.collect::<Option<Vec<String>>>()?;
        words.first().is_some_and(|name| !name.is_empty()).then_some(Self { dialect: Dialect::Webdis, words })
    }

    /// Its nonce, where it runs a script and has one: the last argument, 32 hexadecimal digits.
    fn nonce(&self) -> Option<&str> {
        let [name, .., last] = self.words.as_slice() else { return None };
        let runs = matches!(name.as_str(), "EVAL" | "EVALSHA");
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        Some(last.as_str()).filter(|last| runs && last.len() == COMPARED.len() && last.bytes().all(hex))
    }
}

impl RedisAnswer {
    /// Status and body of the answer to a call with this body. What is no command gets what Webdis says to one that it
    /// is not to pass on: 403 and nothing.
    #[must_use]
    pub fn to(&self, call: &[u8]) -> (u16, Vec<u8>) {
        let Some(Command { dialect, words }) = Command::read(call) else { return (403, Vec::new()) };
        let name = words.first().map(String::as_str).unwrap_or_default();
        let last = words.last().map(String::as_str).unwrap_or_default();
        let (status, body) = match (self, dialect) {
            (Self::Values { values, nonce }, _) => {
                let nonce = match nonce {
                    Nonce::Own => Some(last),
                    Nonce::Another => Some(ANOTHER),
                    Nonce::None => None,
                };
                let values: Vec<Value> = values.iter().cloned().chain(nonce.map(Value::from)).collect();
                let key = if dialect == Dialect::Webdis { name } else { "result" };
                (200, json!({ key: values }))
            }
            (Self::Error { error }, Dialect::Webdis) => (200, json!({ name: [false, error] })),
            (Self::Error { error }, Dialect::Upstash) => (400, json!({ "error": error })),
        };
        (status, body.to_string().into_bytes())
    }
}

/// Puts zeros in the place of the nonce of a call that runs a script, so that calls can be written down and compared.
/// Every other body stays as it is.
pub fn hide_nonce(call: &mut [u8]) {
    let Some(command) = Command::read(call) else { return };
    // Hexadecimal digits look the same in both dialects; behind them comes the end of the array, if anything.
    if let Some(nonce) = command.nonce()
        && let Some(at) = call.windows(nonce.len()).rposition(|part| part == nonce.as_bytes())
        && let Some(part) = call.get_mut(at..at + COMPARED.len())
    {
        part.copy_from_slice(&COMPARED);
    }
}

#[cfg(test)]
mod tests {
    use super::{ANOTHER, Nonce, RedisAnswer, hide_nonce};
    use serde_json::{Value, json};

    const NONCE: &str = "0123456789abcdef0123456789abcdef";

    fn call(name: &str) -> Vec<u8> {
        format!("{name}/return%201/1/portcullis%3Arl:x/%2F%3F/{NONCE}").into_bytes()
    }

    fn text(answer: &RedisAnswer, call: &[u8]) -> (u16, String) {
        let (status, body) = answer.to(call);
        (status, String::from_utf8(body).unwrap())
    }

    fn written(yaml: Value) -> RedisAnswer {
        serde_json::from_value(yaml).unwrap()
    }

    /// Every answer of a real Webdis that can be written as `redis: …` is rendered byte for byte.
    #[test]
    fn as_webdis_answers() {
        let table = include_str!("../../backends/tests/data/replies.txt");
        let (mut errors, mut values) = (0, 0);
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.splitn(3, '\t').collect();
            let [situation, "200", body] = fields.as_slice() else { continue };
            let object: serde_json::Map<String, Value> = serde_json::from_str(body).unwrap();
            let Some((name, Value::Array(members))) = object.iter().next() else { continue };
            let answer = match members.as_slice() {
                [Value::Bool(false), Value::String(text)] => {
                    errors += 1;
                    written(json!({ "error": text }))
                }
                [values @ .., Value::String(last)] if last == NONCE => written(json!({ "values": values })),
                values => written(json!({ "values": values, "nonce": "none" })),
            };
            values += usize::from(matches!(answer, RedisAnswer::Values { .. }));
            assert_eq!(text(&answer, &call(name)), (200, (*body).to_owned()), "{situation}");
        }
        assert!(errors >= 25 && values >= 15, "{errors} errors, {values} arrays in the table");
    }

    #[test]
    fn as_upstash_answers() {
        let call = json!(["EVALSHA", "x", "1", "k", "a\"/", NONCE]).to_string().into_bytes();
        let answer = written(json!({ "values": [1, "a", null] }));
        assert_eq!(text(&answer, &call), (200, format!(r#"{{"result":[1,"a",null,"{NONCE}"]}}"#)));
        let answer = written(json!({ "error": "OOM command not allowed" }));
        assert_eq!(text(&answer, &call), (400, r#"{"error":"OOM command not allowed"}"#.to_owned()));
    }

    #[test]
    fn a_nonce_that_is_not_the_calls() {
        let answer = written(json!({ "values": [1], "nonce": "another" }));
        assert_eq!(text(&answer, &call("EVAL")), (200, format!(r#"{{"EVAL":[1,"{ANOTHER}"]}}"#)));
        let answer = RedisAnswer::Values { values: vec![json!(1)], nonce: Nonce::None };
        assert_eq!(text(&answer, &call("EVAL")), (200, r#"{"EVAL":[1]}"#.to_owned()));
    }

    #[test]
    fn what_is_no_command_is_forbidden() {
        for call in [&b""[..], b"/", b"[1]", b"[", b"%ff/x"] {
            assert_eq!(
                written(json!({ "error": "x" })).to(call),
                (403, Vec::new()),
                "{}",
                call.escape_ascii()
            );
        }
    }

    #[test]
    fn as_it_was_read_so_it_is_written() {
        for yaml in [json!({ "values": [1, "a", null], "nonce": "another" }), json!({ "error": "OOM" })] {
            assert_eq!(serde_json::to_value(written(yaml.clone())).unwrap(), yaml);
        }
    }

    #[test]
    fn only_one_of_the_forms() {
        for yaml in [
            json!({}),
            json!({ "values": [], "error": "x" }),
            json!({ "error": "x", "nonce": "own" }),
            json!({ "nonce": "another" }),
            json!({ "values": [], "nonce": "mine" }),
            json!({ "value": [] }),
        ] {
            assert!(serde_json::from_value::<RedisAnswer>(yaml.clone()).is_err(), "{yaml}");
        }
    }

    #[test]
    fn calls_are_compared_without_their_nonces() {
        let hidden = |body: &str| {
            let mut body = body.as_bytes().to_vec();
            hide_nonce(&mut body);
            String::from_utf8(body).unwrap()
        };
        let zeros = "0".repeat(32);
        // The id of the request is the same text here: only the last one is a nonce.
        let body = |nonce: &str| format!("EVALSHA/x/1/k/{NONCE}/{nonce}");
        assert_eq!(hidden(&body(NONCE)), body(&zeros));
        let body = |nonce: &str| json!(["EVAL", "x", "0", nonce]).to_string();
        assert_eq!(hidden(&body(NONCE)), body(&zeros));
        for other in ["", "EVAL", "GET/0123456789abcdef0123456789abcdef", "EVAL/x/0/short", "{}"] {
            assert_eq!(hidden(other), other);
        }
        let upper = body(&NONCE.to_uppercase());
        assert_eq!(hidden(&upper), upper);
    }
}
