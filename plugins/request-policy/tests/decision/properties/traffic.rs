//! Requests for properties: most with something that decides, some with any bytes at all.

use filter_core::message::Headers;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use testkit::request;

/// Fields that decide, each with values that do so differently.
const FIELDS: [(&str, &[&str]); 24] = [
    ("access-control-request-headers", &["x-beta", "x-other", ",,x-beta"]),
    ("access-control-request-method", &["PUT", "DELETE"]),
    ("access-control-request-private-network", &["true"]),
    ("authorization", &["Basic YTpi", "Bearer a, Bearer b"]),
    ("content-length", &["0", "3", "99", "x"]),
    ("content-type", &["application/json", "text/plain", "application/grpc", "text/plain, text/html"]),
    ("cookie", &["sid=1"]),
    ("expect", &["100-continue", "200-ok"]),
    ("forwarded", &["for=192.0.2.1"]),
    ("keep-alive", &["1"]),
    ("origin", &["https://a.example.com", "https://b.example.com", "http://x.example.org:1", "null", "a,b"]),
    ("sec-fetch-site", &["same-origin", "cross-site"]),
    ("te", &["trailers"]),
    ("transfer-encoding", &["chunked"]),
    ("upgrade", &["websocket"]),
    ("x-beta", &["1", "2"]),
    ("x-debug", &["1"]),
    ("x-forwarded-proto", &["http", "https"]),
    ("x-http-method", &["PUT"]),
    ("x-internal", &["1"]),
    ("x-original-url", &["/admin"]),
    ("x-real-ip", &["192.0.2.9"]),
    ("x_http_method_override", &["PUT"]),
    ("x_real_ip", &["192.0.2.9"]),
];

/// Some of them, and a client. Each with its first value more often than not, and one field of a name: among several
/// the first counts.
pub(super) fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    const CLIENTS: [&str; 5] = ["192.0.2.1", "198.51.100.1, 2001:db8::1", "192.0.2.66", "198.51.100.1", ""];
    let some = prop::collection::btree_map(0..FIELDS.len(), any::<Index>(), 0..7);
    (some, any::<Index>()).prop_map(|(some, client)| {
        let often_the_first = |values: &[&str], index: &Index| {
            let at = index.index(2 * values.len()).saturating_sub(values.len());
            values[at].to_owned()
        };
        let mut fields = vec![("x-forwarded-for".to_owned(), often_the_first(&CLIENTS, &client))];
        fields.extend(some.iter().map(|(field, value)| {
            let (name, values) = FIELDS[*field];
            (name.to_owned(), often_the_first(values, value))
        }));
        fields
    })
}

pub(super) fn head(method: &str, path: &str, host: &str, fields: &[(String, String)]) -> Headers {
    let head = request(method, path).authority(host);
    fields.iter().fold(head, |head, (name, value)| head.header(name, value)).build()
}

/// The parts that other spellings of `/admin` are made of.
const PARTS: [&str; 26] = [
    "/", "/", "//", "/./", "/../", "/..;/", "%2f", "\\", "%5c", "%2e%2e/", "..", ";x", "public", "admin",
    "%61dmin", "adm%69n", "ADMIN", "orders/", "abc", "-._~", "%", "%25", "*", "?", "#", "é",
];

/// Ordinary paths, and every spelling that the parts allow.
pub(super) fn path() -> impl Strategy<Value = String> {
    const ORDINARY: [&str; 7] =
        ["/", "/admin", "/admin/a.b?c", "/orders/7", "/orders/a-b_c~d", "/abc", "/public/x.y/%7Ez?d=%41"];
    prop_oneof![
        select(&ORDINARY[..]).prop_map(str::to_owned),
        prop::collection::vec(select(&PARTS[..]), 0..8).prop_map(|parts| format!("/{}", parts.concat())),
    ]
}

/// The same path with some unreserved characters percent-encoded (RFC 3986 section 2.3): those whose bit is set. What
/// is encoded already and the query are left as they are.
pub(super) fn reencoded(path: &str, bits: u128) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let bytes = path.as_bytes();
    let (mut out, mut i) = (String::new(), 0);
    for (n, c) in path.char_indices() {
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        if n < i || (c == '%' && hex(n + 1) && hex(n + 2)) {
            i = i.max(n + if c == '%' { 3 } else { 1 });
            out.push(c);
        } else if (c.is_ascii_alphanumeric() || "-._~".contains(c)) && bits >> (n % 128) & 1 == 1 {
            let byte = u32::from(c);
            out.push_str(&if bits >> ((n + 64) % 128) & 1 == 1 {
                format!("%{byte:02X}")
            } else {
                format!("%{byte:02x}")
            });
        } else {
            out.push(c);
        }
    }
    out + query
}

#[test]
fn what_reencoding_leaves_alone() {
    assert_eq!(reencoded("/a%2fb?c", u128::MAX), "/%61%2f%62?c");
    assert_eq!(reencoded("/%zz-%6", u128::MAX), "/%%7A%7A%2D%%36");
    assert_eq!(reencoded("/a%2fb", 0), "/a%2fb");
    assert_eq!(reencoded("/é%25%61", u128::MAX), "/é%25%61");
}

/// The names in the lists of `src/untrusted.rs`.
pub(super) static UNTRUSTED: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let names: BTreeSet<&str> =
        include_str!("../../../src/untrusted.rs").split('"').skip(1).step_by(2).collect();
    for name in &names {
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{name:?} is no name"
        );
    }
    for name in ["forwarded", "x-original-url", "ssl-client-verify", "proxy", "proxy-authorization"] {
        assert!(names.contains(name), "{name} is not among {} names", names.len());
    }
    names
});

/// One of the names as an attacker writes it: some letters in upper case, some hyphens as underscores.
pub(super) fn untrusted() -> impl Strategy<Value = String> {
    let names: Vec<&str> = UNTRUSTED.iter().copied().collect();
    (select(names), any::<u64>(), any::<u64>()).prop_map(|(name, upper, under)| {
        let spelt = name.char_indices().map(|(i, c)| match c {
            '-' if under >> (i % 64) & 1 == 1 => '_',
            c if upper >> (i % 64) & 1 == 1 => c.to_ascii_uppercase(),
            c => c,
        });
        spelt.collect()
    })
}

/// A name that some rule looks at, or any bytes.
fn name() -> impl Strategy<Value = Vec<u8>> {
    const NAMES: [&str; 12] = [
        ":status",
        "access-control-allow-origin",
        "cache-control",
        "grpc-message",
        "grpc-status",
        "server",
        "strict-transport-security",
        "vary",
        "x-a",
        "x-forwarded-for",
        "x-request-id",
        "x-powered-by",
    ];
    prop_oneof![
        (0..FIELDS.len()).prop_map(|i| FIELDS[i].0.as_bytes().to_vec()),
        select(&NAMES[..]).prop_map(|name| name.as_bytes().to_vec()),
        any::<Vec<u8>>(),
    ]
}

/// A value that some rule understands, bytes that separate or end something, or any bytes.
pub(super) fn value() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 22] = [
        ",",
        ", ",
        "\"",
        "\\",
        ";",
        "=",
        ":",
        "://",
        "[",
        "]",
        "%",
        "/",
        "*",
        "-",
        " ",
        "\t",
        "0",
        "99999999999999999999",
        "https",
        "a.example.com",
        "::ffff:192.0.2.1",
        "\u{e9}",
    ];
    let known: BTreeSet<&str> = FIELDS.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    prop_oneof![
        select(known.into_iter().collect::<Vec<_>>()).prop_map(|value| value.as_bytes().to_vec()),
        prop::collection::vec(select(&PIECES[..]), 0..12).prop_map(|pieces| pieces.concat().into_bytes()),
        any::<Vec<u8>>(),
    ]
}

pub(super) fn pairs() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    prop::collection::vec((name(), value()), 0..20)
}
