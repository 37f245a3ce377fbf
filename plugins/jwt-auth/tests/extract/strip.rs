//! What is left of a request without its token.

use super::{head, places, request_with};
use filter_core::effect::HeaderOp;
use filter_core::message::Headers;
use jwt_auth::extract::{Found, strip};

/// The request after its token was found and taken out.
pub(crate) fn stripped(headers: &Headers) -> (Headers, Vec<HeaderOp>) {
    let places = places();
    let Found::One { place, .. } = places.find(&head(headers)) else { panic!("one token in {headers:?}") };
    let operations = strip(&place, &head(headers));
    let mut left = headers.clone();
    operations.iter().for_each(|operation| left.apply(operation));
    assert_eq!(places.find(&head(&left)), Found::Missing);
    (left, operations)
}

#[test]
fn headers() {
    for (name, value) in [("authorization", "Bearer a"), ("x-jwt", "a"), ("x-token", "JWT=a")] {
        let fields = [("x-before", "1"), (name, value), ("x-after", "2"), ("cookie", "c=1")];
        let (left, operations) = stripped(&request_with("/p?q", &fields));
        assert_eq!(left, request_with("/p?q", &[fields[0], fields[2], fields[3]]));
        assert_eq!(operations.len(), 1);
    }
}

#[test]
fn cookies() {
    let cases: [(&[&str], &[&str]); 14] = [
        (&["sid=t"], &[]),
        (&["sid=t;"], &[]),
        (&["sid=t; "], &[]),
        (&["; sid=t"], &[]),
        (&["sid=t; a=1"], &["a=1"]),
        (&["sid=t;a=1"], &["a=1"]),
        (&["a=1; sid=t"], &["a=1"]),
        (&["a=1; sid=t; b=\"x y\"; c"], &["a=1; b=\"x y\"; c"]),
        (&["a=1;sid=t;b=2"], &["a=1;b=2"]),
        (&["a=1;;  sid = t ; b=2;"], &["a=1;; b=2;"]),
        (&["a=1", "sid=t", "b=2; b=2"], &["a=1", "b=2; b=2"]),
        (&["sid=t", "b=2"], &["b=2"]),
        (&["a=1", "x=2; sid=t"], &["a=1", "x=2"]),
        (&["sid2=t; xsid=u; a=sid; SID=x; sid=t"], &["sid2=t; xsid=u; a=sid; SID=x"]),
    ];
    for (before, after) in cases {
        let fields: Vec<(&str, &str)> = before.iter().map(|value| ("cookie", *value)).collect();
        let (left, _) = stripped(&request_with("/", &fields));
        let cookies: Vec<&[u8]> = left.all("cookie").collect();
        assert_eq!(cookies, after.iter().map(|value| value.as_bytes()).collect::<Vec<_>>(), "{before:?}");
    }
}

#[test]
fn query_parameters() {
    let cases = [
        ("/p?access_token=t", "/p"),
        ("/p?access_token=t&", "/p"),
        ("/p?&access_token=t", "/p"),
        ("/p?access_token=t&a=1", "/p?a=1"),
        ("/p?a=1&access_token=t", "/p?a=1"),
        ("/p?a=%7E+b&%61ccess_token=t&&b=?;=", "/p?a=%7E+b&&b=?;="),
        ("/a//b/../?x&access_token=t&x", "/a//b/../?x&x"),
        ("/p?a=access_token&access_token=t", "/p?a=access_token"),
    ];
    for (before, after) in cases {
        let (left, operations) = stripped(&request_with(before, &[("x-kept", "1")]));
        assert_eq!(left, request_with(after, &[("x-kept", "1")]), "{before}");
        assert_eq!(operations, [HeaderOp::SetPath(after.as_bytes().to_vec())]);
    }
}

/// A `Cookie` that is no header value cannot be set again; it goes, the token with it.
#[test]
fn a_cookie_that_no_host_would_send() {
    let pairs: [(&[u8], &[u8]); 2] = [(b"cookie", b"sid=t"), (b"cookie", b"a=\x01; b=2")];
    let (left, _) = stripped(&Headers::from_pairs(pairs));
    assert!(left.is_empty());
}
