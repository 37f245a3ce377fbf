//! Webdis 0.1: `POST /` with the command and its arguments between slashes; the answer is an object with the command as
//! its only key. Errors of Redis come with status 200 as `[false, "<error>"]`.

use super::{BackendError, Value, flat};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

/// Whatever Webdis or an HTTP parser could read as something else: `?` ends the command, `+` is a space, a dot begins the
/// format of the answer.
const READ_OTHERWISE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b':').remove(b'-');

pub(super) fn encode<'p>(parts: impl Iterator<Item = &'p str>) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    for (i, part) in parts.enumerate() {
        if i > 0 {
            body.push(b'/');
        }
        utf8_percent_encode(part, READ_OTHERWISE).for_each(|piece| body.extend_from_slice(piece.as_bytes()));
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
