//! Keys that are too weak or no keys at all, and signatures by keys of every size.

use super::{P256, TEXT, base64, ed25519, inline, octets, p256, refused, rsa, rsa_of, with};
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{Engine, Verifier};
use serde_json::json;
use testkit::TestCx;

#[test]
fn a_modulus_has_2048_to_4096_bits() {
    for bits in [2048, 2049, 2056, 3071, 4095, 4096] {
        assert!(inline(&rsa_of(bits)["jwk"]).is_ok(), "{bits}");
    }
    for bits in [2047, 4097] {
        let why = format!("n: the RSA modulus has {bits} bits; 2048 to 4096 are accepted");
        refused(rsa_of(bits)["jwk"].clone(), &why);
    }
    let n = octets(&rsa()["n"]);
    let mut even = n.clone();
    *even.last_mut().unwrap() &= 0xfe;
    refused(with(rsa(), json!({"n": base64(&even)})), "n: the RSA modulus is even");
    // RFC 7518 section 6.3.1.1 forbids one zero octet in front; libraries write it.
    assert!(inline(&with(rsa(), json!({"n": base64(&[&[0], &n[..]].concat())}))).is_ok());
    for form in [[&[0, 0], &n[..]].concat(), vec![], vec![0]] {
        let why = "n: the RSA modulus starts with more than one zero octet, or is empty";
        refused(with(rsa(), json!({"n": base64(&form)})), why);
    }
    let huge = vec![0xff; 8192];
    let why = "n: the RSA modulus has 65536 bits; 2048 to 4096 are accepted";
    refused(with(rsa(), json!({"n": base64(&huge)})), why);
}

#[test]
fn an_exponent_is_odd_and_of_17_to_32_bits() {
    for e in [&[1, 0, 1][..], &[0, 1, 0, 1], &[0xff, 0xff, 0xff, 0xff]] {
        assert!(inline(&with(rsa(), json!({"e": base64(e)}))).is_ok(), "{e:?}");
    }
    let one_and_zeros = [&[1][..], &[0; 8]].concat();
    let refused_ones = [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[1, 0],
        &[0xff, 0xff],
        &[1, 0, 2],
        &[1, 0, 0, 0, 1],
        &one_and_zeros,
        &[1; 300],
    ];
    for e in refused_ones {
        let why = "e: the RSA exponent must be odd and from 65537 to 4294967295; nearly all keys have 65537";
        refused(with(rsa(), json!({"e": base64(e)})), why);
    }
}

#[test]
fn signatures_of_every_size_of_key() {
    let cx = TestCx::default();
    for bits in [2048, 2049, 2056, 3071, 4095, 4096] {
        let known = rsa_of(bits);
        let jwk = &known["jwk"];
        let key = Verifier::rsa(&octets(&jwk["n"]), &octets(&jwk["e"])).unwrap();
        let is = |algorithm, text: &[u8], signature: &[u8]| {
            key.verify(algorithm, text, signature, Engine::Rust, &cx)
        };
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
            let signature = octets(&known[algorithm.name()]);
            assert!(is(algorithm, TEXT, &signature), "{bits} {algorithm}");
            assert!(!is(algorithm, b"another token", &signature));
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(!is(other, TEXT, &signature), "{algorithm} as {other}");
            }
            for place in (0..signature.len()).step_by(17).chain([1, signature.len() - 2, signature.len() - 1])
            {
                for bit in [1, 0x10, 0x80] {
                    let mut altered = signature.clone();
                    altered[place] ^= bit;
                    assert!(!is(algorithm, TEXT, &altered), "{bits} {algorithm}: octet {place}, bit {bit}");
                }
            }
            assert!(!is(algorithm, TEXT, &[&[0], &signature[..]].concat()), "a zero in front");
            assert!(!is(algorithm, TEXT, &[&signature[..], &[0]].concat()), "a zero behind");
            assert!(!is(algorithm, TEXT, &signature[1..]), "one octet short");
            assert!(!is(algorithm, TEXT, &[]), "none at all");
            assert!(!is(algorithm, TEXT, &vec![0; signature.len()]), "zero");
            assert!(!is(algorithm, TEXT, &octets(&jwk["n"])), "the modulus");
            if let Some(sum) = sum(&signature, &octets(&jwk["n"])) {
                assert!(!is(algorithm, TEXT, &sum), "the same number modulo n");
            }
        }
        for salt in ["PS256 without salt", "PS256 with the longest salt"] {
            assert!(!is(Algorithm::Ps256, TEXT, &octets(&known[salt])), "{salt}");
        }
    }
}

/// Of two big-endian numbers of the same length, where it has that length.
fn sum(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let (mut sum, mut carry) = (Vec::new(), 0);
    for (a, b) in a.iter().zip(b).rev() {
        let [high, low] = (u16::from(*a) + u16::from(*b) + carry).to_be_bytes();
        sum.push(low);
        carry = u16::from(high);
    }
    sum.reverse();
    (carry == 0).then_some(sum)
}

#[test]
fn a_point_is_on_its_curve_in_the_length_of_the_field() {
    refused(with(p256(), json!({"y": P256[0]})), "x: the point is not on P-256");
    refused(
        with(p256(), json!({"x": base64(&[0; 32]), "y": base64(&[0; 32])})),
        "x: the point is not on P-256",
    );
    refused(with(p256(), json!({"x": base64(&[0xff; 32])})), "x: the point is not on P-256");
    let length = "a coordinate on P-256 has exactly 32 octets, leading zeros included";
    refused(with(p256(), json!({"x": base64(&[1; 31])})), &format!("x: {length}"));
    refused(with(p256(), json!({"y": base64(&[0; 33])})), &format!("y: {length}"));
    let length = "a coordinate on P-521 has exactly 66 octets, leading zeros included";
    refused(with(p256(), json!({"crv": "P-521"})), &format!("x: {length}"));
    refused(
        with(p256(), json!({"crv": "secp256k1"})),
        "crv: \"secp256k1\" is not one of P-256, P-384, P-521",
    );
    refused(with(p256(), json!({"crv": "p-256"})), "crv: \"p-256\" is not one of P-256, P-384, P-521");
    refused(with(p256(), json!({"crv": null})), "crv: is required");
    refused(with(p256(), json!({"y": null})), "y: is required");
}

#[test]
fn an_ed25519_key_is_a_point_of_large_order_in_its_one_form() {
    let key = |x: &[u8]| with(ed25519(), json!({"x": base64(x)}));
    refused(key(&[1; 31]), "x: an Ed25519 key has exactly 32 octets");
    // y = 2 has no x.
    let mut nowhere = [0; 32];
    nowhere[0] = 2;
    refused(key(&nowhere), "x: not the canonical form of a point of Ed25519");
    let small = "x: a point of small order: a signature would prove nothing";
    let mut identity = [0; 32];
    identity[0] = 1;
    refused(key(&identity), small);
    refused(key(&[0; 32]), small);
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    refused(key(&order_2), small);
    // y = p + 1, the identity once more.
    let mut beyond = [0xff; 32];
    (beyond[0], beyond[31]) = (0xee, 0x7f);
    refused(key(&beyond), "x: not the canonical form of a point of Ed25519");
    let others = "crv: of the curves of kty OKP, Ed25519 alone is verified here";
    refused(with(ed25519(), json!({"crv": "Ed448"})), others);
    refused(with(ed25519(), json!({"crv": "X25519"})), others);
}
