//! What claims must be.

#![allow(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise")]

mod dates;
mod demands;
mod headers;

use filter_core::config::Tree;
use filter_core::policy::Timestamp;
use jwt_auth::claims::{ClaimError, ClaimPath, ClaimTree, Class, PathError, Rules, Subject};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn tree(json: &str) -> ClaimTree<'static> {
    ClaimTree::parse(json.as_bytes()).map_or(Tree::Null, |tree| tree.to_static())
}

/// `ok`, or what an operator reads.
fn outcome<T>(result: Result<T, ClaimError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "ok".to_owned())
}

/// Rules without an `exp`.
fn rules() -> Rules {
    Rules { require_exp: false, ..Rules::default() }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn check(rules: &Rules, json: &str) -> String {
    outcome(rules.check(&tree(json), NOW))
}

#[test]
fn issuer() {
    let rules = Rules { issuers: texts(&["https://a.example", "https://b.example/"]), ..rules() };
    let cases = [
        (r#"{"iss":"https://a.example"}"#, "ok"),
        (r#"{"iss":"https://b.example/"}"#, "ok"),
        (r#"{"iss":"https://a.example/"}"#, "iss is not accepted"),
        (r#"{"iss":"https://A.example"}"#, "iss is not accepted"),
        (r#"{"iss":"https://a.example.attacker.example"}"#, "iss is not accepted"),
        (r#"{"iss":""}"#, "iss is not accepted"),
        (r#"{"iss":["https://a.example"]}"#, "iss is of the wrong type"),
        (r#"{"iss":null}"#, "iss is of the wrong type"),
        (r#"{"ISS":"https://a.example"}"#, "there is no iss"),
        ("{}", "there is no iss"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&rules, json), expected, "{json}");
    }
    assert_eq!(check(&self::rules(), "{}"), "ok");
    assert_eq!(check(&self::rules(), r#"{"iss":1}"#), "iss is of the wrong type");
}

#[test]
fn audience() {
    let rules = Rules { audiences: texts(&["orders", "billing"]), ..rules() };
    let cases = [
        (r#"{"aud":"orders"}"#, "ok"),
        (r#"{"aud":["x","billing"]}"#, "ok"),
        (r#"{"aud":["billing","x"]}"#, "ok"),
        (r#"{"aud":"x"}"#, "aud names nobody here"),
        (r#"{"aud":"orders billing"}"#, "aud names nobody here"),
        (r#"{"aud":"order"}"#, "aud names nobody here"),
        (r#"{"aud":""}"#, "aud names nobody here"),
        (r#"{"aud":["x"]}"#, "aud names nobody here"),
        (r#"{"aud":[]}"#, "aud is of the wrong type"),
        (r#"{"aud":[1]}"#, "aud is of the wrong type"),
        (r#"{"aud":["orders",1]}"#, "aud is of the wrong type"),
        (r#"{"aud":[["orders"]]}"#, "aud is of the wrong type"),
        (r#"{"aud":{"orders":true}}"#, "aud is of the wrong type"),
        (r#"{"aud":null}"#, "aud is of the wrong type"),
        (r#"{"aud":true}"#, "aud is of the wrong type"),
        ("{}", "there is no aud"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&rules, json), expected, "{json}");
    }
    for (json, expected) in
        [("{}", "ok"), (r#"{"aud":"x"}"#, "ok"), (r#"{"aud":[]}"#, "aud is of the wrong type")]
    {
        assert_eq!(check(&self::rules(), json), expected, "{json}");
    }
}

#[test]
fn subject() {
    let subjects = vec![Subject::Exact("alice".to_owned()), Subject::Prefix("svc:".to_owned())];
    let rules = Rules { subjects, ..rules() };
    let cases = [
        (r#"{"sub":"alice"}"#, "ok"),
        (r#"{"sub":"svc:"}"#, "ok"),
        (r#"{"sub":"svc:a"}"#, "ok"),
        (r#"{"sub":"alice2"}"#, "sub is not accepted"),
        (r#"{"sub":"Alice"}"#, "sub is not accepted"),
        (r#"{"sub":"xsvc:a"}"#, "sub is not accepted"),
        (r#"{"sub":""}"#, "sub is not accepted"),
        (r#"{"sub":7}"#, "sub is of the wrong type"),
        ("{}", "there is no sub"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&rules, json), expected, "{json}");
    }
    for (json, expected) in [("{}", "ok"), (r#"{"sub":7}"#, "sub is of the wrong type")] {
        assert_eq!(check(&self::rules(), json), expected, "{json}");
    }
}

#[test]
fn token_id() {
    let required = Rules { require_jti: true, ..rules() };
    let cases = [
        (r#"{"jti":"a"}"#, "ok", "ok"),
        (r#"{"jti":""}"#, "there is no jti", "ok"),
        ("{}", "there is no jti", "ok"),
        (r#"{"jti":7}"#, "jti is of the wrong type", "jti is of the wrong type"),
        (r#"{"jti":null}"#, "jti is of the wrong type", "jti is of the wrong type"),
    ];
    for (json, with, without) in cases {
        assert_eq!(
            (check(&required, json).as_str(), check(&rules(), json).as_str()),
            (with, without),
            "{json}"
        );
    }
}

#[test]
fn what_is_invalid_and_what_is_not_enough() {
    let invalid = Rules::default().check(&tree("{}"), NOW).unwrap_err();
    assert_eq!((invalid.class(), invalid.as_str()), (Class::InvalidToken, "claim_missing"));
    let claim = ClaimError::Claim("roles".into());
    assert_eq!((claim.class(), claim.as_str()), (Class::InsufficientScope, "claim"));
    assert_eq!((ClaimError::Scope.class(), ClaimError::Scope.as_str()), (Class::InsufficientScope, "scope"));
}

#[test]
fn paths() {
    let claims = tree(r#"{"a":{"b":{"c":1}},"a.b":2,"x\\y":{"":3},"https://e.example/r":4,"l":[{"m":5}]}"#);
    let cases = [
        ("a.b.c", Some("1")),
        (r"a\.b", Some("2")),
        (r"https://e\.example/r", Some("4")),
        (r"x\\y", Some(r#"{"":3}"#)),
        ("a.b.c.d", None),
        ("a.x", None),
        ("l.m", None),
        ("l.0", None),
        ("A", None),
    ];
    for (path, expected) in cases {
        let path = ClaimPath::parse(path).unwrap();
        assert_eq!(path.find(&claims), expected.map(tree).as_ref(), "{path}");
    }
    let bad = [
        ("", PathError::Empty),
        (".", PathError::Empty),
        (".a", PathError::Empty),
        ("a.", PathError::Empty),
        ("a..b", PathError::Empty),
        (r"a\", PathError::Escape),
        (r"a\b", PathError::Escape),
        ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", PathError::TooDeep),
    ];
    for (path, expected) in bad {
        assert_eq!(ClaimPath::parse(path), Err(expected), "{path}");
    }
    assert!(ClaimPath::parse("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p").is_ok());
}
