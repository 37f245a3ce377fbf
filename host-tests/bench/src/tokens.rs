//! jwt-auth beside Envoy's jwt_authn: the same tokens, many of them, in turn.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use testkit::jwt::{SigningKey, jwks, token};

use crate::load::bearer_script;
use crate::variants::{Chain, Guest, Kind, Sent, Variant, module, wasm_filter};

/// Distinct tokens of each variant.
const TOKENS: usize = 2000;
const ISSUER: &str = "https://idp.example.com/";
const AUDIENCE: &str = "https://api.example.com";

/// Who verifies, and whether what was verified is remembered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Native { cached: bool },
    Ours { cached: bool, crypto: &'static str },
}

/// Name, key and algorithm, who, and the variant that it is compared with.
const VARIANTS: [(&str, SigningKey, &str, Who, Option<&str>); 10] = [
    ("jwt_authn, RS256", SigningKey::RsaOne, "RS256", Who::Native { cached: false }, None),
    (
        "jwt-auth, RS256",
        SigningKey::RsaOne,
        "RS256",
        Who::Ours { cached: false, crypto: "auto" },
        Some("jwt_authn, RS256"),
    ),
    ("jwt_authn, ES256", SigningKey::P256, "ES256", Who::Native { cached: false }, None),
    (
        "jwt-auth, ES256",
        SigningKey::P256,
        "ES256",
        Who::Ours { cached: false, crypto: "auto" },
        Some("jwt_authn, ES256"),
    ),
    (
        "jwt_authn, RS256, cached",
        SigningKey::RsaOne,
        "RS256",
        Who::Native { cached: true },
        Some("jwt_authn, RS256"),
    ),
    (
        "jwt-auth, RS256, cached",
        SigningKey::RsaOne,
        "RS256",
        Who::Ours { cached: true, crypto: "auto" },
        Some("jwt_authn, RS256"),
    ),
    (
        "jwt-auth, PS256",
        SigningKey::RsaOne,
        "PS256",
        Who::Ours { cached: false, crypto: "auto" },
        Some("jwt_authn, RS256"),
    ),
    (
        "jwt-auth, EdDSA",
        SigningKey::Ed25519,
        "EdDSA",
        Who::Ours { cached: false, crypto: "auto" },
        Some("jwt_authn, RS256"),
    ),
    (
        "jwt-auth, RS256 in Rust",
        SigningKey::RsaOne,
        "RS256",
        Who::Ours { cached: false, crypto: "rust" },
        Some("jwt_authn, RS256"),
    ),
    (
        "jwt-auth, ES256 in Rust",
        SigningKey::P256,
        "ES256",
        Who::Ours { cached: false, crypto: "rust" },
        Some("jwt_authn, ES256"),
    ),
];

/// All variants; what wrk sends is written into `folder`.
///
/// # Errors
/// A module is missing, or the folder cannot be written.
pub fn all(dist: &Path, folder: &Path) -> Result<Vec<Variant>> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).context("clock")?.as_secs();
    let mut variants = Vec::new();
    let mut add = |name: &str, kind, chain, key, algorithm: &str| -> Result<()> {
        let header = json!({ "alg": algorithm, "typ": "at+jwt" });
        let tokens: Vec<String> = (0..TOKENS).map(|i| token(key, &header, &claims(now, i))).collect();
        let script = folder.join(format!("{}.lua", name.replace([' ', ','], "-")));
        std::fs::write(&script, bearer_script(&tokens)).with_context(|| script.display().to_string())?;
        variants.push(Variant {
            sent: tokens.into_iter().next().map_or(Sent::Plain, Sent::Token),
            script: Some(script),
            ..Variant::new(name.to_owned(), kind, false, chain)
        });
        Ok(())
    };
    add("no filter", Kind::NoFilter, Chain::default(), SigningKey::RsaOne, "RS256")?;
    let no_op = Guest { call: "none", repeated: 0 }.filter(dist)?;
    add("no-op wasm", Kind::NoOp, no_op, SigningKey::RsaOne, "RS256")?;
    for (name, key, algorithm, who, beside) in VARIANTS {
        let chain = match who {
            Who::Native { cached } => native(key, cached),
            Who::Ours { cached, crypto } => {
                let configuration = ours(key, algorithm, cached, crypto).to_string();
                let module = module(dist, Path::new("jwt-auth.wasm"))?;
                wasm_filter("jwt-auth", &module, &configuration, &json!({}))?
            }
        };
        add(name, Kind::Tokens { beside }, chain, key, algorithm)?;
    }
    Ok(variants)
}

/// About what an identity provider puts into an access token.
fn claims(now: u64, number: usize) -> Value {
    json!({
        "iss": ISSUER, "aud": [AUDIENCE, "https://billing.example.com"], "sub": format!("user-{number}"),
        "exp": now + 36_000, "iat": now, "nbf": now, "jti": format!("7f3d2c1b-0a9e-4d8c-b7a6-{number:012}"),
        "azp": "web", "scope": "openid profile orders:read orders:write", "email": format!("user-{number}@example.com"),
        "realm_access": { "roles": ["customer", "reviewer"] },
    })
}

fn ours(key: SigningKey, algorithm: &str, cached: bool, crypto: &str) -> Value {
    json!({
        "version": 1,
        "crypto": crypto,
        "cache": { "enabled": cached },
        "providers": [{
            "name": "idp", "issuers": [ISSUER], "audiences": [AUDIENCE], "algorithms": [algorithm],
            "keys": [{ "jwks": jwks(&[key]) }],
        }],
    })
}

fn native(key: SigningKey, cached: bool) -> Chain {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": jwks(&[key]).to_string() },
    });
    if let (true, Some(provider)) = (cached, provider.as_object_mut()) {
        let size = json!({ "jwt_cache_size": 2 * TOKENS });
        provider.insert("jwt_cache_config".to_owned(), size);
    }
    let filter = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "idp": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "idp" } }],
        },
    });
    Chain { http_filters: vec![filter], ..Chain::default() }
}
