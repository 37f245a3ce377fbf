//! A provider: who issues tokens, where they are found, what proves them and what becomes of them.

use super::revocation::RevocationConfig;
use super::{alternative, one_of};
use crate::alg::Algorithm;
use crate::claims::ClaimPath;
use filter_core::config::{At, FromTree, NonEmpty, SecretRef, Shape, Tree};
use filter_core::http::HeaderName;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// Who issues tokens.
    pub struct ProviderConfig {
        /// Name of the provider, unique; log lines and keys in Redis carry it.
        name: ProviderName,
        /// `iss` is one of these, byte for byte.
        issuers: NonEmpty<String>,
        /// `aud` holds one of these. `"any"`: it is not looked at, and tokens for other services pass.
        audiences: Audiences,
        /// `sub` is one of these. Left out: any, and none.
        subjects: Option<NonEmpty<SubjectMatcher>>,
        /// Algorithms that are accepted, where the key is for them, too.
        algorithms: NonEmpty<Algorithm>,
        /// Whether HS256, HS384 and HS512 are accepted: whoever can verify such a token can issue it.
        allow_symmetric: bool = false,
        /// Where keys come from, all of them.
        keys: NonEmpty<KeySource>,
        /// Whether a token must name its key (`kid`).
        require_kid: bool = false,
        /// Accepted `typ`, as `at+jwt` (RFC 9068); then one is required. Left out: it is not looked at.
        typ: Option<NonEmpty<String>>,
        /// Whether a token must have an `exp`.
        require_exp: bool = true,
        /// Whether a token must have a `jti`.
        require_jti: bool = false,
        /// Longest time from `iat`, or where there is none from now, to `exp`.
        max_lifetime: Option<Duration>,
        /// How far clocks may differ, at most `"300s"`.
        clock_skew: Skew = "60s",
        /// Largest token, in bytes.
        max_token: NonZeroU64 = 8192,
        /// Where tokens are found.
        from: TokenPlaces = {},
        /// Whether the token goes on to the upstream.
        forward: bool = false,
        /// Header that carries the payload to the upstream, base64url.
        payload_header: Option<HeaderName>,
        /// Whether that is padded with `=`.
        payload_header_padding: bool = false,
        /// Claims that go to the upstream as headers.
        claim_headers: Vec<ClaimHeader> = [],
        /// Claims that later filters and the access log see as filter state `wasm.portcullis.claims.<claim>`.
        claim_state: Vec<ClaimPath> = [],
        /// Whether the access log gets a pseudonym of the subject as filter state `wasm.portcullis.subject`: 16 digits of SHA-256 of the provider's name, a zero byte and `sub`. Who can guess subjects can tell whose it is.
        subject_state: bool = false,
        /// Whether a token is bound to the client's certificate (`cnf.x5t#S256`, RFC 8705 section 3.1).
        certificate_binding: CertificateBinding = "if_present",
        /// The deny-list of revoked tokens.
        revocation: Option<RevocationConfig>,
    }
}

/// Name of a provider: letters, digits, `-`, `_` and `.`, at most 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderName(pub String);

impl FromTree for ProviderName {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let name = String::read(tree, at)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            at.error("a name has 1 to 64 letters, digits, -, _ and .");
            return None;
        }
        Some(Self(name))
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "name: letters, digits, `-`, `_`, `.`",
            schema: r#"{"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}"#,
        }
    }
}

/// Whom tokens must be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audiences {
    /// It is not looked at.
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

impl FromTree for Audiences {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::String(text) if text == "any" => Some(Self::Any),
            Tree::Array(_) => NonEmpty::read(tree, at).map(|NonEmpty(list)| Self::OneOf(list)),
            other => at.expected("an array of strings, or \"any\"", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "array of string (at least 1), or `\"any\"`",
            schema: r#"{"oneOf": [{"const": "any"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]}"#,
        }
    }
}

/// What `sub` must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectMatcher {
    /// This.
    Exact(String),
    /// Something that begins so.
    Prefix(String),
}

impl FromTree for SubjectMatcher {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let (key, value) = one_of(tree, at, &["exact", "prefix"])?;
        let text = String::read(value, &at.key(key))?;
        Some(if key == "exact" { Self::Exact(text) } else { Self::Prefix(text) })
    }

    fn shape() -> Shape {
        Shape::OneOf(vec![
            alternative::<String>("exact", "The whole subject."),
            alternative::<String>("prefix", "Its beginning."),
        ])
    }
}

impl FromTree for Algorithm {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let names: Vec<&str> = Self::ALL.iter().map(|algorithm| algorithm.name()).collect();
        let name = String::read(tree, at)?;
        let known = Self::of(&name);
        if known.is_none() {
            at.error(format!("unknown algorithm; expected one of {}", names.join(", ")));
        }
        known
    }

    fn shape() -> Shape {
        Shape::Enum(Self::ALL.iter().map(|algorithm| (algorithm.name(), algorithm.meaning())).collect())
    }
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// Keys in the configuration.
    Jwks(Tree),
    /// A key in the configuration.
    Pem(Pem),
    /// A shared secret.
    Secret(SharedSecret),
    /// Fetched.
    Remote(Remote),
    /// Fetched from where the issuer says.
    Discovery(Discovery),
}

impl FromTree for KeySource {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let (key, value) = one_of(tree, at, &["jwks", "pem", "secret", "remote", "discovery"])?;
        let at = at.key(key);
        match key {
            "jwks" => match value {
                Tree::Object(_) => Some(Self::Jwks(value.clone())),
                other => at.expected("a JSON Web Key Set, or a key", other),
            },
            "pem" => Pem::read(value, &at).map(Self::Pem),
            "secret" => SharedSecret::read(value, &at).map(Self::Secret),
            "remote" => Remote::read(value, &at).map(Self::Remote),
            _ => Discovery::read(value, &at).map(Self::Discovery),
        }
    }

    fn shape() -> Shape {
        let jwks = Shape::Scalar {
            phrase: "JSON Web Key Set (RFC 7517), or one key",
            schema: r#"{"type": "object"}"#,
        };
        let jwks = filter_core::config::FieldShape {
            key: "jwks",
            doc: "Public keys.",
            default: None,
            required: false,
            shape: jwks,
        };
        Shape::OneOf(vec![
            jwks,
            alternative::<Pem>("pem", "One public key."),
            alternative::<SharedSecret>("secret", "One shared secret, with `allow_symmetric`."),
            alternative::<Remote>("remote", "A JWKS that is fetched."),
            alternative::<Discovery>(
                "discovery",
                "A JWKS whose place the issuer's metadata tell (OpenID Connect Discovery 1.0).",
            ),
        ])
    }
}

config_struct! {
    /// One public key as PEM.
    pub struct Pem {
        /// `-----BEGIN PUBLIC KEY-----` and so on (SubjectPublicKeyInfo).
        text: String,
        /// Its `kid`. Left out: it serves tokens without one alone.
        kid: Option<String>,
    }
}

config_struct! {
    /// One shared secret.
    pub struct SharedSecret {
        /// Environment variable with the secret, base64url; at least as long as the hash.
        key: SecretRef,
        /// Its `kid`. Left out: it serves tokens without one alone.
        kid: Option<String>,
        /// Its only algorithm.
        algorithm: Algorithm,
    }
}

config_struct! {
    /// A JWKS that is fetched.
    pub struct Remote {
        /// Name of Envoy's cluster for the key server. TLS to it and the check of its name are that cluster's.
        cluster: String,
        /// Host of the requests.
        authority: String,
        /// Path of the JWKS, with its query.
        path: String,
        /// How long a request may take, at most `"5s"`.
        timeout: Duration = "1s",
        /// How long fetched keys serve before they are fetched again. `Cache-Control: max-age` may shorten or prolong it, from a tenth of this to ten times this.
        cache_duration: Duration = "10m",
        /// How long keys serve beyond that while they cannot be fetched.
        stale_ttl: Duration = "24h",
        /// Least time between two fetches on behalf of unknown keys, and between two failed ones; at least `"1s"`.
        refetch_interval: Duration = "10s",
    }
}

config_struct! {
    /// A JWKS whose place the issuer's metadata tell.
    pub struct Discovery {
        /// Name of Envoy's cluster for the metadata, and for the JWKS unless `jwks_cluster` names another.
        cluster: String,
        /// Name of Envoy's cluster for the JWKS.
        jwks_cluster: Option<String>,
        /// Path of the metadata. Left out: the issuer's path and `/.well-known/openid-configuration`.
        path: Option<String>,
        /// As of `remote`.
        timeout: Duration = "1s",
        /// As of `remote`.
        cache_duration: Duration = "10m",
        /// As of `remote`.
        stale_ttl: Duration = "24h",
        /// As of `remote`.
        refetch_interval: Duration = "10s",
    }
}

config_struct! {
    /// Where tokens are found. Two tokens in one request are refused with 400.
    pub struct TokenPlaces {
        /// Headers.
        headers: Vec<HeaderPlace> = [{"name": "authorization", "prefix": "Bearer "}],
        /// Cookies by name.
        cookies: Vec<String> = [],
        /// A query parameter. Not recommended: URLs end up in logs (RFC 6750 section 2.3).
        query: Option<QueryPlace>,
    }
}

config_struct! {
    /// A header that carries a token.
    pub struct HeaderPlace {
        /// Its name.
        name: HeaderName,
        /// What stands before the token, matched without case, as `"Bearer "`. Left out: nothing.
        prefix: Option<String>,
    }
}

config_struct! {
    /// A query parameter that carries a token.
    pub struct QueryPlace {
        /// Its name, as `access_token`.
        name: String,
    }
}

config_struct! {
    /// A claim that goes to the upstream. What a client sent under this name is removed, always.
    pub struct ClaimHeader {
        /// The claim: names joined with dots, `\.` for a dot in a name.
        claim: ClaimPath,
        /// The header.
        header: HeaderName,
        /// How an array is written.
        format: ListFormat = "csv",
    }
}

config_enum! {
    /// How an array is written.
    pub enum ListFormat {
        /// Joined with commas.
        Csv = "csv",
        /// As JSON; objects too.
        Json = "json",
    }
}

config_enum! {
    /// Whether a token is bound to the client's certificate.
    pub enum CertificateBinding {
        /// One that says it is must be; others pass.
        IfPresent = "if_present",
        /// Every token must say so.
        Require = "require",
        /// What it says is not looked at.
        Ignore = "ignore",
    }
}

/// How far clocks may differ: none to 300 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew(pub Duration);

impl FromTree for Skew {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        if matches!(tree, Tree::String(text) if text == "0s") {
            return Some(Self(Duration::ZERO));
        }
        let skew = Duration::read(tree, at)?;
        if skew > Duration::from_secs(300) {
            at.error("at most \"300s\"");
            return None;
        }
        Some(Self(skew))
    }

    fn shape() -> Shape {
        Duration::shape()
    }
}
