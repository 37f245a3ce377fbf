//! Keys, prepared once, and the signatures they verify: here in Rust, or by the host.

mod ec;
mod ed25519;
mod error;
mod hmac;
mod host;
mod rsa;

pub use ec::Curve;
pub(crate) use ec::EC;
pub use error::KeyError;
pub use host::{Engine, HOST_ALGORITHMS, host_works};

use crate::alg::{Algorithm, Algorithms};
use filter_core::policy::Cx;
use std::fmt;
use std::sync::Arc;

/// One key that signatures are verified with. Everything that can be computed from the key alone has been; a clone
/// shares it.
#[derive(Clone)]
pub struct Verifier(Arc<Prepared>);

struct Prepared {
    key: Key,
    algorithms: Algorithms,
    /// `SubjectPublicKeyInfo` for the host.
    spki: Option<Box<[u8]>>,
}

enum Key {
    Rsa(rsa::Key),
    Ec(ec::Key),
    Ed25519(ed25519::Key),
    Hmac(Box<hmac::Key>),
}

impl Verifier {
    /// An RSA key of modulus and public exponent, both big-endian: RS* and PS*.
    ///
    /// Either may have one leading zero octet, as some libraries write it, although RFC 7518 section 6.3.1.1 forbids
    /// it: the number is the same.
    ///
    /// # Errors
    /// A modulus that is even or has not 2048 to 4096 bits; an exponent that is even, below 65537 (FIPS 186-5 section
    /// 5.1: above 2^16) or above 2^32 - 1 (the work of a verification grows with its length). A host built for FIPS
    /// refuses smaller exponents: so a key is good or bad whoever verifies.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let key = rsa::Key::new(n, e)?;
        let spki = key.spki();
        Ok(Self::new(Key::Rsa(key), rsa::ALGORITHMS.into_iter().collect(), spki))
    }

    /// A point on a curve, by its coordinates as big-endian octets: the one ES* that belongs to the curve (RFC 7518
    /// section 3.4).
    ///
    /// # Errors
    /// A coordinate that has not the exact length of the field (section 6.2.1.2), or a point that is not on the curve.
    pub fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let key = ec::Key::new(curve, x, y)?;
        let spki = ec::spki(curve, x, y);
        Ok(Self::new(Key::Ec(key), [curve.algorithm()].into_iter().collect(), spki))
    }

    /// An Ed25519 key (RFC 8032 section 5.1.5): `EdDSA`.
    ///
    /// # Errors
    /// Not 32 octets, not the canonical form of a point, or a point of small order: one signature would fit many
    /// messages.
    pub fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let key = ed25519::Key::new(x)?;
        Ok(Self::new(Key::Ed25519(key), [Algorithm::EdDsa].into_iter().collect(), None))
    }

    /// A shared secret: those of HS* whose hash is not longer than it is (RFC 7518 section 3.2).
    ///
    /// # Errors
    /// Fewer than the 32 octets of HS256.
    pub fn hmac(secret: &[u8]) -> Result<Self, KeyError> {
        let (key, algorithms) = hmac::Key::new(secret)?;
        Ok(Self::new(Key::Hmac(Box::new(key)), algorithms, None))
    }

    fn new(key: Key, algorithms: Algorithms, spki: Option<Box<[u8]>>) -> Self {
        Self(Arc::new(Prepared { key, algorithms, spki }))
    }

    /// The algorithms that this kind of key is for.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        self.0.algorithms
    }

    /// The key as `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1.2.7); RSA and EC alone.
    #[must_use]
    pub fn spki(&self) -> Option<&[u8]> {
        self.0.spki.as_deref()
    }

    /// Whether `signature` (as a JWS has it, decoded) is one of `message` by this key. `false` for an algorithm that
    /// is not one of [`Self::algorithms`], and for one that `engine` cannot do.
    #[must_use]
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
        engine: Engine,
        cx: &dyn Cx,
    ) -> bool {
        if !self.0.algorithms.has(algorithm) {
            return false;
        }
        match engine {
            Engine::Rust => self.here(algorithm, message, signature),
            Engine::Host => self.there(algorithm, message, signature, cx).unwrap_or(false),
            Engine::Auto(host) if host.has(algorithm) => self
                .there(algorithm, message, signature, cx)
                .unwrap_or_else(|| self.here(algorithm, message, signature)),
            Engine::Auto(_) => self.here(algorithm, message, signature),
        }
    }

    /// In Rust.
    fn here(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match &self.0.key {
            Key::Rsa(key) => key.verify(algorithm, message, signature),
            Key::Ec(key) => key.verify(message, signature),
            Key::Ed25519(key) => key.verify(message, signature),
            Key::Hmac(key) => key.verify(algorithm, message, signature),
        }
    }

    /// By the host; `None` where it cannot say.
    fn there(&self, algorithm: Algorithm, message: &[u8], signature: &[u8], cx: &dyn Cx) -> Option<bool> {
        if !HOST_ALGORITHMS.contains(&algorithm) {
            return None;
        }
        let ask =
            |signature: &[u8]| cx.verify_signature(host::hash(algorithm), self.spki()?, signature, message);
        match &self.0.key {
            Key::Rsa(key) if key.fits(signature) => ask(signature),
            Key::Ec(key) => key.with_der(signature, ask).unwrap_or(Some(false)),
            Key::Rsa(_) => Some(false),
            Key::Ed25519(_) | Key::Hmac(_) => None,
        }
    }
}

/// The kind of key alone: what a secret is must not reach a log.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.key {
            Key::Rsa(_) => "Verifier(RSA)",
            Key::Ec(_) => "Verifier(EC)",
            Key::Ed25519(_) => "Verifier(Ed25519)",
            Key::Hmac(_) => "Verifier(HMAC)",
        })
    }
}
