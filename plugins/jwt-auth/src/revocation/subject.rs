//! What of a token a deny-list is about.

use filter_core::keys::{Claim, KeyError, revocation};

/// The claims of one token that it can be revoked by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Claim and value, in the order in which they are asked.
    pub ids: Vec<(Claim, String)>,
    /// When the token was issued, in seconds; what revokes by time revokes a token that does not say.
    pub issued: Option<i64>,
}

impl Subject {
    /// The keys in Redis, in the order of `ids`.
    ///
    /// # Errors
    /// An id is too long to be in a deny-list: of such a token nothing can be learnt.
    pub fn keys(&self, provider: &str) -> Result<Vec<String>, KeyError> {
        self.ids.iter().map(|(claim, id)| revocation(provider, *claim, id)).collect()
    }

    /// Whether an entry that was found for an id revokes this token. `before`: what the entry says, seconds or anything.
    #[must_use]
    pub fn is_revoked_by(&self, claim: Claim, before: Option<i64>) -> bool {
        match (claim.by_time(), before, self.issued) {
            // One token, whatever the entry says.
            (false, _, _) => true,
            (true, Some(before), Some(issued)) => issued < before,
            // An entry that cannot be read, or a token that says no time.
            (true, _, _) => true,
        }
    }
}
