//! The members of a result, written straight from what the host hands out, masked on the way.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use proxy_wasm_host::{CallOut, Exchange, HeaderMap, LogLine, Metric, UpstreamRequest};
use serde::Serialize;
use serde::ser::Serializer;

use crate::replay::outcome::Instance;
use crate::traffic::{Bytes, Found, Redactor};

/// What hides secrets, and those of this request so far.
#[derive(Clone, Copy)]
pub(in crate::replay) struct Mask<'a> {
    pub(in crate::replay) redactor: &'a Redactor,
    pub(in crate::replay) found: &'a RefCell<Found>,
}

impl<'a> Mask<'a> {
    fn header(self, name: &[u8], value: &'a [u8]) -> Shown<'a> {
        let name = String::from_utf8_lossy(name);
        let masked = self.redactor.header(&name, value, &mut self.found.borrow_mut());
        self.without_echoes(masked)
    }

    fn without_echoes(self, value: Cow<'a, [u8]>) -> Shown<'a> {
        Shown(match value {
            Cow::Borrowed(bytes) => self.redactor.echoes(bytes, &self.found.borrow()),
            Cow::Owned(bytes) => Cow::Owned(self.redactor.echoes(&bytes, &self.found.borrow()).into_owned()),
        })
    }

    pub(in crate::replay) fn text(self, text: &'a [u8]) -> Shown<'a> {
        Shown(self.redactor.text(text, &self.found.borrow()))
    }
}

/// A value as it may be shown: a string, or `{"b64": …}`.
pub(in crate::replay) struct Shown<'a>(pub(in crate::replay) Cow<'a, [u8]>);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes(&self.0).serialize(serializer)
    }
}

/// `[[name, value], …]`, pseudo headers left out.
pub(super) struct Fields<'a> {
    map: Option<&'a HeaderMap>,
    /// `:authority` comes first, as the `host` that a server reads over HTTP/1.
    host: bool,
    mask: Mask<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: Option<&'a HeaderMap>, mask: Mask<'a>) -> Self {
        Self { map, host: false, mask }
    }

    fn of_request(map: &'a HeaderMap, mask: Mask<'a>) -> Self {
        Self { map: Some(map), host: true, mask }
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let authority = self.map.filter(|_| self.host).and_then(|map| map.get(b":authority"));
        let host = authority.map(|value| (Bytes(b"host"), self.mask.header(b":authority", value)));
        let fields = self.map.into_iter().flat_map(HeaderMap::regular);
        let fields = fields.map(|(name, value)| (Bytes(name), self.mask.header(name, value)));
        serializer.collect_seq(host.into_iter().chain(fields))
    }
}

/// A body, masked as its headers say.
pub(super) struct Body<'a> {
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) body: &'a [u8],
    pub(super) mask: Mask<'a>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Mask { redactor, found } = self.mask;
        let content_type = self.headers.and_then(|headers| headers.get(b"content-type"));
        let masked = redactor.body(content_type, self.body, &mut found.borrow_mut());
        self.mask.without_echoes(masked).serialize(serializer)
    }
}

/// What reached the upstream.
#[derive(Serialize)]
pub(super) struct Upstream<'a> {
    method: Shown<'a>,
    path: Shown<'a>,
    headers: Fields<'a>,
    body: Body<'a>,
    trailers: Fields<'a>,
    complete: bool,
}

impl<'a> Upstream<'a> {
    pub(super) fn new(request: &'a UpstreamRequest, mask: Mask<'a>) -> Self {
        let headers = &request.headers;
        Self {
            method: pseudo(headers, b":method", mask),
            path: pseudo(headers, b":path", mask),
            headers: Fields::of_request(headers, mask),
            body: Body { headers: Some(headers), body: &request.body, mask },
            trailers: Fields::new(request.trailers.as_ref(), mask),
            complete: request.complete,
        }
    }
}

fn pseudo<'a>(headers: &'a HeaderMap, name: &[u8], mask: Mask<'a>) -> Shown<'a> {
    mask.header(name, headers.get(name).unwrap_or_default())
}

/// `[{"cluster": …, "method": …, "path": …, "headers": …, "body": …}, …]`
pub(super) struct CallOuts<'a> {
    pub(super) made: &'a [CallOut],
    pub(super) mask: Mask<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    cluster: &'a str,
    method: Shown<'a>,
    path: Shown<'a>,
    headers: Fields<'a>,
    body: Body<'a>,
}

impl Serialize for CallOuts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mask = self.mask;
        serializer.collect_seq(self.made.iter().map(|CallOut { cluster, headers, body, .. }| Called {
            cluster,
            method: pseudo(headers, b":method", mask),
            path: pseudo(headers, b":path", mask),
            headers: Fields::of_request(headers, mask),
            body: Body { headers: Some(headers), body, mask },
        }))
    }
}

/// `[{"instance": …, "reason": …}, …]`, in filter order.
pub(super) struct Shadow<'a> {
    pub(super) exchange: Option<&'a Exchange>,
    pub(super) instances: &'a [Instance],
    pub(super) mask: Mask<'a>,
}

#[derive(Serialize)]
struct Shadowed<'a> {
    instance: &'a str,
    reason: Shown<'a>,
}

impl Serialize for Shadow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { exchange, instances, mask } = *self;
        let pairs =
            exchange.into_iter().flat_map(|exchange| instances.iter().map(move |one| (exchange, one)));
        serializer.collect_seq(pairs.flat_map(|(exchange, instance)| {
            let shown = move |reason| Shadowed { instance: &instance.name, reason: mask.text(reason) };
            instance.shadow(exchange).map(shown)
        }))
    }
}

/// `[{"level": …, "prefix": …, "text": …}, …]`
pub(super) struct Logs<'a> {
    pub(super) lines: &'a [LogLine],
    pub(super) mask: Mask<'a>,
}

#[derive(Serialize)]
struct Logged<'a> {
    level: &'static str,
    prefix: &'a str,
    text: Shown<'a>,
}

impl Serialize for Logs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.lines.iter().map(|line| Logged {
            level: line.level.as_str(),
            prefix: &line.prefix,
            text: self.mask.text(line.text.as_bytes()),
        }))
    }
}

/// A list of texts.
pub(super) struct Texts<'a> {
    pub(super) texts: Vec<String>,
    pub(super) mask: Mask<'a>,
}

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.texts.iter().map(|text| {
            let Mask { redactor, found } = self.mask;
            Shown(redactor.text(text.as_bytes(), &found.borrow()))
        }))
    }
}

/// Metrics by name: a number, or of a histogram how many values were recorded and their sum.
pub(super) struct Values<'a>(pub(super) &'a BTreeMap<&'a str, Metric>);

#[derive(Serialize)]
#[serde(untagged)]
enum Measured {
    Value(u64),
    Histogram { count: u64, sum: u64 },
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, metric)| {
            let measured = match metric.count {
                0 => Measured::Value(metric.value),
                count => Measured::Histogram { count, sum: metric.value },
            };
            (name, measured)
        }))
    }
}
