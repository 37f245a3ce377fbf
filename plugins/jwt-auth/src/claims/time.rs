//! When a token is valid (RFC 7519 sections 4.1.4 to 4.1.6).

use super::{ClaimError, ClaimTree, Rules};
use filter_core::config::Tree;
use filter_core::policy::Timestamp;
use std::time::Duration;

const MICROS: i64 = 1_000_000;

/// A `NumericDate` (RFC 7519 section 2): seconds since the epoch, fractions and negative ones included, kept in µs.
/// What is further away than 292,000 years stays there: nothing wraps around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate(i64);

impl NumericDate {
    /// A JSON number; anything else, `"1700000000"` too, is no date.
    fn of(tree: &ClaimTree<'_>) -> Option<Self> {
        let Tree::Number(number) = tree else { return None };
        let micros = match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => seconds.saturating_mul(MICROS),
            // Above the largest i64: far future.
            (None, _) if number.is_u64() => i64::MAX,
            (None, Some(seconds)) => saturating(seconds * 1e6),
            (None, None) => return None,
        };
        Some(Self(micros))
    }

    /// Seconds since the epoch, rounded down, as deny-lists have them.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }
}

impl From<Timestamp> for NumericDate {
    fn from(now: Timestamp) -> Self {
        Self(i64::try_from(now.0).unwrap_or(i64::MAX))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "of a float, `as` saturates: that is what is wanted")]
fn saturating(micros: f64) -> i64 {
    micros as i64
}

/// The dates of a token. Small, so that a cache keeps them and asks again at every use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// `exp`
    pub exp: Option<NumericDate>,
    /// `nbf`
    pub nbf: Option<NumericDate>,
    /// `iat`
    pub iat: Option<NumericDate>,
}

impl Times {
    /// # Errors
    /// [`ClaimError::Type`]: one of them is no number.
    pub fn of(claims: &ClaimTree<'_>) -> Result<Self, ClaimError> {
        let date = |name: &'static str| match claims.member(name) {
            None => Ok(None),
            Some(tree) => NumericDate::of(tree).map(Some).ok_or(ClaimError::Type(name)),
        };
        Ok(Self { exp: date("exp")?, nbf: date("nbf")?, iat: date("iat")? })
    }

    /// Whether the token is valid now: from `nbf` on and before `exp`, both moved by the skew, and issued at a time
    /// that is not ahead of it.
    ///
    /// The lifetime counts from `iat`, both dates being of the issuer's clock; without one from now, with the skew: a
    /// long one is then refused until little of it is left.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self, rules: &Rules, now: Timestamp) -> Result<(), ClaimError> {
        let NumericDate(now) = now.into();
        let margin = micros(rules.skew);
        let skew = rules.skew.as_secs();
        match self.exp {
            None if rules.require_exp || rules.max_lifetime.is_some() => {
                return Err(ClaimError::Missing("exp"));
            }
            // "On or after" it is too late.
            Some(NumericDate(exp)) if now.saturating_sub(margin) >= exp => {
                return Err(ClaimError::Expired { ago: seconds(now, exp), skew });
            }
            _ => {}
        }
        let latest = now.saturating_add(margin);
        if let Some(NumericDate(nbf)) = self.nbf
            && nbf > latest
        {
            return Err(ClaimError::NotYet { ahead: seconds(nbf, now), skew });
        }
        if let Some(NumericDate(iat)) = self.iat
            && iat > latest
        {
            return Err(ClaimError::IssuedAhead { ahead: seconds(iat, now), skew });
        }
        if let (Some(most), Some(NumericDate(exp))) = (rules.max_lifetime, self.exp) {
            let from = self.iat.map_or(latest, |NumericDate(iat)| iat);
            if exp.saturating_sub(from) > micros(most) {
                return Err(ClaimError::Lifetime { lifetime: seconds(exp, from), most: most.as_secs() });
            }
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// From one date to a later one, rounded up.
fn seconds(later: i64, earlier: i64) -> u64 {
    later.abs_diff(earlier).div_ceil(MICROS.unsigned_abs())
}
