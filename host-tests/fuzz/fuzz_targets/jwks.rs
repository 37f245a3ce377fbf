//! A key server answers anything, an operator writes anything: a set is read without a panic and within its bounds, holds
//! no key that is too weak or secret, and what is said of the others fits a log line.

#![no_main]

use filter_core::config::Tree;
use jwt_auth::alg::{Algorithm, Family};
use jwt_auth::crypto::Engine;
use jwt_auth::keys::{Key, KeySet, MAX_CANDIDATES, MAX_KEYS};
use libfuzzer_sys::fuzz_target;
use testkit::TestCx;

/// Nothing that this is a signature of is known to anybody.
const SIGNATURES: [&[u8]; 4] = [&[], &[0; 64], &[1; 64], &[0; 256]];

fuzz_target!(|input: &[u8]| {
    let cx = TestCx::default();
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(key) = Key::from_pem(text, None) {
            check(&key, &cx);
        }
    }
    let written = KeySet::inline(input, false);
    let with_secrets = KeySet::inline(input, true);
    assert!(written.is_err() || with_secrets.is_ok(), "refused for what is allowed");
    let Ok(fetched) = KeySet::fetched(input) else { return };
    let keys = fetched.keys.keys();
    assert!(keys.len() + fetched.skipped.len() <= MAX_KEYS);
    for skipped in &fetched.skipped {
        let line = skipped.to_string();
        assert!(!line.chars().any(char::is_control), "{line}");
    }
    let single = serde_json::from_slice::<Tree>(input).is_ok_and(|tree| tree.member("kty").is_some());
    if let (Ok(written), false) = (&written, single) {
        assert!(fetched.skipped.is_empty() && keys.len() == written.keys().len(), "good here and not there");
    }
    for algorithm in Algorithm::ALL {
        assert!(fetched.keys.candidates(None, algorithm).count() <= MAX_CANDIDATES);
    }
    keys.iter().for_each(|key| check(key, &cx));
});

fn check(key: &Key, cx: &TestCx) {
    assert!(!key.algorithms().is_empty());
    for algorithm in Algorithm::ALL {
        if !key.algorithms().has(algorithm) {
            continue;
        }
        assert!(algorithm.family() != Family::Hmac, "a secret of a stranger");
        for signature in SIGNATURES {
            assert!(!key.verifier().verify(algorithm, b"a text", signature, Engine::Rust, cx), "{algorithm}");
        }
    }
}
