//! What Envoy's connection manager makes of headers around the filters. Measured on Envoy 1.40.

use std::collections::BTreeSet;

use filter_core::message::Headers;
use recorder::Headers as List;

use crate::request::{Protocol, Request};

/// Request headers that Envoy keeps in one field: the values of several are joined before a filter sees them.
/// Envoy logs both lists at its start ("request header map"); those that end at Envoy are left out here.
const JOINED_IN_REQUESTS: [&str; 31] = [
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authentication",
    "authorization",
    "cache-control",
    "cdn-loop",
    "content-encoding",
    "content-type",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "proxy-status",
    "referer",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

/// The same for responses.
const JOINED_IN_RESPONSES: [&str; 23] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "cache-control",
    "content-encoding",
    "content-type",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "last-modified",
    "location",
    "proxy-status",
    "server",
    "vary",
    "via",
    "x-request-id",
];

/// Headers of one connection. They end at Envoy, before the filters, as do those that `connection` names.
const HOP_BY_HOP: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// An id in the form Envoy makes.
const REQUEST_ID: &[u8] = b"00000000-0000-4000-8000-000000000000";

/// The map a filter reads for this request: pseudo headers first, `host` merged into `:authority`.
pub(super) fn of_request(request: &Request) -> Headers {
    let fields: Vec<(String, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii())).collect();
    let mut dropped: BTreeSet<String> = HOP_BY_HOP.map(str::to_owned).into();
    for (_, value) in fields.iter().filter(|(name, _)| name == "connection") {
        let names = String::from_utf8_lossy(value).to_ascii_lowercase();
        dropped.extend(names.split(',').map(|name| name.trim().to_owned()));
    }
    let mut authority = request.authority.clone();
    for (_, value) in fields.iter().filter(|(name, _)| name == "host") {
        authority.push(b',');
        authority.extend_from_slice(value);
    }
    let mut map = Headers::default();
    map.push(b":authority", &authority);
    map.push(b":path", &request.path);
    map.push(b":method", request.method.as_bytes());
    map.push(b":scheme", request.scheme.as_bytes());
    for (name, value) in &fields {
        // `te` survives only where it says what gRPC needs.
        let te = name == "te" && *value != b"trailers";
        if !(te || name == "host" || dropped.contains(name)) {
            map.push(name.as_bytes(), value);
        }
    }
    for (name, value) in [("x-forwarded-proto", request.scheme.as_bytes()), ("x-request-id", REQUEST_ID)] {
        if map.first(name).is_none() {
            map.push(name.as_bytes(), value);
        }
    }
    if request.protocol == Protocol::H2 {
        // HTTP/2 may split a cookie into several fields (RFC 9113 section 8.2.3).
        join(&mut map, |name| (name == b"cookie").then_some(b"; "));
    }
    join_request(&mut map);
    map
}

/// Joins as Envoy does, again after every change.
pub(super) fn join_request(map: &mut Headers) {
    join(map, |name| JOINED_IN_REQUESTS.iter().any(|joined| joined.as_bytes() == name).then_some(b","));
}

/// The same for a response.
pub(super) fn join_response(map: &mut Headers) {
    join(map, |name| JOINED_IN_RESPONSES.iter().any(|joined| joined.as_bytes() == name).then_some(b","));
}

fn join(map: &mut Headers, separator: impl Fn(&[u8]) -> Option<&'static [u8]>) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(map.len());
    for (name, value) in map.iter() {
        let before = separator(name).zip(pairs.iter_mut().find(|(other, _)| other == name));
        match before {
            Some((separator, (_, values))) => {
                values.extend_from_slice(separator);
                values.extend_from_slice(value);
            }
            None => pairs.push((name.to_vec(), value.to_vec())),
        }
    }
    *map = Headers::from_pairs(pairs);
}

/// The fields that are no pseudo headers, as a list.
pub(super) fn regular(map: &Headers) -> List {
    let fields = map.iter().filter(|(name, _)| !name.starts_with(b":"));
    fields.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::{join_response, of_request, regular};
    use crate::request::{Protocol, Request};
    use filter_core::message::Headers;

    fn request(headers: &[(&str, &str)]) -> Headers {
        of_request(&Request {
            method: "GET".into(),
            path: b"/".to_vec(),
            authority: b"a".to_vec(),
            scheme: "http".into(),
            protocol: Protocol::H1,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), value.as_bytes().to_vec()))
                .collect(),
            body: None,
            trailers: Vec::new(),
            chunked: false,
            raw: None,
        })
    }

    #[test]
    fn a_filter_reads_what_the_connection_manager_leaves() {
        let map = request(&[
            ("Host", "b"),
            ("Connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("te", "gzip"),
            ("Authorization", "x"),
            ("authorization", "y"),
            ("X-A", " 1 "),
            ("x-a", "2"),
        ]);
        assert_eq!(map.first(":authority"), Some(&b"a,b"[..]));
        let shown: Vec<String> =
            regular(&map).iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v))).collect();
        let id = "x-request-id=00000000-0000-4000-8000-000000000000";
        assert_eq!(shown, ["authorization=x,y", "x-a=1", "x-a=2", "x-forwarded-proto=http", id]);
        assert_eq!(request(&[("te", "trailers")]).first("te"), Some(&b"trailers"[..]));
    }

    #[test]
    fn some_response_headers_are_one_field() {
        let mut map =
            Headers::from_pairs([("vary", "a"), ("set-cookie", "x"), ("vary", "b"), ("set-cookie", "y")]);
        join_response(&mut map);
        assert_eq!(map, Headers::from_pairs([("vary", "a,b"), ("set-cookie", "x"), ("set-cookie", "y")]));
    }
}
