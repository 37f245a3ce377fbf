//! Which keys are taken and which are not, where an error is reported, and what a token is tried with.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

mod jwk;
mod sets;
mod strength;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jwt_auth::alg::Algorithm;
use jwt_auth::keys::{Key, KeySet};
use serde_json::{Value, json};

/// RSA keys of several sizes, and signatures of [`TEXT`] by them, made by OpenSSL.
fn rsa_of(bits: u64) -> Value {
    let keys: Vec<Value> = serde_json::from_str(include_str!("rsa.json")).unwrap();
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
