//! A rule, compiled.

use crate::limit::Limit;
use filter_core::effect::RuleName;
use filter_core::matcher::{Match, Matched};
use filter_core::policy::Mode;
use std::sync::Arc;

/// A rule.
pub(crate) struct Rule {
    /// `default` where no rule matches.
    pub(crate) name: RuleName,
    pub(crate) matcher: Match,
    /// With that of the plugin.
    pub(crate) mode: Mode,
    pub(crate) limits: Vec<Arc<Limit>>,
    /// How many requests one counts as.
    pub(crate) cost: u32,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}
