//! The header map: its serialised form as the host exchanges it, and what an operation does to it.

use filter_core::effect::{HeaderOp, sanitized};
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::message::{Headers, RequestHead};
use proptest::prelude::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(headers: &Headers) -> Pairs {
    headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn encode(pairs: &Pairs) -> Vec<u8> {
    Headers::encode(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())))
}

/// A count, then the words as given.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(given: Pairs) {
        let decoded = Headers::decode(encode(&given));
        prop_assert_eq!(decoded.as_ref().map(pairs), Some(given));
    }

    #[test]
    fn a_decoded_map_equals_one_built_from_the_same_pairs(given in prop::collection::vec(("[a-z:-]{1,8}", ".{0,8}"), 0..8)) {
        let built = Headers::from_pairs(given);
        prop_assert_eq!(Headers::decode(encode(&pairs(&built))), Some(built));
    }

    #[test]
    fn a_truncated_map_is_no_map(given in prop::collection::vec(any::<(Vec<u8>, Vec<u8>)>(), 1..4), cut: prop::sample::Index) {
        let whole = encode(&given);
        let cut = 1 + cut.index(whole.len() - 1);
        prop_assert_eq!(Headers::decode(whole.get(..cut).unwrap_or_default().to_vec()), None);
    }

    #[test]
    fn a_map_with_more_behind_it_is_no_map(given: Pairs, more in prop::collection::vec(any::<u8>(), 1..9)) {
        prop_assert_eq!(Headers::decode([encode(&given), more].concat()), None);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Some(headers) = Headers::decode(bytes) {
            prop_assert_eq!(headers.iter().count(), headers.len());
        }
    }

    #[test]
    fn arbitrary_lengths_never_panic(lengths in prop::collection::vec(any::<u32>(), 0..9), count in 0u32..5, rest: Vec<u8>) {
        let bytes = [words(&[count]), words(&lengths), rest].concat();
        let size = bytes.len();
        if let Some(headers) = Headers::decode(bytes) {
            prop_assert!(headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= size);
        }
    }

    #[test]
    fn a_sanitized_value_never_holds_a_control_byte(bytes: Vec<u8>) {
        let value = sanitized(&bytes);
        prop_assert!(value.as_bytes().iter().all(|&b| b == b'\t' || (b >= 0x20 && b != 0x7f)));
    }
}

#[test]
fn a_hostile_serialisation_is_no_map() {
    let cases: &[(&str, Vec<u8>)] = &[
        ("half a count", vec![1, 0]),
        ("a count without lengths", words(&[1])),
        ("a count that overflows", words(&[u32::MAX])),
        ("a count times eight that is 2^32", words(&[0x2000_0000, 0, 0])),
        ("a name longer than what follows", [words(&[1, 5, 0]), b"abc\0\0".to_vec()].concat()),
        ("a value longer than what follows", [words(&[1, 1, 5]), b"a\0bc\0".to_vec()].concat()),
        ("a name of 4 GiB", [words(&[1, u32::MAX, 0]), b"a\0\0".to_vec()].concat()),
        ("a value of 4 GiB", [words(&[1, 1, u32::MAX]), b"a\0\0".to_vec()].concat()),
        ("a name that does not end where it says", [words(&[1, 1, 1]), b"ab\0c\0".to_vec()].concat()),
        ("a value without its NUL", [words(&[1, 1, 1]), b"a\0b".to_vec()].concat()),
        ("a byte after the last value", [words(&[1, 1, 1]), b"a\0b\0c".to_vec()].concat()),
        ("a pair that was not counted", [words(&[1, 1, 1]), b"a\0b\0c\0d\0".to_vec()].concat()),
        ("bytes after no pairs", [words(&[0]), b"\0".to_vec()].concat()),
    ];
    for (what, bytes) in cases {
        assert_eq!(Headers::decode(bytes.clone()), None, "{what}");
    }
}

#[test]
fn no_bytes_are_an_empty_map() {
    for bytes in [Vec::new(), words(&[0])] {
        assert!(Headers::decode(bytes).is_some_and(|headers| headers.is_empty()));
    }
}

#[test]
fn two_maps_are_equal_when_their_fields_are() {
    let map = Headers::from_pairs([("a", "bc"), ("d", "e")]);
    assert_eq!(map, Headers::from_pairs([("A", "bc"), ("d", "e")]));
    for other in [[("ab", "c"), ("d", "e")], [("d", "e"), ("a", "bc")], [("a", "bc"), ("d", "E")]] {
        assert_ne!(map, Headers::from_pairs(other));
    }
    assert_ne!(map, Headers::from_pairs([("a", "bc")]));
}

#[test]
fn fields_are_found_by_lower_case_name_in_order() {
    let headers = Headers::from_pairs([("X-Two", "1"), ("other", "x"), ("x-two", "2"), ("X-TWO", "")]);
    assert_eq!(headers.all("x-two").collect::<Vec<_>>(), [b"1".as_slice(), b"2", b""]);
    assert_eq!(headers.first("x-two"), Some(b"1".as_slice()));
    assert_eq!(headers.first("x-three"), None);
    assert_eq!(headers.len(), 4);
}

#[test]
fn operations_do_what_envoy_does() {
    let name = HeaderName::from_static;
    let value = HeaderValue::from_static;
    let before = [(":path", "/a?b"), ("x", "1"), ("y", "2"), ("x", "3")];
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let cases: &[(&str, HeaderOp, Fields<'_>)] = &[
        (
            "set replaces the first and drops the others",
            HeaderOp::Set(name("x"), value("new")),
            &[(":path", "/a?b"), ("x", "new"), ("y", "2")],
        ),
        (
            "set adds what is missing",
            HeaderOp::Set(name("z"), value("new")),
            &[(":path", "/a?b"), ("x", "1"), ("y", "2"), ("x", "3"), ("z", "new")],
        ),
        (
            "add appends beside what is there",
            HeaderOp::Add(name("y"), value("new")),
            &[(":path", "/a?b"), ("x", "1"), ("y", "2"), ("x", "3"), ("y", "new")],
        ),
        ("remove takes every value", HeaderOp::Remove(name("x")), &[(":path", "/a?b"), ("y", "2")]),
        ("remove of a missing field does nothing", HeaderOp::Remove(name("z")), &before),
        (
            "the path is replaced with its query",
            HeaderOp::SetPath(b"/c".to_vec()),
            &[(":path", "/c"), ("x", "1"), ("y", "2"), ("x", "3")],
        ),
    ];
    for (what, op, after) in cases {
        let mut headers = Headers::from_pairs(before);
        headers.apply(op);
        assert_eq!(headers, Headers::from_pairs(after.iter().copied()), "{what}");
    }
}

#[test]
fn a_request_head_reads_its_pseudo_fields_and_makes_none_up() {
    let headers = Headers::from_pairs([
        (":method", "GET"),
        (":path", "/a?b"),
        (":authority", "h"),
        (":scheme", "https"),
    ]);
    let head = RequestHead { headers: &headers, end_of_stream: true };
    assert_eq!((head.method(), head.path()), (b"GET".as_slice(), Some(b"/a?b".as_slice())));
    assert_eq!((head.authority(), head.scheme()), (b"h".as_slice(), b"https".as_slice()));

    let empty = Headers::default();
    let head = RequestHead { headers: &empty, end_of_stream: true };
    assert_eq!((head.method(), head.path()), (b"".as_slice(), None));
    assert_eq!((head.authority(), head.scheme()), (b"".as_slice(), b"".as_slice()));
}

#[test]
fn grpc_is_what_envoy_takes_for_it() {
    for (content_type, grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web", false),
        ("application/grpcx", false),
        ("application/json", false),
        ("", false),
    ] {
        let headers = Headers::from_pairs([("content-type", content_type)]);
        assert_eq!(headers.is_grpc(), grpc, "{content_type}");
    }
    assert!(!Headers::default().is_grpc());
}
