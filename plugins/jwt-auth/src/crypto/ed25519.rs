//! Ed25519 keys (RFC 8032 section 5.1).

use super::KeyError;
use ed25519_dalek::{Signature, VerifyingKey};

/// A point that was decompressed.
pub(super) struct Key(VerifyingKey);

impl Key {
    pub(super) fn new(x: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = x.try_into().map_err(|_| KeyError::Ed25519Length)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Ed25519Point)?;
        // Decompression also takes y beyond the prime, which section 5.1.3 refuses.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::Ed25519Point);
        }
        if key.is_weak() { Err(KeyError::Ed25519SmallOrder) } else { Ok(Self(key)) }
    }

    /// Strictly: S below the order, R canonical and not of small order, no cofactor.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}
