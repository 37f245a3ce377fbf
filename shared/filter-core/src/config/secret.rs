//! Secrets: never in a configuration file, never in a log line.

use super::{At, FromTree, Shape, Tree};
use crate::config_struct;
use std::fmt;

/// Where secrets come from: the environment of the host process, seen through the VM configuration
/// (`environment_variables` in Envoy, `vmConfig.env` in Istio).
pub trait Env {
    /// The value of a variable, where it is set.
    fn var(&self, name: &str) -> Option<String>;
}

/// No variables at all.
impl Env for () {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
}

/// A value that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; the name makes every use stand out in a review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

config_struct! {
    /// A reference to a secret: `{"env": "NAME"}`.
    pub struct EnvName {
        /// Name of the environment variable.
        env: String,
    }
}

/// A secret as a configuration names it. Text in clear is refused at reading.
#[derive(Debug, Clone)]
pub struct SecretRef(String);

impl SecretRef {
    /// Looks the secret up. An unset or empty variable is an error at `at`.
    pub fn resolve(&self, env: &dyn Env, at: &At<'_>) -> Option<Secret<String>> {
        match env.var(&self.0) {
            Some(value) if !value.is_empty() => Some(Secret::new(value)),
            _ => {
                at.error(format!("environment variable {} is not set", self.0));
                None
            }
        }
    }
}

impl FromTree for SecretRef {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        if let Tree::String(_) = tree {
            at.error("a secret is not written into the configuration; use {\"env\": \"NAME\"}");
            return None;
        }
        EnvName::read(tree, at).map(|name| Self(name.env))
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "secret: `{\"env\": \"NAME\"}`",
            schema: r#"{"type": "object", "properties": {"env": {"type": "string", "minLength": 1}}, "required": ["env"], "additionalProperties": false}"#,
        }
    }
}
