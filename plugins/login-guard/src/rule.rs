//! A rule, compiled.

use crate::config::{OnMissing, Source};
use filter_core::effect::RuleName;
use filter_core::http::Method;
use filter_core::matcher::{HeaderMatch, Match, Matched};
use filter_core::message::Headers;
use filter_core::policy::Mode;

/// A rule.
pub(crate) struct Rule {
    pub(crate) name: RuleName,
    pub(crate) matcher: Match,
    /// With that of the plugin.
    pub(crate) mode: Mode,
    pub(crate) methods: Vec<Method>,
    pub(crate) source: Source,
    pub(crate) failure: Failure,
    pub(crate) on_missing: OnMissing,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

impl Rule {
    /// Whether a request with this method is an attempt. What GET does HEAD does, too (RFC 9110 section 9.3.2).
    pub(crate) fn is_about(&self, method: &[u8]) -> bool {
        let named = |method: &[u8]| self.methods.iter().any(|own| own.as_str().as_bytes() == method);
        named(method) || (method == b"HEAD" && named(b"GET"))
    }
}

/// Which answers of the upstream say that an attempt failed.
pub(crate) struct Failure {
    pub(crate) statuses: Vec<u16>,
    pub(crate) header: Option<HeaderMatch>,
}

/// What the upstream said of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// It failed.
    Failed,
    /// The user is who it says it is.
    Succeeded,
    /// Nothing: it did not look, or could not.
    Nothing,
}

impl Failure {
    pub(crate) fn said(&self, answer: &Headers) -> Said {
        let status = answer.first(":status").and_then(|status| std::str::from_utf8(status).ok());
        let status = status.and_then(|status| status.parse::<u16>().ok());
        let failed = status.is_some_and(|status| self.statuses.contains(&status))
            || self.header.as_ref().is_some_and(|header| header.test(answer));
        match status {
            _ if failed => Said::Failed,
            Some(200..=399) => Said::Succeeded,
            Some(_) => Said::Nothing,
            // The host could not hand the answer over: it may have been a failure.
            None => Said::Failed,
        }
    }
}
