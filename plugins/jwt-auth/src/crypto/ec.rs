//! ECDSA keys on the curves of RFC 7518 section 3.4.

use super::KeyError;
use crate::alg::Algorithm;
use p256::ecdsa::signature::Verifier as _;
use p256::elliptic_curve::point::AffineCoordinates as _;
use spki::der::Encode as _;
use spki::der::asn1::{BitStringRef, UintRef};
use spki::{AlgorithmIdentifier, ObjectIdentifier, SubjectPublicKeyInfo};
use std::fmt;

/// An elliptic curve of NIST. Each goes with one algorithm and one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1, with ES256.
    P256,
    /// secp384r1, with ES384.
    P384,
    /// secp521r1, with ES512.
    P521,
}

impl Curve {
    /// All.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The algorithm that a key on this curve is for.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    /// Octets of a coordinate, and of each half of a signature.
    #[must_use]
    pub fn octets(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The name as `crv` has it (RFC 7518 section 6.2.1.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The name in DER (RFC 5480 section 2.1.1.1).
    #[must_use]
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Self::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Self::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Octets of the longest `Ecdsa-Sig-Value`: a head of three, and two integers of P-521, each with a head of two and
/// no zero octet in front.
const MAX_DER: usize = 3 + 2 * (2 + 66);

/// A point on its curve.
pub(super) enum Key {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

/// The same with each curve's own types, which have no object-safe trait in common.
macro_rules! on_its_curve {
    ($key:expr, |$curve:ident, $point:ident| $body:expr) => {
        match $key {
            Key::P256($point) => {
                use p256 as $curve;
                $body
            }
            Key::P384($point) => {
                use p384 as $curve;
                $body
            }
            Key::P521($point) => {
                use p521 as $curve;
                $body
            }
        }
    };
}

impl Key {
    pub(super) fn new(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.octets() {
            return Err(KeyError::X(curve));
        }
        if y.len() != curve.octets() {
            return Err(KeyError::Y(curve));
        }
        // Not `from_sec1_bytes`: it brings the square roots of compressed points, 20 KB, which nothing here has.
        macro_rules! point {
            ($curve:ident) => {{
                let (x, y) = (x.try_into().ok(), y.try_into().ok());
                let point =
                    x.zip(y).and_then(|(x, y)| Option::from($curve::AffinePoint::from_coordinates(x, y)));
                point.and_then(|point| $curve::ecdsa::VerifyingKey::from_affine(point).ok())
            }};
        }
        let key = match curve {
            Curve::P256 => point!(p256).map(Self::P256),
            Curve::P384 => point!(p384).map(Self::P384),
            Curve::P521 => point!(p521).map(Self::P521),
        };
        key.ok_or(KeyError::Point(curve))
    }

    /// A signature is r and s, each as long as the field and neither zero nor beyond the order: `from_slice` sees to
    /// that. The hash is that of the curve.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        on_its_curve!(self, |curve, point| {
            curve::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| point.verify(message, &signature).is_ok())
        })
    }

    /// Gives `f` the signature as the `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) that the host reads. `None`: it is
    /// no signature on this curve.
    pub(super) fn with_der<T>(&self, signature: &[u8], f: impl FnOnce(&[u8]) -> T) -> Option<T> {
        on_its_curve!(self, |curve, _point| {
            curve::ecdsa::Signature::from_slice(signature).ok()?;
        });
        // Here once, not once for each curve as `Signature::to_der` would be.
        let (r, s) = signature.split_at_checked(signature.len() / 2)?;
        let mut der = [0; MAX_DER];
        let der = [UintRef::new(r).ok()?, UintRef::new(s).ok()?].encode_to_slice(&mut der).ok()?;
        Some(f(der))
    }
}

/// The key for the host. Only of coordinates that were accepted.
pub(super) fn spki(curve: Curve, x: &[u8], y: &[u8]) -> Option<Box<[u8]>> {
    let oid = curve.oid();
    let point = uncompressed(x, y);
    let info = SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifier { oid: EC, parameters: Some(oid) },
        subject_public_key: BitStringRef::from_bytes(&point).ok()?,
    };
    info.to_der().ok().map(Vec::into_boxed_slice)
}

/// SEC 1 section 2.3.3.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}
