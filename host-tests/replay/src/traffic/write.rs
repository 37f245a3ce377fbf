//! Items as JSON Lines: what was read in any format, in the one that says all.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use recorder::RedisAnswer;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::headers::List;
use super::{Exchange, Item};
use crate::step::{Answer, CallOut, Fault, Property, Scheme};

/// Writes an item as a line that reads as the same item, its id and its time in whole milliseconds included.
/// What a step expects is not written.
///
/// # Errors
/// Of the writer.
pub fn write_item(out: &mut impl Write, item: &Item) -> io::Result<()> {
    match item {
        Item::Exchange(exchange) => serde_json::to_writer(&mut *out, &line(exchange))?,
        Item::Setup(setup) => {
            let callouts = setup.callouts.iter().map(call_out).collect();
            serde_json::to_writer(&mut *out, &SetupLine { setup: SetupBody { callouts } })?;
        }
    }
    out.write_all(b"\n")
}

/// A string where the bytes are one, else `{"b64": …}`.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("b64", &STANDARD.encode(self.0))?;
                map.end()
            }
        }
    }
}

type Pairs<'a> = Vec<(&'a str, Bytes<'a>)>;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    t_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<SocketAddr>,
    scheme: &'static str,
    http: u8,
    method: &'a str,
    authority: Bytes<'a>,
    path: Bytes<'a>,
    headers: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<&'a [usize]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trailers: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<&'a str, Value<'a>>,
    response: Response<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    callouts: Vec<CallOutObject<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Bytes(Bytes<'a>),
    Integer(i64),
    Boolean(bool),
}

#[derive(Serialize)]
struct Response<'a> {
    status: u16,
    headers: Pairs<'a>,
    body: Bytes<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trailers: Pairs<'a>,
    delay_ms: u64,
}

#[derive(Serialize)]
struct CallOutObject<'a> {
    cluster: &'a str,
    path: Bytes<'a>,
    #[serde(flatten)]
    response: Response<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'a RedisAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
}

#[derive(Serialize)]
struct SetupLine<'a> {
    setup: SetupBody<'a>,
}

#[derive(Serialize)]
struct SetupBody<'a> {
    callouts: Vec<CallOutObject<'a>>,
}

fn pairs(list: &List) -> Pairs<'_> {
    list.iter().map(|(name, value)| (name.as_str(), Bytes(&value.0))).collect()
}

fn line(exchange: &Exchange) -> Line<'_> {
    let step = &exchange.step;
    Line {
        id: &exchange.id,
        t_ms: exchange.at.as_millis(),
        src: step.src,
        scheme: match step.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        },
        http: step.http,
        method: &step.method,
        authority: Bytes(&step.authority.0),
        path: Bytes(&step.path.0),
        headers: pairs(&step.headers),
        body: step.body.as_ref().map(|body| Bytes(&body.0)),
        chunks: step.chunks.as_deref(),
        trailers: pairs(&step.trailers),
        raw: step.raw.as_ref().map(|raw| Bytes(&raw.0)),
        properties: step.properties.iter().map(|(name, value)| (name.as_str(), property(value))).collect(),
        response: response(&step.response),
        callouts: step.callouts.iter().map(call_out).collect(),
    }
}

fn property(property: &Property) -> Value<'_> {
    match property {
        Property::Bytes(bytes) => Value::Bytes(Bytes(bytes)),
        Property::Integer(number) => Value::Integer(*number),
        Property::Boolean(value) => Value::Boolean(*value),
    }
}

fn response(answer: &Answer) -> Response<'_> {
    Response {
        status: answer.status,
        headers: pairs(&answer.headers),
        body: Bytes(&answer.body.0),
        trailers: pairs(&answer.trailers),
        delay_ms: answer.delay_ms,
    }
}

fn call_out(callout: &CallOut) -> CallOutObject<'_> {
    CallOutObject {
        cluster: &callout.cluster,
        path: Bytes(&callout.path.0),
        response: Response {
            status: callout.status,
            headers: pairs(&callout.headers),
            body: Bytes(&callout.body.0),
            trailers: pairs(&callout.trailers),
            delay_ms: callout.delay_ms,
        },
        redis: callout.redis.as_ref(),
        fault: callout.fault.map(|fault| match fault {
            Fault::Refused => "refused",
            Fault::Timeout => "timeout",
            Fault::Reset => "reset",
            Fault::Truncated => "truncated",
            Fault::Stalled => "stalled",
            Fault::Garbage => "garbage",
        }),
    }
}
