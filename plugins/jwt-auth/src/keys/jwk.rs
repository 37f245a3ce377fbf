//! One JSON Web Key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2).

use super::{Key, MAX_KID_BYTES};
use crate::alg::{Algorithm, Algorithms};
use crate::crypto::{Curve, KeyError, Verifier};
use filter_core::base64url;
use filter_core::config::{At, Tree};
use filter_core::redact;
use std::collections::BTreeSet;

/// Who wrote a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The operator, who may have switched symmetric keys on.
    Inline {
        /// `oct` keys are read.
        allow_symmetric: bool,
    },
    /// A key server, to which no secret is told.
    Fetched,
}

/// What only the holder of a private key has (RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Reads a key. `None`: an error was reported at or below `at`. Members that are not known are ignored (RFC 7517
/// section 4), `x5c` and `x5u` among them: a key is what the set says, not what a certificate in it says.
pub(super) fn read(tree: &Tree, source: Source, at: &At<'_>) -> Option<Key> {
    let Tree::Object(members) = tree else { return at.expected("a JSON Web Key, an object", tree) };
    let mut clean = true;
    let mut seen = BTreeSet::new();
    for (name, _) in members {
        if !seen.insert(name) {
            at.key(name).error("the member is given twice");
            clean = false;
        }
    }
    // An object that says two things is not looked at further.
    if !clean {
        return None;
    }
    let jwk = Jwk { tree, at };
    let key = jwk.verifier(source);
    let kid = jwk.kid();
    let for_signatures = jwk.for_signatures();
    // What `alg` may be depends on the key.
    let key = key.and_then(|key| jwk.algorithms(key.algorithms()).map(|algorithms| (key, algorithms)));
    let (kid, (verifier, algorithms)) = (kid?, key?);
    for_signatures.then_some(Key { kid, algorithms, verifier })
}

struct Jwk<'a> {
    tree: &'a Tree,
    at: &'a At<'a>,
}

impl Jwk<'_> {
    fn verifier(&self, source: Source) -> Option<Verifier> {
        let kty = self.text("kty")?;
        if kty != "oct"
            && let Some(name) = PRIVATE.into_iter().find(|name| self.tree.member(name).is_some())
        {
            self.at
                .key(name)
                .error("holds a private key; write the public one, and replace this one: it is known now");
            return None;
        }
        match kty {
            "RSA" => {
                let (n, e) = (self.octets("n"), self.octets("e"));
                self.weighed(Verifier::rsa(&n?, &e?))
            }
            "EC" => {
                let curve = self.curve()?;
                let (x, y) = (self.octets("x"), self.octets("y"));
                self.weighed(Verifier::ec(curve, &x?, &y?))
            }
            "OKP" => {
                if self.text("crv")? != "Ed25519" {
                    self.at.key("crv").error("of the curves of kty OKP, Ed25519 alone is verified here");
                    return None;
                }
                self.weighed(Verifier::ed25519(&self.octets("x")?))
            }
            "oct" => match source {
                Source::Inline { allow_symmetric: true } => self.weighed(Verifier::hmac(&self.octets("k")?)),
                Source::Inline { allow_symmetric: false } => {
                    self.at
                        .key("kty")
                        .error("a symmetric key: its place is a `secret`, from the environment");
                    None
                }
                Source::Fetched => {
                    self.at.key("kty").error("a symmetric key is never taken from a key server");
                    None
                }
            },
            other => {
                self.at.key("kty").error(format!("{} is not one of RSA, EC, OKP, oct", quoted(other)));
                None
            }
        }
    }

    fn curve(&self) -> Option<Curve> {
        let name = self.text("crv")?;
        let curve = Curve::ALL.into_iter().find(|curve| curve.name() == name);
        if curve.is_none() {
            self.at.key("crv").error(format!("{} is not one of P-256, P-384, P-521", quoted(name)));
        }
        curve
    }

    /// A key that is refused is refused at the member that is at fault.
    fn weighed(&self, key: Result<Verifier, KeyError>) -> Option<Verifier> {
        key.map_err(|error| self.at.key(error.member()).error(error.to_string())).ok()
    }

    fn kid(&self) -> Option<Option<Box<str>>> {
        let Some(kid) = self.tree.member("kid") else { return Some(None) };
        let at = self.at.key("kid");
        match kid {
            Tree::String(kid) if kid.len() <= MAX_KID_BYTES => Some(Some(kid.as_str().into())),
            Tree::String(_) => {
                at.error(format!("longer than the {MAX_KID_BYTES} bytes that a token may name"));
                None
            }
            other => at.expected("a string", other),
        }
    }

    /// `use` and `key_ops`, where they are there (RFC 7517 sections 4.2 and 4.3).
    fn for_signatures(&self) -> bool {
        let sig = match self.tree.member("use") {
            None => true,
            Some(Tree::String(of)) if of == "sig" => true,
            Some(_) => {
                self.at.key("use").error("not a key for signatures: must be \"sig\", or left out");
                false
            }
        };
        let verify = match self.tree.member("key_ops") {
            None => true,
            Some(Tree::Array(ops)) => ops.iter().any(|op| matches!(op, Tree::String(op) if op == "verify")),
            Some(_) => false,
        };
        if !verify {
            self.at
                .key("key_ops")
                .error("not a key to verify with: must be a list with \"verify\", or left out");
        }
        sig && verify
    }

    /// Those of the key, less what `alg` leaves out (RFC 7517 section 4.4).
    fn algorithms(&self, of_key: Algorithms) -> Option<Algorithms> {
        let Some(alg) = self.tree.member("alg") else { return Some(of_key) };
        let at = self.at.key("alg");
        let Tree::String(alg) = alg else { return at.expected("a string", alg) };
        let algorithms = of_key.and(Algorithm::of(alg).into_iter().collect());
        if algorithms.is_empty() {
            at.error(format!("{} is no signature algorithm for this key", quoted(alg)));
            return None;
        }
        Some(algorithms)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.tree.member(name) {
            Some(Tree::String(text)) => Some(text),
            Some(other) => self.at.key(name).expected("a string", other),
            None => {
                self.at.key(name).error("is required");
                None
            }
        }
    }

    /// Base64url without padding (RFC 7515 section 2), in its one canonical form.
    fn octets(&self, name: &str) -> Option<Vec<u8>> {
        let octets = base64url::decode(self.text(name)?.as_bytes());
        if octets.is_none() {
            self.at.key(name).error("not base64url without padding (RFC 7515 section 2)");
        }
        octets
    }
}

/// A name from a key, short and on one line.
fn quoted(name: &str) -> String {
    let cut = name.char_indices().nth(32).map_or(name.len(), |(end, _)| end);
    format!("\"{}\"", redact::line(name.get(..cut).unwrap_or_default()))
}
