//! The configuration as written.

mod provider;
mod revocation;

pub use provider::{
    Audiences, CertificateBinding, ClaimHeader, Discovery, KeySource, ListFormat, ProviderConfig, Remote,
    SharedSecret, SubjectMatcher, TokenPlaces,
};
pub use revocation::{OnError, RevocationBy, RevocationConfig, RevocationMode};

use crate::claims::ClaimPath;
use filter_core::config::{At, FieldShape, FromTree, NonEmpty, Shape, Tree, Version};
use filter_core::matcher::{Match, Matched, Rules};
use filter_core::policy::Mode;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;

config_struct! {
    /// The configuration of jwt-auth.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter refuses or only reports. In `shadow` a token that is good is treated as ever: it is taken out, and its claims are written.
        mode: Mode = "enforce",
        /// Who issues tokens, and how they are proved.
        providers: NonEmpty<ProviderConfig>,
        /// Rules. The one that matches best applies, the first on ties.
        rules: Rules<RuleConfig> = [],
        /// What applies to a request that no rule matches.
        default: DefaultRule = {},
        /// Whether a CORS preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) passes without a token: browsers send none with it.
        pass_preflight: bool = true,
        /// `realm` of challenges (RFC 6750 section 3).
        realm: String = "api",
        /// What verifies signatures.
        crypto: Crypto = "auto",
        /// Tokens that were verified and are remembered, in each worker.
        cache: CacheConfig = {},
    }
}

config_enum! {
    /// What verifies signatures.
    pub enum Crypto {
        /// Envoy (BoringSSL) what it can, Rust the rest.
        Auto = "auto",
        /// Envoy alone: an algorithm that it cannot verify (PS*, EdDSA, HS*) is a configuration error.
        HostOnly = "host_only",
        /// Rust alone.
        Rust = "rust",
    }
}

config_struct! {
    /// The cache of verified tokens.
    pub struct CacheConfig {
        /// Whether any are.
        enabled: bool = true,
        /// How many of the tokens used last are surely remembered; up to twice as many may be.
        entries: NonZeroU64 = 2000,
        /// Most memory, in bytes: claims as they are kept.
        bytes: NonZeroU64 = 16777216,
    }
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Whose tokens are asked for. Left out: as `default` says.
        require: Option<Require>,
        /// Whether a request without a token passes. One with a bad token never does.
        optional: bool = false,
        /// Scopes that the token must have, all of them.
        scopes: Vec<String> = [],
        /// Scopes of which the token must have one.
        any_scope: Vec<String> = [],
        /// What else the claims must be.
        claims: Vec<ClaimRule> = [],
    }
}

impl Matched for RuleConfig {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

config_struct! {
    /// What applies without a matching rule.
    pub struct DefaultRule {
        /// Whether refusals are carried out where no rule matches.
        mode: Mode = "enforce",
        /// Whose tokens are asked for. Left out: a token of any provider.
        require: Option<Require>,
        /// Whether a request without a token passes.
        optional: bool = false,
        /// Scopes that the token must have, all of them.
        scopes: Vec<String> = [],
        /// Scopes of which the token must have one.
        any_scope: Vec<String> = [],
        /// What else the claims must be.
        claims: Vec<ClaimRule> = [],
    }
}

/// Whose tokens are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Require {
    /// Nobody's: every request passes.
    Nobody,
    /// A token of one of these providers.
    AnyOf(Vec<String>),
    /// A token of each, every one in a place of its own.
    AllOf(Vec<String>),
}

impl FromTree for Require {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        if matches!(tree, Tree::String(text) if text == "none") {
            return Some(Self::Nobody);
        }
        let Tree::Object(members) = tree else {
            return at.expected("\"none\" or an object with any_of or all_of", tree);
        };
        match members.as_slice() {
            [(key, names)] if key == "any_of" => {
                NonEmpty::read(names, &at.key(key)).map(|NonEmpty(names)| Self::AnyOf(names))
            }
            [(key, names)] if key == "all_of" => {
                NonEmpty::read(names, &at.key(key)).map(|NonEmpty(names)| Self::AllOf(names))
            }
            _ => {
                at.error("expected \"none\" or exactly one of any_of, all_of");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "`\"none\"`, or `{\"any_of\": [provider, …]}`, or `{\"all_of\": [provider, …]}`",
            schema: r#"{"oneOf": [{"const": "none"}, {"type": "object", "minProperties": 1, "maxProperties": 1, "properties": {"any_of": {"type": "array", "minItems": 1, "items": {"type": "string"}}, "all_of": {"type": "array", "minItems": 1, "items": {"type": "string"}}}, "additionalProperties": false}]}"#,
        }
    }
}

config_struct! {
    /// What a claim must be. Give one of `equals`, `contains`, `any`, `all`.
    pub struct ClaimRule {
        /// The claim: names joined with dots, `\.` for a dot in a name.
        claim: ClaimPath,
        /// The claim is this string, number or boolean.
        equals: Option<Scalar>,
        /// The claim is an array that holds this.
        contains: Option<Scalar>,
        /// The claim is one of these, or an array that holds one of these.
        any: Option<NonEmpty<Scalar>>,
        /// The claim is an array that holds all of these.
        all: Option<NonEmpty<Scalar>>,
    }
}

/// A value that a claim is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar(pub Tree);

impl FromTree for Scalar {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::String(_) | Tree::Number(_) | Tree::Bool(_) => Some(Self(tree.clone())),
            other => at.expected("a string, a number or a boolean", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "string, number or boolean",
            schema: r#"{"type": ["string", "number", "boolean"]}"#,
        }
    }
}

/// Reads an object with exactly one of `keys`.
fn one_of<'t>(tree: &'t Tree, at: &At<'_>, keys: &[&str]) -> Option<(&'t str, &'t Tree)> {
    let Tree::Object(members) = tree else { return at.expected("an object", tree) };
    match members.as_slice() {
        [(key, value)] if keys.contains(&key.as_str()) => Some((key, value)),
        _ => {
            at.error(format!("expected exactly one of {}", keys.join(", ")));
            None
        }
    }
}

/// A member of an object with exactly one.
fn alternative<T: FromTree>(key: &'static str, doc: &'static str) -> FieldShape {
    FieldShape { key, doc, default: None, required: false, shape: T::shape() }
}
