//! What the claims of a token must be (RFC 7519 section 4).

mod demands;
mod error;
mod header;
mod path;
mod time;

pub use demands::{Demands, Requirement, Scopes, Test};
pub use error::{ClaimError, Class};
pub use header::{Format, MAX_HEADER, header_value};
pub use path::{ClaimPath, PathError};
pub use time::{NumericDate, Times};

use filter_core::config::Tree;
use filter_core::policy::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// A claim, or all of them; its strings are the token's where they can be.
pub type ClaimTree<'c> = Tree<Cow<'c, str>>;

/// What `sub` must be, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// This.
    Exact(String),
    /// Something that begins so.
    Prefix(String),
}

impl Subject {
    fn matches(&self, subject: &str) -> bool {
        match self {
            Self::Exact(text) => text == subject,
            Self::Prefix(text) => subject.starts_with(text.as_str()),
        }
    }
}

/// What makes a token of a provider valid: where it does not hold, the token is (`invalid_token`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// `iss` is one of these, byte for byte. Empty: any, and none.
    pub issuers: Vec<String>,
    /// `aud` is or holds one of these. Empty: any, and none.
    pub audiences: Vec<String>,
    /// `sub` is one of these. Empty: any, and none.
    pub subjects: Vec<Subject>,
    /// Whether there must be an `exp`.
    pub require_exp: bool,
    /// Whether there must be a `jti`, not empty.
    pub require_jti: bool,
    /// How far clocks may differ.
    pub skew: Duration,
    /// Longest time from `iat`, or where there is none from now, to `exp`; there must be an `exp` then.
    pub max_lifetime: Option<Duration>,
}

impl Rules {
    /// Largest skew that makes sense.
    pub const MAX_SKEW: Duration = Duration::from_secs(300);
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            subjects: Vec::new(),
            require_exp: true,
            require_jti: false,
            skew: Duration::from_secs(60),
            max_lifetime: None,
        }
    }
}

impl Rules {
    /// Whether these claims are a valid token's now. What is there must be of its type, whether a rule is about it or
    /// not. Gives the dates, which must hold again whenever the token is used again: [`Times::check`].
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self, claims: &ClaimTree<'_>, now: Timestamp) -> Result<Times, ClaimError> {
        self.issuer(claims)?;
        self.audience(claims)?;
        self.subject(claims)?;
        let jti = text(claims, "jti")?;
        if self.require_jti && jti.is_none_or(str::is_empty) {
            return Err(ClaimError::Missing("jti"));
        }
        let times = Times::of(claims)?;
        times.check(self, now)?;
        Ok(times)
    }

    fn issuer(&self, claims: &ClaimTree<'_>) -> Result<(), ClaimError> {
        match text(claims, "iss")? {
            _ if self.issuers.is_empty() => Ok(()),
            None => Err(ClaimError::Missing("iss")),
            Some(issuer) if self.issuers.iter().any(|one| one == issuer) => Ok(()),
            Some(_) => Err(ClaimError::Issuer),
        }
    }

    /// A string or an array of strings (RFC 7519 section 4.1.3), which an empty one is not: it is for nobody.
    fn audience(&self, claims: &ClaimTree<'_>) -> Result<(), ClaimError> {
        let Some(audience) = claims.member("aud") else {
            return if self.audiences.is_empty() { Ok(()) } else { Err(ClaimError::Missing("aud")) };
        };
        let is = |one: &str| self.audiences.iter().any(|audience| audience == one);
        let found = match audience {
            Tree::String(one) => is(one),
            Tree::Array(items) if !items.is_empty() => {
                let mut found = false;
                for item in items {
                    let Tree::String(one) = item else { return Err(ClaimError::Type("aud")) };
                    found = found || is(one);
                }
                found
            }
            _ => return Err(ClaimError::Type("aud")),
        };
        if found || self.audiences.is_empty() { Ok(()) } else { Err(ClaimError::Audience) }
    }

    fn subject(&self, claims: &ClaimTree<'_>) -> Result<(), ClaimError> {
        match text(claims, "sub")? {
            _ if self.subjects.is_empty() => Ok(()),
            None => Err(ClaimError::Missing("sub")),
            Some(subject) if self.subjects.iter().any(|one| one.matches(subject)) => Ok(()),
            Some(_) => Err(ClaimError::Subject),
        }
    }
}

/// A claim that is a string where it is there.
fn text<'t>(claims: &'t ClaimTree<'_>, name: &'static str) -> Result<Option<&'t str>, ClaimError> {
    match claims.member(name) {
        None => Ok(None),
        Some(Tree::String(text)) => Ok(Some(text)),
        Some(_) => Err(ClaimError::Type(name)),
    }
}
