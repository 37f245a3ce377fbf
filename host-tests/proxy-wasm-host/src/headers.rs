//! Header maps as Envoy keeps them (`source/common/http/header_map_impl.cc`): in order, pseudo headers first,
//! names in lower case, and some names ("inline headers") with one field only, whose values are joined.

/// Which map: the inline headers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Headers of a request, to a gateway or in a call-out.
    #[default]
    Request,
    /// Headers of a response.
    Response,
    /// Trailers of either.
    Trailers,
}

/// Request headers that Envoy 1.40 keeps in one field. It logs the list at its start ("request header map").
const INLINE_IN_REQUESTS: [&[u8]; 42] = [
    b":authority",
    b":method",
    b":path",
    b":protocol",
    b":scheme",
    b"accept",
    b"accept-encoding",
    b"access-control-request-headers",
    b"access-control-request-method",
    b"access-control-request-private-network",
    b"authentication",
    b"authorization",
    b"cache-control",
    b"cdn-loop",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"grpc-accept-encoding",
    b"grpc-timeout",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"keep-alive",
    b"origin",
    b"pragma",
    b"proxy-connection",
    b"proxy-status",
    b"referer",
    b"te",
    b"transfer-encoding",
    b"user-agent",
    b"via",
    b"x-client-trace-id",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-request-id",
];

/// The same for responses.
const INLINE_IN_RESPONSES: [&[u8]; 28] = [
    b":status",
    b"access-control-allow-credentials",
    b"access-control-allow-headers",
    b"access-control-allow-methods",
    b"access-control-allow-origin",
    b"access-control-allow-private-network",
    b"access-control-expose-headers",
    b"access-control-max-age",
    b"age",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"date",
    b"etag",
    b"expires",
    b"grpc-message",
    b"grpc-status",
    b"keep-alive",
    b"last-modified",
    b"location",
    b"proxy-status",
    b"server",
    b"transfer-encoding",
    b"vary",
    b"via",
    b"x-request-id",
];

/// The same for trailers.
const INLINE_IN_TRAILERS: [&[u8]; 2] = [b"grpc-message", b"grpc-status"];

/// A map of names in lower case to values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderMap {
    kind: Kind,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many pseudo headers lead.
    pseudo: usize,
}

impl HeaderMap {
    /// An empty map.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, fields: Vec::new(), pseudo: 0 }
    }

    /// A map of these fields, joined as Envoy joins them.
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        kind: Kind,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut map = Self::new(kind);
        for (name, value) in pairs {
            map.add(name.as_ref(), value.as_ref());
        }
        map
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.fields.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The fields that are no pseudo headers.
    pub fn regular(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.iter().skip(self.pseudo)
    }

    /// How many fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Bytes of all names and values.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The first value of a name in lower case; `host` is `:authority`.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let name = self.canonical(name);
        self.iter().find(|(have, _)| *have == name.as_slice()).map(|(_, value)| value)
    }

    /// All values of a name in any case, joined with commas, as Envoy's attributes show them.
    #[must_use]
    pub fn joined(&self, name: &[u8]) -> Option<Vec<u8>> {
        let name = self.canonical(name);
        let mut values = self.iter().filter(|(have, _)| *have == name.as_slice()).map(|(_, value)| value);
        let mut joined = values.next()?.to_vec();
        for value in values {
            joined.push(b',');
            joined.extend_from_slice(value);
        }
        Some(joined)
    }

    /// Adds a field; a second value of an inline header joins the first.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = self.canonical(name);
        if self.is_inline(&name)
            && let Some((_, have)) = self.fields.iter_mut().find(|(have, _)| *have == name)
        {
            if !have.is_empty() && !value.is_empty() {
                have.push(b',');
            }
            have.extend_from_slice(value);
            return;
        }
        if name.starts_with(b":") {
            self.fields.insert(self.pseudo, (name, value.to_vec()));
            self.pseudo += 1;
        } else {
            self.fields.push((name, value.to_vec()));
        }
    }

    /// Replaces every value of a name by one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let name = self.canonical(name);
        if self.is_inline(&name)
            && let Some((_, have)) = self.fields.iter_mut().find(|(have, _)| *have == name)
        {
            have.clear();
            have.extend_from_slice(value);
            return;
        }
        self.remove(&name);
        self.add(&name, value);
    }

    /// Removes every value of a name.
    pub fn remove(&mut self, name: &[u8]) {
        let name = self.canonical(name);
        self.fields.retain(|(have, _)| *have != name);
        self.pseudo = self.fields.iter().take_while(|(name, _)| name.starts_with(b":")).count();
    }

    fn canonical(&self, name: &[u8]) -> Vec<u8> {
        let name = name.to_ascii_lowercase();
        if self.kind == Kind::Request && name == b"host" { b":authority".to_vec() } else { name }
    }

    fn is_inline(&self, name: &[u8]) -> bool {
        let list: &[&[u8]] = match self.kind {
            Kind::Request => &INLINE_IN_REQUESTS,
            Kind::Response => &INLINE_IN_RESPONSES,
            Kind::Trailers => &INLINE_IN_TRAILERS,
        };
        list.binary_search(&name).is_ok() || name.starts_with(b"x-envoy-")
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, INLINE_IN_REQUESTS, INLINE_IN_RESPONSES, INLINE_IN_TRAILERS, Kind};

    #[test]
    fn the_lists_are_sorted() {
        assert!(INLINE_IN_REQUESTS.is_sorted());
        assert!(INLINE_IN_RESPONSES.is_sorted());
        assert!(INLINE_IN_TRAILERS.is_sorted());
    }

    #[test]
    fn inline_headers_have_one_field() {
        let mut map = HeaderMap::from_pairs(
            Kind::Request,
            [
                ("x-a", "1"),
                ("Host", "a"),
                (":path", "/"),
                ("X-A", "2"),
                ("origin", "x"),
                ("Origin", "y"),
                ("host", "b"),
            ],
        );
        let shown = |map: &HeaderMap| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            map.iter()
                .map(|(name, value)| format!("{}={}", text(name), text(value)))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(shown(&map), ":authority=a,b :path=/ x-a=1 x-a=2 origin=x,y");
        assert_eq!((map.get(b"x-a"), map.joined(b"X-A")), (Some(&b"1"[..]), Some(b"1,2".to_vec())));
        map.set(b"x-a", b"3");
        map.set(b"origin", b"z");
        map.remove(b":path");
        assert_eq!(shown(&map), ":authority=a,b origin=z x-a=3");
        map.add(b":path", b"/x");
        assert_eq!(shown(&map), ":authority=a,b :path=/x origin=z x-a=3");
        assert_eq!(map.byte_size(), 13 + 7 + 7 + 4);
    }

    #[test]
    fn a_response_joins_others() {
        let map = HeaderMap::from_pairs(
            Kind::Response,
            [("vary", "a"), ("set-cookie", "1"), ("vary", "b"), ("set-cookie", "2")],
        );
        assert_eq!((map.len(), map.get(b"vary")), (3, Some(&b"a,b"[..])));
    }
}
