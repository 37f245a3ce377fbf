//! What a rule asks of a valid token: where it does not hold, the token is not enough (`insufficient_scope`).

use super::{ClaimError, ClaimPath, ClaimTree};
use filter_core::config::Tree;

/// All that a rule asks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Demands {
    /// Scopes.
    pub scopes: Scopes,
    /// Claims, all of which must hold.
    pub claims: Vec<Requirement>,
}

impl Demands {
    /// The claims that they are about.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let scoped = !(self.scopes.all.is_empty() && self.scopes.any.is_empty());
        let scopes = SCOPES.into_iter().filter(move |_| scoped);
        scopes.chain(self.claims.iter().map(|requirement| requirement.claim.first()))
    }

    /// Whether a token with these claims is enough.
    ///
    /// # Errors
    /// [`ClaimError::Scope`], or [`ClaimError::Claim`] with the first that does not hold.
    pub fn check(&self, claims: &ClaimTree<'_>) -> Result<(), ClaimError> {
        if !self.scopes.hold(claims) {
            return Err(ClaimError::Scope);
        }
        match self.claims.iter().find(|requirement| !requirement.holds(claims)) {
            Some(requirement) => Err(ClaimError::Claim(requirement.claim.text().clone())),
            None => Ok(()),
        }
    }
}

/// Scopes that a token must have. They are in `scope` (RFC 8693 section 4.2) and `scp`, each a string of words with a
/// space between them (RFC 6749 section 3.3) or an array of strings; both count. A claim of another type, an array
/// with anything but strings included, gives no scope at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes {
    /// All of these.
    pub all: Vec<String>,
    /// At least one of these. Empty: none is asked for.
    pub any: Vec<String>,
}

/// The claims that hold scopes.
const SCOPES: [&str; 2] = ["scope", "scp"];

impl Scopes {
    fn hold(&self, claims: &ClaimTree<'_>) -> bool {
        let has =
            |scope: &String| SCOPES.iter().filter_map(|name| claims.member(name)).any(|c| gives(c, scope));
        self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has))
    }
}

/// Only the space separates, and nothing empty is a scope.
fn gives(claim: &ClaimTree<'_>, scope: &str) -> bool {
    if scope.is_empty() {
        return false;
    }
    match claim {
        Tree::String(words) => words.split(' ').any(|word| word == scope),
        Tree::Array(items) => {
            items.iter().all(|item| matches!(item, Tree::String(_)))
                && items.iter().any(|item| matches!(item, Tree::String(word) if word == scope))
        }
        _ => false,
    }
}

/// What one claim must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// Which.
    pub claim: ClaimPath,
    /// What.
    pub test: Test,
}

impl Requirement {
    fn holds(&self, claims: &ClaimTree<'_>) -> bool {
        self.claim.find(claims).is_some_and(|claim| self.test.holds(claim))
    }
}

/// A comparison with strings, numbers or booleans. Where an array is asked for, a single value is taken for an array of
/// one: issuers write lists of one either way. A string is never cut into words: `"no admin"` does not contain `admin`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is this, and no array.
    Equals(Tree),
    /// It holds this.
    Contains(Tree),
    /// It holds one of these.
    Any(Vec<Tree>),
    /// It holds all of these.
    All(Vec<Tree>),
}

impl Test {
    fn holds(&self, claim: &ClaimTree<'_>) -> bool {
        let items = match claim {
            Tree::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        let has = |wanted: &Tree| items.iter().any(|item| same(item, wanted));
        match self {
            Self::Equals(wanted) => same(claim, wanted),
            Self::Contains(wanted) => has(wanted),
            Self::Any(wanted) => wanted.iter().any(has),
            Self::All(wanted) => wanted.iter().all(has),
        }
    }
}

/// Equal, of one type: `1` is neither `"1"` nor `true`. Numbers are compared as written: `1` is not `1.0`, so that no
/// integer is ever rounded to another. Nothing equals `null`, an array or an object.
fn same(claim: &ClaimTree<'_>, wanted: &Tree) -> bool {
    match (claim, wanted) {
        (Tree::String(one), Tree::String(other)) => one == other,
        (Tree::Number(one), Tree::Number(other)) => one == other,
        (Tree::Bool(one), Tree::Bool(other)) => one == other,
        _ => false,
    }
}
