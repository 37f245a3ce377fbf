//! The canonical path: every spelling of `/admin` is `/admin`, and what has no safe reading is refused.

use filter_core::path::{Ambiguity, CanonicalPath, Malformed};
use proptest::prelude::*;
use std::borrow::Cow;

/// What goes upstream under `normalize`.
fn sent<'a>(raw: &'a [u8], path: &'a CanonicalPath<'_>) -> &'a [u8] {
    path.rewritten.as_deref().unwrap_or(raw)
}

#[test]
fn the_nine_spellings_that_pass_a_prefix_rule_of_envoy_all_are_admin() {
    let cases: &[(&str, Option<Ambiguity>)] = &[
        ("//admin", Some(Ambiguity::EmptySegment)),
        ("/./admin", Some(Ambiguity::DotSegment)),
        ("/public/../admin", Some(Ambiguity::DotSegment)),
        ("/public/%2e%2e/admin", Some(Ambiguity::DotSegment)),
        ("/public%2f..%2fadmin", Some(Ambiguity::EncodedSlash)),
        // Only one reading: it is not refused, but matched as what it means.
        ("/%61dmin", None),
        ("/public/..;/admin", Some(Ambiguity::Parameters)),
        ("/public\\..\\admin", Some(Ambiguity::Backslash)),
        ("/public%5c..%5cadmin", Some(Ambiguity::Backslash)),
    ];
    for (raw, ambiguity) in cases {
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        assert_eq!((path.matched.as_ref(), path.ambiguity), ("/admin", *ambiguity), "{raw}");
        assert_eq!(sent(raw.as_bytes(), &path), b"/admin", "{raw}");
        assert_eq!(path.query, None, "{raw}");
    }
}

#[test]
fn further_spellings_are_admin_too() {
    for raw in [
        "/ADMIN/../admin",
        "/a//../admin",
        "/..//..///admin",
        "/%2E%2E/admin",
        "/.%2e/admin",
        "/%2e/admin",
        "/a/b/%2e%2e/../admin",
        "/%2fadmin",
        "/x;y/../admin",
        "/x/..;y=z/admin",
        "/x/..%3by/admin",
        "/x/%2e%2e%3B/admin",
        "/;/admin",
        "/admin;jsessionid=1",
        "/admin%3bx",
        "/x\\../admin",
        "/x/..\\admin",
        "/admin/x/.%2e/../admin",
        "/%61%64%6d%69%6E",
    ] {
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        assert_eq!(path.matched, "/admin", "{raw}");
    }
}

#[test]
fn a_path_with_one_reading_stays_as_it_is() {
    for raw in [
        "/",
        "/orders",
        "/orders/",
        "/orders/42/items/7",
        "/.well-known/openid-configuration",
        "/a/...",
        "/a..b/..c/d..",
        "/file.tar.gz",
        "/~user/-_.!$&'()*+,=:@",
        "/users/me@example.com",
        "/Case/Is/Kept",
        "/1+1=2",
    ] {
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        assert_eq!((path.matched.as_ref(), path.ambiguity), (raw, None));
        assert_eq!(sent(raw.as_bytes(), &path), raw.as_bytes());
    }
}

#[test]
fn what_is_matched_is_decoded_once_and_what_is_sent_says_the_same() {
    let cases: &[(&str, &str, &str)] = &[
        ("/caf%C3%A9", "/café", "/caf%C3%A9"),
        ("/caf%c3%a9", "/café", "/caf%C3%A9"),
        ("/café", "/café", "/caf%C3%A9"),
        ("/a%20b", "/a b", "/a%20b"),
        ("/100%25", "/100%", "/100%25"),
        ("/100%25z0", "/100%z0", "/100%25z0"),
        ("/what%3f", "/what?", "/what%3F"),
        ("/c%23", "/c#", "/c%23"),
        ("/%7euser", "/~user", "/~user"),
        ("/a/b/..", "/a/", "/a/"),
        ("/a/.", "/a/", "/a/"),
        ("/..", "/", "/"),
        ("//", "/", "/"),
        ("/a//b///c", "/a/b/c", "/a/b/c"),
        ("/a;v=1/b;v=2;w", "/a/b", "/a/b"),
        ("/a;v=1/", "/a/", "/a/"),
        ("/a/;v=1", "/a/", "/a/"),
        ("/;v=1", "/", "/"),
        ("/;v=1/a", "/a", "/a"),
        ("/a;v=%20%3f", "/a", "/a"),
        ("/a%3bv=1/b", "/a/b", "/a/b"),
        ("/a;b%2fc/d", "/a/c/d", "/a/c/d"),
        ("/admin;v=1/x", "/admin/x", "/admin/x"),
        ("/a;v=1?b;c=1", "/a", "/a?b;c=1"),
    ];
    for (raw, matched, expected) in cases {
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        assert_eq!(path.matched, *matched, "{raw}");
        assert_eq!(String::from_utf8_lossy(sent(raw.as_bytes(), &path)), *expected, "{raw}");
    }
}

#[test]
fn a_path_without_a_safe_reading_is_malformed() {
    let cases: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("only a query", b"?a=b"),
        ("no leading slash", b"admin"),
        ("absolute form", b"http://example.com/admin"),
        ("no leading slash but an encoded one", b"%2fadmin"),
        ("a backslash for the leading slash", b"\\admin"),
        ("asterisk and more", b"*/admin"),
        ("percent at the end", b"/a%"),
        ("one digit", b"/a%2"),
        ("no digits", b"/a%zz"),
        ("a sign for a digit", b"/a%+1"),
        ("%u encoding", b"/%u002e%u002e/admin"),
        ("double encoding", b"/%252e%252e/admin"),
        ("double encoding of a letter", b"/%2561dmin"),
        ("double encoding with one digit encoded", b"/%25%36%31dmin"),
        ("triple encoding", b"/%25252e/admin"),
        ("double encoding in parameters", b"/a;%252e"),
        ("encoded NUL", b"/admin%00"),
        ("NUL", b"/admin\0"),
        ("encoded line feed", b"/admin%0a"),
        ("encoded carriage return", b"/admin%0d"),
        ("tab", b"/admin\t"),
        ("encoded DEL", b"/admin%7f"),
        ("DEL", b"/admin\x7f"),
        ("control in parameters", b"/admin;%01"),
        ("fragment", b"/public#/../admin"),
        ("overlong dot in two bytes", b"/%c0%ae%c0%ae/admin"),
        ("overlong slash in two bytes", b"/public%c0%afadmin"),
        ("overlong slash in three bytes", b"/public%e0%80%afadmin"),
        ("overlong slash, raw", b"/public\xc0\xafadmin"),
        ("surrogate", b"/%ed%a0%80"),
        ("above U+10FFFF", b"/%f4%90%80%80"),
        ("a lone continuation byte", b"/%80"),
        ("a sequence cut by a slash", b"/%c3/%a9"),
        ("Latin-1 in parameters", b"/a;\xe9"),
        ("control in the query", b"/a?b\r\nc"),
        ("NUL in the query", b"/a?\0"),
        ("fragment in the query", b"/a?b#c"),
    ];
    for (what, raw) in cases {
        assert_eq!(CanonicalPath::parse(raw), Err(Malformed), "{what}");
    }
}

#[test]
fn the_query_is_kept_and_never_takes_part() {
    let cases: &[(&str, &str, &[u8], &str)] = &[
        ("/a?x=1", "/a", b"x=1", "/a?x=1"),
        ("/a?", "/a", b"", "/a?"),
        ("/a?../b", "/a", b"../b", "/a?../b"),
        ("/a?x=%252e%zz\\;//", "/a", b"x=%252e%zz\\;//", "/a?x=%252e%zz\\;//"),
        ("/a?b?c", "/a", b"b?c", "/a?b?c"),
        ("/./a?b/../c", "/a", b"b/../c", "/a?b/../c"),
        ("*?x", "*", b"x", "*?x"),
    ];
    for (raw, matched, query, expected) in cases {
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        assert_eq!((path.matched.as_ref(), path.query), (*matched, Some(*query)), "{raw}");
        assert_eq!(sent(raw.as_bytes(), &path), expected.as_bytes(), "{raw}");
    }
}

#[test]
fn the_asterisk_of_options_is_a_path_of_its_own() {
    let path = CanonicalPath::parse(b"*").unwrap();
    let expected =
        CanonicalPath { matched: Cow::Borrowed("*"), query: None, ambiguity: None, rewritten: None };
    assert_eq!(path, expected);
}

#[test]
fn every_ambiguity_is_explained_without_repeating_the_request() {
    for (raw, detail) in [
        ("/./secret", "the path has a dot segment"),
        ("//secret", "the path has an empty segment"),
        ("/a\\secret", "the path has a backslash"),
        ("/a%2fsecret", "the path has an encoded slash"),
        ("/a;secret", "the path has segment parameters"),
    ] {
        let ambiguity = CanonicalPath::parse(raw.as_bytes()).unwrap().ambiguity;
        assert_eq!(ambiguity.map(Ambiguity::detail), Some(detail), "{raw}");
    }
}

/// Paths made of the parts that attacks are made of.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    const PARTS: &[&str] = &[
        "/", "//", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\\", ";", "%3b", "%25", "%", "2", "5", "a",
        "%61", "é", "%c3%a9", "%c3", "%a9", "%23", "%3f", "*", "~", " ", "?", "(", "%28",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..12)
        .prop_map(|parts| format!("/{}", parts.concat()).into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_panic(raw: Vec<u8>) {
        let _ = CanonicalPath::parse(&raw);
        let _ = CanonicalPath::parse(&[b"/", raw.as_slice()].concat());
    }

    #[test]
    fn what_is_sent_is_matched_as_the_same_and_sent_as_the_same(raw in hostile()) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let first = sent(&raw, &path);
            let again = CanonicalPath::parse(first).unwrap();
            prop_assert_eq!(&again.matched, &path.matched);
            prop_assert_eq!(again.ambiguity, None);
            prop_assert_eq!(again.query, path.query);
            prop_assert_eq!(sent(first, &again), first);
        }
    }

    #[test]
    fn the_matched_path_never_holds_an_empty_or_dot_segment(raw in hostile()) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let inner = path.matched.strip_prefix('/').unwrap();
            let mut segments: Vec<&str> = inner.split('/').collect();
            // A trailing slash leaves an empty last segment.
            segments.pop_if(|last| last.is_empty());
            prop_assert!(segments.iter().all(|s| !matches!(*s, "" | "." | "..") && !s.contains('\\')), "{}", path.matched);
        }
    }

    #[test]
    fn an_encoded_unreserved_character_is_the_character(
        plain in "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,6}){1,4}/?",
        encode: u64,
        upper: bool,
    ) {
        let mut raw = String::new();
        for (i, c) in plain.char_indices() {
            let code = u32::from(c);
            match (c, encode >> (i % 64) & 1, upper) {
                ('/', ..) | (_, 0, _) => raw.push(c),
                (_, _, true) => raw.push_str(&format!("%{code:02X}")),
                (_, _, false) => raw.push_str(&format!("%{code:02x}")),
            }
        }
        let path = CanonicalPath::parse(raw.as_bytes()).unwrap();
        prop_assert_eq!((path.matched.as_ref(), path.ambiguity), (plain.as_str(), None));
        prop_assert_eq!(sent(raw.as_bytes(), &path), plain.as_bytes());
    }
}
