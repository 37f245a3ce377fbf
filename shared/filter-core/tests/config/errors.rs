//! What an operator reads when a configuration is wrong: every error, each with its place.

use crate::sample::load;

fn errors(config: &str) -> Vec<String> {
    load(config, &()).err().unwrap_or_default()
}

#[test]
fn everything_that_is_wrong_is_reported_in_one_load() {
    let config = r#"{
        "version": 1,
        "mode": "shadows",
        "limit": 0,
        "limit": 5,
        "strict": "yes",
        "colour": "red",
        "key": "hunter2",
        "set": { "x-a": "1", "X-A": "2", "bad name": "x", "x-b": "line\nbreak" },
        "remove": ["x-c", "", 7],
        "rules": [
            { "name": "one", "match": { "path": { "prefix": "/a/../b" } }, "metods": ["GET"] },
            { "name": "two", "match": { "path": { "exact": "/a" } }, "methods": ["GTE", "get"] },
            { "name": "one", "match": { "path": { "exact": "/a" } }, "methods": null },
            { "match": { "hosts": ["https://a.test"], "path": { "regex": "(" } } },
            { "name": "", "match": { "path": { "exact": "/a", "prefix": "/a" } } },
            7
        ]
    }"#;
    let expected = [
        r#"limit: the key is given twice"#,
        r#"colour: unknown key; expected one of version, mode, limit, strict, key, set, remove, rules"#,
        r#"mode: unknown value; expected one of enforce, shadow"#,
        r#"limit: must be an integer of at least 1"#,
        r#"strict: expected true or false, got a string"#,
        r#"key: a secret is not written into the configuration; use {"env": "NAME"}"#,
        r#"set["X-A"]: the header is given twice"#,
        r#"set["bad name"]: not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)"#,
        r#"set["x-b"]: not a header value: visible ASCII, spaces and tabs only"#,
        r#"remove[1]: not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)"#,
        r#"remove[2]: expected a header name, got a number"#,
        r#"rules[0].metods: unknown key; did you mean "methods"?"#,
        r#"rules[0].match.path.prefix: must be a canonical path: starts with /, decoded, no //, no dot segments, no ; \ ? #"#,
        r#"rules[1].methods[0]: unknown HTTP method; did you mean "GET"? An extension method is written {"extension": "NAME"}"#,
        r#"rules[1].methods[1]: unknown HTTP method; did you mean "GET"? An extension method is written {"extension": "NAME"}"#,
        r#"rules[2].methods: null is not a value; leave the key out"#,
        r#"rules[3].name: is required"#,
        r#"rules[3].match.hosts[0]: not a host; expected as api.example.com or *.example.com, without scheme and port"#,
        r#"rules[3].match.path.regex: not a regular expression: found open group without closing ')'"#,
        r#"rules[4].name: must not be empty"#,
        r#"rules[4].match.path: expected exactly one of exact, prefix, template, regex"#,
        r#"rules[5]: expected an object, got a number"#,
        r#"rules[2].name: the same name as rules[0]"#,
        r#"rules[2].match: the same match as rules[1]"#,
    ];
    assert_eq!(errors(config), expected);
}

/// The errors of a configuration that has these members beside its version.
fn errors_of(members: &str) -> Vec<String> {
    errors(&format!("{{\"version\": 1, {members}}}"))
}

/// The errors of the match of a single rule, without their common path.
fn errors_of_match(text: &str) -> Vec<String> {
    let errors = errors_of(&format!(r#""rules": [{{"name": "r", "match": {text}}}]"#));
    errors.iter().map(|error| error.strip_prefix("rules[0].match").unwrap_or(error).to_owned()).collect()
}

#[test]
fn a_value_of_the_wrong_kind_is_named_by_its_kind_and_not_repeated() {
    for (value, kind) in [
        ("{\"secret\":1}", "an object"),
        ("[\"secret\"]", "an array"),
        ("7", "a number"),
        ("true", "a boolean"),
    ] {
        let got =
            errors_of(&format!("\"mode\": {value}, \"rules\": [{{\"name\": {value}, \"match\": {{}}}}]"));
        let expected = [
            format!("mode: expected one of enforce, shadow, got {kind}"),
            format!("rules[0].name: expected a string, got {kind}"),
        ];
        assert_eq!(got, expected);
    }
    assert_eq!(errors_of(r#""limit": "10""#), ["limit: expected a positive integer, got a string"]);
    assert_eq!(errors_of(r#""rules": {}"#), ["rules: expected an array, got an object"]);
    assert_eq!(
        errors_of(r#""set": []"#),
        ["set: expected an object of header names and values, got an array"]
    );
    assert_eq!(errors_of(r#""remove": [null]"#), ["remove[0]: expected a header name, got null"]);
}

#[test]
fn a_number_that_is_no_limit_is_refused() {
    for value in ["0", "-1", "1.5", "1e3", "18446744073709551616"] {
        assert_eq!(
            errors_of(&format!("\"limit\": {value}")),
            ["limit: must be an integer of at least 1"],
            "{value}"
        );
    }
    assert_eq!(errors_of("\"limit\": 18446744073709551615"), [""; 0]);
}

#[test]
fn a_method_is_a_registered_one_or_declared_an_extension() {
    let methods =
        |text: &str| errors_of(&format!(r#""rules": [{{"name": "r", "match": {{}}, "methods": [{text}]}}]"#));
    let cases = [
        (r#""FROBNICATE""#, r#"unknown HTTP method. An extension method is written {"extension": "NAME"}"#),
        (
            r#""DELET""#,
            r#"unknown HTTP method; did you mean "DELETE"? An extension method is written {"extension": "NAME"}"#,
        ),
        (r#""""#, r#"unknown HTTP method. An extension method is written {"extension": "NAME"}"#),
        ("7", "expected an HTTP method, got a number"),
        (r#"{"extention": "PURGE"}"#, "expected an HTTP method, got an object"),
        (r#"{"extension": "PURGE", "x": 1}"#, "expected an HTTP method, got an object"),
    ];
    for (method, message) in cases {
        assert_eq!(methods(method), [format!("rules[0].methods[0]: {message}")], "{method}");
    }
    for method in [r#""PROPFIND""#, r#""TRACK""#, r#"{"extension": "PURGE"}"#] {
        assert_eq!(methods(method), [""; 0], "{method}");
    }
    let expected = "rules[0].methods[0].extension: not a method token (RFC 9110 section 9.1)";
    assert_eq!(methods(r#"{"extension": "NOT ONE"}"#), [expected]);
    for (method, known) in [("get", "GET"), ("GET", "GET"), ("Trace", "TRACE"), ("propfind", "PROPFIND")] {
        let expected = format!("rules[0].methods[0].extension: not an extension method: write \"{known}\"");
        assert_eq!(methods(&format!(r#"{{"extension": "{method}"}}"#)), [expected], "{method}");
    }
}

#[test]
fn two_rules_with_the_same_match_are_refused_however_they_are_written() {
    let same: &[[&str; 2]] = &[
        ["{}", "{}"],
        [r#"{"path": {"prefix": "/a"}}"#, r#"{"path": {"prefix": "/a/"}}"#],
        [r#"{"path": {"template": "/a/{id}"}}"#, r#"{"path": {"template": "/a/{name}"}}"#],
        [r#"{"hosts": ["a.test", "b.test"]}"#, r#"{"hosts": ["c.test", "B.TEST"]}"#],
        [
            r#"{"headers": [{"name": "a"}, {"name": "b", "exact": "1"}]}"#,
            r#"{"headers": [{"exact": "1", "name": "B"}, {"name": "A"}]}"#,
        ],
    ];
    for [one, other] in same {
        let config =
            format!(r#""rules": [{{"name": "a", "match": {one}}}, {{"name": "b", "match": {other}}}]"#);
        assert_eq!(errors_of(&config), ["rules[1].match: the same match as rules[0]"], "{one} {other}");
    }
    let different: &[[&str; 2]] = &[
        // Within one rule a host may be named twice.
        [r#"{"hosts": ["a.test", "A.test"]}"#, "{}"],
        [r#"{"path": {"exact": "/a"}}"#, r#"{"path": {"prefix": "/a"}}"#],
        [r#"{"path": {"exact": "/a"}}"#, r#"{"path": {"exact": "/a/"}}"#],
        [r#"{"hosts": ["a.test"]}"#, r#"{"hosts": ["*.a.test"]}"#],
        [r#"{"headers": [{"name": "a"}]}"#, r#"{"headers": [{"name": "a", "exact": "1"}]}"#],
    ];
    for [one, other] in different {
        let config =
            format!(r#""rules": [{{"name": "a", "match": {one}}}, {{"name": "b", "match": {other}}}]"#);
        assert_eq!(errors_of(&config), [""; 0], "{one} {other}");
    }
}

#[test]
fn a_path_pattern_that_could_never_match_is_refused() {
    const CANONICAL: &str =
        "must be a canonical path: starts with /, decoded, no //, no dot segments, no ; \\ ? #";
    for text in
        ["a", "", "/a//b", "/./a", "/a/..", "/%61", "/a%2fb", "/a;b", "/a\\\\b", "/a?b", "/a#b", "/a\\u0000"]
    {
        for kind in ["exact", "prefix"] {
            let expected = if text.is_empty() { "must not be empty" } else { CANONICAL };
            let got = errors_of_match(&format!(r#"{{"path": {{"{kind}": "{text}"}}}}"#));
            assert_eq!(got, [format!(".path.{kind}: {expected}")], "{text}");
        }
    }
    let templates = [
        ("orders/{id}", "must start with /"),
        ("/orders/{id", "a parameter is a whole segment: /orders/{id}"),
        ("/orders/{}", "a parameter is a whole segment: /orders/{id}"),
        ("/orders/x{id}", "a parameter is a whole segment: /orders/{id}"),
        ("/orders/{a}{b}", "a parameter is a whole segment: /orders/{id}"),
        ("/orders//{id}", CANONICAL),
        ("/orders/../{id}", CANONICAL),
    ];
    for (text, message) in templates {
        let got = errors_of_match(&format!(r#"{{"path": {{"template": "{text}"}}}}"#));
        assert_eq!(got, [format!(".path.template: {message}")], "{text}");
    }
}

#[test]
fn a_regular_expression_cannot_leave_its_anchors_or_grow_without_bound() {
    let regex = |text: &str| errors_of_match(&format!(r#"{{"path": {{"regex": "{text}"}}}}"#));
    for text in ["(", "a)|(.*", "[", "(?=a)", "(a)\\\\1", "(?x)a #"] {
        let errors = regex(text);
        let [error] = errors.as_slice() else { panic!("{text}: {errors:?}") };
        assert!(error.starts_with(".path.regex: not a regular expression: "), "{text}: {error}");
    }
    let long = "a".repeat(1025);
    assert_eq!(regex(&long), [".path.regex: the expression has 1025 bytes; at most 1024 are accepted"]);
    assert_eq!(regex(&long[1..]), [""; 0]);
    assert_eq!(regex("(a{1000}){1000}").len(), 1, "the program would be too large");
}

#[test]
fn what_is_not_a_host_is_refused() {
    for text in [
        "*",
        "*.",
        "*example.com",
        "a.*.com",
        "a..b",
        ".a",
        "a.",
        "a:80",
        "a/b",
        "a b",
        "[::1",
        "*.[::1]",
        "::1",
        "[]",
        "[::g]",
        "[a]",
        "[192.0.2.1]",
        "[::1%25eth0]",
        "[::1]:80",
    ] {
        let got = errors_of_match(&format!(r#"{{"hosts": ["{text}"]}}"#));
        let expected =
            ".hosts[0]: not a host; expected as api.example.com or *.example.com, without scheme and port";
        assert_eq!(got, [expected], "{text}");
    }
}

#[test]
fn an_ipv6_host_is_an_address_in_brackets() {
    for text in ["[::1]", "[2001:DB8::1]", "[::ffff:192.0.2.1]"] {
        assert_eq!(errors_of_match(&format!(r#"{{"hosts": ["{text}"]}}"#)), [""; 0], "{text}");
    }
}

#[test]
fn an_empty_list_of_conditions_is_not_taken_for_any() {
    let expected = |key: &str| format!(".{key}: must not be empty; leave the key out");
    for key in ["hosts", "headers"] {
        assert_eq!(errors_of_match(&format!(r#"{{"{key}": []}}"#)), [expected(key)]);
    }
    let got = errors_of_match(r#"{"headers": [], "path": {"exact": "/a"}, "hosts": []}"#);
    assert_eq!(got, [expected("hosts"), expected("headers")]);
}

#[test]
fn one_of_the_four_kinds_of_path_is_given() {
    for text in [
        "{}",
        r#"{"exact": "/a", "prefix": "/a"}"#,
        r#"{"template": "/a", "regex": "/a"}"#,
        r#"{"exact": "/a", "prefix": "/a", "template": "/a", "regex": "/a"}"#,
    ] {
        let got = errors_of_match(&format!(r#"{{"path": {text}}}"#));
        assert_eq!(got, [".path: expected exactly one of exact, prefix, template, regex"], "{text}");
    }
}

#[test]
fn a_header_condition_names_a_header_and_a_value_it_can_have() {
    let got = errors_of_match(
        r#"{"headers": [{"name": ":path"}, {"exact": "a\u0000"}, {"name": "a", "value": "b"}]}"#,
    );
    let expected = [
        ".headers[0].name: not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)",
        ".headers[1].name: is required",
        ".headers[1].exact: not a header value: visible ASCII, spaces and tabs only",
        ".headers[2].value: unknown key; expected one of name, exact",
    ];
    assert_eq!(got, expected);
    for value in ["é", "\u{80}"] {
        let got = errors_of_match(&format!(r#"{{"headers": [{{"name": "a", "exact": "{value}"}}]}}"#));
        assert_eq!(
            got,
            [".headers[0].exact: not a header value: visible ASCII, spaces and tabs only"],
            "{value}"
        );
    }
}

#[test]
fn a_hostile_key_is_quoted_and_cut_in_the_message() {
    let key = "a\\nb\\\"".to_owned() + &"c".repeat(200);
    let got = errors_of(&format!("\"{key}\": 1"));
    let expected = format!(
        "[\"a\\nb\\\"{}…\"]: unknown key; expected one of version, mode, limit, strict, key, set, remove, rules",
        "c".repeat(60)
    );
    assert_eq!(got, [expected]);
}

#[test]
fn after_200_errors_the_rest_is_one_line() {
    let remove =
        |count: usize| errors_of(&format!(r#""remove": [{}], "rules": 7"#, vec!["7"; count].join(",")));
    // The last error is that of `rules`.
    let shown = remove(199);
    assert_eq!(shown.len(), 200);
    assert_eq!(shown.last().map(String::as_str), Some("rules: expected an array, got a number"));
    for count in [200, 201, 5000] {
        let shown = remove(count);
        assert_eq!(shown.len(), 201, "{count}");
        assert_eq!(
            shown.get(199).map(String::as_str),
            Some("remove[199]: expected a header name, got a number")
        );
        assert_eq!(shown.last().map(String::as_str), Some("further errors are not shown"));
    }
}

#[test]
fn more_rules_than_a_person_writes_are_refused() {
    let rules = |count: usize| {
        let rules: Vec<String> = (0..count)
            .map(|i| format!(r#"{{"name": "r{i}", "match": {{"path": {{"exact": "/{i}"}}}}}}"#))
            .collect();
        errors_of(&format!("\"rules\": [{}]", rules.join(",")))
    };
    assert_eq!(rules(1000), [""; 0]);
    assert_eq!(rules(1001), ["rules: 1001 rules; at most 1000 are accepted"]);
}
