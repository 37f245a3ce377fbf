//! Why the claims of a token are refused.

use std::fmt;
use std::sync::Arc;

/// What a refusal means to the client (RFC 6750 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `invalid_token`, 401: another token may do.
    InvalidToken,
    /// `insufficient_scope`, 403: the token is good and not enough.
    InsufficientScope,
}

/// Why claims are refused. Its text is for operators; it holds times and names of claims, never a claim's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimError {
    /// A claim that must be there is not.
    Missing(&'static str),
    /// A claim is of another type than its definition says (RFC 7519 section 4.1).
    Type(&'static str),
    /// `iss` is none of those accepted.
    Issuer,
    /// `aud` names none of those it must.
    Audience,
    /// `sub` is none of those accepted.
    Subject,
    /// `exp` has passed.
    Expired {
        /// Seconds since, rounded up.
        ago: u64,
        /// Seconds that clocks may differ.
        skew: u64,
    },
    /// `nbf` is still to come.
    NotYet {
        /// Seconds until then, rounded up.
        ahead: u64,
        /// Seconds that clocks may differ.
        skew: u64,
    },
    /// `iat` is still to come.
    IssuedAhead {
        /// Seconds until then, rounded up.
        ahead: u64,
        /// Seconds that clocks may differ.
        skew: u64,
    },
    /// The token lives too long.
    Lifetime {
        /// Seconds, rounded up.
        lifetime: u64,
        /// Seconds accepted.
        most: u64,
    },
    /// A claim that a rule is about is not what it must be.
    Claim(Arc<str>),
    /// A scope is missing.
    Scope,
}

impl ClaimError {
    /// What it means to the client.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Claim(_) | Self::Scope => Class::InsufficientScope,
            _ => Class::InvalidToken,
        }
    }

    /// The name in logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing(_) => "claim_missing",
            Self::Type(_) => "claim_type",
            Self::Issuer => "iss",
            Self::Audience => "aud",
            Self::Subject => "sub",
            Self::Expired { .. } => "exp",
            Self::NotYet { .. } => "nbf",
            Self::IssuedAhead { .. } => "iat",
            Self::Lifetime { .. } => "lifetime",
            Self::Claim(_) => "claim",
            Self::Scope => "scope",
        }
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "there is no {name}"),
            Self::Type(name) => write!(f, "{name} is of the wrong type"),
            Self::Issuer => f.write_str("iss is not accepted"),
            Self::Audience => f.write_str("aud names nobody here"),
            Self::Subject => f.write_str("sub is not accepted"),
            Self::Expired { ago, skew } => write!(f, "exp was {ago} s ago, the skew is {skew} s"),
            Self::NotYet { ahead, skew } => write!(f, "nbf is {ahead} s ahead, the skew is {skew} s"),
            Self::IssuedAhead { ahead, skew } => write!(f, "iat is {ahead} s ahead, the skew is {skew} s"),
            Self::Lifetime { lifetime, most } => {
                write!(f, "the lifetime is {lifetime} s, at most {most} s are accepted")
            }
            Self::Claim(path) => write!(f, "the claim {path} is not as required"),
            Self::Scope => f.write_str("a scope is missing"),
        }
    }
}

impl std::error::Error for ClaimError {}
