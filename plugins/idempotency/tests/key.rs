//! What is read as a key, whatever a client sends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use idempotency::key::{Lengths, NoKey, read};
use proptest::prelude::*;

const LENGTHS: Lengths = Lengths { min: 1, max: 255 };

fn one(value: &[u8]) -> Result<Vec<u8>, NoKey> {
    read([value].into_iter(), LENGTHS).map(std::borrow::Cow::into_owned)
}

/// As RFC 9651 section 4.1.6 writes a string.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

#[test]
fn no_field_two_fields_and_lengths() {
    assert_eq!(read(std::iter::empty(), LENGTHS), Err(NoKey::Missing));
    assert_eq!(read([b"a".as_slice(), b"a"].into_iter(), LENGTHS), Err(NoKey::Twice));
    assert_eq!(read([b"".as_slice(), b"a"].into_iter(), LENGTHS), Err(NoKey::Twice));
    for empty in [b"".as_slice(), b"  \t", b"\"\""] {
        assert_eq!(one(empty), Err(NoKey::Empty));
    }
    let lengths = Lengths { min: 3, max: 4 };
    for (value, expected) in [
        ("ab", Some(NoKey::TooShort)),
        ("abc", None),
        ("abcd", None),
        ("abcde", Some(NoKey::TooLong)),
        ("\"ab\"", Some(NoKey::TooShort)),
        (r#""a\"b""#, None),
        (r#""abc\\""#, None),
        (r#""abcd\\""#, Some(NoKey::TooLong)),
    ] {
        assert_eq!(read([value.as_bytes()].into_iter(), lengths).err(), expected, "{value}");
    }
}

#[test]
fn what_is_neither_a_string_nor_bare() {
    for value in [
        "a b",
        "a,b",
        "a;b",
        "a\"b",
        "a\"",
        "\"",
        "\"a",
        "\"a\\\"",
        "\"a\\",
        "\"a\\b\"",
        "\"a\"b",
        "\"a\" ;p=1",
        "\"a\";p=1",
        "\"a\", \"b\"",
        "é",
        "\"é\"",
        "\"a\tb\"",
        "a\tb",
        "\u{7f}",
        "\"\u{7f}\"",
        "\"a\0\"",
    ] {
        assert_eq!(one(value.as_bytes()), Err(NoKey::Malformed), "{value:?}");
    }
}

proptest! {
    #[test]
    fn a_text_in_quotes_is_that_text(text in "[ -~]{1,255}") {
        prop_assert_eq!(one(&quoted(text.as_bytes())), Ok(text.into_bytes()));
    }

    #[test]
    fn with_and_without_quotes_it_is_the_same(text in r"[!#-+\--:<-~]{1,255}") {
        prop_assert_eq!(one(text.as_bytes()), Ok(text.clone().into_bytes()));
        prop_assert_eq!(one(&quoted(text.as_bytes())), Ok(text.into_bytes()));
    }

    #[test]
    fn white_space_around_is_none_of_it(text in r"[!#-+\--:<-~]{1,20}", before in "[ \t]{0,3}", after in "[ \t]{0,3}") {
        prop_assert_eq!(one(format!("{before}{text}{after}").as_bytes()), Ok(text.into_bytes()));
    }

    /// What is read can be written, and nothing else is read as the same bytes: two fields that are one key are the same
    /// text, with or without quotes.
    #[test]
    fn whatever_comes_is_one_of_two_spellings_or_refused(value in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(text) = one(&value) {
            prop_assert!(!text.is_empty() && text.iter().all(|b| (b' '..=b'~').contains(b)));
            let trimmed = value.trim_ascii();
            prop_assert!(trimmed == text.as_slice() || trimmed == quoted(&text).as_slice());
        }
    }

    #[test]
    fn strings_that_are_nearly_right(value in r#"["\\a; ]{0,12}"#) {
        if let Ok(text) = one(value.as_bytes()) {
            let trimmed = value.trim_matches([' ', '\t']).as_bytes();
            prop_assert!(trimmed == text.as_slice() || trimmed == quoted(&text).as_slice());
        }
    }
}
