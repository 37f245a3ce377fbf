//! What a rule asks of a valid token.

use super::{outcome, texts, tree};
use filter_core::config::Tree;
use jwt_auth::claims::{ClaimPath, Demands, Requirement, Scopes, Test};

const SHORT: &str = "a scope is missing";

#[test]
fn scopes_are_words_or_strings() {
    let demands =
        Demands { scopes: Scopes { all: texts(&["read", "write"]), any: Vec::new() }, claims: Vec::new() };
    let cases = [
        (r#"{"scope":"read write"}"#, "ok"),
        (r#"{"scope":"x write y read"}"#, "ok"),
        (r#"{"scope":" read  write "}"#, "ok"),
        (r#"{"scope":["write","read"]}"#, "ok"),
        (r#"{"scp":"read write"}"#, "ok"),
        (r#"{"scp":["read","write"]}"#, "ok"),
        (r#"{"scope":"read","scp":["write"]}"#, "ok"),
        (r#"{"scope":"read"}"#, SHORT),
        (r#"{"scope":"reads write"}"#, SHORT),
        (r#"{"scope":"READ write"}"#, SHORT),
        (r#"{"scope":"read,write"}"#, SHORT),
        (r#"{"scope":"read\twrite"}"#, SHORT),
        (r#"{"scope":"read\nwrite"}"#, SHORT),
        (r#"{"scope":"read\u00a0write"}"#, SHORT),
        (r#"{"scope":["read write"]}"#, SHORT),
        (r#"{"scope":["read","write",1]}"#, SHORT),
        (r#"{"scope":[["read","write"]]}"#, SHORT),
        (r#"{"scope":{"read":true,"write":true}}"#, SHORT),
        (r#"{"scope":null}"#, SHORT),
        (r#"{"scope":""}"#, SHORT),
        (r#"{"Scope":"read write","scopes":"read write"}"#, SHORT),
        ("{}", SHORT),
    ];
    for (json, expected) in cases {
        assert_eq!(outcome(demands.check(&tree(json))), expected, "{json}");
    }
}

#[test]
fn one_scope_of_several() {
    let any = |all: &[&str], any: &[&str]| Demands {
        scopes: Scopes { all: texts(all), any: texts(any) },
        claims: Vec::new(),
    };
    let claims = tree(r#"{"scope":"a b"}"#);
    assert_eq!(outcome(any(&[], &["x", "b"]).check(&claims)), "ok");
    assert_eq!(outcome(any(&["a"], &["x", "b"]).check(&claims)), "ok");
    assert_eq!(outcome(any(&[], &["x", "y"]).check(&claims)), SHORT);
    assert_eq!(outcome(any(&["x"], &["a"]).check(&claims)), SHORT);
    assert_eq!(outcome(any(&[""], &[]).check(&tree(r#"{"scope":"a  b"}"#))), SHORT);
    assert_eq!(outcome(Demands::default().check(&tree("{}"))), "ok");
}

/// As a configuration has it.
fn scalar(json: &str) -> Tree {
    Tree::parse(json.as_bytes()).unwrap()
}

/// The verdicts of `equals`, `contains`, `any` and `all` on a claim.
fn verdicts(claim: &str, wanted: &str, others: &str) -> String {
    let list = vec![scalar(wanted), scalar(others)];
    let tests = [
        Test::Equals(scalar(wanted)),
        Test::Contains(scalar(wanted)),
        Test::Any(list.clone()),
        Test::All(list),
    ];
    let verdict = |test: Test| {
        let claims = vec![Requirement { claim: ClaimPath::parse("a.b").unwrap(), test }];
        let demands = Demands { claims, ..Demands::default() };
        demands.check(&tree(&format!(r#"{{"a":{{"b":{claim}}}}}"#))).is_ok()
    };
    tests.into_iter().map(verdict).map(|holds| if holds { 'y' } else { '-' }).collect()
}

#[test]
fn claims_are_compared_with_their_type() {
    // equals, contains, any, all: the last two with the second value, too.
    let cases = [
        (r#""x""#, r#""x""#, r#""y""#, "yyy-"),
        (r#""y""#, r#""x""#, r#""y""#, "--y-"),
        (r#"["x"]"#, r#""x""#, r#""y""#, "-yy-"),
        (r#"["y","x","z"]"#, r#""x""#, r#""y""#, "-yyy"),
        (r#"["y"]"#, r#""x""#, r#""y""#, "--y-"),
        (r#"[]"#, r#""x""#, r#""y""#, "----"),
        (r#"[["x","y"]]"#, r#""x""#, r#""y""#, "----"),
        (r#""no x""#, r#""x""#, r#""y""#, "----"),
        (r#""x y""#, r#""x""#, r#""y""#, "----"),
        (r#""X""#, r#""x""#, r#""y""#, "----"),
        (r#"{"x":true}"#, r#""x""#, r#""y""#, "----"),
        ("null", r#""x""#, r#""y""#, "----"),
        ("7", "7", "8", "yyy-"),
        ("[8,7]", "7", "8", "-yyy"),
        (r#""7""#, "7", "8", "----"),
        ("7", r#""7""#, r#""8""#, "----"),
        ("7.0", "7", "8", "----"),
        ("9007199254740993", "9007199254740992", "0", "----"),
        ("9007199254740993", "9007199254740993", "0", "yyy-"),
        ("-0.5", "-0.5", "1", "yyy-"),
        ("true", "true", "false", "yyy-"),
        (r#""true""#, "true", "false", "----"),
        ("1", "true", "false", "----"),
        ("false", "true", "false", "--y-"),
        ("null", "null", "null", "----"),
        ("[]", "[]", "{}", "----"),
    ];
    for (claim, wanted, other, expected) in cases {
        assert_eq!(verdicts(claim, wanted, other), expected, "{claim} against {wanted} and {other}");
    }
}

#[test]
fn all_claims_must_hold_and_the_first_that_does_not_is_named() {
    let is =
        |path: &str| Requirement { claim: ClaimPath::parse(path).unwrap(), test: Test::Equals(scalar("1")) };
    let demands = Demands { claims: vec![is("a"), is(r"b\.c"), is("d.e")], ..Demands::default() };
    let cases = [
        (r#"{"a":1,"b.c":1,"d":{"e":1}}"#, "ok"),
        (r#"{"a":1,"b.c":1,"d":{"e":2}}"#, "the claim d.e is not as required"),
        (r#"{"a":1,"b":{"c":1},"d":{"e":1}}"#, r"the claim b\.c is not as required"),
        ("{}", "the claim a is not as required"),
    ];
    for (json, expected) in cases {
        assert_eq!(outcome(demands.check(&tree(json))), expected, "{json}");
    }
}
