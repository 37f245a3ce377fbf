//! JSON as it is read: what is taken, what is refused and why, and numbers by their value.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "shared/same.rs"]
mod same;

use proptest::prelude::*;
use same::same;
use schema_guard::json::{Limits, Number, Object, Refusal, Tree};
use serde_json::Value;
use std::cmp::Ordering;

/// No limit but that of depth.
const WIDE: Limits = Limits {
    depth: 100,
    values: usize::MAX,
    members: usize::MAX,
    items: usize::MAX,
    name: usize::MAX,
    string: usize::MAX,
    number: usize::MAX,
};

/// Small ones, each other than the others.
const NARROW: Limits = Limits { depth: 3, values: 9, members: 4, items: 5, name: 6, string: 7, number: 8 };

fn read(text: &str) -> Result<Tree<'_>, Refusal> {
    Tree::read(text.as_bytes(), &WIDE)
}

/// Why a text is malformed, and where.
fn malformed(text: &[u8]) -> (usize, &'static str) {
    match Tree::read(text, &WIDE) {
        Err(Refusal::Malformed { at, what }) => (at, what),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_value_is_read() {
    let text = " {\"b\" : [ null,true , false,\t\"\",-0.5e+3 ] ,\r\n\"a\":{} } ";
    let array = vec![
        Tree::Null,
        Tree::Bool(true),
        Tree::Bool(false),
        Tree::String("".into()),
        Tree::Number(Number::of("-500").unwrap()),
    ];
    let object =
        Object::of(vec![("a".into(), Tree::Object(Object::default())), ("b".into(), Tree::Array(array))]);
    assert_eq!(read(text), Ok(Tree::Object(object.unwrap())));
}

#[test]
fn a_string_is_what_its_escapes_say() {
    let text = r#""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00é😀""#;
    assert_eq!(read(text), Ok(Tree::String("\"\\/\u{8}\u{c}\n\r\té😀é😀".into())));
}

#[test]
fn what_is_no_json_is_refused_where_it_is_wrong() {
    let cases: [(&[u8], usize, &str); 33] = [
        (b"", 0, "the text ends too early"),
        (b"  ", 2, "the text ends too early"),
        (b"\xEF\xBB\xBF1", 0, "a value was expected"),
        (b"\"\xFF\"", 1, "not UTF-8"),
        (b"\"\xED\xA0\x80\"", 1, "not UTF-8"),
        (b"\"\xC0\x80\"", 1, "not UTF-8"),
        (b"1 2", 2, "text after the value"),
        (b"{}x", 2, "text after the value"),
        (b"[1,]", 3, "a value was expected"),
        (b"[,1]", 1, "a value was expected"),
        (b"[1 2]", 3, "`,` or `]` was expected"),
        (b"[1}", 2, "`,` or `]` was expected"),
        (b"[1", 2, "the text ends too early"),
        (b"{\"a\":1,}", 7, "a name was expected"),
        (b"{,}", 1, "a name was expected"),
        (b"{1:2}", 1, "a name was expected"),
        (b"{\"a\" 1}", 5, "`:` was expected"),
        (b"{\"a\":1 \"b\":2}", 7, "`,` or `}` was expected"),
        (b"{\"a\":}", 5, "a value was expected"),
        (b"nul", 0, "a value was expected"),
        (b"NaN", 0, "a value was expected"),
        (b"+1", 0, "a value was expected"),
        (b"01", 1, "text after the value"),
        (b"1.", 2, "a digit was expected"),
        (b"-", 1, "a digit was expected"),
        (b"1e+", 3, "a digit was expected"),
        (b"\"\n\"", 1, "a control character in a string"),
        (b"\"0123456789\x1f\"", 11, "a control character in a string"),
        (b"\"\\x\"", 2, "an unknown escape"),
        (b"\"\\u+123\"", 3, "four hexadecimal digits were expected"),
        (b"\"\\uD800\"", 2, "a lone surrogate"),
        (b"\"\\uDC00\\uD800\"", 2, "a lone surrogate"),
        (b"\"\\uD800\\u0041\"", 2, "a lone surrogate"),
    ];
    for (text, at, what) in cases {
        assert_eq!(malformed(text), (at, what), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_name_that_comes_twice_is_refused_however_it_is_written() {
    for (text, at) in [
        (r#"{"a":1,"a":2}"#, 7),
        (r#"{"a":1, "\u0061":2}"#, 8),
        (r#"{"":1,"b":{"":2,"x":0,"":3}}"#, 22),
        (r#"{"a":{"b":1},"c":2,"a":{"b":1}}"#, 19),
    ] {
        assert_eq!(read(text), Err(Refusal::Duplicate { at }), "{text}");
    }
    assert!(read(r#"{"a":{"a":1},"b":{"a":1},"A":1,"é":1,"e\u0301":1}"#).is_ok());
    // Among many.
    let mut many: Vec<String> = (0..1000).map(|index| format!("\"n{index}\":0")).collect();
    assert!(read(&format!("{{{}}}", many.join(","))).is_ok());
    many.push("\"n\\u0033\":1".to_owned());
    assert!(matches!(read(&format!("{{{}}}", many.join(","))), Err(Refusal::Duplicate { .. })));
}

#[test]
fn each_limit_holds_to_the_last_one_that_is_within() {
    let cases = [
        ("[[[1]]]", "[[[[1]]]]", "depth"),
        (r#"{"a":[{}]}"#, r#"{"a":[{"b":[]}]}"#, "depth"),
        ("[[1,2,3],[4,5],0]", "[[1,2,3],[4,5,6],0]", "values"),
        (r#"{"a":1,"b":2,"c":3,"d":4}"#, r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#, "members"),
        ("[1,2,3,4,5]", "[1,2,3,4,5,6]", "items"),
        (r#"{"123456":1}"#, r#"{"1234567":1}"#, "name"),
        (r#"{"12\u00345\n6":1}"#, r#"{"12\u00345\n67":1}"#, "name"),
        (r#""1234567""#, r#""12345678""#, "string"),
        (r#""12é\u00e9\u0031""#, r#""12é\u00e9\u00312""#, "string"),
        ("-1234567", "-12345678", "number"),
        ("1.2345e6", "1.2345e67", "number"),
    ];
    for (within, beyond, name) in cases {
        assert!(Tree::read(within.as_bytes(), &NARROW).is_ok(), "{within}");
        assert_eq!(Tree::read(beyond.as_bytes(), &NARROW), Err(Refusal::TooMuch(name)), "{beyond}");
    }
}

#[test]
fn a_limit_is_felt_before_the_rest_is_read() {
    // What follows would be malformed.
    for (text, name) in
        [("[[[[?", "depth"), ("[1,2,3,4,5,?", "items"), (r#"{"a":1,"b":2,"c":3,"d":4,"e"?"#, "members")]
    {
        assert_eq!(Tree::read(text.as_bytes(), &NARROW), Err(Refusal::TooMuch(name)), "{text}");
    }
    let brackets = "[".repeat(100_000);
    assert_eq!(read(&brackets), Err(Refusal::TooMuch("depth")));
}

#[test]
fn members_are_found_by_name_and_listed_in_order() {
    for count in [0, 1, 8, 9, 200] {
        let members: Vec<String> = (0..count).rev().map(|index| format!("\"m{index}\":{index}")).collect();
        let text = format!("{{{}}}", members.join(","));
        let Ok(Tree::Object(object)) = read(&text) else { panic!("{text}") };
        assert_eq!((object.len(), object.is_empty()), (count, count == 0));
        for index in 0..count {
            let expected = index.to_string();
            assert_eq!(object.get(&format!("m{index}")), Some(&Tree::Number(Number::of(&expected).unwrap())));
        }
        assert_eq!((object.get("m"), object.get("")), (None, None));
        let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
        assert!(names.is_sorted() && names.len() == count);
    }
}

fn number(text: &str) -> Number<'_> {
    Number::of(text).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn numbers_are_compared_by_their_exact_value() {
    use Ordering::{Equal, Greater, Less};
    let cases = [
        ("1", "1.0", Equal),
        ("1", "10e-1", Equal),
        ("1", "0.00001e5", Equal),
        ("0", "-0", Equal),
        ("0", "-0.0e999", Equal),
        ("0", "1e-999999999", Less),
        ("0", "-1e-999999999", Greater),
        ("9007199254740993", "9007199254740992", Greater),
        ("9007199254740993", "9007199254740993.0", Equal),
        ("9223372036854775808", "9223372036854775807", Greater),
        ("18446744073709551616", "18446744073709551615", Greater),
        ("1e400", "1e401", Less),
        ("1e400", "10e399", Equal),
        ("-1e400", "1", Less),
        ("-1e400", "-1e401", Greater),
        ("0.1", "0.10000000000000000001", Less),
        ("0.1", "0.1000", Equal),
        ("100", "1e2", Equal),
        ("99.9", "1e2", Less),
        ("1e999999999", "2", Greater),
        ("1e99999999999999999999999", "1", Greater),
        ("1e-99999999999999999999999", "1", Less),
        ("123456789012345678901234567890", "1.2345678901234567890123456789e29", Equal),
    ];
    for (one, other, ordering) in cases {
        assert_eq!(number(one).cmp(&number(other)), ordering, "{one} {other}");
        assert_eq!(number(other).cmp(&number(one)), ordering.reverse(), "{other} {one}");
        assert_eq!(number(one) == number(other), ordering.is_eq(), "{one} {other}");
    }
}

#[test]
fn whole_numbers_are_known_however_they_are_written() {
    for text in [
        "0",
        "-0",
        "1.0",
        "1e2",
        "1.5e1",
        "1200e-2",
        "0.0",
        "0e-5",
        "1e400",
        "9007199254740993.0",
        "1e999999999",
    ] {
        assert!(number(text).is_integer(), "{text}");
    }
    for text in
        ["0.5", "1e-2", "1.05e1", "12e-2", "1e-999999999", "9007199254740993.5", "1.0000000000000000000001"]
    {
        assert!(!number(text).is_integer(), "{text}");
    }
    for (text, written) in [("1", true), ("-12", true), ("1.0", false), ("1e2", false), ("1E2", false)] {
        assert_eq!(number(text).is_written_as_integer(), written, "{text}");
    }
}

#[test]
fn multiples_are_exact() {
    let multiples = [
        ("0", "7"),
        ("-0.0", "0.01"),
        ("10", "5"),
        ("-10", "5"),
        ("10", "2.5"),
        ("19.99", "0.01"),
        ("4.35", "0.01"),
        ("1e400", "1"),
        ("1e400", "5e399"),
        ("1e999999999", "0.0001"),
        ("9007199254740993", "3"),
        ("-9223372036854775808", "-1"),
        ("12391239123", "1e-8"),
        ("7e3", "700"),
    ];
    for (one, divisor) in multiples {
        assert!(number(one).is_multiple_of(number(divisor)), "{one} {divisor}");
    }
    let others = [
        ("1", "0"),
        ("0", "0"),
        ("7", "2"),
        ("0.001", "0.01"),
        ("19.991", "0.01"),
        ("1e-999999999", "0.01"),
        ("9007199254740993", "2"),
        ("1e400", "3"),
        ("1e400", "3e399"),
        ("100000000000000000000000000000000000000000000000000001", "10"),
    ];
    for (one, divisor) in others {
        assert!(!number(one).is_multiple_of(number(divisor)), "{one} {divisor}");
    }
}

#[test]
fn equality_is_that_of_json_schema() {
    let equal = [("[1,{\"a\":1.0,\"b\":null}]", "[1e0,{\"b\":null,\"a\":1}]"), ("\"a\"", "\"\\u0061\"")];
    for (one, other) in equal {
        assert_eq!(read(one), read(other));
    }
    for (one, other) in
        [("1", "true"), ("0", "false"), ("\"1\"", "1"), ("[]", "{}"), ("[1,2]", "[2,1]"), ("null", "0")]
    {
        assert_ne!(read(one), read(other));
    }
}

/// Any JSON text, with white space and escapes here and there.
fn document() -> impl Strategy<Value = String> {
    let string =
        prop_oneof!["[ -~&&[^\"\\\\]]{0,20}", "(\\\\[\"\\\\/bfnrt]|\\\\u00[0-7][0-9a-fA-F]|[a-zé😀]){0,12}",]
            .prop_map(|text| format!("\"{text}\""));
    let number = "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number,
        string.clone()
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let member = (string.clone(), " {0,2}", inner.clone())
            .prop_map(|(name, space, value)| format!("{name}{space}:{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..6), "[ \n\t]{0,2}")
                .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!("{space},")))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(" ,"))),
        ]
    })
}

/// The two readers agree, but for names that come twice and numbers that `serde_json` has no room for.
fn agree(text: &[u8]) {
    match (Tree::read(text, &WIDE), serde_json::from_slice::<Value>(text)) {
        (Ok(tree), Ok(value)) => assert!(same(&tree, &value), "{tree:?} {value:?}"),
        (Err(Refusal::Duplicate { .. }), _) | (Err(Refusal::Malformed { .. }), Err(_)) => {}
        (_, Err(error)) if error.to_string().starts_with("number out of range") => {}
        (read, other) => panic!("{:?}: {read:?} {other:?}", String::from_utf8_lossy(text)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn documents_are_read_as_serde_json_reads_them(text in document()) {
        agree(text.as_bytes());
    }

    #[test]
    fn so_are_documents_with_a_byte_changed(
        text in document(), at in any::<prop::sample::Index>(), byte in any::<u8>(), what in 0..3_u8,
    ) {
        let mut text = text.into_bytes();
        let at = at.index(text.len());
        match what {
            0 => text[at] = byte,
            1 => drop(text.remove(at)),
            _ => text.insert(at, b"\"\\{}[]:,0-.eu\n "[usize::from(byte) % 15]),
        }
        agree(&text);
    }

    #[test]
    fn so_is_any_text(text in "[\\[\\]{}:,\"\\\\0-9eE.+ntrufalse -]{0,24}") {
        agree(text.as_bytes());
    }

    #[test]
    fn numbers_are_ordered_as_whole_numbers_are(
        one in -1_000_000_i128..1_000_000, other in -1_000_000_i128..1_000_000, by in 0..4_u32, down in 0..4_u32,
    ) {
        // Both as so many thousandths, written with exponents of their own.
        let text = |value: i128, shift: u32| format!("{}e-{}", value * 10_i128.pow(shift), shift + 3);
        let (one_text, other_text) = (text(one, by), text(other, down));
        let (left, right) = (number(&one_text), number(&other_text));
        prop_assert_eq!(left.cmp(&right), one.cmp(&other));
        prop_assert_eq!(left.is_integer(), one % 1000 == 0);
        prop_assert_eq!(left.is_multiple_of(right), other != 0 && one % other == 0);
    }
}
