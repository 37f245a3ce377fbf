//! Claims as header values.

use super::tree;
use jwt_auth::claims::{ClaimPath, Format, MAX_HEADER, header_value};
use proptest::prelude::*;

fn value(claim: &str, format: Format) -> Option<String> {
    let claims = tree(&format!(r#"{{"a":{{"b.c":{claim}}}}}"#));
    let value = header_value(&claims, &ClaimPath::parse(r"a.b\.c").unwrap(), format)?;
    Some(value.to_str().unwrap().to_owned())
}

/// A claim, as CSV, as JSON.
#[test]
fn values() {
    let cases = [
        (r#""alice""#, Some("alice"), Some(r#""alice""#)),
        (r#""a b, c;d=\"e\"""#, Some(r#"a b, c;d="e""#), Some(r#""a b, c;d=\"e\"""#)),
        (r#""\\""#, Some(r"\"), Some(r#""\\""#)),
        ("7", Some("7"), Some("7")),
        ("-7", Some("-7"), Some("-7")),
        ("0.5", Some("0.5"), Some("0.5")),
        ("18446744073709551615", Some("18446744073709551615"), Some("18446744073709551615")),
        ("true", Some("true"), Some("true")),
        (r#"["a","b"]"#, Some("a,b"), Some(r#"["a","b"]"#)),
        (r#"["a",1,false]"#, Some("a,1,false"), Some(r#"["a",1,false]"#)),
        (r#"["a b"]"#, Some("a b"), Some(r#"["a b"]"#)),
        (r#"{"x":{"y":[1,null]}}"#, None, Some(r#"{"x":{"y":[1,null]}}"#)),
        ("null", None, Some("null")),
        ("[]", None, Some("[]")),
        ("{}", None, Some("{}")),
        (r#""""#, None, Some(r#""""#)),
        (r#"[["a"],"b"]"#, None, Some(r#"[["a"],"b"]"#)),
        (r#"["a",null]"#, None, Some(r#"["a",null]"#)),
        // A list would have other items than the claim.
        (r#"["a,b","c"]"#, None, Some(r#"["a,b","c"]"#)),
        (r#"["a",""]"#, None, Some(r#"["a",""]"#)),
        (r#"["a"," b"]"#, None, Some(r#"["a"," b"]"#)),
        (r#"["\"a","b\""]"#, None, Some(r#"["\"a","b\""]"#)),
        // What is trimmed on the way would be another value.
        (r#"" a""#, None, Some(r#"" a""#)),
        (r#""a ""#, None, Some(r#""a ""#)),
        (r#""Jürgen""#, None, Some(r#""J\u00fcrgen""#)),
        (r#""😀""#, None, Some(r#""\ud83d\ude00""#)),
        (r#"{"é":1}"#, None, Some(r#"{"\u00e9":1}"#)),
        (r#""\u202eevil""#, None, Some(r#""\u202eevil""#)),
        // Rounded when read.
        ("18446744073709551616", None, None),
        ("1e300", None, None),
        ("[1e16]", None, None),
    ];
    for (claim, csv, json) in cases {
        assert_eq!(value(claim, Format::Csv).as_deref(), csv, "{claim}");
        assert_eq!(value(claim, Format::Json).as_deref(), json, "{claim}");
    }
}

/// Wherever they are, in whatever format, nothing is stripped and nothing is sent.
#[test]
fn control_characters_never_become_a_header() {
    for c in
        ["\\r\\nx-admin: 1", "\\n", "\\r", "\\u0000", "\\t", "\\u001b[2J", "\\u007f", "\\u0085", "\\u009f"]
    {
        let claims = [
            format!(r#""a{c}b""#),
            format!(r#""a{c}""#),
            format!(r#"["a","b{c}"]"#),
            format!(r#"{{"x":[{{"y":"{c}"}}]}}"#),
            format!(r#"{{"{c}":1}}"#),
        ];
        for claim in claims {
            assert_eq!((value(&claim, Format::Csv), value(&claim, Format::Json)), (None, None), "{claim}");
        }
    }
}

#[test]
fn what_is_not_there() {
    let claims = tree(r#"{"a":1}"#);
    for path in ["b", "a.b", "A"] {
        assert_eq!(header_value(&claims, &ClaimPath::parse(path).unwrap(), Format::Json), None, "{path}");
    }
}

#[test]
fn sizes() {
    let text = |n: usize| format!("\"{}\"", "x".repeat(n));
    assert_eq!(value(&text(MAX_HEADER), Format::Csv).map(|value| value.len()), Some(MAX_HEADER));
    assert_eq!(value(&text(MAX_HEADER + 1), Format::Csv), None);
    assert_eq!(value(&text(MAX_HEADER - 2), Format::Json).map(|value| value.len()), Some(MAX_HEADER));
    assert_eq!(value(&text(MAX_HEADER - 1), Format::Json), None);
    let list = |n: usize| format!("[{}]", vec!["1"; n].join(","));
    assert_eq!(value(&list(2048), Format::Csv).map(|value| value.len()), Some(4095));
    assert_eq!(value(&list(2049), Format::Csv), None);
    assert_eq!(value(&list(2048), Format::Json), None);
}

proptest! {
    /// JSON reads as the claim it was.
    #[test]
    fn json_means_the_same(text in "\\PC{0,40}", number in any::<i64>()) {
        let claim = serde_json::json!({"t": [text, number, true], "u": {"v": null}}).to_string();
        let value = value(&claim, Format::Json).unwrap();
        prop_assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)));
        prop_assert_eq!(tree(&value), tree(&claim));
    }

    /// A list of commas reads as the items it was made of.
    #[test]
    fn csv_means_the_same(items in prop::collection::vec("\\PC{0,6}|[a-c ,\"]{0,4}", 1..6)) {
        let claim = serde_json::json!(items).to_string();
        if let Some(value) = value(&claim, Format::Csv) {
            let read: Vec<&str> = value.split(',').collect();
            prop_assert_eq!(read, items);
        }
    }
}
