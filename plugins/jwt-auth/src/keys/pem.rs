//! Public keys in PEM (RFC 7468) and DER.

use crate::crypto::{Curve, EC, KeyError, Verifier};
use rsa::pkcs1::RsaPublicKeyRef;
use spki::der::{Decode as _, Document};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use std::fmt;

/// Longest PEM text, in bytes: a key of 4096 bits has 800.
const MAX_PEM_BYTES: usize = 16 * 1024;
/// `rsaEncryption` (RFC 3279 section 2.3.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-Ed25519` (RFC 8410 section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Why there is no key in a PEM text. No part of the text is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PemError {
    /// Not one block of PEM, or a very large one.
    Pem,
    /// A certificate.
    Certificate,
    /// A private key.
    Private,
    /// Another kind of block.
    Label,
    /// Not the DER of a public key.
    Der,
    /// A public key of a kind or on a curve that nothing here verifies with.
    Kind,
    /// A point of which only x and a sign are given.
    Compressed,
    /// A key that is wrong or weak.
    Key(KeyError),
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "not a PEM text: one block, -----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----",
            Self::Certificate => {
                "a certificate, whose dates and issuer nobody would check; its key alone: openssl x509 -pubkey -noout"
            }
            Self::Private => "holds a private key; its public one: openssl pkey -pubout",
            Self::Label => "expected a block PUBLIC KEY or RSA PUBLIC KEY",
            Self::Der => "not a public key in DER (RFC 5280 section 4.1.2.7)",
            Self::Kind => "of public keys RSA, EC on P-256, P-384 and P-521, and Ed25519 are accepted",
            Self::Compressed => "a compressed point; the whole one: openssl ec -pubin -conv_form uncompressed",
            Self::Key(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for PemError {}

impl From<KeyError> for PemError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<spki::der::Error> for PemError {
    fn from(_: spki::der::Error) -> Self {
        Self::Der
    }
}

pub(super) fn read(text: &str) -> Result<Verifier, PemError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(PemError::Pem);
    }
    let (label, document) = Document::from_pem(text).map_err(|_| PemError::Pem)?;
    match label {
        "PUBLIC KEY" => of_spki(document.as_bytes()),
        "RSA PUBLIC KEY" => of_pkcs1(document.as_bytes()),
        "CERTIFICATE" => Err(PemError::Certificate),
        label if label.ends_with("PRIVATE KEY") => Err(PemError::Private),
        _ => Err(PemError::Label),
    }
}

/// A `SubjectPublicKeyInfo` in DER, to its last octet.
pub(crate) fn of_spki(der: &[u8]) -> Result<Verifier, PemError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| PemError::Der)?;
    let key = info.subject_public_key.as_bytes().ok_or(PemError::Der)?;
    match info.algorithm.oid {
        RSA if info.algorithm.parameters.is_some_and(|parameters| parameters.is_null()) => of_pkcs1(key),
        EC => {
            let oid = info.algorithm.parameters_oid().map_err(|_| PemError::Kind)?;
            let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == oid).ok_or(PemError::Kind)?;
            of_point(curve, key)
        }
        ED25519 if info.algorithm.parameters.is_none() => Ok(Verifier::ed25519(key)?),
        RSA | ED25519 => Err(PemError::Der),
        _ => Err(PemError::Kind),
    }
}

fn of_pkcs1(der: &[u8]) -> Result<Verifier, PemError> {
    let key = RsaPublicKeyRef::from_der(der)?;
    Ok(Verifier::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())?)
}

/// SEC 1 section 2.3.4.
fn of_point(curve: Curve, point: &[u8]) -> Result<Verifier, PemError> {
    match point.split_first() {
        Some((4, both)) => {
            let (x, y) = both.split_at_checked(curve.octets()).ok_or(KeyError::X(curve))?;
            Ok(Verifier::ec(curve, x, y)?)
        }
        Some((2 | 3, _)) => Err(PemError::Compressed),
        _ => Err(PemError::Der),
    }
}
