//! The key of a request: what tells it apart for one limit.
//!
//! Keys are compared as bytes: of each part a kind, a length and the value, so that no two lists of parts read the same.

use crate::config::KeySource;
use filter_core::address::{self, network};
use filter_core::config::At;
use filter_core::matcher::canonical_host;
use filter_core::message::{Headers, RequestHead};
use filter_core::names::claim;
use filter_core::pairs;
use filter_core::policy::Cx;
use filter_core::target::Target;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

/// A request, as keys are read from it.
pub(crate) struct Request<'a> {
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) target: &'a Target<'a>,
    /// Name of the rule that applies.
    pub(crate) rule: &'a str,
    pub(crate) trusted_hops: Option<u64>,
    pub(crate) cx: &'a dyn Cx,
    client: OnceCell<Option<IpAddr>>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        head: &'a RequestHead<'a>,
        target: &'a Target<'a>,
        rule: &'a str,
        trusted_hops: Option<u64>,
        cx: &'a dyn Cx,
    ) -> Self {
        Self { head, target, rule, trusted_hops, cx, client: OnceCell::new() }
    }

    /// The address of the client, asked for once.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        *self.client.get_or_init(|| address::of(self.head.headers, self.trusted_hops, self.cx))
    }
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The request has no such thing.
    Missing,
    /// It has it twice, or in a form that others may read otherwise: all such requests are one client.
    Ambiguous,
    /// It has this.
    Value(Cow<'a, [u8]>),
}

/// The key of a request for one limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Key {
    pub(crate) bytes: Vec<u8>,
    /// A part is missing.
    pub(crate) incomplete: bool,
    /// A part is ambiguous.
    pub(crate) ambiguous: bool,
}

const MISSING: u8 = 0;
const AMBIGUOUS: u8 = 1;
const VALUE: u8 = 2;

impl Key {
    /// The key by these sources.
    pub(crate) fn of(sources: &[KeySource], request: &Request<'_>) -> Self {
        let mut key = Self::default();
        for source in sources {
            key.push(&part(source, request));
        }
        key
    }

    /// The key that a configuration writes as these texts, one for each source. `None`: an error was reported.
    pub(crate) fn written(sources: &[KeySource], texts: &[String], at: &At<'_>) -> Option<Self> {
        let mut key = Self::default();
        let mut sound = true;
        for (i, (source, text)) in sources.iter().zip(texts).enumerate() {
            sound &= key.push_written(source, text, &at.index(i)).is_some();
        }
        sound.then_some(key)
    }

    /// Adds a part as a configuration writes it. `None`: an error was reported.
    pub(crate) fn push_written(&mut self, source: &KeySource, text: &str, at: &At<'_>) -> Option<()> {
        match written(source, text) {
            Ok(value) => {
                self.push(&Part::Value(value));
                Some(())
            }
            Err(message) => {
                at.error(message);
                None
            }
        }
    }

    fn push(&mut self, part: &Part<'_>) {
        let (kind, value) = match part {
            Part::Missing => {
                self.incomplete = true;
                (MISSING, &[][..])
            }
            Part::Ambiguous => {
                self.ambiguous = true;
                (AMBIGUOUS, &[][..])
            }
            Part::Value(value) => (VALUE, value.as_ref()),
        };
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// The parts again.
    pub(crate) fn parts(mut bytes: &[u8]) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        while let Some((kind, rest)) = bytes.split_first()
            && let Some((length, rest)) = rest.split_first_chunk::<4>()
            && let Ok(length) = usize::try_from(u32::from_le_bytes(*length))
            && let Some((value, rest)) = rest.split_at_checked(length)
        {
            parts.push(match *kind {
                VALUE => Part::Value(Cow::Borrowed(value)),
                AMBIGUOUS => Part::Ambiguous,
                _ => Part::Missing,
            });
            bytes = rest;
        }
        parts
    }
}

fn part<'a>(source: &'a KeySource, request: &'a Request<'_>) -> Part<'a> {
    let head = request.head;
    let value = |value: &'a [u8]| Part::Value(Cow::Borrowed(value));
    match source {
        KeySource::Address { v4, v6 } => match request.client() {
            Some(client) => Part::Value(network(client, *v4, *v6).to_be_bytes().to_vec().into()),
            None => Part::Missing,
        },
        KeySource::Header(name) => {
            only(head.headers.all(name.as_str()).map(|value| Some(Cow::Borrowed(value.trim_ascii()))))
        }
        KeySource::Cookie(name) => only(cookies(head.headers, name)),
        KeySource::Query(name) => only(parameters(request.target.query().unwrap_or_default(), name)),
        KeySource::Claim(name) => match claim(request.cx, name) {
            Some(claim) if !claim.is_empty() => Part::Value(claim.into()),
            _ => Part::Missing,
        },
        KeySource::Method => value(head.method()),
        KeySource::Host => value(request.target.host.as_bytes()),
        KeySource::Path => request.target.matched().map_or(Part::Missing, |path| value(path.as_bytes())),
        KeySource::Route => value(request.rule.as_bytes()),
        KeySource::Constant(text) => value(text.as_bytes()),
    }
}

/// One value, or why there is none. `None` of a value: it has no single reading. An empty one is none at all.
fn only<'a>(values: impl Iterator<Item = Option<Cow<'a, [u8]>>>) -> Part<'a> {
    let mut found = Part::Missing;
    for value in values {
        found = match (found, value) {
            (Part::Missing, Some(value)) if value.is_empty() => Part::Missing,
            (Part::Missing, Some(value)) => Part::Value(value),
            // A second one, an empty one included: servers disagree which of two counts.
            _ => return Part::Ambiguous,
        };
    }
    found
}

/// Values of a cookie. One in quotes has two readings: servers disagree whether they belong to it.
fn cookies<'a>(headers: &'a Headers, name: &'a str) -> impl Iterator<Item = Option<Cow<'a, [u8]>>> {
    let own = pairs::all_cookies(headers).map(pairs::cookie).filter(|(own, _)| *own == name.as_bytes());
    own.map(|(_, value)| (!value.starts_with(b"\"")).then_some(Cow::Borrowed(value)))
}

/// Values of a parameter, decoded once. What a bad encoding leaves has no single reading.
fn parameters<'a>(query: &'a [u8], name: &'a str) -> impl Iterator<Item = Option<Cow<'a, [u8]>>> {
    let own = pairs::parameters(query).map(pairs::split);
    let own = own.filter(|(own, _)| pairs::decoded(own).as_ref() == name.as_bytes());
    own.map(|(_, value)| Some(pairs::decoded(value)).filter(|value| !value.contains(&b'%')))
}

/// The value of a part as a configuration writes it, in the form in which requests have it.
fn written<'t>(source: &KeySource, text: &'t str) -> Result<Cow<'t, [u8]>, &'static str> {
    match source {
        KeySource::Address { v4, v6 } => {
            let address: IpAddr = text.parse().map_err(|_| "not an address")?;
            let network = network(address, *v4, *v6);
            if network != address::number(address) {
                return Err("the address has bits beyond the prefix of the key; write the first address");
            }
            Ok(network.to_be_bytes().to_vec().into())
        }
        KeySource::Host if canonical_host(text.as_bytes()).as_deref() != Some(text) => {
            Err("not a host as rules match it: lower case, without port")
        }
        KeySource::Path if !text.starts_with('/') => Err("must start with /"),
        _ => Ok(Cow::Borrowed(text.as_bytes())),
    }
}
