//! One request as it is written in a case or a line of traffic: what is sent, what the upstream and the
//! call-outs answer, what must come of it. `README.md` is its manual.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use recorder::{RedisAnswer, Scripted};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::expect::Expect;
use crate::request::{Protocol, Request};
use crate::text::{self, Text};

pub use recorder::Fault;

/// One request, what the upstream answers to it and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Names the request in every output; unique in a traffic file.
    pub id: Option<String>,
    /// When it arrives, in ms of virtual time since the start.
    pub t_ms: Option<u64>,
    /// The client's address, `ip:port`.
    pub src: Option<SocketAddr>,
    #[serde(default = "get")]
    pub(crate) method: String,
    #[serde(default = "root")]
    pub(crate) path: Text,
    #[serde(default = "authority")]
    pub(crate) authority: Text,
    #[serde(default)]
    pub(crate) scheme: Scheme,
    #[serde(default = "one")]
    pub(crate) http: u8,
    #[serde(default)]
    pub(crate) headers: Vec<(String, Text)>,
    /// Absent: the head ends the request.
    pub(crate) body: Option<Text>,
    pub(crate) chunks: Option<Vec<usize>>,
    #[serde(default)]
    pub(crate) trailers: Vec<(String, Text)>,
    pub(crate) raw: Option<Text>,
    /// Attributes by dotted path, over what the host knows itself.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
    #[serde(default)]
    pub(crate) response: Answer,
    /// Answers to the call-outs of this request, in order per cluster and path: the last repeats, none means
    /// that the connection is refused.
    #[serde(default)]
    pub callouts: Vec<CallOut>,
    /// Commands that a real Redis is given before the request.
    #[serde(default)]
    pub(crate) redis: Vec<Vec<String>>,
    /// What must be observed.
    pub expect: Option<Expect>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    #[default]
    Http,
    Https,
}

/// The upstream's answer, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: Vec<(String, Text)>,
    #[serde(default = "ok_body")]
    pub(crate) body: Text,
    #[serde(default)]
    pub(crate) trailers: Vec<(String, Text)>,
    #[serde(default)]
    pub(crate) delay_ms: u64,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: ok(), headers: Vec::new(), body: ok_body(), trailers: Vec::new(), delay_ms: 0 }
    }
}

fn get() -> String {
    "GET".to_owned()
}
fn root() -> Text {
    "/".into()
}
fn authority() -> Text {
    "api.example.com".into()
}
fn one() -> u8 {
    1
}
fn ok() -> u16 {
    200
}
fn ok_body() -> Text {
    "ok\n".into()
}

/// What a cluster answers to one call-out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallOut {
    /// The cluster that is called.
    pub cluster: String,
    /// `:path` of the call, its query included.
    pub path: Text,
    /// Status of the answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: Vec<(String, Text)>,
    /// Body of the answer; empty when absent.
    #[serde(default)]
    pub body: Text,
    /// What Redis answers, instead of a status and a body.
    pub redis: Option<RedisAnswer>,
    /// Trailers of the answer.
    #[serde(default)]
    pub trailers: Vec<(String, Text)>,
    /// How long the answer takes.
    #[serde(default)]
    pub delay_ms: u64,
    /// What goes wrong instead.
    pub fault: Option<Fault>,
}

impl CallOut {
    /// The answer, for whoever plays the cluster.
    ///
    /// # Errors
    /// It holds something no cluster of ours can send, see [`recorder::Response`], or contradicts itself.
    pub fn scripted(&self) -> Result<Scripted> {
        let mut response = response(self.status, &self.headers, &self.body, &self.trailers, self.delay_ms)?;
        if let Some(answer) = &self.redis {
            let alone = self.status == ok() && self.body.0.is_empty() && self.fault.is_none();
            ensure!(alone, "redis: instead of `status`, `body` and `fault`");
            response = response.redis(answer.clone());
        }
        Ok(Scripted {
            cluster: self.cluster.clone(),
            path: self.path.0.clone(),
            answer: recorder::Answer { response, fault: self.fault },
        })
    }
}

/// The answers in order.
///
/// # Errors
/// As [`CallOut::scripted`], with the place in the list.
pub fn scripted(callouts: &[CallOut]) -> Result<Vec<Scripted>> {
    let one = |(index, callout): (usize, &CallOut)| {
        callout.scripted().with_context(|| format!("callouts[{index}]"))
    };
    callouts.iter().enumerate().map(one).collect()
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// A string, or bytes.
    Bytes(Vec<u8>),
    /// An integer: the filter reads 8 bytes, little-endian.
    Integer(i64),
    /// A boolean: the filter reads one byte.
    Boolean(bool),
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropertyVisitor;
        impl<'de> Visitor<'de> for PropertyVisitor {
            type Value = Property;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, {b64: …}, an integer or a boolean")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Property, E> {
                Ok(Property::Bytes(text.as_bytes().to_vec()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Property, E> {
                Ok(Property::Integer(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Property, E> {
                i64::try_from(number).map(Property::Integer).map_err(E::custom)
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Property, E> {
                Ok(Property::Boolean(value))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Property, A::Error> {
                text::from_map(map).map(|text| Property::Bytes(text.0))
            }
        }
        deserializer.deserialize_any(PropertyVisitor)
    }
}

/// One way to split a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Pieces of this many bytes, the last one shorter.
    Every(usize),
    /// One piece.
    Whole,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(size) => write!(f, "{size}"),
            Self::Whole => f.write_str("whole"),
        }
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SplitVisitor;
        impl Visitor<'_> for SplitVisitor {
            type Value = Split;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes above 0, or `whole`")
            }
            fn visit_u64<E: Error>(self, size: u64) -> Result<Split, E> {
                match usize::try_from(size) {
                    Ok(size) if size > 0 => Ok(Split::Every(size)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(size), &self)),
                }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Split, E> {
                match text {
                    "whole" => Ok(Split::Whole),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(SplitVisitor)
    }
}

impl Step {
    /// The request to send, its body split as the step says, else as the case says.
    #[must_use]
    pub fn request(&self, split: Option<Split>) -> Request {
        let body = self.body.as_ref().map(|body| match (&self.chunks, split) {
            (Some(sizes), _) => pieces(&body.0, sizes.iter().copied()),
            (None, Some(Split::Every(size))) => pieces(&body.0, std::iter::repeat(size)),
            (None, Some(Split::Whole) | None) => vec![body.0.clone()],
        });
        let mut request = Request {
            method: self.method.clone(),
            path: self.path.0.clone(),
            authority: self.authority.0.clone(),
            scheme: match self.scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
            },
            protocol: if self.http == 2 { Protocol::H2 } else { Protocol::H1 },
            headers: bytes_of(&self.headers),
            body,
            trailers: bytes_of(&self.trailers),
            chunked: false,
            raw: self.raw.as_ref().map(|raw| raw.0.clone()),
        };
        request.frame();
        request
    }

    /// The upstream's answer.
    ///
    /// # Errors
    /// It holds something no upstream of ours can send; see [`recorder::Response`].
    pub fn response(&self) -> Result<recorder::Response> {
        let answer = &self.response;
        response(answer.status, &answer.headers, &answer.body, &answer.trailers, answer.delay_ms)
    }

    /// Whether it can be sent at all.
    ///
    /// # Errors
    /// Names the member that contradicts another or that cannot be sent.
    pub fn check(&self, case_splits: bool) -> Result<()> {
        ensure!(matches!(self.http, 1 | 2), "http: {} is neither 1 nor 2", self.http);
        ensure!(self.raw.is_none() || self.http == 1, "raw: bytes of HTTP/1 only");
        if let Some(sizes) = &self.chunks {
            ensure!(!case_splits, "chunks: the case has chunks too");
            ensure!(!sizes.contains(&0), "chunks: 0 bytes would end the body");
            let length = self.body.as_ref().map_or(0, |body| body.0.len());
            if sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size)) > length {
                bail!("chunks: more than the {length} bytes of the body");
            }
        }
        ensure!(self.redis.iter().all(|words| !words.is_empty()), "redis: a command of no words");
        scripted(&self.callouts)?;
        self.response().context("response").map(drop)
    }
}

fn response(
    status: u16,
    headers: &[(String, Text)],
    body: &Text,
    trailers: &[(String, Text)],
    delay_ms: u64,
) -> Result<recorder::Response> {
    let delay = Duration::from_millis(delay_ms);
    let mut response = recorder::Response::new(status, body.0.clone())?.delay(delay);
    for (name, value) in headers {
        response = response.header(name, &value.0)?;
    }
    for (name, value) in trailers {
        response = response.trailer(name, &value.0)?;
    }
    Ok(response)
}

/// Consecutive pieces of these sizes; what is left over is the last piece.
fn pieces(body: &[u8], sizes: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes {
        match rest.split_at_checked(size) {
            Some((piece, left)) if !left.is_empty() => {
                pieces.push(piece.to_vec());
                rest = left;
            }
            _ => break,
        }
    }
    pieces.push(rest.to_vec());
    pieces
}

fn bytes_of(pairs: &[(String, Text)]) -> recorder::Headers {
    pairs.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_body_is_split_without_loss() {
        assert_eq!(pieces(b"abcdefg", std::iter::repeat(3)), [&b"abc"[..], b"def", b"g"]);
        assert_eq!(pieces(b"abcdef", std::iter::repeat(3)), [&b"abc"[..], b"def"]);
        assert_eq!(pieces(b"abcdefg", [1, 2].into_iter()), [&b"a"[..], b"bc", b"defg"]);
        assert_eq!(pieces(b"", std::iter::repeat(3)), [&b""[..]]);
    }
}
