//! The published examples of JWS and JWT. They are no part of this repository: `SUITES` names the folder they are in
//! (`make suites`), and what is missing there is a failure.

#![allow(clippy::disallowed_methods, reason = "the examples are files")]

use anyhow::{Context as _, Result, ensure};
use filter_core::config::{At, Tree};
use filter_core::policy::Timestamp;
use jwt_auth::claims::Rules;
use jwt_auth::crypto::Engine;
use jwt_auth::keys::KeySet;
use jwt_auth::token::{Jws, Limits, Token, TokenError};
use serde_json::Value;
use std::cell::RefCell;
use std::path::PathBuf;
use testkit::TestCx;

/// A file or folder below `SUITES`, which starts at the root of the repository.
fn suite(path: &str) -> Result<PathBuf> {
    let suites = std::env::var("SUITES").context("SUITES is not set: run `make suites`")?;
    Ok(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(suites).join("jose").join(path))
}

fn document(path: &str) -> Result<Value> {
    let path = suite(path)?;
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// The examples of a folder, by name.
fn folder(path: &str) -> Result<Vec<(String, Value)>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(suite(path)?)? {
        names.push(entry?.file_name().into_string().ok().context("a name that is no text")?);
    }
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    names.into_iter().map(|name| Ok((name.clone(), document(&format!("{path}/{name}"))?))).collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| pointer.to_owned())
}

fn outcome(text: &str) -> &'static str {
    Token::parse(text.as_bytes(), &mut Vec::new(), Limits::default())
        .map_or_else(TokenError::as_str, |_| "ok")
}

/// Whether the signature is one by this key. The cookbook's keys are whole; what is private in them is left out.
fn verifies(jws: &Jws<'_>, key: &Value) -> Result<bool> {
    let mut key = key.clone();
    if let Some(members) = key.as_object_mut() {
        members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    }
    let tree: Tree = serde_json::from_str(&key.to_string())?;
    let errors = RefCell::new(Vec::new());
    let keys = KeySet::inline_tree(&tree, true, &At::root(&errors));
    let keys = keys.with_context(|| format!("{:?}", errors.borrow()))?;
    let header = &jws.header;
    let cx = TestCx::default();
    let mut candidates = keys.candidates(header.kid.as_deref(), header.algorithm);
    Ok(candidates.any(|key| {
        key.verifier().verify(header.algorithm, jws.signing_input, &jws.signature, Engine::Rust, &cx)
    }))
}

/// The signature of the example verifies, and neither another one nor one of another text does.
fn check_signature(compact: &str, key: &Value) -> Result<()> {
    let jws = Jws::parse(compact.as_bytes(), Limits::default())?;
    ensure!(verifies(&jws, key)?, "the signature does not verify");
    for at in 0..jws.signature.len() {
        let mut other = jws.clone();
        other.signature.get_mut(at).map(|byte| *byte ^= 1).context("a byte")?;
        ensure!(!verifies(&other, key)?, "verifies with octet {at} changed");
    }
    let text = [jws.signing_input, b"A"].concat();
    ensure!(!verifies(&Jws { signing_input: &text, ..jws }, key)?, "verifies another text");
    Ok(())
}

/// RFC 7515 appendix A, RFC 8037 appendix A.4, RFC 7519 section 6.1.
#[test]
fn the_vectors_of_the_rfcs() -> Result<()> {
    let vectors = document("rfc-vectors.json")?;
    let vectors = vectors.as_array().context("an array")?;
    let expected = [
        ("7515 A.1", "ok"),
        ("7515 A.2", "ok"),
        ("7515 A.3", "ok"),
        // Signs a sentence.
        ("8037 A.4", "payload_json"),
        ("7519 6.1 unsecured", "signature_empty"),
    ];
    ensure!(vectors.len() == expected.len(), "{} vectors", vectors.len());
    let rules = Rules { issuers: vec!["joe".to_owned()], ..Rules::default() };
    for (vector, (name, outcome)) in vectors.iter().zip(expected) {
        ensure!(text(vector, "/rfc")? == name, "{vector}");
        let compact = text(vector, "/jws")?;
        ensure!(self::outcome(compact) == outcome, "{name}: {}", self::outcome(compact));
        if text(vector, "/result")? == "valid" {
            check_signature(compact, vector.get("jwk").context("a key")?).context(name)?;
        }
        let mut payload = Vec::new();
        if let Ok(token) = Token::parse(compact.as_bytes(), &mut payload, Limits::default()) {
            let at = |seconds: u64| rules.check(&token.claims, Timestamp(seconds * 1_000_000)).is_ok();
            // RFC 7519 section 3.1: `exp` is 1300819380; with the minute that clocks may differ.
            ensure!((at(1_300_819_380 + 59), at(1_300_819_380 + 60)) == (true, false), "{name}");
        }
    }
    Ok(())
}

/// RFC 7520 section 4: JWS that are no JWT, in every serialisation.
#[test]
fn the_cookbook() -> Result<()> {
    let examples = folder("rfc7520-jws")?;
    ensure!(examples.len() == 8, "{} examples", examples.len());
    let (mut compacts, mut serializations) = (0, 0);
    for (name, example) in &examples {
        for form in ["/output/json", "/output/json_flat"] {
            if let Some(json) = example.pointer(form) {
                serializations += 1;
                ensure!(outcome(&json.to_string()) == "json_serialization", "{name} {form}");
            }
        }
        let Ok(compact) = text(example, "/output/compact") else { continue };
        compacts += 1;
        if name.starts_with("4_5") {
            ensure!(outcome(compact) == "detached", "{name}: {}", outcome(compact));
            continue;
        }
        ensure!(outcome(compact) == "payload_json", "{name}: {}", outcome(compact));
        let jws = Jws::parse(compact.as_bytes(), Limits::default())?;
        ensure!(jws.signing_input == text(example, "/signing/sig-input")?.as_bytes(), "{name}");
        check_signature(compact, example.pointer("/input/key").context("a key")?).context(name.clone())?;
    }
    ensure!((compacts, serializations) == (5, 15), "{compacts} compact, {serializations} in JSON");
    Ok(())
}

/// RFC 7797: payloads that are not encoded.
#[test]
fn payloads_that_are_not_encoded() -> Result<()> {
    let examples = folder("rfc7797")?;
    ensure!(examples.len() == 2, "{} examples", examples.len());
    for (name, example) in &examples {
        for form in ["/output/json", "/output/json_flat"] {
            let json = example.pointer(form).context(form)?;
            ensure!(outcome(&json.to_string()) == "json_serialization", "{name} {form}");
        }
        // As compact as the dot in one of the payloads allows.
        let header = text(example, "/output/json_flat/protected")?;
        let signature = text(example, "/output/json_flat/signature")?;
        let detached = format!("{header}..{signature}");
        ensure!(outcome(&detached) == "detached", "{name}: {}", outcome(&detached));
        let compact = format!("{header}.eyJzdWIiOiJhIn0.{signature}");
        ensure!(outcome(&compact) == "b64", "{name}: {}", outcome(&compact));
        if let Ok(compact) = text(example, "/output/compact") {
            ensure!(outcome(compact) == "b64", "{name}: {}", outcome(compact));
        }
    }
    Ok(())
}
