//! Sets: what an operator writes, what a key server sends, and what of it a token is tried with.

use super::{ed25519, fetched, inline, inline_text, p256, rsa, rsa_of, with};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::Engine;
use jwt_auth::keys::{KeySet, MAX_CANDIDATES, MAX_KEYS, MAX_SET_BYTES};
use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};
use testkit::TestCx;

#[test]
fn every_error_of_a_set_is_reported_with_its_place() {
    let document = json!({"keys": [
        rsa(),
        with(rsa(), json!({"use": "enc", "kid": 1, "e": "Aw", "n": "_"})),
        with(p256(), json!({"x": 1, "y": 2})),
        "key",
    ]});
    assert_eq!(
        inline(&document).unwrap_err(),
        "keys[1].n: not base64url without padding (RFC 7515 section 2)\n\
         keys[1].kid: expected a string, got a number\n\
         keys[1].use: not a key for signatures: must be \"sig\", or left out\n\
         keys[2].x: expected a string, got a number\n\
         keys[2].y: expected a string, got a number\n\
         keys[3]: expected a JSON Web Key, an object, got a string"
    );
    assert_eq!(inline(&json!({"keys": []})).unwrap_err(), "keys: must not be empty");
    for no_set in [json!({}), json!([rsa()]), json!({"keys": rsa()}), json!(null), json!({"n": 1})] {
        let why = "not a key set: expected an object with one array \"keys\"";
        assert_eq!(inline(&no_set).unwrap_err(), why);
        assert_eq!(KeySet::fetched(no_set.to_string().as_bytes()).unwrap_err().to_string(), why);
    }
    // A single key is not what a key server sends.
    assert!(KeySet::fetched(rsa().to_string().as_bytes()).is_err());
}

#[test]
fn good_keys_of_a_key_server_serve_beside_bad_ones() {
    let keys = [
        with(rsa(), json!({"kid": "good"})),
        with(rsa_of(2047)["jwk"].clone(), json!({"kid": "weak\u{1b}[2J\n"})),
        with(rsa(), json!({"kid": "for encryption", "use": "enc"})),
        json!("no key"),
        ed25519(),
    ];
    let (good, skipped) = fetched(&keys);
    assert_eq!(good, 2);
    assert_eq!(
        skipped,
        [
            "keys[1] (kid \"weak\\u{1b}[2J\\u{a}\"): n: the RSA modulus has 2047 bits; 2048 to 4096 are accepted",
            "keys[2] (kid \"for encryption\"): use: not a key for signatures: must be \"sig\", or left out",
            "keys[3]: expected a JSON Web Key, an object, got a string",
        ]
    );
    assert_eq!(fetched(&[]), (0, vec![]));
}

#[test]
fn sets_are_bounded() {
    let many = |count| json!({"keys": vec![ed25519(); count]}).to_string();
    assert_eq!(KeySet::fetched(many(MAX_KEYS).as_bytes()).unwrap().keys.keys().len(), 64);
    assert_eq!(inline_text(&many(MAX_KEYS)).unwrap().keys().len(), 64);
    let why = "the key set has 65 keys; at most 64 are accepted";
    assert_eq!(KeySet::fetched(many(65).as_bytes()).unwrap_err().to_string(), why);
    assert_eq!(inline_text(&many(65)).unwrap_err(), why);

    let large = |bytes: usize| {
        let text = json!({"keys": [ed25519()]}).to_string();
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    assert!(KeySet::fetched(large(MAX_SET_BYTES).as_bytes()).is_ok());
    let why = "the key set has 131073 bytes; at most 131072 are accepted";
    assert_eq!(KeySet::fetched(large(MAX_SET_BYTES + 1).as_bytes()).unwrap_err().to_string(), why);
    let deep = format!("{{\"keys\": {}{}}}", "[".repeat(60_000), "]".repeat(60_000));
    assert!(
        KeySet::fetched(deep.as_bytes()).unwrap_err().to_string().starts_with("the key set is not JSON: ")
    );
    for broken in ["", "{", "{\"keys\": []} x", "<html>", "\u{feff}{\"keys\": []}"] {
        assert!(
            KeySet::fetched(broken.as_bytes())
                .unwrap_err()
                .to_string()
                .starts_with("the key set is not JSON: ")
        );
    }
}

#[test]
fn a_token_is_tried_with_the_keys_of_its_kid_and_algorithm() {
    let kid = |key: Value, kid: &str| with(key, json!({"kid": kid}));
    let set = inline(&json!({"keys": [
        kid(rsa(), "a"), kid(rsa_of(4096)["jwk"].clone(), "a"), kid(ed25519(), "a"), kid(p256(), "b"), p256(),
    ]}))
    .unwrap();
    let count = |kid, algorithm| set.candidates(kid, algorithm).count();
    assert_eq!(count(Some("a"), Algorithm::Rs256), 2);
    assert_eq!(count(Some("a"), Algorithm::EdDsa), 1);
    assert_eq!(count(Some("a"), Algorithm::Es256), 0);
    assert_eq!(count(Some("A"), Algorithm::Rs256), 0);
    assert_eq!(count(Some(""), Algorithm::Rs256), 0);
    assert_eq!(count(Some("b"), Algorithm::Es256), 1);
    assert_eq!(count(Some("unknown"), Algorithm::Es256), 0);
    assert_eq!(count(None, Algorithm::Es256), 2);
    assert_eq!(count(None, Algorithm::Rs256), 2);
    assert_eq!(count(None, Algorithm::Hs256), 0);
    assert!(set.has("a") && set.has("b") && !set.has("c") && !set.has(""));
    let many: KeySet = std::iter::repeat_n(set.keys()[2].clone(), MAX_KEYS).collect();
    assert_eq!(many.candidates(None, Algorithm::EdDsa).count(), MAX_CANDIDATES);
    assert_eq!(many.candidates(Some("a"), Algorithm::EdDsa).count(), MAX_CANDIDATES);
}

proptest! {
    /// Whatever a key server sends is a set or an error.
    #[test]
    fn no_document_is_too_strange(
        members in prop::collection::vec((prop::sample::select(vec![
            "kty", "crv", "n", "e", "x", "y", "k", "alg", "use", "key_ops", "kid", "d",
        ]), prop::sample::select(vec![
            "\"RSA\"", "\"EC\"", "\"OKP\"", "\"oct\"", "\"P-256\"", "\"Ed25519\"", "\"AQAB\"", "\"\"", "null", "[]", "{}",
            "\"ES256\"", "\"sig\"", "[\"verify\"]", "1e9", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
        ])), 0..8),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        let document = format!("{{\"keys\": [{{{}}}]}}", members.join(", "));
        let fetched = KeySet::fetched(document.as_bytes()).unwrap();
        assert_eq!(fetched.keys.keys().len() + fetched.skipped.len(), 1);
        let _ = KeySet::fetched(&bytes);
        let _ = KeySet::inline(&bytes, true);
    }

    /// Whatever is signed is verified or not, whatever the length.
    #[test]
    fn no_signature_is_too_strange(signature in prop::collection::vec(any::<u8>(), 0..300), text in any::<Vec<u8>>()) {
        let set = inline(&json!({"keys": [rsa(), p256(), ed25519()]})).unwrap();
        for (key, algorithm) in set.keys().iter().zip([Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa]) {
            assert!(!key.verifier().verify(algorithm, &text, &signature, Engine::Rust, &TestCx::default()));
        }
    }
}
