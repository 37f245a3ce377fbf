//! Why a key is refused.

use super::Curve;
use std::fmt;

/// Why a key is not used. Never says anything about a secret but its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The modulus has this many bits.
    ModulusBits(usize),
    /// The modulus starts with more than one zero octet, or is nothing.
    ModulusForm,
    /// The modulus is even: not a product of two large primes.
    ModulusEven,
    /// The public exponent is even, too small or too large.
    Exponent,
    /// The x coordinate has not the length of the field.
    X(Curve),
    /// The y coordinate has not the length of the field.
    Y(Curve),
    /// The point is not on the curve.
    Point(Curve),
    /// An Ed25519 key of another length than 32 octets.
    Ed25519Length,
    /// No Ed25519 point in its canonical form.
    Ed25519Point,
    /// A point whose order is one of 1, 2, 4, 8.
    Ed25519SmallOrder,
    /// The secret has this many octets.
    SecretLength(usize),
}

impl KeyError {
    /// The member of a JWK that is at fault.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::ModulusBits(_) | Self::ModulusForm | Self::ModulusEven => "n",
            Self::Exponent => "e",
            Self::X(_)
            | Self::Point(_)
            | Self::Ed25519Length
            | Self::Ed25519Point
            | Self::Ed25519SmallOrder => "x",
            Self::Y(_) => "y",
            Self::SecretLength(_) => "k",
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ModulusBits(bits) => {
                write!(f, "the RSA modulus has {bits} bits; 2048 to 4096 are accepted")
            }
            Self::ModulusForm => {
                f.write_str("the RSA modulus starts with more than one zero octet, or is empty")
            }
            Self::ModulusEven => f.write_str("the RSA modulus is even"),
            Self::Exponent => f.write_str(
                "the RSA exponent must be odd and from 65537 to 4294967295; nearly all keys have 65537",
            ),
            Self::X(curve) | Self::Y(curve) => {
                write!(
                    f,
                    "a coordinate on {curve} has exactly {} octets, leading zeros included",
                    curve.octets()
                )
            }
            Self::Point(curve) => write!(f, "the point is not on {curve}"),
            Self::Ed25519Length => f.write_str("an Ed25519 key has exactly 32 octets"),
            Self::Ed25519Point => f.write_str("not the canonical form of a point of Ed25519"),
            Self::Ed25519SmallOrder => f.write_str("a point of small order: a signature would prove nothing"),
            Self::SecretLength(octets) => {
                write!(
                    f,
                    "the secret has {octets} octets; 32 for HS256, 48 for HS384, 64 for HS512 is the least"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}
