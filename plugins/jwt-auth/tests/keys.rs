//! Which keys are taken and which are not, where an error is reported, and what a token is tried with.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{Engine, Verifier};
use jwt_auth::keys::{Key, KeySet, MAX_CANDIDATES, MAX_KEYS, MAX_SET_BYTES, PemError};
use proptest::prelude::{any, prop, proptest};
use serde_json::{Value, json};
use testkit::TestCx;

/// RSA keys of several sizes, and signatures of [`TEXT`] by them, made by OpenSSL.
fn rsa_of(bits: u64) -> Value {
    let keys: Vec<Value> = serde_json::from_str(include_str!("keys/rsa.json")).unwrap();
    keys.into_iter().find(|key| key["bits"] == bits).expect("a key of this size")
}

const TEXT: &[u8] = b"a token";
/// RFC 8037 appendix A.2.
const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 7515 appendix A.3.
const P256: [&str; 2] =
    ["f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"];

fn octets(text: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

fn base64(octets: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": P256[0], "y": P256[1]})
}

fn rsa() -> Value {
    rsa_of(2048)["jwk"].clone()
}

/// A key with some members set; `null` takes one away.
fn with(mut key: Value, members: Value) -> Value {
    let object = key.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    key
}

fn inline(document: &Value) -> Result<KeySet, String> {
    inline_text(&document.to_string())
}

fn inline_text(document: &str) -> Result<KeySet, String> {
    KeySet::inline(document.as_bytes(), true)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn fetched(keys: &[Value]) -> (usize, Vec<String>) {
    let fetched = KeySet::fetched(json!({"keys": keys}).to_string().as_bytes()).unwrap();
    (fetched.keys.keys().len(), fetched.skipped.iter().map(ToString::to_string).collect())
}

/// Whether a document with this key alone is refused for this, inline; fetched, the key is skipped for the same.
#[track_caller]
fn refused(key: Value, why: &str) {
    assert_eq!(inline(&key).expect_err("a refusal"), why);
    assert_eq!(inline(&json!({"keys": [key]})).expect_err("a refusal"), format!("keys[0].{why}"));
    let (good, skipped) = fetched(std::slice::from_ref(&key));
    let name = key["kid"].as_str().map_or(String::new(), |kid| format!(" (kid \"{kid}\")"));
    assert_eq!((good, skipped.join("\n")), (0, format!("keys[0]{name}: {why}")));
}

fn names(key: &Key) -> String {
    let names = Algorithm::ALL.into_iter().filter(|it| key.algorithms().has(*it)).map(Algorithm::name);
    names.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn serves(key: Value, algorithms: &str) {
    let set = inline(&key).unwrap();
    assert_eq!(names(&set.keys()[0]), algorithms);
}

#[test]
fn a_key_serves_the_algorithms_of_its_kind() {
    serves(rsa(), "RS256 RS384 RS512 PS256 PS384 PS512");
    serves(p256(), "ES256");
    serves(ed25519(), "EdDSA");
    let oct = |octets: usize| json!({"kty": "oct", "k": base64(&vec![7; octets])});
    serves(oct(32), "HS256");
    serves(oct(48), "HS256 HS384");
    serves(oct(64), "HS256 HS384 HS512");
    serves(with(oct(64), json!({"alg": "HS384"})), "HS384");
    serves(
        with(rsa(), json!({"alg": "PS256", "use": "sig", "key_ops": ["verify"], "x5c": 1, "ext": true})),
        "PS256",
    );
}

#[test]
fn what_a_key_is_not_for_is_refused() {
    let rs_only = "is no signature algorithm for this key";
    for alg in ["ES256", "HS256", "none", "rs256", "RSA-OAEP", ""] {
        refused(with(rsa(), json!({"alg": alg})), &format!("alg: \"{alg}\" {rs_only}"));
    }
    refused(with(p256(), json!({"alg": "ES384"})), &format!("alg: \"ES384\" {rs_only}"));
    refused(with(rsa(), json!({"alg": 1})), "alg: expected a string, got a number");
    for other in [json!("enc"), json!("Sig"), json!(["sig"])] {
        refused(
            with(rsa(), json!({"use": other})),
            "use: not a key for signatures: must be \"sig\", or left out",
        );
    }
    for ops in [json!(["sign"]), json!([]), json!("verify"), json!([["verify"]])] {
        refused(
            with(rsa(), json!({"key_ops": ops})),
            "key_ops: not a key to verify with: must be a list with \"verify\", or left out",
        );
    }
}

#[test]
fn a_private_key_is_no_public_key() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let why = "holds a private key; write the public one, and replace this one: it is known now";
        refused(with(rsa(), json!({name: "c2VjcmV0"})), &format!("{name}: {why}"));
        refused(with(ed25519(), json!({name: 1})), &format!("{name}: {why}"));
    }
}

#[test]
fn a_symmetric_key_is_taken_from_an_operator_who_allows_it() {
    let oct = json!({"kty": "oct", "k": base64(&[7; 32]), "kid": "s"});
    assert!(inline(&oct).is_ok());
    let errors = KeySet::inline(oct.to_string().as_bytes(), false).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "kty: a symmetric key: who can verify can also sign; allow_symmetric allows it"
    );
    let skipped =
        vec!["keys[0] (kid \"s\"): kty: a symmetric key is never taken from a key server".to_owned()];
    assert_eq!(fetched(&[oct]), (0, skipped));
    let weak = inline(&json!({"kty": "oct", "k": base64(&[7; 31])})).unwrap_err();
    assert_eq!(weak, "k: the secret has 31 octets; 32 for HS256, 48 for HS384, 64 for HS512 is the least");
}

#[test]
fn a_modulus_has_2048_to_4096_bits() {
    for bits in [2048, 2049, 2056, 3071, 4095, 4096] {
        assert!(inline(&rsa_of(bits)["jwk"]).is_ok(), "{bits}");
    }
    for bits in [2047, 4097] {
        let why = format!("n: the RSA modulus has {bits} bits; 2048 to 4096 are accepted");
        refused(rsa_of(bits)["jwk"].clone(), &why);
    }
    let n = octets(&rsa()["n"]);
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    refused(with(rsa(), json!({"n": base64(&even)})), "n: the RSA modulus is even");
    // RFC 7518 section 6.3.1.1 forbids one zero octet in front; libraries write it.
    assert!(inline(&with(rsa(), json!({"n": base64(&[&[0], &n[..]].concat())}))).is_ok());
    for form in [[&[0, 0], &n[..]].concat(), vec![], vec![0]] {
        let why = "n: the RSA modulus starts with more than one zero octet, or is empty";
        refused(with(rsa(), json!({"n": base64(&form)})), why);
    }
    let huge = vec![0xff; 8192];
    let why = "n: the RSA modulus has 65536 bits; 2048 to 4096 are accepted";
    refused(with(rsa(), json!({"n": base64(&huge)})), why);
}

#[test]
fn an_exponent_is_odd_and_of_17_to_32_bits() {
    for e in [&[1, 0, 1][..], &[0, 1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(inline(&with(rsa(), json!({"e": base64(e)}))).is_ok(), "{e:?}");
    }
    let one_and_zeros = [&[1][..], &[0; 8]].concat();
    let refused_ones = [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[1, 0],
        &[0xff, 0xff],
        &[1, 0, 2],
        &[1, 0, 0, 0, 1],
        &one_and_zeros,
        &[1; 300],
    ];
    for e in refused_ones {
        let why = "e: the RSA exponent must be odd and from 65537 to 4294967295; nearly all keys have 65537";
        refused(with(rsa(), json!({"e": base64(e)})), why);
    }
}

#[test]
fn signatures_of_every_size_of_key() {
    let cx = TestCx::default();
    for bits in [2048, 2049, 2056, 3071, 4095, 4096] {
        let known = rsa_of(bits);
        let jwk = &known["jwk"];
        let key = Verifier::rsa(&octets(&jwk["n"]), &octets(&jwk["e"])).unwrap();
        let is = |algorithm, text: &[u8], signature: &[u8]| {
            key.verify(algorithm, text, signature, Engine::Rust, &cx)
        };
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            let signature = octets(&known[algorithm.name()]);
            assert!(is(algorithm, TEXT, &signature), "{bits} {algorithm}");
            assert!(!is(algorithm, b"another token", &signature));
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(!is(other, TEXT, &signature), "{algorithm} as {other}");
            }
            for place in (0..signature.len()).step_by(17).chain([1, signature.len() - 2, signature.len() - 1])
            {
                for bit in [1, 0x10, 0x80] {
                    let mut altered = signature.clone();
                    altered[place] ^= bit;
                    assert!(!is(algorithm, TEXT, &altered), "{bits} {algorithm}: octet {place}, bit {bit}");
                }
            }
            assert!(!is(algorithm, TEXT, &[&[0], &signature[..]].concat()), "a zero in front");
            assert!(!is(algorithm, TEXT, &[&signature[..], &[0]].concat()), "a zero behind");
            assert!(!is(algorithm, TEXT, &signature[1..]), "one octet short");
            assert!(!is(algorithm, TEXT, &[]), "none at all");
            assert!(!is(algorithm, TEXT, &vec![0; signature.len()]), "zero");
            assert!(!is(algorithm, TEXT, &octets(&jwk["n"])), "the modulus");
            if let Some(sum) = sum(&signature, &octets(&jwk["n"])) {
                assert!(!is(algorithm, TEXT, &sum), "the same number modulo n");
            }
        }
        for salt in ["PS256 without salt", "PS256 with the longest salt"] {
            assert!(!is(Algorithm::Ps256, TEXT, &octets(&known[salt])), "{salt}");
        }
    }
}

/// Of two big-endian numbers of the same length, where it has that length.
fn sum(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let (mut sum, mut carry) = (Vec::new(), 0);
    for (a, b) in a.iter().zip(b).rev() {
        let [high, low] = (u16::from(*a) + u16::from(*b) + carry).to_be_bytes();
        sum.push(low);
        carry = u16::from(high);
    }
    sum.reverse();
    (carry == 0).then_some(sum)
}

#[test]
fn a_point_is_on_its_curve_in_the_length_of_the_field() {
    refused(with(p256(), json!({"y": P256[0]})), "x: the point is not on P-256");
    refused(
        with(p256(), json!({"x": base64(&[0; 32]), "y": base64(&[0; 32])})),
        "x: the point is not on P-256",
    );
    refused(with(p256(), json!({"x": base64(&[0xff; 32])})), "x: the point is not on P-256");
    let length = "a coordinate on P-256 has exactly 32 octets, leading zeros included";
    refused(with(p256(), json!({"x": base64(&[1; 31])})), &format!("x: {length}"));
    refused(with(p256(), json!({"y": base64(&[0; 33])})), &format!("y: {length}"));
    let length = "a coordinate on P-521 has exactly 66 octets, leading zeros included";
    refused(with(p256(), json!({"crv": "P-521"})), &format!("x: {length}"));
    refused(
        with(p256(), json!({"crv": "secp256k1"})),
        "crv: \"secp256k1\" is not one of P-256, P-384, P-521",
    );
    refused(with(p256(), json!({"crv": "p-256"})), "crv: \"p-256\" is not one of P-256, P-384, P-521");
    refused(with(p256(), json!({"crv": null})), "crv: is required");
    refused(with(p256(), json!({"y": null})), "y: is required");
}

#[test]
fn an_ed25519_key_is_a_point_of_large_order_in_its_one_form() {
    let key = |x: &[u8]| with(ed25519(), json!({"x": base64(x)}));
    refused(key(&[1; 31]), "x: an Ed25519 key has exactly 32 octets");
    // y = 2 has no x.
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    refused(key(&nowhere), "x: not the canonical form of a point of Ed25519");
    let small = "x: a point of small order: a signature would prove nothing";
    let mut identity = [0; 32];
    identity[0] = 1;
    refused(key(&identity), small);
    refused(key(&[0; 32]), small);
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    refused(key(&order_2), small);
    // y = p + 1, the identity once more.
    let mut beyond = [0xff; 32];
    (beyond[0], beyond[31]) = (0xee, 0x7f);
    refused(key(&beyond), "x: not the canonical form of a point of Ed25519");
    let others = "crv: of the curves of kty OKP, Ed25519 alone is verified here";
    refused(with(ed25519(), json!({"crv": "Ed448"})), others);
    refused(with(ed25519(), json!({"crv": "X25519"})), others);
}

#[test]
fn members_are_strings_of_strict_base64url_each_once() {
    let nameless = json!({"keys": [with(rsa(), json!({"kty": null}))]});
    assert_eq!(inline(&nameless).unwrap_err(), "keys[0].kty: is required");
    refused(with(rsa(), json!({"kty": "rsa"})), "kty: \"rsa\" is not one of RSA, EC, OKP, oct");
    refused(with(rsa(), json!({"kty": 1})), "kty: expected a string, got a number");
    refused(with(rsa(), json!({"n": ["AQAB"]})), "n: expected a string, got an array");
    for e in ["AQAB=", "AQ AB", "AQAB\n", "AQA+", "AQA/", "AQABA", "AR"] {
        refused(with(rsa(), json!({"e": e})), "e: not base64url without padding (RFC 7515 section 2)");
    }
    refused(with(rsa(), json!({"kid": 7})), "kid: expected a string, got a number");
    assert!(inline(&with(rsa(), json!({"kid": "k".repeat(256)}))).is_ok());
    let (_, skipped) = fetched(&[with(rsa(), json!({"kid": "k".repeat(257)}))]);
    assert!(skipped[0].ends_with("kid: longer than the 256 bytes that a token may name"));
    for twice in [r#""e": "AQAB""#, r#""\u0065": "AQAB""#] {
        let text = rsa().to_string().replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(inline_text(&text).unwrap_err(), "e: the member is given twice");
    }
    let text = format!("{{\"keys\": [], \"keys\": [{}]}}", rsa());
    assert_eq!(inline_text(&text).unwrap_err(), "not a key set: expected an object with one array \"keys\"");
}

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

#[test]
fn pem() {
    let read = |text: &str| {
        Key::from_pem(text, Some("k")).map(|key| format!("{} {}", key.kid().unwrap(), names(&key)))
    };
    let rsa = "k RS256 RS384 RS512 PS256 PS384 PS512".to_owned();
    assert_eq!(read(include_str!("keys/rsa.pem")), Ok(rsa.clone()));
    assert_eq!(read(include_str!("keys/rsa-pkcs1.pem")), Ok(rsa));
    assert_eq!(read(include_str!("keys/p256.pem")), Ok("k ES256".to_owned()));
    assert_eq!(read(include_str!("keys/ed25519.pem")), Ok("k EdDSA".to_owned()));
    let weak = read(include_str!("keys/rsa-1024.pem")).unwrap_err();
    assert_eq!(weak.to_string(), "the RSA modulus has 1024 bits; 2048 to 4096 are accepted");
    assert_eq!(read(include_str!("keys/secp256k1.pem")), Err(PemError::Kind));
    assert_eq!(read(include_str!("keys/p256-compressed.pem")), Err(PemError::Compressed));
    let labelled = |label: &str| include_str!("keys/p256.pem").replace("PUBLIC KEY", label);
    assert_eq!(read(&labelled("PRIVATE KEY")), Err(PemError::Private));
    assert_eq!(read(&labelled("RSA PRIVATE KEY")), Err(PemError::Private));
    assert_eq!(read(&labelled("CERTIFICATE")), Err(PemError::Certificate));
    assert_eq!(read(&labelled("X509 CRL")), Err(PemError::Label));
    assert_eq!(read(&labelled("RSA PUBLIC KEY")), Err(PemError::Der));
    let two = [include_str!("keys/p256.pem"), include_str!("keys/rsa.pem")].concat();
    for text in ["", "key", "-----BEGIN PUBLIC KEY-----", &two, &" ".repeat(20_000)] {
        assert_eq!(read(text), Err(PemError::Pem), "{text:?}");
    }
}

#[test]
fn a_secret_is_nowhere_in_what_is_printed() {
    let secret = base64(b"a secret of thirty-two octets...");
    let set = inline(&json!({"kty": "oct", "k": secret, "kid": "s"})).unwrap();
    assert_eq!(format!("{:?}", set.keys()[0].verifier()), "Verifier(HMAC)",);
    let wrong = inline(&json!({"kty": "oct", "k": format!("{secret}=")})).unwrap_err();
    assert!(!wrong.contains(&secret), "{wrong}");
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
