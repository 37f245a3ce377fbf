//! Tokens as issuers sign them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::{Value, json};
use testkit::jwt::{SigningKey, signed, text, token};

/// Of these there are enough that every worker has some of them for the first time at any moment.
const MANY: usize = 100;

/// The issuer of this name.
pub fn issuer(name: &str) -> String {
    format!("https://{name}.example.com")
}

/// Claims of a token that is valid for an hour.
fn claims(name: &str, number: usize) -> Result<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(json!({
        "iss": issuer(name), "aud": "api", "iat": now, "exp": now + 3600,
        "sub": format!("user-{number}"), "jti": format!("token-{number}"), "sid": format!("session-{number}"),
    }))
}

/// As clients send it.
fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Token number so many of an issuer, as a client sends it.
pub fn one(name: &str, key: SigningKey, number: usize) -> Result<String> {
    Ok(bearer(&token(key, &json!({}), &claims(name, number)?)))
}

/// Many tokens of the issuer `idp`, as clients send them.
pub fn many(key: SigningKey) -> Result<Vec<String>> {
    (0..MANY).map(|number| one("idp", key, number)).collect()
}

/// So many tokens that name keys which nobody has, each another, as clients send them. Every signature is one of P-256,
/// though not of this token: nobody gets so far as to see that.
pub fn of_unknown_keys(wave: usize, count: usize) -> Result<Vec<String>> {
    let (claims, key) = (claims("idp", 0)?.to_string(), SigningKey::P256);
    let sample = signed(key, key.algorithm(), "{}", &claims);
    let signature = sample.rsplit('.').next().unwrap_or_default();
    let one = |number| {
        let header = json!({ "alg": key.algorithm(), "kid": format!("unknown-{wave}-{number}") }).to_string();
        bearer(&format!("{}.{}.{signature}", text(header.as_bytes()), text(claims.as_bytes())))
    };
    Ok((0..count).map(one).collect())
}
