//! A host that verifies as Envoy does: `SubjectPublicKeyInfo` and, for ECDSA, DER. Below it is the same arithmetic as
//! in the filter: what is tested through it is what the filter hands to a host, not the host.

use filter_core::policy::{Cx, Timestamp};
use filter_core::store::SharedStore;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha384, Sha512};
use spki::SubjectPublicKeyInfoRef;
use spki::der::Decode as _;
use testkit::TestCx;

#[derive(Default)]
pub struct RustHost(TestCx);

impl Cx for RustHost {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.0.random(bytes)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        Cx::property(&self.0, path)
    }

    fn store(&self) -> &dyn SharedStore {
        self.0.store()
    }

    fn verify_signature(&self, hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        let (digest, padding) = match hash {
            "sha256" => (Sha256::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha256>()),
            "sha384" => (Sha384::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha384>()),
            "sha512" => (Sha512::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha512>()),
            _ => panic!("no host knows the hash {hash}"),
        };
        let info = SubjectPublicKeyInfoRef::from_der(key).expect("what the filter hands over is DER");
        let point = info.subject_public_key.as_bytes().expect("whole octets");
        macro_rules! on {
            ($curve:ident) => {{
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).expect("a point");
                let signature = $curve::ecdsa::Signature::from_der(signature).expect("DER");
                Some(key.verify_prehash(&digest, &signature).is_ok())
            }};
        }
        let Ok(curve) = info.algorithm.parameters_oid() else {
            let key = RsaPublicKey::try_from(info).expect("an RSA key");
            return Some(key.verify(padding, &digest, signature).is_ok());
        };
        match curve.to_string().as_str() {
            "1.2.840.10045.3.1.7" => on!(p256),
            "1.3.132.0.34" => on!(p384),
            "1.3.132.0.35" => on!(p521),
            other => panic!("no key here is on {other}"),
        }
    }
}
