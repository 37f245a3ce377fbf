//! The configuration as written.

use filter_core::config::{HeaderFields, Version};
use filter_core::http::{HeaderName, Method};
use filter_core::matcher::{Match, Rules};
use filter_core::policy::Mode;
use filter_core::{config_enum, config_struct};

config_struct! {
    /// The configuration of request-policy.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter acts or only reports. In `shadow` nothing is refused, added, stripped or rewritten.
        mode: Mode = "enforce",
        /// What happens to a path with more than one reading: dot or empty segments, backslashes, encoded slashes, segment parameters.
        on_ambiguous_path: OnAmbiguousPath = "reject",
        /// What every answer carries and loses.
        security_headers: SecurityHeaders = {},
        /// Rules. The one that matches best applies, the first on ties.
        rules: Rules<RuleConfig> = [],
        /// What applies to a request that no rule matches.
        default: DefaultRule = {},
    }
}

config_enum! {
    /// What happens to an ambiguous path.
    pub enum OnAmbiguousPath {
        /// Refuse with 400.
        Reject = "reject",
        /// Match the canonical path and send it upstream instead of the original.
        Normalize = "normalize",
    }
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about. Methods are never part of it: a wrong method must not fall through to a weaker rule.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Allowed methods, case-sensitive. HEAD is allowed wherever GET is. TRACE, TRACK and CONNECT only when listed.
        methods: Vec<Method> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        /// What happens to `X-HTTP-Method-Override`, `X-HTTP-Method` and `X-Method-Override`, also spelt with underscores.
        method_override: OnMethodOverride = "strip",
    }
}

config_struct! {
    /// What applies without a matching rule.
    pub struct DefaultRule {
        /// Whether refusals are carried out.
        mode: Mode = "enforce",
        /// Allowed methods, as in a rule.
        methods: Vec<Method> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        /// Method-override headers, as in a rule.
        method_override: OnMethodOverride = "strip",
    }
}

config_enum! {
    /// What happens to method-override headers.
    pub enum OnMethodOverride {
        /// Remove them from the request.
        Strip = "strip",
        /// Refuse the request with 400.
        Refuse = "refuse",
    }
}

config_struct! {
    /// Security headers of every answer.
    pub struct SecurityHeaders {
        /// A list of headers to start from.
        preset: Preset = "api",
        /// Headers set on every answer, replacing the upstream's and the preset's.
        set: HeaderFields = {},
        /// Headers removed from every answer, the preset's included.
        remove: Vec<HeaderName> = [],
    }
}

config_enum! {
    /// A list of security headers.
    pub enum Preset {
        /// For APIs: nothing may be rendered, framed, sniffed or cached; headers that name the server software are removed.
        Api = "api",
        /// No headers.
        None = "none",
    }
}
