//! Where tokens are found, and how they are taken out.

#![allow(clippy::panic, reason = "a helper of a test may stop at the first surprise")]

mod properties;
mod strip;

use filter_core::http::HeaderName;
use filter_core::message::{Headers, RequestHead};
use jwt_auth::extract::{Found, Place, Places};
use testkit::request;

fn head(headers: &Headers) -> RequestHead<'_> {
    RequestHead { headers, end_of_stream: true }
}

fn request_with(path: &str, fields: &[(&str, &str)]) -> Headers {
    fields.iter().fold(request("GET", path), |request, (name, value)| request.header(name, value)).build()
}

/// All kinds of places.
fn places() -> Places {
    Places::bearer()
        .header(HeaderName::from_static("x-jwt"), "")
        .header(HeaderName::from_static("x-token"), "JWT=")
        .cookie("sid")
        .query("access_token")
}

/// The place and the token, or what else was found.
fn shown(found: &Found<'_, '_>) -> String {
    let place = |place: &Place<'_>| match place {
        Place::Header(name) => name.to_string(),
        Place::Cookie(name) => format!("cookie {name}"),
        Place::Query(name) => format!("query {name}"),
    };
    match found {
        Found::Missing => "missing".to_owned(),
        Found::Malformed(at) => format!("malformed {}", place(at)),
        Found::One { token, place: at } => format!("{}: {}", place(at), String::from_utf8_lossy(token)),
        Found::Ambiguous => "ambiguous".to_owned(),
    }
}

fn found(places: &Places, path: &str, fields: &[(&str, &str)]) -> String {
    shown(&places.find(&head(&request_with(path, fields))))
}

#[test]
fn authorization() {
    let cases = [
        ("Bearer a.b.c", "authorization: a.b.c"),
        ("bearer a.b.c", "authorization: a.b.c"),
        ("BEARER a.b.c", "authorization: a.b.c"),
        ("bEaReR a", "authorization: a"),
        ("Bearer  a.b.c", "malformed authorization"),
        ("Bearer\ta.b.c", "malformed authorization"),
        ("Bearer \ta.b.c", "malformed authorization"),
        ("Bearer", "malformed authorization"),
        ("Bearer ", "malformed authorization"),
        ("Bearer a b", "malformed authorization"),
        ("Bearer a.b.c ", "malformed authorization"),
        ("Bearer a.b.c, x", "malformed authorization"),
        ("Bearer \u{e9}", "malformed authorization"),
        ("Bearer a.b.c,Bearer d.e.f", "ambiguous"),
        ("Bearer a.b.c, bearer d.e.f", "ambiguous"),
        ("Basic YTpi,Bearer d.e.f", "ambiguous"),
        ("Basic YTpi, Bearer", "ambiguous"),
        // The strict layer says what these are.
        ("Bearer {\"payload\":\"\"}", "authorization: {\"payload\":\"\"}"),
        ("Bearer a.b.c,d", "authorization: a.b.c,d"),
        ("Bearer \"a.b.c\"", "authorization: \"a.b.c\""),
        ("Basic YTpi", "missing"),
        ("Bearera.b.c", "missing"),
        ("Bearer=a.b.c", "missing"),
        ("Token a.b.c", "missing"),
        ("a.b.c", "missing"),
        ("Digest username=\"Bearer\", realm=\"bearers\"", "missing"),
        ("", "missing"),
    ];
    for (value, expected) in cases {
        assert_eq!(found(&places(), "/", &[("authorization", value)]), expected, "{value:?}");
    }
    assert_eq!(found(&places(), "/", &[]), "missing");
}

#[test]
fn named_headers() {
    let cases = [
        ("x-jwt", "a.b.c", "x-jwt: a.b.c"),
        ("x-jwt", "Bearer a.b.c", "malformed x-jwt"),
        ("x-jwt", "", "malformed x-jwt"),
        ("x-jwt", "a,", "x-jwt: a,"),
        ("x-token", "JWT=a.b.c", "x-token: a.b.c"),
        ("x-token", "jwt=a.b.c", "x-token: a.b.c"),
        ("x-token", "JWT=", "malformed x-token"),
        ("x-token", "JWT= a", "malformed x-token"),
        ("x-token", "a.b.c", "missing"),
        ("x-other", "a.b.c", "missing"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(found(&places(), "/", &[(name, value)]), expected, "{name}: {value:?}");
    }
}

/// The longest prefix that fits says what a field is, in whatever order they were named.
#[test]
fn one_header_with_several_prefixes() {
    let name = || HeaderName::from_static("authorization");
    for places in [
        Places::default().header(name(), "").header(name(), "Bearer ").header(name(), "Bearer x"),
        Places::default()
            .header(name(), "bearer X")
            .header(name(), "Bearer ")
            .header(name(), "")
            .header(name(), ""),
    ] {
        for (value, expected) in [
            ("Bearer a", "authorization: a"),
            ("Bearer xa", "authorization: a"),
            ("a", "authorization: a"),
            ("Basic a", "malformed authorization"),
        ] {
            assert_eq!(found(&places, "/", &[("authorization", value)]), expected, "{value}");
        }
    }
}

#[test]
fn cookies() {
    let cases = [
        ("sid=a.b.c", "cookie sid: a.b.c"),
        ("a=1; sid=a.b.c; b=2", "cookie sid: a.b.c"),
        ("a=1;sid=a.b.c;b=2", "cookie sid: a.b.c"),
        ("a=1; sid = a.b.c ;", "cookie sid: a.b.c"),
        ("sid=a=b", "cookie sid: a=b"),
        ("sid=", "malformed cookie sid"),
        ("sid", "malformed cookie sid"),
        ("sid=\"a.b.c\"", "malformed cookie sid"),
        ("sid=a b", "malformed cookie sid"),
        ("sid=a; sid=a", "ambiguous"),
        ("sid=a; x=1; sid=", "ambiguous"),
        ("sid=a;\tsid =b", "ambiguous"),
        ("SID=a", "missing"),
        ("xsid=a; sidx=b; a=sid=c", "missing"),
        ("%73id=a", "missing"),
        ("", "missing"),
        (";;=;", "missing"),
    ];
    for (value, expected) in cases {
        assert_eq!(found(&places(), "/", &[("cookie", value)]), expected, "{value:?}");
    }
    assert_eq!(found(&places(), "/", &[("cookie", "a=1"), ("cookie", "sid=a")]), "cookie sid: a");
    assert_eq!(found(&places(), "/", &[("cookie", "sid=a"), ("cookie", "sid=a")]), "ambiguous");
}

#[test]
fn query_parameters() {
    let cases = [
        ("/?access_token=a.b.c", "query access_token: a.b.c"),
        ("/p?x=1&access_token=a.b.c&y=2", "query access_token: a.b.c"),
        ("/p?access%5Ftoken=a%2Eb.c", "query access_token: a.b.c"),
        ("/p?%61ccess_token=a", "query access_token: a"),
        ("/p?access_token=a=b", "query access_token: a=b"),
        ("/p?access_token=", "malformed query access_token"),
        ("/p?access_token", "malformed query access_token"),
        ("/p?access_token=a+b", "malformed query access_token"),
        ("/p?access_token=a%20b", "malformed query access_token"),
        ("/p?access_token=a%0ab", "malformed query access_token"),
        ("/p?access_token=a%zz", "malformed query access_token"),
        ("/p?access_token=a%2", "malformed query access_token"),
        // Decoded once: what is left is no token.
        ("/p?access_token=a%252Eb", "malformed query access_token"),
        ("/p?access_token=a&access_token=a", "ambiguous"),
        ("/p?access_token=a&access%5ftoken=b", "ambiguous"),
        ("/p?access_token=a&x?access_token=b", "query access_token: a"),
        ("/p?ACCESS_TOKEN=a&access-token=b&xaccess_token=c", "missing"),
        ("/access_token=a", "missing"),
        ("/p?", "missing"),
        ("/p?&&=", "missing"),
    ];
    for (path, expected) in cases {
        assert_eq!(found(&places(), path, &[]), expected, "{path}");
    }
}

/// Nothing is looked at that was not asked for.
#[test]
fn only_where_it_is_looked_for() {
    let everywhere =
        [("authorization", "Bearer a"), ("x-jwt", "b"), ("x-token", "JWT=c"), ("cookie", "sid=d")];
    let path = "/?access_token=e";
    assert_eq!(found(&Places::bearer(), path, &everywhere), "authorization: a");
    assert_eq!(found(&Places::default().cookie("sid"), path, &everywhere), "cookie sid: d");
    assert_eq!(found(&Places::default().query("access_token"), path, &everywhere), "query access_token: e");
    assert_eq!(found(&Places::default(), path, &everywhere), "missing");
    // The same place twice is one.
    let twice = Places::bearer()
        .header(HeaderName::from_static("authorization"), "bearer ")
        .cookie("sid")
        .cookie("sid");
    assert_eq!(found(&twice.query("q").query("q"), "/?q=%", &[]), "malformed query q");
    assert_eq!(
        found(&Places::bearer().cookie("sid").cookie("sid"), "/", &[("cookie", "sid=a")]),
        "cookie sid: a"
    );
}

#[test]
fn two_tokens_are_none() {
    let (bearer, header, cookie) = (("authorization", "Bearer a"), ("x-jwt", "a"), ("cookie", "sid=a"));
    let (none, query) = ("/", "/?access_token=a");
    let cases: [(&str, &[(&str, &str)]); 11] = [
        (none, &[bearer, bearer]),
        (none, &[bearer, ("authorization", "Bearer b")]),
        (none, &[bearer, header]),
        (none, &[bearer, cookie]),
        (none, &[header, header]),
        (none, &[header, cookie]),
        (query, &[bearer]),
        (query, &[cookie]),
        (none, &[bearer, ("x-jwt", "")]),
        (none, &[("authorization", "Bearer  a"), cookie]),
        (query, &[("authorization", "Bearer"), header, cookie]),
    ];
    for (path, fields) in cases {
        assert_eq!(found(&places(), path, fields), "ambiguous", "{path} {fields:?}");
    }
    // Another scheme is no token, but beside one it makes two callers; alone it is nobody's business here.
    let basic = ("authorization", "Basic YTpi");
    assert_eq!(found(&places(), none, &[bearer, basic]), "ambiguous");
    assert_eq!(found(&places(), none, &[basic, bearer]), "ambiguous");
    assert_eq!(found(&places(), none, &[basic, basic]), "missing");
    assert_eq!(found(&places(), none, &[basic, header]), "x-jwt: a");
}

#[test]
fn a_request_without_a_path() {
    let headers = Headers::from_pairs([(":method", "CONNECT"), ("authorization", "Bearer a")]);
    assert_eq!(shown(&places().find(&head(&headers))), "authorization: a");
    assert_eq!(shown(&places().find(&head(&Headers::default()))), "missing");
}
