//! What Envoy's connection manager makes of a message on its way to and from the filters. Measured on Envoy 1.40.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use proxy_wasm_host::{HeaderMap, Kind, Protocol as Wire, Request as Modelled, Response};
use recorder::{End, Headers as List, Recorded};

use crate::request::{Protocol, Request};

/// Headers of one connection. They end at Envoy, before the filters, as do those that `connection` names.
const HOP_BY_HOP: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// The id of every request that brings none, in the form Envoy makes.
pub(crate) const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The client, where a request does not name one.
pub(crate) const CLIENT: &str = "127.0.0.1:50000";

/// The map a filter reads for this request: pseudo headers first, `host` merged into `:authority`.
pub(crate) fn request_headers(request: &Request) -> HeaderMap {
    let fields: Vec<(String, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii())).collect();
    let mut dropped: BTreeSet<String> = HOP_BY_HOP.map(str::to_owned).into();
    for (_, value) in fields.iter().filter(|(name, _)| name == "connection") {
        let names = String::from_utf8_lossy(value).to_ascii_lowercase();
        dropped.extend(names.split(',').map(|name| name.trim().to_owned()));
    }
    let mut map = HeaderMap::new(Kind::Request);
    let mut pseudo = [
        (&b":authority"[..], request.authority.as_slice()),
        (b":path", &request.path),
        (b":method", request.method.as_bytes()),
        (b":scheme", request.scheme.as_bytes()),
    ];
    if request.protocol == Protocol::H2 {
        // As most clients send them.
        pseudo.rotate_left(2);
    }
    for (name, value) in pseudo {
        map.add(name, value);
    }
    let mut cookies = fields.iter().filter(|(name, _)| name == "cookie").map(|(_, value)| *value).peekable();
    let several = request.protocol == Protocol::H2 && cookies.peek().is_some();
    // HTTP/2 may split a cookie into several fields (RFC 9113 section 8.2.3).
    let mut joined = several.then(|| cookies.collect::<Vec<_>>().join(&b"; "[..]));
    for (name, value) in &fields {
        // `te` survives only where it says what gRPC needs.
        let te = name == "te" && *value != b"trailers";
        // Envoy has answered `100 Continue` by the time a filter is asked.
        let expect = name == "expect" && value.eq_ignore_ascii_case(b"100-continue");
        if several && name == "cookie" {
            if let Some(cookie) = joined.take() {
                map.add(b"cookie", &cookie);
            }
        } else if !(te || expect || dropped.contains(name)) {
            map.add(name.as_bytes(), value);
        }
    }
    if map.get(b"x-forwarded-proto").is_none() {
        map.add(b"x-forwarded-proto", request.scheme.as_bytes());
    }
    // An empty one is none.
    if map.get(b"x-request-id").is_none_or(<[u8]>::is_empty) {
        map.set(b"x-request-id", REQUEST_ID.as_bytes());
    }
    map
}

/// The request as the chain gets it. Over HTTP/1 a body ends with an event of no bytes, over HTTP/2 with its last
/// piece.
pub(crate) fn request(request: &Request, source: String) -> Modelled {
    let pieces: Vec<Vec<u8>> =
        request.body.iter().flatten().filter(|piece| !piece.is_empty()).cloned().collect();
    let end_with_last = request.protocol == Protocol::H2 || pieces.is_empty() && !request.chunked;
    let trailers = request.trailers.iter().map(|(name, value)| (name, value));
    Modelled {
        protocol: match request.protocol {
            Protocol::H1 => Wire::Http11,
            Protocol::H2 => Wire::Http2,
        },
        headers: request_headers(request),
        body: pieces,
        end_with_last,
        trailers: (!request.trailers.is_empty()).then(|| HeaderMap::from_pairs(Kind::Trailers, trailers)),
        source,
        ..Modelled::default()
    }
}

/// The client's address: that of the connection, or the last one in `x-forwarded-for`.
pub(crate) fn source(request: &Request, connection: String, use_remote_address: bool) -> String {
    if use_remote_address {
        return connection;
    }
    let last = request.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case("x-forwarded-for"));
    let address = last.and_then(|(_, value)| {
        let text = std::str::from_utf8(value).ok()?.rsplit(',').next()?.trim();
        text.parse::<IpAddr>().ok()
    });
    address.map_or(connection, |address| SocketAddr::new(address, 0).to_string())
}

/// The upstream's answer as the chain gets it.
pub(crate) fn response(answer: &recorder::Response, is_head: bool, protocol: Protocol) -> Response {
    let mut headers = HeaderMap::new(Kind::Response);
    headers.add(b":status", answer.status().to_string().as_bytes());
    for (name, value) in answer.headers() {
        headers.add(name.as_bytes(), &value);
    }
    let bodiless = matches!(answer.status(), 204 | 304);
    let (mut body, mut trailers) = (Vec::new(), List::new());
    if !(bodiless || is_head) {
        body = answer.body().to_vec();
        trailers = answer.trailers();
    }
    // What servers commonly say: over HTTP/1 a length or, before trailers, none; over HTTP/2 where anything follows.
    let length = match protocol {
        Protocol::H1 => !bodiless && trailers.is_empty(),
        Protocol::H2 => !(body.is_empty() && trailers.is_empty()),
    };
    if length && headers.get(b"content-length").is_none() {
        headers.add(b"content-length", answer.body().len().to_string().as_bytes());
    }
    Response {
        headers,
        end_with_last: protocol == Protocol::H2 || body.is_empty(),
        body,
        trailers: (!trailers.is_empty()).then(|| HeaderMap::from_pairs(Kind::Trailers, trailers)),
        delay: answer.wait(),
    }
}

/// What is sent over HTTP/1 beside the headers: how the end of the message is found.
pub(crate) fn framing(headers: &List, has_body: bool, may_have_body: bool) -> Option<(String, Vec<u8>)> {
    let has = |name: &str| headers.iter().any(|(have, _)| have == name);
    if has("content-length") || has("transfer-encoding") || !may_have_body {
        return None;
    }
    Some(match has_body {
        true => ("transfer-encoding".to_owned(), b"chunked".to_vec()),
        false => ("content-length".to_owned(), b"0".to_vec()),
    })
}

/// The fields that are no pseudo headers, as a list.
pub(crate) fn regular(map: &HeaderMap) -> List {
    map.regular().map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())).collect()
}

/// A request as the server behind the gateway reads it over HTTP/1.
pub(crate) fn recorded(headers: &HeaderMap, body: &[u8], trailers: Option<&HeaderMap>, end: End) -> Recorded {
    let pseudo = |name: &[u8]| headers.get(name).unwrap_or_default().to_vec();
    let mut list = vec![("host".to_owned(), pseudo(b":authority"))];
    list.extend(regular(headers));
    let method = String::from_utf8_lossy(&pseudo(b":method")).into_owned();
    let has_body = !body.is_empty() || trailers.is_some();
    list.extend(framing(&list, has_body, has_body || !matches!(method.as_str(), "GET" | "HEAD" | "CONNECT")));
    Recorded {
        method,
        authority: Some(pseudo(b":authority")),
        path: pseudo(b":path"),
        headers: list,
        body: body.to_vec(),
        trailers: trailers.map(regular).unwrap_or_default(),
        version: http::Version::HTTP_11,
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::{regular, request_headers};
    use crate::request::Request;
    use proxy_wasm_host::HeaderMap;

    fn request(headers: &[(&str, &str)]) -> HeaderMap {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        request_headers(&Request {
            authority: b"a".to_vec(),
            headers: headers.collect(),
            ..Request::new("GET", "/")
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
        assert_eq!(map.get(b":authority"), Some(&b"a,b"[..]));
        let shown: Vec<String> =
            regular(&map).iter().map(|(n, v)| format!("{n}={}", String::from_utf8_lossy(v))).collect();
        let id = "x-request-id=00000000-0000-4000-8000-000000000000";
        assert_eq!(shown, ["authorization=x,y", "x-a=1", "x-a=2", "x-forwarded-proto=http", id]);
        assert_eq!(request(&[("te", "trailers")]).get(b"te"), Some(&b"trailers"[..]));
        assert_eq!(request(&[("Expect", "100-Continue")]).get(b"expect"), None);
        assert_eq!(request(&[("expect", "200-ok")]).get(b"expect"), Some(&b"200-ok"[..]));
    }
}
