//! The members of a key, and PEM.

use super::{base64, ed25519, fetched, inline, inline_text, names, p256, refused, rsa, serves, with};
use jwt_auth::keys::{Key, KeySet, PemError};
use serde_json::json;

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
    assert_eq!(errors[0].to_string(), "kty: a symmetric key: its place is a `secret`, from the environment");
    let skipped =
        vec!["keys[0] (kid \"s\"): kty: a symmetric key is never taken from a key server".to_owned()];
    assert_eq!(fetched(&[oct]), (0, skipped));
    let weak = inline(&json!({"kty": "oct", "k": base64(&[7; 31])})).unwrap_err();
    assert_eq!(weak, "k: the secret has 31 octets; 32 for HS256, 48 for HS384, 64 for HS512 is the least");
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
fn pem() {
    let read = |text: &str| {
        Key::from_pem(text, Some("k")).map(|key| format!("{} {}", key.kid().unwrap(), names(&key)))
    };
    let rsa = "k RS256 RS384 RS512 PS256 PS384 PS512".to_owned();
    assert_eq!(read(include_str!("rsa.pem")), Ok(rsa.clone()));
    assert_eq!(read(include_str!("rsa-pkcs1.pem")), Ok(rsa));
    assert_eq!(read(include_str!("p256.pem")), Ok("k ES256".to_owned()));
    assert_eq!(read(include_str!("ed25519.pem")), Ok("k EdDSA".to_owned()));
    let weak = read(include_str!("rsa-1024.pem")).unwrap_err();
    assert_eq!(weak.to_string(), "the RSA modulus has 1024 bits; 2048 to 4096 are accepted");
    assert_eq!(read(include_str!("secp256k1.pem")), Err(PemError::Kind));
    assert_eq!(read(include_str!("p256-compressed.pem")), Err(PemError::Compressed));
    let labelled = |label: &str| include_str!("p256.pem").replace("PUBLIC KEY", label);
    assert_eq!(read(&labelled("PRIVATE KEY")), Err(PemError::Private));
    assert_eq!(read(&labelled("RSA PRIVATE KEY")), Err(PemError::Private));
    assert_eq!(read(&labelled("CERTIFICATE")), Err(PemError::Certificate));
    assert_eq!(read(&labelled("X509 CRL")), Err(PemError::Label));
    assert_eq!(read(&labelled("RSA PUBLIC KEY")), Err(PemError::Der));
    let two = [include_str!("p256.pem"), include_str!("rsa.pem")].concat();
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
