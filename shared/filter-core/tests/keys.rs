//! Keys of Redis: one spelling for each, nothing in an id that ends it, and a log that says it all.

use filter_core::keys::{self, Change, Claim, KeyError, LogMember};
use filter_core::redis::MAX_KEY;
use proptest::prelude::*;

#[test]
fn keys_are_what_the_documentation_says() {
    assert_eq!(keys::revocation("idp", Claim::Jti, "a1").unwrap(), "portcullis:rev:{idp}:jti:a1");
    assert_eq!(keys::revocation("idp", Claim::Sub, "u 1").unwrap(), "portcullis:rev:{idp}:sub:u%201");
    assert_eq!(keys::revocation("idp", Claim::Sid, "é").unwrap(), "portcullis:rev:{idp}:sid:%C3%A9");
    assert_eq!(keys::revocation_log("idp").unwrap(), "portcullis:rev:{idp}:log");
    assert_eq!(keys::revocations("idp", None).unwrap(), "portcullis:rev:{idp}:*");
    assert_eq!(keys::revocations("idp", Some(Claim::Sid)).unwrap(), "portcullis:rev:{idp}:sid:*");
    for prefix in [keys::LIMITS, keys::IDEMPOTENCY, keys::REVOCATIONS] {
        assert!(prefix.starts_with(keys::PREFIX), "{prefix}");
    }
}

#[test]
fn an_id_cannot_end_its_part_of_the_key_nor_match_others_in_a_pattern() {
    for (id, encoded) in [
        ("a:b", "a%3Ab"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("a b\n", "a%20b%0A"),
        ("}:jti:x", "%7D%3Ajti%3Ax"),
        ("*?[^a]\\", "%2A%3F%5B%5Ea%5D%5C"),
        ("\0\u{7f}", "%00%7F"),
        ("-._~aZ09", "-._~aZ09"),
        ("用", "%E7%94%A8"),
    ] {
        let key = keys::revocation("a}{b", Claim::Jti, id).unwrap();
        assert_eq!(key, format!("portcullis:rev:{{a%7D%7Bb}}:jti:{encoded}"));
        assert_eq!(keys::parse_revocation(&key), Some(("a}{b".to_owned(), Claim::Jti, id.to_owned())));
    }
}

#[test]
fn a_key_beyond_the_limit_and_an_empty_part_are_refused() {
    let fits = MAX_KEY - "portcullis:rev:{idp}:jti:".len();
    assert!(keys::revocation("idp", Claim::Jti, &"a".repeat(fits)).is_ok());
    let long = keys::revocation("idp", Claim::Jti, &"a".repeat(fits + 1));
    assert_eq!(long, Err(KeyError::TooLong(MAX_KEY + 1)));
    // Few characters, many bytes.
    assert!(matches!(keys::revocation("idp", Claim::Sub, &"é".repeat(100)), Err(KeyError::TooLong(625))));
    assert_eq!(keys::revocation("idp", Claim::Jti, ""), Err(KeyError::Empty));
    assert_eq!(keys::revocation("", Claim::Jti, "a"), Err(KeyError::Empty));
    assert_eq!(keys::revocation_log(""), Err(KeyError::Empty));
    assert_eq!(keys::revocation_log(&"a".repeat(MAX_KEY)), Err(KeyError::TooLong(MAX_KEY + 21)));
}

#[test]
fn keys_that_nobody_looks_up_are_not_read_as_revocations() {
    for key in [
        "portcullis:rev:{idp}:log",
        "portcullis:rev:{idp}:jti:",
        "portcullis:rev:{idp}:jti:a b",
        "portcullis:rev:{idp}:jti:a:b",
        "portcullis:rev:{idp}:jti:%2e",
        "portcullis:rev:{idp}:jti:%c3%a9",
        "portcullis:rev:{idp}:jti:%FF",
        "portcullis:rev:{idp}:jti:%4",
        "portcullis:rev:{idp}:jti:%+1",
        "portcullis:rev:{idp}:iss:a",
        "portcullis:rev:{}:jti:a",
        "portcullis:rev:idp:jti:a",
        "portcullis:rl:{idp}:jti:a",
        "",
    ] {
        assert_eq!(keys::parse_revocation(key), None, "{key}");
    }
}

fn member(claim: Claim, id: &str, change: Change, expires: u64) -> LogMember {
    LogMember { claim, id: id.to_owned(), change, expires }
}

#[test]
fn a_member_of_the_log_says_all_that_a_gateway_needs() {
    for (text, expected) in [
        ("jti:a%3A1:2000000000", member(Claim::Jti, "a:1", Change::Revoked, 2_000_000_000)),
        ("sub:u%201:1700000000:2000", member(Claim::Sub, "u 1", Change::RevokedBefore(1_700_000_000), 2000)),
        ("sid:s:0:1", member(Claim::Sid, "s", Change::RevokedBefore(0), 1)),
        ("cancel:jti:a:9", member(Claim::Jti, "a", Change::Cancelled, 9)),
        ("cancel:sub:cancel:9", member(Claim::Sub, "cancel", Change::Cancelled, 9)),
    ] {
        assert_eq!(expected.to_string(), text);
        assert_eq!(LogMember::parse(text), Some(expected));
    }
}

#[test]
fn a_member_that_is_spelt_otherwise_is_no_member() {
    let long = format!("jti:{}:1", "a".repeat(600));
    for text in [
        "",
        "jti",
        "jti:a",
        "jti::1",
        "jti:a:",
        "jti:a:1:2",
        "jti:a:+1",
        "jti:a:-1",
        "jti:a:01",
        "jti:a:1.5",
        "jti:a:18446744073709551616",
        "jti:a b:1",
        "jti:%61:1",
        "sub:a:1",
        "sub:a:1:2:3",
        "cancel:a:1",
        "cancel:sub:a:1:2",
        "cancel:cancel:jti:a:1",
        "JTI:a:1",
        &long,
    ] {
        assert_eq!(LogMember::parse(text), None, "{text}");
    }
}

/// Redis orders members of one score by their bytes, and whoever applies them in order ends with the last.
#[test]
fn of_one_moment_the_revocation_is_applied_after_the_cancellation() {
    for claim in Claim::ALL {
        let change = if claim.by_time() { Change::RevokedBefore(0) } else { Change::Revoked };
        let revoked = member(claim, "0", change, 0).to_string();
        let cancelled = member(claim, "zzz", Change::Cancelled, u64::MAX).to_string();
        assert!(cancelled < revoked, "{cancelled} {revoked}");
    }
}

proptest! {
    #[test]
    fn whatever_is_encoded_is_decoded_and_is_plain(id in "\\PC{1,40}|[\\x00-\\x7f]{1,40}") {
        let encoded = keys::encode(&id);
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        prop_assert_eq!(keys::decode(&encoded), Some(id.clone()));
        let key = keys::revocation("p", Claim::Sub, &id).unwrap();
        prop_assert_eq!(keys::parse_revocation(&key), Some(("p".to_owned(), Claim::Sub, id.clone())));
        let member = member(Claim::Sub, &id, Change::RevokedBefore(7), 8);
        prop_assert_eq!(LogMember::parse(&member.to_string()), Some(member));
    }

    #[test]
    fn what_is_read_is_written_back_as_it_was(text in "(cancel:)?(jti|sub|sid|x):[a-z%0-9]{0,6}(:[0-9]{1,4}){0,3}") {
        if let Some(member) = LogMember::parse(&text) {
            prop_assert_eq!(member.to_string(), text);
        }
    }

    #[test]
    fn nothing_read_stops_the_filter(text in "\\PC*") {
        let _ = (LogMember::parse(&text), keys::parse_revocation(&text), keys::decode(&text));
    }
}
