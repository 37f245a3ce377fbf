//! The signature algorithms of JSON Web Signatures that are accepted (RFC 7518 section 3.1, RFC 8037 section 3.1).

use std::fmt;

/// A signature algorithm by its `alg` name. `none` is not among them, nor is anything that a filter here does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are those of RFC 7518")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
    Hs256,
    Hs384,
    Hs512,
}

/// The hash below a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

/// What kind of key an algorithm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3).
    RsaPkcs1,
    /// RSASSA-PSS (section 3.5).
    RsaPss,
    /// ECDSA (section 3.4).
    Ecdsa,
    /// EdDSA with Ed25519 (RFC 8037).
    EdDsa,
    /// HMAC (section 3.2).
    Hmac,
}

impl Algorithm {
    /// All, in the order of the RFCs.
    pub const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The name as `alg` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The algorithm of this name; names are case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// What it is, for documentation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Rs256 => "RSASSA-PKCS1-v1_5 with SHA-256.",
            Self::Rs384 => "RSASSA-PKCS1-v1_5 with SHA-384.",
            Self::Rs512 => "RSASSA-PKCS1-v1_5 with SHA-512.",
            Self::Ps256 => "RSASSA-PSS with SHA-256.",
            Self::Ps384 => "RSASSA-PSS with SHA-384.",
            Self::Ps512 => "RSASSA-PSS with SHA-512.",
            Self::Es256 => "ECDSA on P-256 with SHA-256.",
            Self::Es384 => "ECDSA on P-384 with SHA-384.",
            Self::Es512 => "ECDSA on P-521 with SHA-512.",
            Self::EdDsa => "EdDSA on Ed25519.",
            Self::Hs256 => "HMAC with SHA-256; needs `allow_symmetric`.",
            Self::Hs384 => "HMAC with SHA-384; needs `allow_symmetric`.",
            Self::Hs512 => "HMAC with SHA-512; needs `allow_symmetric`.",
        }
    }

    /// What kind of key it takes.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Family::RsaPkcs1,
            Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::RsaPss,
            Self::Es256 | Self::Es384 | Self::Es512 => Family::Ecdsa,
            Self::EdDsa => Family::EdDsa,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Hmac,
        }
    }

    /// The hash below it; of EdDSA its own (RFC 8032 section 5.1).
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => Hash::Sha256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => Hash::Sha384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::Hs512 | Self::EdDsa => Hash::Sha512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Algorithms(u16);

impl Algorithms {
    /// With one more.
    #[must_use]
    pub fn with(self, algorithm: Algorithm) -> Self {
        Self(self.0 | bit(algorithm))
    }

    /// Those in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether it is in.
    #[must_use]
    pub fn has(self, algorithm: Algorithm) -> bool {
        self.0 & bit(algorithm) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::default(), Self::with)
    }
}

fn bit(algorithm: Algorithm) -> u16 {
    Algorithm::ALL.iter().zip(0_u32..).find(|(one, _)| **one == algorithm).map_or(0, |(_, place)| 1 << place)
}
