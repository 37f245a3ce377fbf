//! Project Wycheproof's signatures, made to find what verifiers get wrong, set by set: by our own code and by a host,
//! called natively, as WebAssembly in the host of this repository, and as WebAssembly in a real Envoy.
//!
//! Every test of every set has one of three ends, and the counts of each set are in `counts.txt`:
//! - accepted: `valid` there, and true here;
//! - refused: `invalid` or `acceptable` there, and false here. `acceptable` is what a lax verifier takes, as a
//!   `DigestInfo` without its NULL: nothing that RFC 7518 has anybody send;
//! - outside: about a key, hash, salt or length that is not accepted here. The key is refused, or whatever it is for
//!   says false. Not asked is what no JWS could say (an ECDSA signature that is not DER), and what is in a set for being
//!   a good signature of another hash, padding or salt, where that is one of ours.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop at the first surprise"
)]

/// The tests of one place.
macro_rules! every_family {
    ($place:ty) => {
        #[test]
        fn pkcs1() {
            crate::tally::hold::<$place>("pkcs1", crate::rsa::pkcs1());
        }

        #[test]
        fn pss() {
            crate::tally::hold::<$place>("pss", crate::rsa::pss());
        }

        #[test]
        fn p256() {
            crate::tally::hold::<$place>("p256", crate::ecdsa::on(jwt_auth::crypto::Curve::P256));
        }

        #[test]
        fn p384() {
            crate::tally::hold::<$place>("p384", crate::ecdsa::on(jwt_auth::crypto::Curve::P384));
        }

        #[test]
        fn p521() {
            crate::tally::hold::<$place>("p521", crate::ecdsa::on(jwt_auth::crypto::Curve::P521));
        }

        #[test]
        fn other_curves() {
            crate::tally::hold::<$place>("other curves", crate::ecdsa::on_others());
        }

        #[test]
        fn eddsa() {
            crate::tally::hold::<$place>("eddsa", crate::eddsa::sets());
        }

        #[test]
        fn mac() {
            crate::tally::hold::<$place>("mac", crate::mac::sets());
        }
    };
}
pub(crate) use every_family;

mod ecdsa;
mod eddsa;
mod engines;
mod envoy;
mod host;
mod mac;
mod native;
mod requests;
mod rsa;
mod sets;
mod tally;
mod wasm;

use std::collections::BTreeSet;

const COUNTS: &str = include_str!("counts.txt");

/// The lines of one section.
fn counts(section: &str) -> Vec<&'static str> {
    let mut lines = COUNTS.lines().skip_while(|line| *line != format!("[{section}]"));
    assert!(lines.next().is_some(), "no section {section}");
    lines.take_while(|line| !line.is_empty()).collect()
}

/// All sets that the crate has of RSA, ECDSA, `EdDSA` and codes are in the list, each once, and the README of jwt-auth
/// says what they add up to.
#[test]
fn no_set_is_left_out() {
    let lines: Vec<&str> = COUNTS.lines().filter(|line| line.contains(": ")).collect();
    let listed: BTreeSet<&str> = lines.iter().map(|line| line.split_once(": ").unwrap().0).collect();
    let names = ecdsa::names().chain(eddsa::names()).chain(mac::names()).chain(rsa::names());
    let names: Vec<String> = names.collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect());
    assert_eq!(lines.len(), listed.len());
    let mut sums = [0_usize; 3];
    for line in &lines {
        let numbers = line.split(' ').filter_map(|word| word.parse::<usize>().ok());
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
    }
    let [accepted, refused, outside] = sums.map(grouped);
    let tests = grouped(sums.iter().sum());
    let said = format!(
        "{} sets with {tests} tests, of which {accepted} are accepted, {refused} refused and {outside} about keys",
        lines.len()
    );
    let readme = include_str!("../../../../plugins/jwt-auth/README.md");
    let words: Vec<&str> = readme.split_whitespace().collect();
    assert!(words.join(" ").contains(&said), "the README does not say: {said}");
}

/// With a comma before the last three digits.
fn grouped(number: usize) -> String {
    let (thousands, rest) = (number / 1000, number % 1000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}
