//! A policy with one configuration key of every kind.

use filter_core::config::{self, At, Env, HeaderFields, SecretRef, Version};
use filter_core::config_struct;
use filter_core::effect::{Effects, Step};
use filter_core::http::{HeaderName, Method};
use filter_core::matcher::{Match, Matched, Rules};
use filter_core::message::RequestHead;
use filter_core::policy::{Cx, Mode, Policy};
use std::num::NonZeroU64;

config_struct! {
    /// One key of every kind.
    pub struct Config {
        /// Version of the format.
        version: Version,
        /// An enum.
        mode: Mode = "enforce",
        /// A number.
        limit: NonZeroU64 = 1024,
        /// A boolean.
        strict: bool = false,
        /// A secret.
        key: Option<SecretRef>,
        /// Fields.
        set: HeaderFields = {},
        /// Names.
        remove: Vec<HeaderName> = [],
        /// Rules.
        rules: Rules<Rule> = [],
    }
}

config_struct! {
    /// One rule.
    pub struct Rule {
        /// Its name.
        name: String,
        /// Its match.
        r#match: Match,
        /// Methods.
        methods: Vec<Method> = ["GET"],
    }
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

/// Does nothing; holds what was read.
#[derive(Debug)]
pub struct Sample {
    /// As read, with the secret's value.
    pub shown: String,
    /// The secret itself.
    pub key: Option<String>,
}

impl Policy for Sample {
    const NAME: &'static str = "sample";
    type Config = Config;
    type State = ();
    type Stream = ();

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        let key = match &config.key {
            Some(key) => Some(key.resolve(env, &at.key("key"))?),
            None => None,
        };
        Some(Self { shown: format!("{config:?} {key:?}"), key: key.map(|key| key.expose().clone()) })
    }

    fn on_request_headers(&self, _: &mut (), (): &mut (), _: &RequestHead<'_>, _: &dyn Cx) -> Step {
        Step::proceed(Effects::default())
    }
}

/// Loads a configuration; the errors as an operator sees them, one a line.
pub fn load(bytes: impl AsRef<[u8]>, env: &dyn Env) -> Result<Sample, Vec<String>> {
    config::load::<Sample>(bytes.as_ref(), env)
        .map_err(|errors| errors.to_string().lines().map(str::to_owned).collect())
}
