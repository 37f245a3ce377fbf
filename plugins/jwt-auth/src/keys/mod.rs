//! Where keys come from: JSON Web Keys (RFC 7517) of a configuration or of a key server, and PEM.

mod jwk;
mod pem;

pub use pem::PemError;
pub(crate) use pem::of_spki;

use crate::alg::{Algorithm, Algorithms};
use crate::crypto::Verifier;
use filter_core::config::{At, ConfigError, Tree};
use filter_core::redact;
use std::cell::RefCell;
use std::fmt;

/// Most keys in one set.
pub const MAX_KEYS: usize = 64;
/// Most octets of one set: Google's has 1.5 KiB, 64 keys of 4096 bits without certificates have 60 KiB.
pub const MAX_SET_BYTES: usize = 128 * 1024;
/// Longest `kid`, in bytes, of keys and of tokens.
pub const MAX_KID_BYTES: usize = 256;
/// Most keys that one token is tried with: what a forged token may cost.
pub const MAX_CANDIDATES: usize = 8;

/// A key, and what the set says about it.
#[derive(Debug, Clone)]
pub struct Key {
    kid: Option<Box<str>>,
    algorithms: Algorithms,
    verifier: Verifier,
}

impl Key {
    /// The public key in a PEM text: `PUBLIC KEY` (RFC 7468 section 13) or `RSA PUBLIC KEY` (RFC 8017 appendix
    /// A.1.1). A PEM text holds no `kid`: with none given, the key
    /// serves tokens without one alone.
    ///
    /// # Errors
    /// What is no such text, holds another kind of key or a weak one.
    pub fn from_pem(text: &str, kid: Option<&str>) -> Result<Self, PemError> {
        let verifier = pem::read(text)?;
        Ok(Self { kid: kid.map(Into::into), algorithms: verifier.algorithms(), verifier })
    }

    /// The name that tokens know it by.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it may be used with: that of its kind, and of `alg` where the set has it.
    #[must_use]
    pub fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// The key itself.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}

/// The keys of one source.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// A set from a key server, and what of it is not used.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The good ones; maybe none.
    pub keys: KeySet,
    /// The others.
    pub skipped: Vec<Skipped>,
}

/// A key of a key server that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// `keys[3]`, and the `kid` if it has one, escaped for a log.
    pub key: String,
    /// Why, as `n: the RSA modulus has 1024 bits; …`.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

/// Why a whole set is not used. The keys had before stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// So many octets.
    TooLarge(usize),
    /// Not JSON; where it stops to be.
    Json(String),
    /// No object with exactly one array `keys` (RFC 7517 section 5).
    NoSet,
    /// So many keys.
    TooMany(usize),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => {
                write!(f, "the key set has {bytes} bytes; at most {MAX_SET_BYTES} are accepted")
            }
            Self::Json(error) => write!(f, "the key set is not JSON: {error}"),
            Self::NoSet => f.write_str("not a key set: expected an object with one array \"keys\""),
            Self::TooMany(keys) => {
                write!(f, "the key set has {keys} keys; at most {MAX_KEYS} are accepted")
            }
        }
    }
}

impl std::error::Error for SetError {}

impl KeySet {
    /// A set that an operator wrote: a JWK Set, or a single JWK. Every key must be good.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place, as `keys[2].n: the RSA modulus has 1024 bits; …`. No
    /// value is repeated: it may be a secret.
    pub fn inline(bytes: &[u8], allow_symmetric: bool) -> Result<Self, Vec<ConfigError>> {
        let errors = RefCell::new(Vec::new());
        let at = At::root(&errors);
        let set = match parse(bytes) {
            Ok(tree) => Self::inline_tree(&tree, allow_symmetric, &at),
            Err(error) => {
                at.error(error.to_string());
                None
            }
        };
        set.ok_or_else(|| errors.into_inner())
    }

    /// The same of a document that has been read already, as part of a configuration. `None`: an error was reported
    /// at or below `at`.
    pub fn inline_tree(tree: &Tree, allow_symmetric: bool, at: &At<'_>) -> Option<Self> {
        let source = jwk::Source::Inline { allow_symmetric };
        if let Tree::Object(members) = tree
            && members.iter().any(|(name, _)| name == "kty")
        {
            return jwk::read(tree, source, at).map(|key| Self { keys: vec![key] });
        }
        let keys = match keys_of(tree) {
            Ok([]) => {
                at.key("keys").error("must not be empty");
                return None;
            }
            Ok(keys) => keys,
            Err(error) => {
                at.error(error.to_string());
                return None;
            }
        };
        let place = at.key("keys");
        // Every key is read before any failure counts: all errors are reported.
        let read: Vec<Option<Key>> =
            keys.iter().enumerate().map(|(i, key)| jwk::read(key, source, &place.index(i))).collect();
        read.into_iter().collect::<Option<_>>().map(|keys| Self { keys })
    }

    /// A set that a key server sent. What is not used of it is said by name; symmetric keys never are.
    ///
    /// # Errors
    /// What is no set, or a larger one than is accepted: a part of it would be chance.
    pub fn fetched(bytes: &[u8]) -> Result<Fetched, SetError> {
        let tree = parse(bytes)?;
        let mut fetched = Fetched { keys: Self::default(), skipped: Vec::new() };
        for (i, key) in keys_of(&tree)?.iter().enumerate() {
            let errors = RefCell::new(Vec::new());
            match jwk::read(key, jwk::Source::Fetched, &At::root(&errors)) {
                Some(key) => fetched.keys.keys.push(key),
                None => fetched.skipped.push(Skipped::new(i, key, errors.into_inner())),
            }
        }
        Ok(fetched)
    }

    /// The keys, in the order of the set.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a key has this very `kid`. Where none has, the key server may have a newer set.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The keys to try a token with, [`MAX_CANDIDATES`] at most, all of them good for its algorithm:
    ///
    /// - The token has a `kid`: the keys of the same one, byte for byte (RFC 7515 section 4.1.4). A key without a
    ///   name is not among them: which key signed would be a guess, and an unknown `kid` no reason to fetch.
    /// - It has none: all.
    pub fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Key> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid() == kid)
            .filter(move |key| key.algorithms.has(algorithm))
            .take(MAX_CANDIDATES)
    }
}

impl FromIterator<Key> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect() }
    }
}

impl Skipped {
    fn new(i: usize, key: &Tree, errors: Vec<ConfigError>) -> Self {
        let name = match key.member("kid") {
            Some(Tree::String(kid)) => format!("keys[{i}] (kid \"{}\")", redact::field(kid.as_bytes())),
            _ => format!("keys[{i}]"),
        };
        let reasons: Vec<String> = errors.iter().map(ConfigError::to_string).collect();
        Self { key: name, reason: redact::line(&reasons.join("; ")) }
    }
}

fn parse(bytes: &[u8]) -> Result<Tree, SetError> {
    if bytes.len() > MAX_SET_BYTES {
        return Err(SetError::TooLarge(bytes.len()));
    }
    Tree::parse(bytes).map_err(|error| SetError::Json(error.to_string()))
}

fn keys_of(tree: &Tree) -> Result<&[Tree], SetError> {
    let Tree::Object(members) = tree else { return Err(SetError::NoSet) };
    let mut found = members.iter().filter(|(name, _)| name == "keys");
    let (Some((_, Tree::Array(keys))), None) = (found.next(), found.next()) else {
        return Err(SetError::NoSet);
    };
    if keys.len() > MAX_KEYS { Err(SetError::TooMany(keys.len())) } else { Ok(keys) }
}
