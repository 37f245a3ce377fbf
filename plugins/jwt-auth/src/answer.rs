//! What a client hears: as much as RFC 6750 section 3 wants, and nothing about why. The log says that.

use crate::claims::{ClaimError, Class};
use crate::token::TokenError;
use filter_core::denial::{Denial, Reason};
use filter_core::http::HeaderValue;
use filter_core::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};

/// Challenges, made once.
pub struct Challenges {
    bare: HeaderValue,
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    insufficient_scope: HeaderValue,
}

impl Challenges {
    /// `None`: the realm cannot be a quoted string (RFC 9110 section 5.6.4).
    #[must_use]
    pub fn new(realm: &str) -> Option<Self> {
        let quotable = |b: u8| b == b' ' || (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        if !realm.bytes().all(quotable) {
            return None;
        }
        let challenge = |error: &str| HeaderValue::from_str(&format!("Bearer realm=\"{realm}\"{error}")).ok();
        Some(Self {
            bare: challenge("")?,
            invalid_request: challenge(", error=\"invalid_request\"")?,
            invalid_token: challenge(
                ", error=\"invalid_token\", error_description=\"The access token is invalid\"",
            )?,
            insufficient_scope: challenge(", error=\"insufficient_scope\"")?,
        })
    }

    /// A refusal with what belongs to it.
    #[must_use]
    pub fn denial(&self, reason: Reason) -> Denial {
        let denial = Denial::new(reason);
        let challenge = match reason.code() {
            "jwt.missing_token" => &self.bare,
            "jwt.invalid_request" => &self.invalid_request,
            "jwt.invalid_token" => &self.invalid_token,
            "jwt.insufficient_scope" => &self.insufficient_scope,
            // It may go better soon, with the same token.
            _ => return denial.header(RETRY_AFTER, HeaderValue::from_static("1")),
        };
        denial.header(WWW_AUTHENTICATE, challenge.clone())
    }
}

/// What a token is refused for, by its form.
#[must_use]
pub fn of_form(error: TokenError) -> Reason {
    match error {
        TokenError::AlgMissing | TokenError::AlgType | TokenError::AlgNone | TokenError::AlgUnknown => {
            Reason::JwtAlgorithm
        }
        TokenError::TypType | TokenError::TypMissing | TokenError::TypRefused => Reason::JwtType,
        _ => Reason::JwtMalformed,
    }
}

/// What a token is refused for, by its claims.
#[must_use]
pub fn of_claims(error: &ClaimError) -> Reason {
    match (error.class(), error) {
        (Class::InsufficientScope, _) => Reason::JwtScope,
        (_, ClaimError::Issuer | ClaimError::Missing("iss")) => Reason::JwtIssuer,
        (_, ClaimError::Audience | ClaimError::Missing("aud")) => Reason::JwtAudience,
        (_, ClaimError::Expired { .. }) => Reason::JwtExpired,
        (_, ClaimError::NotYet { .. } | ClaimError::IssuedAhead { .. }) => Reason::JwtNotYet,
        _ => Reason::JwtClaim,
    }
}
