//! HTTP messages as a filter sees them: an ordered multi-map of bytes, nothing decoded, nothing merged.

use crate::effect::HeaderOp;
use std::ops::Range;

/// Header fields in order, names lower-case, values as bytes, duplicates kept. Pseudo header fields
/// (`:method`, `:path`, …) come first, as in HTTP/2.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// The same fields in the same order, however they are laid out in memory.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

#[derive(Debug, Clone)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

impl Headers {
    /// Builds a map from pairs; names are lower-cased.
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }

    /// Decodes the serialised pairs of proxy-wasm (`PairsUtil` in proxy-wasm-cpp-host): a count, the lengths
    /// of every name and value, then the bytes, each followed by a NUL; integers are 32-bit little-endian.
    /// `None` when the bytes are not that.
    #[must_use]
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let word = |at: usize| -> Option<usize> {
            let end = at.checked_add(4)?;
            let word: [u8; 4] = bytes.get(at..end)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(word)).ok()
        };
        let count = word(0)?;
        let lengths_end = count.checked_mul(8)?.checked_add(4)?;
        if lengths_end > bytes.len() {
            return None;
        }
        let mut fields = Vec::with_capacity(count);
        let mut start = lengths_end;
        let mut next = |length: usize| -> Option<Range<usize>> {
            let end = start.checked_add(length)?;
            if bytes.get(end)? != &0 {
                return None;
            }
            let range = start..end;
            start = end.checked_add(1)?;
            Some(range)
        };
        for lengths in (4..lengths_end).step_by(8) {
            fields.push(Field { name: next(word(lengths)?)?, value: next(word(lengths.checked_add(4)?)?)? });
        }
        (start == bytes.len()).then_some(Self { bytes, fields })
    }

    /// The opposite of [`Self::decode`], for any pairs.
    pub fn encode<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
        let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let mut out = word(pairs.clone().count()).to_vec();
        for (name, value) in pairs.clone() {
            out.extend(word(name.len()));
            out.extend(word(value.len()));
        }
        for (name, value) in pairs {
            for part in [name, value] {
                out.extend_from_slice(part);
                out.push(0);
            }
        }
        out
    }

    /// Appends a field; the name is lower-cased.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend(name.iter().map(u8::to_ascii_lowercase));
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.fields.push(Field { name: start..middle, value: middle..self.bytes.len() });
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.slice(&field.name), self.slice(&field.value)))
    }

    /// The values of one field (name in lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// The first value of one field (name in lower case).
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// The number of fields, pseudo header fields included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field. A request never has none: see [`Self::len`]'s callers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Performs a header operation as Envoy does: `Set` replaces the first value and drops the others, or
    /// adds; `Remove` of a missing field does nothing.
    pub fn apply(&mut self, op: &HeaderOp) {
        let (name, set) = match op {
            HeaderOp::Add(name, value) => {
                self.push(name.as_str().as_bytes(), value.as_bytes());
                return;
            }
            HeaderOp::Set(name, value) => (name.as_str().as_bytes(), Some(value.as_bytes())),
            HeaderOp::SetPath(path) => (b":path".as_slice(), Some(path.as_slice())),
            HeaderOp::Remove(name) => (name.as_str().as_bytes(), None),
        };
        let mut set = set;
        let mut changed = Self::default();
        for (other, value) in self.iter() {
            if other != name {
                changed.push(other, value);
            } else if let Some(value) = set.take() {
                changed.push(name, value);
            }
        }
        if let Some(value) = set {
            changed.push(name, value);
        }
        *self = changed;
    }

    /// `content-length` in bytes (RFC 9110 section 8.6: digits only). What is none is left to whoever counts.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let text = std::str::from_utf8(self.first("content-length")?).ok()?;
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }

    /// Whether this is a gRPC message: `application/grpc` or `application/grpc+…`, as Envoy decides
    /// (`Grpc::Common::hasGrpcContentType`); `application/grpc-web` is plain HTTP until translated.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        const GRPC: &[u8] = b"application/grpc";
        self.first("content-type").is_some_and(|value| {
            value.starts_with(GRPC) && matches!(value.get(GRPC.len()), None | Some(b'+'))
        })
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// The head of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// All fields, pseudo header fields included.
    pub headers: &'a Headers,
    /// Whether neither body nor trailers follow.
    pub end_of_stream: bool,
}

impl<'a> RequestHead<'a> {
    /// Whether it is what a browser asks before it sends a credential: a CORS preflight (Fetch standard section 4.8).
    #[must_use]
    pub fn is_preflight(&self) -> bool {
        self.method() == b"OPTIONS"
            && self.headers.first("origin").is_some()
            && self.headers.first("access-control-request-method").is_some()
    }

    /// `:method`; empty only when the host sent no map at all.
    #[must_use]
    pub fn method(&self) -> &'a [u8] {
        self.headers.first(":method").unwrap_or_default()
    }

    /// `:path` with its query; `None` for CONNECT.
    #[must_use]
    pub fn path(&self) -> Option<&'a [u8]> {
        self.headers.first(":path")
    }

    /// `:authority`, to which Envoy maps `Host`.
    #[must_use]
    pub fn authority(&self) -> &'a [u8] {
        self.headers.first(":authority").unwrap_or_default()
    }

    /// [`Headers::content_length`].
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.headers.content_length()
    }

    /// `:scheme` as Envoy determined it (transport, or a trusted `x-forwarded-proto`).
    #[must_use]
    pub fn scheme(&self) -> &'a [u8] {
        self.headers.first(":scheme").unwrap_or_default()
    }
}

/// The head of a response.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// All fields, `:status` included. Empty when the host could not hand them over.
    pub headers: &'a Headers,
    /// Whether neither body nor trailers follow.
    pub end_of_stream: bool,
}
