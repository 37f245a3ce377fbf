//! The host's own verification: who is asked, and whether it can be trusted with the answer.

use crate::alg::{Algorithm, Algorithms, Hash};
use crate::keys::of_spki;
use filter_core::policy::Cx;

/// Who verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// This filter.
    Rust,
    /// The host alone: what it cannot do, or cannot say, is refused. For hosts whose cryptography is certified.
    Host,
    /// The host for these algorithms, of those that [`host_works`] found, and this filter for all others and
    /// wherever the host cannot say. What the host refuses is refused: nothing is verified twice.
    Auto(Algorithms),
}

/// What Envoy's `verify_signature` can do where it is built in. PSS, EdDSA and HMAC are impossible through it.
pub const HOST_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
];

/// The name that the host has for the hash.
pub(super) fn hash(algorithm: Algorithm) -> &'static str {
    match algorithm.hash() {
        Hash::Sha256 => "sha256",
        Hash::Sha384 => "sha384",
        Hash::Sha512 => "sha512",
    }
}

/// What all of the signatures below are of; their private keys are gone.
const TEXT: &[u8] = b"portcullis asks whether this host verifies";
const OTHER_TEXT: &[u8] = b"portcullis asks whether this host verifieS";

/// What this host verifies: the algorithms for which it accepts a good signature and refuses the same one of another
/// text. Each is tried: a host may know RSA and not ECDSA, or not every curve. 12 questions; ask once.
#[must_use]
pub fn host_works(cx: &dyn Cx) -> Algorithms {
    HOST_ALGORITHMS.into_iter().filter(|algorithm| works(*algorithm, cx)).collect()
}

fn works(algorithm: Algorithm, cx: &dyn Cx) -> bool {
    let Some((spki, signature)) = known(algorithm) else { return false };
    let Ok(key) = of_spki(spki) else { return false };
    let accepts = |text| key.verify(algorithm, text, signature, Engine::Host, cx);
    accepts(TEXT) && !accepts(OTHER_TEXT)
}

fn known(algorithm: Algorithm) -> Option<(&'static [u8], &'static [u8])> {
    macro_rules! files {
        ($key:literal, $signature:literal) => {
            Some((include_bytes!(concat!("probe/", $key)), include_bytes!(concat!("probe/", $signature))))
        };
    }
    match algorithm {
        Algorithm::Rs256 => files!("rsa.spki", "rs256.signature"),
        Algorithm::Rs384 => files!("rsa.spki", "rs384.signature"),
        Algorithm::Rs512 => files!("rsa.spki", "rs512.signature"),
        Algorithm::Es256 => files!("es256.spki", "es256.signature"),
        Algorithm::Es384 => files!("es384.spki", "es384.signature"),
        Algorithm::Es512 => files!("es512.spki", "es512.signature"),
        _ => None,
    }
}
