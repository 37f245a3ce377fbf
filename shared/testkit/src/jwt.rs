//! Tokens and key sets for tests. The private keys in `keys/` are worth nothing: they are published here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rsa::pkcs1v15;
use rsa::pss;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha384, Sha512};

/// A key that signs, by the name of its file; it is also its `kid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SigningKey {
    /// RSA of 2048 bits.
    RsaOne,
    /// Another.
    RsaTwo,
    /// On P-256.
    P256,
    /// Another.
    P256Two,
    /// On P-384.
    P384,
    /// On P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// 64 bytes that both sides know.
    Secret,
}

/// The shared secret of [`SigningKey::Secret`].
pub const SECRET: [u8; 64] = *b"a secret of sixty-four bytes that everybody can read in the test";

impl SigningKey {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RsaOne,
        Self::RsaTwo,
        Self::P256,
        Self::P256Two,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::Secret,
    ];

    /// Its name.
    #[must_use]
    pub fn kid(self) -> &'static str {
        match self {
            Self::RsaOne => "rsa-one",
            Self::RsaTwo => "rsa-two",
            Self::P256 => "p256",
            Self::P256Two => "p256-two",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Ed25519 => "ed25519",
            Self::Secret => "secret",
        }
    }

    /// The key of this name.
    #[must_use]
    pub fn named(kid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.kid() == kid)
    }

    /// The algorithm that it is used with where a test says nothing else.
    #[must_use]
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::RsaOne | Self::RsaTwo => "RS256",
            Self::P256 | Self::P256Two => "ES256",
            Self::P384 => "ES384",
            Self::P521 => "ES512",
            Self::Ed25519 => "EdDSA",
            Self::Secret => "HS256",
        }
    }

    /// The algorithms that it signs with.
    #[must_use]
    pub fn algorithms(self) -> &'static [&'static str] {
        match self {
            Self::RsaOne | Self::RsaTwo => &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
            Self::P256 | Self::P256Two => &["ES256"],
            Self::P384 => &["ES384"],
            Self::P521 => &["ES512"],
            Self::Ed25519 => &["EdDSA"],
            Self::Secret => &["HS256", "HS384", "HS512"],
        }
    }

    fn pem(self) -> &'static str {
        match self {
            Self::RsaOne => include_str!("../keys/rsa-one.pem"),
            Self::RsaTwo => include_str!("../keys/rsa-two.pem"),
            Self::P256 => include_str!("../keys/p256.pem"),
            Self::P256Two => include_str!("../keys/p256-two.pem"),
            Self::P384 => include_str!("../keys/p384.pem"),
            Self::P521 => include_str!("../keys/p521.pem"),
            Self::Ed25519 => include_str!("../keys/ed25519.pem"),
            Self::Secret => panic!("a secret has no PEM"),
        }
    }

    /// A signature as a JWS has it. The algorithm is one of the key's kind, RS*, PS*, ES*, EdDSA or HS*.
    #[must_use]
    pub fn sign(self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        match (self, algorithm) {
            (Self::RsaOne | Self::RsaTwo, "RS256") => {
                pkcs1v15::SigningKey::<Sha256>::new(self.rsa()).sign(message).to_vec()
            }
            (Self::RsaOne | Self::RsaTwo, "RS384") => {
                pkcs1v15::SigningKey::<Sha384>::new(self.rsa()).sign(message).to_vec()
            }
            (Self::RsaOne | Self::RsaTwo, "RS512") => {
                pkcs1v15::SigningKey::<Sha512>::new(self.rsa()).sign(message).to_vec()
            }
            (Self::RsaOne | Self::RsaTwo, "PS256") => {
                pss(&pss::SigningKey::<Sha256>::new(self.rsa()), message)
            }
            (Self::RsaOne | Self::RsaTwo, "PS384") => {
                pss(&pss::SigningKey::<Sha384>::new(self.rsa()), message)
            }
            (Self::RsaOne | Self::RsaTwo, "PS512") => {
                pss(&pss::SigningKey::<Sha512>::new(self.rsa()), message)
            }
            (Self::P256 | Self::P256Two, "ES256") => {
                let key = expect(p256::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Self::P384, "ES384") => {
                let key = expect(p384::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Self::P521, "ES512") => {
                let key = expect(p521::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_vec()
            }
            (Self::Ed25519, "EdDSA") => {
                expect(ed25519_dalek::SigningKey::from_pkcs8_pem(self.pem())).sign(message).to_vec()
            }
            (Self::Secret, "HS256") => expect(Hmac::<Sha256>::new_from_slice(&SECRET))
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
            (Self::Secret, "HS384") => expect(Hmac::<Sha384>::new_from_slice(&SECRET))
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
            (Self::Secret, "HS512") => expect(Hmac::<Sha512>::new_from_slice(&SECRET))
                .chain_update(message)
                .finalize()
                .into_bytes()
                .to_vec(),
            (key, algorithm) => panic!("{} signs nothing with {algorithm}", key.kid()),
        }
    }

    fn rsa(self) -> rsa::RsaPrivateKey {
        expect(rsa::RsaPrivateKey::from_pkcs8_pem(self.pem()))
    }

    /// Its public half as a JWK, or the secret itself.
    #[must_use]
    pub fn jwk(self) -> Value {
        let mut jwk = match self {
            Self::RsaOne | Self::RsaTwo => {
                let key = self.rsa();
                json!({ "kty": "RSA", "n": text(&key.n_bytes()), "e": text(&key.e_bytes()) })
            }
            Self::P256 | Self::P256Two => {
                let key = expect(p256::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                curve("P-256", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::P384 => {
                let key = expect(p384::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                curve("P-384", key.verifying_key().to_sec1_point(false).as_bytes())
            }
            Self::P521 => {
                let key = expect(p521::ecdsa::SigningKey::from_pkcs8_pem(self.pem()));
                let key = p521::ecdsa::VerifyingKey::from(&key);
                curve("P-521", key.to_sec1_point(false).as_bytes())
            }
            Self::Ed25519 => {
                let key = expect(ed25519_dalek::SigningKey::from_pkcs8_pem(self.pem()));
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.verifying_key().as_bytes()) })
            }
            Self::Secret => json!({ "kty": "oct", "k": text(&SECRET) }),
        };
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), self.kid().into());
        }
        jwk
    }
}

/// A set of the public halves of these keys.
#[must_use]
pub fn jwks(keys: &[SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// A token of these claims. Members of `header` replace `alg` and `kid`, or remove them where they are null; the
/// signature is made with that `alg` where the key can, else with its own.
#[must_use]
pub fn token(key: SigningKey, header: &Value, claims: &Value) -> String {
    let header = header_of(key, header);
    let algorithm = header.get("alg").and_then(Value::as_str).filter(|name| key.algorithms().contains(name));
    signed(key, algorithm.unwrap_or(key.algorithm()), &header.to_string(), &claims.to_string())
}

/// `alg` and `kid` of a key, with these members over them; null removes one.
#[must_use]
pub fn header_of(key: SigningKey, over: &Value) -> Value {
    let mut members = Map::new();
    members.insert("alg".to_owned(), key.algorithm().into());
    members.insert("kid".to_owned(), key.kid().into());
    for (name, value) in over.as_object().into_iter().flatten() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    Value::Object(members)
}

/// A token of this very header and payload.
#[must_use]
pub fn signed(key: SigningKey, algorithm: &str, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", text(header.as_bytes()), text(payload.as_bytes()));
    let signature = key.sign(algorithm, input.as_bytes());
    format!("{input}.{}", text(&signature))
}

/// base64url without padding.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Of an uncompressed point: a byte, then both coordinates.
fn curve(name: &str, point: &[u8]) -> Value {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    json!({ "kty": "EC", "crv": name, "x": text(x), "y": text(y) })
}

fn pss<D>(key: &pss::SigningKey<D>, message: &[u8]) -> Vec<u8>
where
    pss::SigningKey<D>: rsa::signature::RandomizedSigner<pss::Signature>,
    D: sha2::Digest,
{
    expect(key.try_sign_with_rng(&mut getrandom::SysRng, message)).to_vec()
}

fn expect<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("a key of the tests: {error:?}"))
}
