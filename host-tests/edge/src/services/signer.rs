//! Keys that are made at the start, and tokens of them.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// `typ` of the tokens (RFC 9068 section 2.1).
pub const TOKEN_TYPE: &str = "at+jwt";

/// A key on P-256 that nobody has seen before.
pub struct Signer {
    kid: String,
    key: SigningKey,
}

// The key has no place in any output.
impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes one.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self> {
        loop {
            let mut scalar = [0; 32];
            getrandom::fill(&mut scalar).context("random bytes")?;
            // Of 2^256 values some 2^224 are no key.
            if let Ok(key) = SigningKey::from_slice(&scalar) {
                return Ok(Self { kid: random_id()?, key });
            }
        }
    }

    /// A key set (RFC 7517) of its public half.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        // A byte, then both coordinates.
        let (x, y) = point.as_bytes().get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": text(x), "y": text(y),
        }] })
    }

    /// A token of these claims, signed with ES256 (RFC 7518 section 3.4).
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": TOKEN_TYPE, "kid": self.kid });
        let input =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let signature: Signature = self.key.sign(input.as_bytes());
        format!("{input}.{}", text(&signature.to_bytes()))
    }
}

/// 16 random bytes as hexadecimal digits: a `kid`, a `jti`, a password that is used once.
///
/// # Errors
/// The system has no random bytes.
pub(crate) fn random_id() -> Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).context("random bytes")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// base64url without padding.
fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
