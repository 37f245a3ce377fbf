//! Webdis 0.1: `POST /` with the command and its arguments between slashes; the answer is an object with the command as
//! its only key. Errors of Redis come with status 200 as `[false, "<error>"]`.

use super::{BackendError, Value, flat};
use std::collections::BTreeMap;

/// Percent-encodes whatever Webdis or an HTTP parser could read as something else: `?` ends the command, `+` is a space,
/// a dot begins the format of the answer.
pub(super) fn encode<'p>(parts: impl Iterator<Item = &'p str>) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut body = Vec::with_capacity(256);
    for part in parts {
        if !body.is_empty() {
            body.push(b'/');
        }
        for &byte in part.as_bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-') {
                body.push(byte);
            } else {
                body.push(b'%');
                for nibble in [byte >> 4, byte & 0xf] {
                    body.extend(HEX.get(usize::from(nibble)));
                }
            }
        }
    }
    body
}

pub(super) fn decode(command: &str, body: &[u8]) -> Result<Vec<Value>, BackendError> {
    let mut object: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|_| BackendError::Malformed)?;
    let answer = object.remove(command).filter(|_| object.is_empty());
    match answer {
        Some(serde_json::Value::Array(values)) => match values.as_slice() {
            [serde_json::Value::Bool(false), serde_json::Value::String(error)] => {
                Err(BackendError::of_redis(error))
            }
            _ => flat(values),
        },
        _ => Err(BackendError::Malformed),
    }
}
