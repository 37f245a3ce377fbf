//! Which rule applies: the best match, the first on ties.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may stop at the first surprise")]

use filter_core::config::{At, FromTree as _, Tree};
use filter_core::config_struct;
use filter_core::matcher::{Match, Matched, Rules, canonical_host};
use filter_core::message::Headers;
use proptest::prelude::*;
use std::cell::RefCell;

config_struct! {
    /// A rule that is nothing but its match.
    struct Rule {
        /// Its name.
        name: String,
        /// Its match.
        r#match: Match,
    }
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

/// Rules named after their matches, in this order.
fn rules(matches: &[&str]) -> Rules<Rule> {
    let rules: Vec<String> = matches
        .iter()
        .map(|text| format!("{{\"name\":{},\"match\":{text}}}", serde_json::Value::from(*text)))
        .collect();
    let tree: Tree = serde_json::from_str(&format!("[{}]", rules.join(","))).unwrap();
    let errors = RefCell::new(Vec::new());
    let rules = Rules::read(&tree, &At::root(&errors));
    rules.unwrap_or_else(|| panic!("{:?}", errors.into_inner()))
}

fn best<'r>(
    rules: &'r Rules<Rule>,
    authority: &str,
    path: Option<&str>,
    headers: &Headers,
) -> Option<&'r str> {
    let host = canonical_host(authority.as_bytes())?;
    rules.best(&host, path, headers).map(|rule| rule.name.as_str())
}

const ANYTHING: &str = "{}";
const HOST: &str = r#"{"hosts":["api.example.com"]}"#;
const WILDCARD: &str = r#"{"hosts":["*.example.com"]}"#;
const EXACT: &str = r#"{"path":{"exact":"/orders/new"}}"#;
const TEMPLATE: &str = r#"{"path":{"template":"/orders/{id}"}}"#;
const PREFIX: &str = r#"{"path":{"prefix":"/orders"}}"#;
const ROOT: &str = r#"{"path":{"prefix":"/"}}"#;
const REGEX: &str = r#"{"path":{"regex":"/orders/.*"}}"#;
const HEADER: &str = r#"{"headers":[{"name":"x-beta"}]}"#;
const HEADERS: &str = r#"{"headers":[{"name":"x-beta"},{"name":"x-tenant","exact":"a"}]}"#;
const WILDCARD_EXACT: &str = r#"{"hosts":["*.example.com"],"path":{"exact":"/orders/new"}}"#;
const EXACT_HEADER: &str = r#"{"path":{"exact":"/orders/new"},"headers":[{"name":"x-beta"}]}"#;

#[test]
fn the_closer_rule_wins_wherever_it_stands() {
    // Each beats all that follow it, for this request.
    let ranking = [
        HOST,
        WILDCARD_EXACT,
        WILDCARD,
        EXACT_HEADER,
        EXACT,
        TEMPLATE,
        PREFIX,
        ROOT,
        REGEX,
        HEADERS,
        HEADER,
        ANYTHING,
    ];
    let headers = Headers::from_pairs([("x-beta", "1"), ("x-tenant", "a")]);
    for (i, winner) in ranking.iter().enumerate() {
        for loser in ranking.iter().skip(i + 1) {
            for pair in [[*winner, *loser], [*loser, *winner]] {
                let rules = rules(&pair);
                let found = best(&rules, "api.example.com", Some("/orders/new"), &headers);
                assert_eq!(found, Some(*winner), "{pair:?}");
            }
        }
    }
}

#[test]
fn among_rules_of_one_kind_the_closer_one_wins() {
    let cases: &[(&str, &str)] = &[
        (r#"{"hosts":["*.v1.api.example.com"]}"#, ANYTHING),
        (r#"{"path":{"prefix":"/orders/eu"}}"#, r#"{"path":{"prefix":"/orders"}}"#),
        (r#"{"path":{"template":"/orders/eu/{id}"}}"#, r#"{"path":{"template":"/orders/{region}/{id}"}}"#),
        (r#"{"path":{"template":"/{a}/{b}/{c}"}}"#, r#"{"path":{"prefix":"/orders/eu/1"}}"#),
        (
            r#"{"hosts":["eu.v1.api.example.com","other.example.com"]}"#,
            r#"{"hosts":["*.v1.api.example.com"]}"#,
        ),
    ];
    for (winner, loser) in cases {
        for pair in [[*winner, *loser], [*loser, *winner]] {
            let rules = rules(&pair);
            let found = best(&rules, "eu.v1.api.example.com", Some("/orders/eu/1"), &Headers::default());
            assert_eq!(found, Some(*winner), "{pair:?}");
        }
    }
}

#[test]
fn the_first_wins_on_ties() {
    let ties: &[[&str; 2]] = &[
        [r#"{"path":{"regex":"/orders/.*"}}"#, r#"{"path":{"regex":"/orders/[a-z]+"}}"#],
        [r#"{"path":{"template":"/orders/{id}"}}"#, r#"{"path":{"template":"/{what}/new"}}"#],
        [r#"{"headers":[{"name":"x-beta"}]}"#, r#"{"headers":[{"name":"x-beta","exact":"1"}]}"#],
    ];
    let headers = Headers::from_pairs([("x-beta", "1")]);
    for [one, other] in ties {
        for pair in [[*one, *other], [*other, *one]] {
            let rules = rules(&pair);
            assert_eq!(best(&rules, "h", Some("/orders/new"), &headers), pair.first().copied());
        }
    }
}

#[test]
fn no_rule_matches_where_none_does() {
    let all = rules(&[HOST, EXACT, HEADERS]);
    assert_eq!(best(&all, "other.example.com", Some("/"), &Headers::default()), None);
    assert_eq!(best(&rules(&[]), "api.example.com", Some("/"), &Headers::default()), None);
}

/// Whether a rule with this match applies to a request for this path.
fn path_matches(pattern: &str, path: &str) -> bool {
    best(&rules(&[&format!("{{\"path\":{pattern}}}")]), "h", Some(path), &Headers::default()).is_some()
}

#[test]
fn each_kind_of_path_pattern_matches_what_it_says() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (r#"{"exact":"/a"}"#, &["/a"], &["/a/", "/A", "/ab", "/", "*"]),
        (r#"{"exact":"/"}"#, &["/"], &["/a", "*"]),
        (r#"{"exact":"*"}"#, &["*"], &["/*", "/a"]),
        (
            r#"{"prefix":"/admin"}"#,
            &["/admin", "/admin/", "/admin/users"],
            &["/administrator", "/Admin", "/x/admin"],
        ),
        (r#"{"prefix":"/admin/"}"#, &["/admin", "/admin/", "/admin/users"], &["/administrator"]),
        (r#"{"prefix":"/"}"#, &["/", "/a", "/a/b"], &["*"]),
        (
            r#"{"template":"/o/{id}"}"#,
            &["/o/1", "/o/{id}", "/o/a b"],
            &["/o", "/o/", "/o/1/", "/o/1/2", "/O/1"],
        ),
        (r#"{"template":"/{a}/x/{b}"}"#, &["/1/x/2"], &["/1/y/2", "//x/2"]),
        (r#"{"template":"/o/{id}/"}"#, &["/o/1/"], &["/o/1", "/o//"]),
        (r#"{"template":"/"}"#, &["/"], &["/a"]),
        (r#"{"regex":"/o/[0-9]+"}"#, &["/o/12"], &["/o/12/x", "/x/o/12", "/o/"]),
        (r#"{"regex":"/a|/b"}"#, &["/a", "/b"], &["/ax", "x/b", "/a/b"]),
        (r#"{"regex":"(?i)/admin"}"#, &["/ADMIN"], &["/admins"]),
        (r#"{"regex":"(?m)/a$"}"#, &["/a"], &["/a/b"]),
        (r#"{"regex":".*"}"#, &["/", "*"], &[]),
    ];
    for (pattern, yes, no) in cases {
        for path in *yes {
            assert!(path_matches(pattern, path), "{pattern} and {path}");
        }
        for path in *no {
            assert!(!path_matches(pattern, path), "{pattern} and not {path}");
        }
    }
}

#[test]
fn a_request_without_a_path_is_matched_by_rules_without_one_only() {
    let all = rules(&[ROOT, r#"{"path":{"regex":".*"}}"#, HOST]);
    assert_eq!(best(&all, "api.example.com:443", None, &Headers::default()), Some(HOST));
    assert_eq!(best(&all, "other", None, &Headers::default()), None);
}

#[test]
fn a_host_is_compared_without_what_does_not_name_it() {
    let cases: &[(&str, &str, bool)] = &[
        ("api.example.com", "api.example.com", true),
        ("api.example.com", "API.Example.COM", true),
        ("API.example.com", "api.example.com", true),
        ("api.example.com", "api.example.com:8443", true),
        ("api.example.com", "api.example.com.", true),
        ("api.example.com", "api.example.com.:443", true),
        ("api.example.com", "user@api.example.com", false),
        ("api.example.com", "user:pass@api.example.com:80", false),
        ("api.example.com", "api.example.com,api.example.com", false),
        ("api.example.com", "api.example.com..", false),
        ("api.example.com", "api.example.com@evil.test", false),
        ("api.example.com", "a@api.example.com@evil.test", false),
        ("api.example.com", "api.example.com.evil.test", false),
        ("api.example.com", "xapi.example.com", false),
        ("api.example.com", "example.com", false),
        ("api.example.com", "", false),
        ("*.example.com", "api.example.com", true),
        ("*.example.com", "API.EXAMPLE.COM.:1", true),
        ("*.EXAMPLE.com", "api.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "v1.api.example.com", false),
        ("*.example.com", "apiexample.com", false),
        ("[2001:db8::1]", "[2001:db8::1]", true),
        ("[2001:db8::1]", "[2001:DB8::1]:8443", true),
        ("192.0.2.1", "192.0.2.1:80", true),
    ];
    for (pattern, authority, expected) in cases {
        let rules = rules(&[&format!("{{\"hosts\":[\"{pattern}\"]}}")]);
        let found = best(&rules, authority, Some("/"), &Headers::default());
        assert_eq!(found.is_some(), *expected, "{pattern} and {authority}");
    }
}

#[test]
fn an_authority_is_one_host_and_at_most_one_port() {
    let hosts: &[(&str, &str)] = &[
        ("api.example.com", "api.example.com"),
        ("API.example.com.:8443", "api.example.com"),
        ("my_service:", "my_service"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ("[::1]", "[::1]"),
        ("[2001:0db8:0:0::1]", "[2001:db8::1]"),
    ];
    for (authority, host) in hosts {
        assert_eq!(canonical_host(authority.as_bytes()).as_deref(), Some(*host), "{authority}");
    }
    let refused: &[&[u8]] = &[
        b"",
        b".",
        b":80",
        b"a..example.com",
        b"api.example.com..",
        b"api.example.com,evil.example",
        b"api.example.com:80,api.example.com:80",
        b"user@api.example.com",
        b"user:1@api.example.com",
        b"api%2eexample.com",
        b"api.example.com..:80",
        b".api.example.com",
        b"*.example.com",
        b" api.example.com",
        b"api.example.com\0",
        b"api.example.com#",
        b"api\\example.com",
        b"api.example.com:-1",
        b"api.example.com:+80",
        b"2001:db8::1",
        b"api.example.com\xff",
        "bücher.example".as_bytes(),
        b"api.example.com:80:81",
        b"api.example.com:http",
        b"api.example.com:123456",
        b"[2001:db8::1",
        b"2001:db8::1]",
        b"[]",
        b"[a b]",
        b"[192.0.2.1]",
        b"[::1%25eth0]",
        b"[::1].",
        b"[::1]x",
        b"[::1]:x",
        b"api.example.com/",
    ];
    for authority in refused {
        assert_eq!(canonical_host(authority), None, "{}", String::from_utf8_lossy(authority));
    }
}

proptest! {
    #[test]
    fn a_canonical_host_is_its_own(authority in "[aZ9.:_,@%/*\\[\\]-]{0,12}|[a-zA-Z0-9-]{1,4}(\\.[A-Z]{1,3}){0,3}\\.?(:[0-9]{0,5})?") {
        if let Some(host) = canonical_host(authority.as_bytes()) {
            let again = canonical_host(host.as_bytes());
            prop_assert_eq!(again.as_deref(), Some(host.as_ref()));
            prop_assert!(!host.contains([',', '@', '%', '/', '*']) && !host.ends_with('.'), "{}", host);
        }
    }

    #[test]
    fn an_authority_of_arbitrary_bytes_never_panics(authority: Vec<u8>) {
        let _ = canonical_host(&authority);
    }
}

#[test]
fn a_header_condition_holds_for_any_of_the_values() {
    let present = r#"{"headers":[{"name":"X-Tenant"}]}"#;
    let exact = r#"{"headers":[{"name":"x-tenant","exact":"a"}]}"#;
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, Fields<'_>, bool)] = &[
        (present, &[("x-tenant", "")], true),
        (present, &[("x-other", "a")], false),
        (exact, &[("X-Tenant", "a")], true),
        (exact, &[("x-tenant", "b"), ("x-tenant", "a")], true),
        (exact, &[("x-tenant", "A")], false),
        (exact, &[("x-tenant", "a,b")], false),
        (exact, &[], false),
    ];
    for (rule, headers, expected) in cases {
        let rules = rules(&[rule]);
        let found = best(&rules, "h", Some("/"), &Headers::from_pairs(headers.iter().copied()));
        assert_eq!(found.is_some(), *expected, "{rule} and {headers:?}");
    }
}
