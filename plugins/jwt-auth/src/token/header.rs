//! The JOSE header (RFC 7515 section 4).

use super::{Part, TokenError, json};
use crate::alg::Algorithm;
use filter_core::config::Tree;

/// Longest `kid`, in bytes: it names one key out of a small set, and is remembered when there is none.
pub const MAX_KID: usize = 256;

/// What a header says. Of its other members none has a meaning here: a key, or where one is to be had, comes from the
/// configuration and never from the token (`jwk`, `jku`, `x5u`, `x5c`, `x5t`: RFC 8725 section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`. Says which algorithm the issuer claims; whether that is acceptable the key decides.
    pub algorithm: Algorithm,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ`, for [`AcceptedTypes`](super::AcceptedTypes).
    pub typ: Option<String>,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        let members = json::object(bytes).map_err(|error| TokenError::Json(Part::Header, error))?;
        let (mut algorithm, mut kid, mut typ) = (None, None, None);
        for (name, value) in members {
            match (name.as_ref(), value) {
                ("crit", _) => return Err(TokenError::Crit),
                ("b64", _) => return Err(TokenError::B64),
                ("alg", Tree::String(text)) => algorithm = Some(algorithm_of(&text)?),
                ("alg", _) => return Err(TokenError::AlgType),
                ("kid", Tree::String(text)) if text.len() <= MAX_KID => kid = Some(text.into_owned()),
                ("kid", Tree::String(_)) => return Err(TokenError::KidTooLong),
                ("kid", _) => return Err(TokenError::KidType),
                ("typ", Tree::String(text)) => typ = Some(text.into_owned()),
                ("typ", _) => return Err(TokenError::TypType),
                _ => {}
            }
        }
        Ok(Self { algorithm: algorithm.ok_or(TokenError::AlgMissing)?, kid, typ })
    }
}

fn algorithm_of(name: &str) -> Result<Algorithm, TokenError> {
    match Algorithm::of(name) {
        Some(algorithm) => Ok(algorithm),
        // No more than an error of its own: whoever sends it is looking for a library that takes it.
        None if name.eq_ignore_ascii_case("none") => Err(TokenError::AlgNone),
        None => Err(TokenError::AlgUnknown),
    }
}
