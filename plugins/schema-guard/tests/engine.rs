//! What the engine says of documents: verdicts that need exact numbers, where a document breaks a schema, and what
//! hostile documents cost.

#![allow(clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

use filter_core::config::{At, Tree as Schema};
use filter_core::violation::Place;
use schema_guard::engine::{COMPLEXITY, Draft, Options, Sources, Validator};
use schema_guard::json::{Limits, Tree};
use std::cell::RefCell;

const LIMITS: Limits = Limits {
    depth: 64,
    values: 1 << 20,
    members: 1 << 17,
    items: 1 << 17,
    name: 1000,
    string: 1 << 20,
    number: 1000,
};

/// A schema, compiled with the options of the configuration's defaults.
fn schema(text: &str) -> Validator {
    with(text, Draft::Draft202012)
}

fn with(text: &str, draft: Draft) -> Validator {
    let tree: Schema = serde_json::from_str(text).expect(text);
    let errors = RefCell::new(Vec::new());
    let at = At::root(&errors);
    let options = Options { draft, assert_formats: true, allow_unknown: false };
    let validator = Sources::none(&options, &at).and_then(|sources| Validator::compile(&tree, &sources, &at));
    validator.unwrap_or_else(|| panic!("{text}: {:?}", errors.borrow()))
}

/// The places where a document breaks a schema, as `/pointer keyword`.
fn violations(validator: &Validator, text: &str, most: usize) -> Vec<String> {
    let tree = Tree::read(text.as_bytes(), &LIMITS).expect("JSON");
    let violations = validator.check(&tree, most).err().unwrap_or_default();
    let violations = violations.into_iter().map(|violation| match violation.place {
        Place::Body(pointer) => format!("{pointer} {}", violation.keyword),
        other => panic!("{other:?}"),
    });
    violations.collect()
}

fn is_valid(validator: &Validator, text: &str) -> bool {
    let tree = Tree::read(text.as_bytes(), &LIMITS).expect("JSON");
    let valid = validator.check(&tree, 10).is_ok();
    assert_eq!(validator.is_valid(&tree), valid, "{text}");
    valid
}

#[test]
fn numbers_are_what_they_are_written_as() {
    for (text, valid, invalid) in [
        (
            r#"{"maximum": 9007199254740992}"#,
            &["9007199254740992", "9007199254740992.0"][..],
            &["9007199254740993", "9007199254740992.5", "1e400"][..],
        ),
        (r#"{"minimum": 9007199254740993}"#, &["9007199254740993", "1e400"], &["9007199254740992", "-1e400"]),
        (r#"{"exclusiveMinimum": 0}"#, &["1e-400", "0.1"], &["-0", "0", "0e5", "-1e-400"]),
        (
            r#"{"exclusiveMaximum": 0.1}"#,
            &["0.0999999999999999999999999"],
            &["0.1", "0.10", "0.1000000000000000055"],
        ),
        (r#"{"maximum": 0.1}"#, &["0.1", "0.10", "1e-1"], &["0.1000000000000000055"]),
        (
            r#"{"multipleOf": 0.01}"#,
            &["19.99", "0", "-19.99", "1e300"],
            &["19.999", "1e-3", "0.0100000000000000000001"],
        ),
        (
            r#"{"multipleOf": 5}"#,
            &["-5", "10.0", "1e400", "18446744073709551620"],
            &["18446744073709551621", "7", "5.5"],
        ),
        (r#"{"const": 1}"#, &["1", "1.0", "10e-1"], &["1.0000000000000000001", "true", "\"1\""]),
        (r#"{"const": 0.1}"#, &["0.1", "0.10", "1e-1"], &["0.1000000000000000055511151231257827"]),
        (
            r#"{"enum": [1, 2, "a", null, 18446744073709551615]}"#,
            &["1", "2.0", "\"a\"", "null", "18446744073709551615"],
            &["3", "18446744073709551616", "1.5", "false", "[]"],
        ),
        (r#"{"enum": [1, 2]}"#, &["1", "2e0"], &["1.0000000000000000001", "18446744073709551617"]),
        (
            r#"{"const": {"a": [1, {"b": 0.1}]}}"#,
            &[r#"{"a": [1.0, {"b": 1e-1}]}"#],
            &[r#"{"a": [1, {"b": 0.10000000000000001}]}"#],
        ),
        (
            r#"{"type": "integer"}"#,
            &["1", "1.0", "1e2", "1e400", "-0"],
            &["1.5", "1e-2", "9007199254740992.5"],
        ),
        (
            r#"{"uniqueItems": true}"#,
            &["[0.1, 0.10000000000000001]", "[1, true, \"1\"]", "[[1], [[1]]]"],
            &[
                "[1, 1.0]",
                "[0.1, 1e-1]",
                "[0, -0]",
                r#"[{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]"#,
                "[1e400, 10e399]",
            ],
        ),
    ] {
        let validator = schema(text);
        for document in valid {
            assert!(is_valid(&validator, document), "{text} {document}");
        }
        for document in invalid {
            assert!(!is_valid(&validator, document), "{text} {document}");
        }
    }
}

#[test]
fn draft_4_has_integers_and_flags_of_its_own() {
    let validator =
        with(r#"{"type": "integer", "maximum": 5, "exclusiveMaximum": true, "minimum": 1}"#, Draft::Draft4);
    for (document, valid) in
        [("1", true), ("4", true), ("5", false), ("1.0", false), ("1e0", false), ("0", false)]
    {
        assert_eq!(is_valid(&validator, document), valid, "{document}");
    }
}

#[test]
fn the_dialect_is_that_of_the_schema() {
    // What draft 4 calls a flag is a number later.
    let text =
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": true}"#;
    assert!(!is_valid(&schema(text), "5"));
    let text = r##"{"$ref": "http://json-schema.org/draft-07/schema#"}"##;
    let validator = schema(text);
    assert!(is_valid(&validator, r#"{"type": "string"}"#));
    assert_eq!(
        violations(&validator, r#"{"properties": {"a": {"type": "strnig"}}}"#, 10),
        ["/properties/*/type anyOf"]
    );
}

#[test]
fn a_violation_says_where_and_which_keyword() {
    let text = r##"{
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "a/b~c": {"const": 1},
            "tags": {"items": {"maxLength": 2, "pattern": "^a"}, "minItems": 1},
            "no": false,
            "one": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "list": {"contains": {"type": "string"}, "minContains": 2, "maxContains": 3},
            "mail": {"format": "email"}
        },
        "required": ["id", "name"],
        "dependentRequired": {"no": ["yes"]},
        "propertyNames": {"maxLength": 8},
        "patternProperties": {"^x": {"type": "null"}, "^exact$": {"type": "null"}},
        "additionalProperties": false
    }"##;
    let validator = schema(text);
    for (document, expected) in [
        (r#"{"id": 1, "name": 1}"#, &[" additionalProperties"][..]),
        ("{}", &["/id required", "/name required"]),
        (r#"{"id": 0.5, "xname": null}"#, &["/id type", "/id minimum", "/name required"]),
        (r#"[]"#, &[" type"]),
        (r#"{"id": 1, "a/b~c": 2}"#, &["/a~1b~0c const", "/name required"]),
        (
            r#"{"id": 1, "tags": ["a", "abc", "b"]}"#,
            &["/name required", "/tags/1 maxLength", "/tags/2 pattern"],
        ),
        (r#"{"id": 1, "tags": []}"#, &["/name required", "/tags minItems"]),
        (r#"{"id": 1, "no": 1}"#, &["/name required", "/no false", "/yes dependentRequired"]),
        (r#"{"id": 1, "one": null}"#, &["/name required", "/one oneOf"]),
        (r#"{"id": 1, "list": ["a"]}"#, &["/list minContains", "/name required"]),
        (r#"{"id": 1, "list": ["a", "b", "c", "d"]}"#, &["/list maxContains", "/name required"]),
        (r#"{"id": 1, "mail": "me"}"#, &["/mail format", "/name required"]),
        (r#"{"id": 1, "xsecret": 5, "exact": 5}"#, &["/* type", "/exact type", "/name required"]),
        (r#"{"id": 1, "secretsecret": 5}"#, &[" additionalProperties", " propertyNames", "/name required"]),
    ] {
        let mut found = violations(&validator, document, 10);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{document}");
    }
}

#[test]
fn names_that_no_schema_writes_are_not_shown() {
    let validator =
        schema(r#"{"additionalProperties": {"additionalProperties": {"items": {"type": "null"}}}}"#);
    let document = r#"{"4111111111111111": {"0": [null, 1]}, "<script>": {"a/b": [1]}}"#;
    assert_eq!(violations(&validator, document, 10), ["/*/*/1 type", "/*/*/0 type"]);
    let text =
        violations(&schema(r#"{"unevaluatedProperties": false, "type": "object"}"#), r#"{"secret": 1}"#, 10);
    assert_eq!(text, [" unevaluatedProperties"]);
}

#[test]
fn at_most_so_many_violations_and_each_once() {
    let validator = schema(r#"{"items": {"type": "null"}}"#);
    let document = format!("[{}]", vec!["1"; 50_000].join(","));
    assert_eq!(violations(&validator, &document, 3), ["/0 type", "/1 type", "/2 type"]);
    assert_eq!(violations(&validator, &document, 100).len(), 100);
    let validator = schema(r#"{"additionalProperties": {"type": "null"}}"#);
    let members: Vec<_> = (0..1000).map(|index| format!("\"{index}\": 1")).collect();
    assert_eq!(violations(&validator, &format!("{{{}}}", members.join(",")), 100), ["/* type"]);
}

/// A document that nests arrays `depth` deep around this.
fn nested(depth: usize, inner: &str) -> String {
    format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn schemas_that_branch_at_every_level_come_to_an_end() {
    let text = r##"{"$ref": "#/$defs/t", "$defs": {"t": {"anyOf": [
        {"type": "array", "items": {"$ref": "#/$defs/t"}},
        {"type": "array", "items": {"$ref": "#/$defs/t"}, "minItems": 0},
        {"type": "null"}
    ]}}}"##;
    let validator = schema(text);
    for depth in [1, 5, 20, 60] {
        assert!(is_valid(&validator, &nested(depth, "null")), "{depth}");
        assert!(!is_valid(&validator, &nested(depth, "1")), "{depth}");
        assert!(
            violations(&validator, &nested(depth, "1"), 10).iter().all(|found| found == " anyOf"),
            "{depth}"
        );
    }
    // All must hold, and there are objects and references by name as well.
    let text = r##"{"$ref": "#/$defs/t", "$defs": {
        "t": {"allOf": [{"$ref": "#/$defs/u"}, {"$ref": "#/$defs/u"}, {"oneOf": [{"$ref": "#/$defs/u"}, false]}]},
        "u": {"properties": {"a": {"$ref": "#/$defs/t"}}, "additionalProperties": {"$ref": "#/$defs/t"}, "type": ["object", "null"]}
    }}"##;
    let validator = schema(text);
    for (inner, valid) in [("null", true), ("1", false)] {
        let document = format!("{}{inner}{}", "{\"a\": {\"b\": ".repeat(30), "}}".repeat(30));
        assert_eq!(is_valid(&validator, &document), valid);
    }
    // What has been evaluated is asked again at every level.
    let text = r##"{"$ref": "#/$defs/t", "$defs": {"t": {
        "anyOf": [{"properties": {"a": {"$ref": "#/$defs/t"}}}, {"properties": {"a": {"$ref": "#/$defs/t"}, "b": {"$ref": "#/$defs/t"}}}],
        "unevaluatedProperties": false
    }}}"##;
    let validator = schema(text);
    for (inner, valid) in [("1", true), ("{\"c\": 1}", false)] {
        let document = format!("{}{inner}{}", "{\"a\": ".repeat(60), "}".repeat(60));
        let found = violations(&validator, &document, 10);
        assert_eq!(found.is_empty(), valid, "{found:?}");
    }
}

#[test]
fn what_takes_too_much_work_is_refused() {
    // Every element is looked at by each alternative, each of which asks 300 times.
    let nots: Vec<_> = (0..300).map(|number| format!("{{\"not\": {{\"const\": {number}.5}}}}")).collect();
    let text = format!(
        r##"{{"$ref": "#/$defs/t", "$defs": {{"t": {{"not": {{"allOf": [{{"items": {{"$ref": "#/$defs/t"}}}}, {{"not": {{"items": {{"$ref": "#/$defs/t"}}}}}}, {}]}}}}}}}}"##,
        nots.join(",")
    );
    let validator = schema(&text);
    let found = violations(&validator, &nested(60, "1,1,1,1"), 10);
    assert!(found.is_empty() || found == [format!(" {COMPLEXITY}")] || found == [" not"], "{found:?}");
}

#[test]
fn large_documents_are_linear_work() {
    let many = |make: &dyn Fn(usize) -> String| (0..20_000).map(make).collect::<Vec<_>>().join(",");
    let array = |make: &dyn Fn(usize) -> String| format!("[{}]", many(make));
    let unique = schema(r#"{"uniqueItems": true}"#);
    assert!(is_valid(&unique, &array(&|index| index.to_string())));
    assert!(is_valid(&unique, &array(&|index| format!("{{\"a\": [{index}, \"x\"]}}"))));
    let same = array(&|index| format!("[{}]", index % 19_999));
    assert_eq!(violations(&unique, &same, 10), [" uniqueItems"]);

    let values: Vec<_> = (0..2000).map(|index| format!("\"v{index}\"")).collect();
    let validator = schema(&format!("{{\"items\": {{\"enum\": [{}]}}}}", values.join(",")));
    assert!(is_valid(&validator, &array(&|index| format!("\"v{}\"", index % 2000))));
    let mixed: Vec<_> = (0..500).map(|index| format!("{index}.5")).collect();
    let validator = schema(&format!("{{\"items\": {{\"enum\": [{}]}}}}", mixed.join(",")));
    assert!(is_valid(&validator, &array(&|index| format!("{}.5", index % 500))));

    let validator = schema(r#"{"contains": {"const": 1}, "minContains": 20000}"#);
    assert!(is_valid(&validator, &array(&|_| "1".to_owned())));

    let object = |make: &dyn Fn(usize) -> String| format!("{{{}}}", many(make));
    let members = object(&|index| format!("\"k{index}\": 1"));
    let text = r#"{"patternProperties": {"^k": {"type": "integer"}, "[0-9]$": true}, "unevaluatedProperties": false}"#;
    assert!(is_valid(&schema(text), &members));
    let text = r#"{"anyOf": [{"patternProperties": {"^k": true}}, true], "unevaluatedProperties": false}"#;
    assert!(is_valid(&schema(text), &members));
    assert_eq!(
        violations(&schema(r#"{"unevaluatedProperties": false, "type": "object"}"#), &members, 10),
        [" unevaluatedProperties"]
    );
    assert_eq!(
        violations(
            &schema(r#"{"unevaluatedItems": false, "type": "array"}"#),
            &array(&|_| "1".to_owned()),
            10
        ),
        [" unevaluatedItems"]
    );
}

#[test]
fn patterns_are_matched_in_linear_time() {
    let validator = schema(r#"{"pattern": "^(a+)+$"}"#);
    assert!(!is_valid(&validator, &format!("\"{}!\"", "a".repeat(20_000))));
    let validator = schema(r#"{"pattern": "^(a|a?)*b[a-z]{1,100}$"}"#);
    assert!(!is_valid(&validator, &format!("\"{}\"", "a".repeat(20_000))));
}

/// regex 1.13.1 panics when it matches a program that is too large for its own buffers
/// (https://github.com/rust-lang/regex/issues/1344). What is compiled here never is.
#[test]
fn a_large_pattern_is_matched_against_everything() {
    let validator = schema(r#"{"pattern": "^.{0,1000}$"}"#);
    for document in ["\"\"", "\"a\"", "\"\\u20ac\""] {
        assert!(is_valid(&validator, document), "{document}");
    }
    assert!(!is_valid(&validator, &format!("\"{}\"", "a".repeat(1001))));
}

#[test]
fn a_regular_expression_is_one_within_bounds() {
    let validator = schema(r#"{"format": "regex"}"#);
    let nested = |count: usize| format!("\"{}a{}\"", "(".repeat(count), ")".repeat(count));
    let named =
        |count: usize| format!("\"{}\"", (0..count).map(|n| format!("(?<n{n}>)")).collect::<String>());
    for document in [
        "\"^[a-z]+(-[0-9]{2,})?$\"",
        "\"(?<year>[0-9]{4})-\\\\k<year>\"",
        &nested(250),
        &named(32),
        "\"(a)\\\\1\"",
    ] {
        assert!(is_valid(&validator, document), "{document}");
    }
    for document in ["\"(\"", "\"[\"", "\"a{2,1}\"", &nested(251), &named(33), "\"\\\\1\""] {
        assert!(!is_valid(&validator, document), "{document}");
    }
}

#[test]
fn json_in_a_string_is_json() {
    let validator = with(r#"{"contentMediaType": "application/json"}"#, Draft::Draft7);
    for document in ["\"{}\"", "\"[1, 1e400, null]\"", "1"] {
        assert!(is_valid(&validator, document), "{document}");
    }
    for document in ["\"\"", "\"{\"", "\"[] []\"", "\"{a: 1}\""] {
        assert!(!is_valid(&validator, document), "{document}");
    }
}

#[test]
fn what_is_wrong_is_told_as_far_as_that_is_little_work() {
    // Each alternative would have to say of each element what is wrong with it.
    let mut text = r#"{"type": "array", "items": {"const": 1}}"#.to_owned();
    for _ in 0..6 {
        text = format!(r#"{{"anyOf": [{{"allOf": [{text}, {{"maxItems": 0}}]}}, {text}]}}"#);
    }
    let validator = schema(&text);
    let document = |last: &str| format!("[{}{last}]", "1,".repeat(25_000));
    assert!(is_valid(&validator, &document("1")));
    assert!(!is_valid(&validator, &document("2")));
    // At the end of a large document, where one schema looks at each value.
    let validator =
        schema(r#"{"items": {"properties": {"a": {"type": "integer", "minimum": 1, "maximum": 9}}}}"#);
    let document = format!("[{}{{\"a\": 0}}]", "{\"a\": 5},".repeat(25_000));
    assert_eq!(violations(&validator, &document, 10), ["/25000/a minimum"]);
}
