//! The REST dialect of Upstash, which serverless-redis-http speaks, too: `POST /` with the command and its arguments as a
//! JSON array; the answer is `{"result": …}` or `{"error": "…"}`.

use super::{BackendError, Value, flat};

pub(super) fn encode<'p>(parts: impl Iterator<Item = &'p str>) -> Vec<u8> {
    let parts: Vec<&str> = parts.collect();
    // Strings always serialise.
    serde_json::to_vec(&parts).unwrap_or_default()
}

pub(super) fn decode(body: &[u8]) -> Result<Vec<Value>, BackendError> {
    match serde_json::from_slice(body) {
        Ok(serde_json::Value::Object(mut object)) => {
            match (object.remove("result"), object.remove("error")) {
                (Some(serde_json::Value::Array(values)), None) => flat(values),
                (None, Some(serde_json::Value::String(error))) => Err(BackendError::of_redis(&error)),
                _ => Err(BackendError::Malformed),
            }
        }
        _ => Err(BackendError::Malformed),
    }
}
