//! A client sends anything as a token: it is read without a panic, has one spelling, and is believed only with a
//! signature that the issuer made.
//!
//! The first byte of the input chooses how the rest is read: as the token itself, or as header, payload and signature
//! in clear, a line each, which are encoded first so that the search need not find base64 by chance.

#![no_main]

use std::cell::RefCell;
use std::sync::OnceLock;

use filter_core::config::{At, Tree};
use filter_core::policy::Timestamp;
use jwt_auth::alg::Algorithm;
use jwt_auth::claims::{ClaimPath, Format, Rules, header_value};
use jwt_auth::crypto::Engine;
use jwt_auth::keys::KeySet;
use jwt_auth::token::{Limits, Token};
use libfuzzer_sys::fuzz_target;
use testkit::TestCx;
use testkit::jwt::{SigningKey, header_of, jwks, signed, text};

/// What all good tokens say.
const CLAIMS: &str =
    r#"{"iss":"https://idp.example.com/","aud":["a"],"sub":"alice","exp":1767229200.5,"a":{"b":[1]}}"#;

/// The issuer's keys, and what it has signed.
struct Issuer {
    keys: KeySet,
    signed: Vec<String>,
}

fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let tree: Tree = serde_json::from_str(&jwks(&SigningKey::ALL).to_string()).unwrap();
        let errors = RefCell::default();
        let keys = KeySet::inline_tree(&tree, true, &At::root(&errors)).unwrap();
        let of_key = |key: SigningKey| {
            key.algorithms().iter().map(move |algorithm| {
                let header = header_of(key, &serde_json::json!({ "alg": algorithm })).to_string();
                signed(key, algorithm, &header, CLAIMS)
            })
        };
        Issuer { keys, signed: SigningKey::ALL.into_iter().flat_map(of_key).collect() }
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let issuer = issuer();
    let sent = match choice % 4 {
        0 => rest.to_vec(),
        // A good token with a few bytes changed.
        1 => {
            let mut token = issuer.signed[usize::from(choice) / 4 % issuer.signed.len()].clone().into_bytes();
            for change in rest.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % token.len();
                token[at] = change[2];
            }
            token
        }
        _ => {
            let mut parts = rest.splitn(3, |byte| *byte == b'\n').map(text);
            let mut part = || parts.next().unwrap_or_default();
            format!("{}.{}.{}", part(), part(), part()).into_bytes()
        }
    };
    let mut payload = Vec::new();
    let Ok(token) = Token::parse(&sent, &mut payload, Limits::default()) else { return };
    let jws = &token.jws;
    let again = [jws.signing_input, b".", text(&jws.signature).as_bytes()].concat();
    assert!(sent == again && sent.len() <= Limits::default().token, "a token has two spellings");
    let cx = TestCx::default();
    let mut tried = 0;
    for kid in [jws.header.kid.as_deref(), None] {
        for key in issuer.keys.candidates(kid, jws.header.algorithm) {
            tried += 1;
            let verified = key.verifier().verify(
                jws.header.algorithm,
                jws.signing_input,
                &jws.signature,
                Engine::Rust,
                &cx,
            );
            let made = |good: &String| good.as_bytes().starts_with(jws.signing_input);
            assert!(!verified || issuer.signed.iter().any(made), "a signature that nobody made");
        }
    }
    assert!(tried <= 16 && Algorithm::ALL.contains(&jws.header.algorithm));
    // Whether it is valid is asked before the signature is.
    for rules in [
        Rules::default(),
        Rules {
            issuers: vec!["https://idp.example.com/".to_owned()],
            audiences: vec!["a".to_owned()],
            ..Rules::default()
        },
    ] {
        for now in [0, 1_767_225_600_000_000, u64::MAX] {
            let first = rules.check(&token.claims, Timestamp(now));
            if let Ok(times) = &first {
                assert!(times.check(&rules, Timestamp(now)).is_ok(), "valid, and not when asked again");
            }
        }
    }
    for path in ["sub", "a", "a.b", "iss", "exp"] {
        let path = ClaimPath::parse(path).unwrap();
        for format in [Format::Csv, Format::Json] {
            if let Some(value) = header_value(&token.claims, &path, format) {
                assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{value:?}");
            }
        }
    }
});
