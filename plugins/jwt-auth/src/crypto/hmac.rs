//! Shared secrets (RFC 2104).

use super::KeyError;
use crate::alg::{Algorithm, Algorithms};
use hmac::{Hmac, KeyInit as _, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// The state of each hash after the secret.
pub(super) struct Key {
    sha256: Hmac<Sha256>,
    sha384: Hmac<Sha384>,
    sha512: Hmac<Sha512>,
}

impl Key {
    /// The key and what it is long enough for.
    pub(super) fn new(secret: &[u8]) -> Result<(Self, Algorithms), KeyError> {
        let least = [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)];
        let enough = least.into_iter().filter(|(_, octets)| secret.len() >= *octets);
        let algorithms: Algorithms = enough.map(|(algorithm, _)| algorithm).collect();
        let weak = |_| KeyError::SecretLength(secret.len());
        if algorithms.is_empty() {
            return Err(KeyError::SecretLength(secret.len()));
        }
        let key = Self {
            sha256: Hmac::new_from_slice(secret).map_err(weak)?,
            sha384: Hmac::new_from_slice(secret).map_err(weak)?,
            sha512: Hmac::new_from_slice(secret).map_err(weak)?,
        };
        Ok((key, algorithms))
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match algorithm {
            Algorithm::Hs256 => is_of(&self.sha256, message, signature),
            Algorithm::Hs384 => is_of(&self.sha384, message, signature),
            Algorithm::Hs512 => is_of(&self.sha512, message, signature),
            _ => false,
        }
    }
}

/// Compares in constant time, and the whole code: a shorter one is no code.
fn is_of<M: Mac + Clone>(keyed: &M, message: &[u8], signature: &[u8]) -> bool {
    keyed.clone().chain_update(message).verify_slice(signature).is_ok()
}
