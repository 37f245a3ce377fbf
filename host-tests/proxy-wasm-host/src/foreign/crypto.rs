//! `verify_signature` (`importPublicKeyDER`, `importPublicKeyPEM` and `verifySignature` in Envoy's
//! `source/common/crypto/utility_impl.cc`, which is BoringSSL): RSA PKCS#1 v1.5 with 1,024 to 8,192 bits, and
//! ECDSA on P-256, P-384 and P-521 with a signature in DER. BoringSSL also knows P-224 and smaller RSA keys.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use prost::Message;
use rsa::RsaPublicKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::traits::SignatureScheme as _;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::digest::const_oid::{AssociatedOid, ObjectIdentifier};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use spki::SubjectPublicKeyInfoRef;
use spki::der::{Decode as _, Document, SliceReader};

use crate::abi::Status;

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`
#[derive(Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
    #[prost(string, tag = "5")]
    public_key_pem: String,
}

/// `envoy.source.extensions.common.wasm.VerifySignatureResult`
#[derive(PartialEq, Message)]
struct Verdict {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

/// Whether a text was signed with a key. `Ok` only says that the question was understood.
pub(super) fn verify_signature(arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let arguments = Arguments::decode(arguments).map_err(|_| Status::BadArgument)?;
    let key = match (arguments.public_key.is_empty(), arguments.public_key_pem.is_empty()) {
        (false, true) => Key::from_der(&arguments.public_key),
        (true, false) => Key::from_pem(&arguments.public_key_pem),
        _ => return Err(Status::BadArgument),
    };
    let verdict = match verify(key.as_ref(), &arguments) {
        Ok(()) => Verdict { result: true, error: String::new() },
        Err(error) => Verdict { result: false, error },
    };
    Ok(verdict.encode_to_vec())
}

fn verify(key: Option<&Key>, arguments: &Arguments) -> Result<(), String> {
    let Arguments { hash_function, signature, text, .. } = arguments;
    let (digest, padding) =
        hash(hash_function, text).ok_or_else(|| format!("{hash_function} is not supported."))?;
    let right = match key.ok_or("Failed to initialize digest verify.")? {
        Key::Rsa(key) => padding.verify(key, &digest, signature).is_ok(),
        Key::P256(key) => p256::ecdsa::Signature::from_der(signature)
            .is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok()),
        Key::P384(key) => p384::ecdsa::Signature::from_der(signature)
            .is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok()),
        Key::P521(key) => p521::ecdsa::Signature::from_der(signature)
            .is_ok_and(|it| key.verify_prehash(&digest, &it).is_ok()),
    };
    if right { Ok(()) } else { Err("Failed to verify digest. Error code: 0".to_owned()) }
}

/// The digest of a text, and how RSA wraps it.
fn hash(name: &str, text: &[u8]) -> Option<(Vec<u8>, Pkcs1v15Sign)> {
    fn with<D: Digest + AssociatedOid>(text: &[u8]) -> (Vec<u8>, Pkcs1v15Sign) {
        (D::digest(text).to_vec(), Pkcs1v15Sign::new::<D>())
    }
    match name.to_ascii_lowercase().as_str() {
        "sha1" => Some(with::<Sha1>(text)),
        "sha224" => Some(with::<Sha224>(text)),
        "sha256" => Some(with::<Sha256>(text)),
        "sha384" => Some(with::<Sha384>(text)),
        "sha512" => Some(with::<Sha512>(text)),
        _ => None,
    }
}

/// A public key that can be used with a digest. BoringSSL also reads DSA, Ed25519 and X25519, and then fails like with
/// what is no key at all.
enum Key {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

impl Key {
    /// A `SubjectPublicKeyInfo` (RFC 5280); what follows it is not looked at.
    fn from_der(bytes: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::decode(&mut SliceReader::new(bytes).ok()?).ok()?;
        match info.algorithm.oid {
            RSA => RsaPublicKey::try_from(info).ok().map(Self::Rsa),
            EC => {
                let curve = info.algorithm.parameters_oid().ok()?;
                Self::on_curve(curve, info.subject_public_key.as_bytes()?)
            }
            _ => None,
        }
    }

    fn on_curve(curve: ObjectIdentifier, point: &[u8]) -> Option<Self> {
        match curve {
            P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P256),
            P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384),
            P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P521),
            _ => None,
        }
    }

    fn from_pem(text: &str) -> Option<Self> {
        let (label, document) = Document::from_pem(text).ok()?;
        if label == "PUBLIC KEY" { Self::from_der(document.as_bytes()) } else { None }
    }
}
