//! RSA keys (RFC 8017).

use super::KeyError;
use crate::alg::{Algorithm, Family, Hash};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::pss::Pss;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, RsaPublicKey};
use sha2::digest::const_oid::AssociatedOid;
use sha2::digest::{Digest, FixedOutputReset};
use sha2::{Sha256, Sha384, Sha512};
use std::ops::RangeInclusive;

pub(super) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

const BITS: RangeInclusive<usize> = 2048..=4096;
const EXPONENTS: RangeInclusive<u64> = 65_537..=0xffff_ffff;

/// A public key with what its modular arithmetic needs.
pub(super) struct Key(RsaPublicKey);

impl Key {
    pub(super) fn new(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let n = n.strip_prefix(&[0]).unwrap_or(n);
        let first = n.first().copied().filter(|&first| first != 0).ok_or(KeyError::ModulusForm)?;
        // Eight for each octet, less what the first one leaves free.
        let bits =
            n.len().saturating_mul(8).saturating_sub(usize::try_from(first.leading_zeros()).unwrap_or(0));
        if !BITS.contains(&bits) {
            return Err(KeyError::ModulusBits(bits));
        }
        if n.last().is_some_and(|last| last % 2 == 0) {
            return Err(KeyError::ModulusEven);
        }
        let e = exponent(e)?;
        let key =
            RsaPublicKey::new_with_size_limits(BoxedUint::from_be_slice_vartime(n), BoxedUint::from(e), BITS);
        // All that it checks has been checked above.
        key.map(Self).map_err(|_| KeyError::ModulusForm)
    }

    /// The key for the host, which reads `rsaEncryption` whatever the padding.
    pub(super) fn spki(&self) -> Option<Box<[u8]>> {
        self.0.to_public_key_der().ok().map(|document| document.as_bytes().into())
    }

    /// A signature is as long as the modulus (RFC 8017 section 8.2.2 step 1).
    pub(super) fn fits(&self, signature: &[u8]) -> bool {
        signature.len() == self.0.size()
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (algorithm.family(), algorithm.hash()) {
            (Family::RsaPkcs1, Hash::Sha256) => self.pkcs1::<Sha256>(message, signature),
            (Family::RsaPkcs1, Hash::Sha384) => self.pkcs1::<Sha384>(message, signature),
            (Family::RsaPkcs1, Hash::Sha512) => self.pkcs1::<Sha512>(message, signature),
            (Family::RsaPss, Hash::Sha256) => self.pss::<Sha256>(message, signature),
            (Family::RsaPss, Hash::Sha384) => self.pss::<Sha384>(message, signature),
            (Family::RsaPss, Hash::Sha512) => self.pss::<Sha512>(message, signature),
            _ => false,
        }
    }

    fn pkcs1<D: Digest + AssociatedOid>(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify(Pkcs1v15Sign::new::<D>(), &D::digest(message), signature).is_ok()
    }

    /// MGF1 with the same hash, a salt as long as the hash and no other (RFC 7518 section 3.5).
    fn pss<D: Digest + FixedOutputReset>(&self, message: &[u8], signature: &[u8]) -> bool {
        let scheme = Pss::<D>::new_with_salt(<D as Digest>::output_size());
        self.0.verify(scheme, &D::digest(message), signature).is_ok()
    }
}

fn exponent(e: &[u8]) -> Result<u64, KeyError> {
    let e = e.strip_prefix(&[0]).unwrap_or(e);
    if !(1..=8).contains(&e.len()) {
        return Err(KeyError::Exponent);
    }
    let value = e.iter().fold(0_u64, |value, &octet| value << 8 | u64::from(octet));
    if EXPONENTS.contains(&value) && value % 2 == 1 { Ok(value) } else { Err(KeyError::Exponent) }
}
