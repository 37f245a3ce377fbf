//! A rule, compiled.

use filter_core::effect::RuleName;
use filter_core::http::Method;
use filter_core::matcher::{Match, Matched};
use filter_core::policy::Mode;
use std::time::Duration;

/// A rule.
pub(crate) struct Rule {
    pub(crate) name: RuleName,
    pub(crate) matcher: Match,
    /// With that of the plugin.
    pub(crate) mode: Mode,
    pub(crate) methods: Vec<Method>,
    /// Whether there must be a key.
    pub(crate) required: bool,
    /// How long a key is remembered once its request was answered.
    pub(crate) ttl: Duration,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

impl Rule {
    /// Whether it is about this method (case-sensitive, RFC 9110 section 9.1).
    pub(crate) fn covers(&self, method: &[u8]) -> bool {
        self.methods.iter().any(|own| own.as_str().as_bytes() == method)
    }
}
