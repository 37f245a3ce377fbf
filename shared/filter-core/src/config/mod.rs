//! Configuration: JSON text in, a typed configuration or *every* error with its path out.
//!
//! A configuration type is declared once with [`config_struct!`](crate::config_struct) or
//! [`config_enum!`](crate::config_enum); the declaration gives the struct, its strict reader and its
//! [`Shape`], from which documentation is generated. Plain serde stops at the first error, `eserde` 0.1.7
//! accepts trailing text after the document and reads a stream it cannot resume after a wrong type: hence a
//! tree and a collecting reader.

mod map;
mod read;
mod scalar;
mod secret;
mod shape;
mod tree;

pub use map::{Map, MethodKey};
pub use read::{At, FromTree, ObjectReader};
pub use scalar::{HeaderFields, NonEmpty, Version};
pub use secret::{Env, Secret, SecretRef};
pub use shape::{FieldShape, Shape};
pub use tree::{Text, Tree};

use crate::policy::Policy;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::fmt;

/// Largest accepted configuration, in bytes.
pub const MAX_CONFIG_BYTES: usize = 4 * 1024 * 1024;

/// Errors after this many are counted together: a generated file should not fill the log.
const MAX_ERRORS: usize = 200;

/// One thing that is wrong with a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Place in the document, as `rules[2].match.path.regex`; empty for the document as a whole.
    pub path: String,
    /// What is wrong and what is expected instead.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// All errors of one configuration: those of an object's keys first, then those of its values in the order in
/// which the keys are documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// The errors, at least one.
    #[must_use]
    pub fn as_slice(&self) -> &[ConfigError] {
        &self.0
    }

    fn whole(message: impl Into<String>) -> Self {
        Self(vec![ConfigError { path: String::new(), message: message.into() }])
    }
}

impl fmt::Display for ConfigErrors {
    /// One error a line: what the guest logs and what the native loader prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// SHA-256 of the configuration text: tells which configuration a filter runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a configuration as delivered.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    /// The first 16 hex digits, as `sha256sum | cut -c1-16` prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Reads and compiles the configuration of a policy.
///
/// # Errors
/// Every error found, each with its path. Errors of reading and of cross-checks come together; only what
/// needs a whole configuration (`Policy::compile`) waits until reading succeeded.
pub fn load<P: Policy>(bytes: &[u8], env: &dyn Env) -> Result<P, ConfigErrors> {
    let tree = parse(bytes)?;
    let errors = RefCell::new(Vec::new());
    let at = At::root(&errors);
    let policy = read_versioned::<P::Config>(&tree, &at).and_then(|config| P::compile(config, env, &at));
    match (policy, errors.into_inner()) {
        (Some(policy), errors) if errors.is_empty() => Ok(policy),
        (_, errors) if errors.is_empty() => {
            Err(ConfigErrors::whole("configuration refused without a reason"))
        }
        (_, errors) => Err(ConfigErrors(errors)),
    }
}

/// `version` is looked at first: everything else may mean something different in another version.
fn read_versioned<C: FromTree>(tree: &Tree, at: &At<'_>) -> Option<C> {
    if let Tree::Object(members) = tree
        && let Some((_, version)) = members.iter().find(|(key, _)| key == "version")
        && !matches!(version, Tree::Number(n) if n.as_u64() == Some(1))
    {
        at.key("version").error("this build reads version 1 only");
        return None;
    }
    C::read(tree, at)
}

fn parse(bytes: &[u8]) -> Result<Tree, ConfigErrors> {
    if bytes.is_empty() {
        return Err(ConfigErrors::whole("the configuration is empty; expected a JSON object"));
    }
    if bytes.len() > MAX_CONFIG_BYTES {
        return Err(ConfigErrors::whole(format!(
            "the configuration has {} bytes; at most {MAX_CONFIG_BYTES} are accepted",
            bytes.len()
        )));
    }
    Tree::parse(bytes).map_err(|error| {
        if looks_like_protobuf(bytes) {
            ConfigErrors::whole(
                "the configuration is binary protobuf, not JSON text: Envoy delivers a google.protobuf.Struct so. \
                 Use \"@type\": type.googleapis.com/google.protobuf.StringValue with the JSON text as its value",
            )
        } else {
            ConfigErrors::whole(format!("not valid JSON: {error}"))
        }
    })
}

/// A serialised `Struct` is a sequence of `0x0a <length> 0x0a <length> <key> 0x12 <length> <value>` (fields 1
/// and 2, length-delimited). JSON text may start with the same line feed, but never holds a control byte other
/// than white space.
fn looks_like_protobuf(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x0a) && bytes.iter().any(|&b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r'))
}
