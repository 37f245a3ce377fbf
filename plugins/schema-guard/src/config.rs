//! The configuration as written.

use crate::parameters::ParameterConfig;
use crate::responses::{ResponseConfig, StatusKey};
use filter_core::config::{At, FromTree, Map, MethodKey, Shape, Tree, Version};
use filter_core::matcher::{Match, Matched, Rules};
use filter_core::media::MediaRange;
use filter_core::policy::Mode;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;

config_struct! {
    /// The configuration of schema-guard.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter refuses or only reports. In `shadow` no head is held back, whatever `hold_headers` says.
        mode: Mode = "enforce",
        /// Whether the head of a request waits for the verdict on its body, so that the upstream is not contacted before. Needs `allow_on_headers_stop_iteration: true` on the filter in Envoy (1.35 or later).
        hold_headers: bool = true,
        /// What happens to a request that no rule is about, or whose rule has no operation of its method.
        unknown_routes: UnknownRoutes = "deny",
        /// Whether a CORS preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`, without a body) passes where no operation is about it.
        pass_preflight: bool = true,
        /// Dialect of schemas that do not name theirs in `$schema`.
        draft: Draft = "2020-12",
        /// What `format` does.
        formats: Formats = "assert",
        /// What happens to a keyword in a schema that its dialect does not know. A name that begins with `x-` is never an error.
        unknown_keywords: UnknownKeywords = "error",
        /// Whether answers say where and how a request breaks its schema. The log does, always.
        verbose: bool = true,
        /// How many of the places an answer names, at most 100. Less where 4 KiB do not hold them.
        max_errors: MaxErrors = 10,
        /// Limits on documents, held while they are read.
        limits: LimitsConfig = {},
        /// Schemas that others may refer to, by absolute URI; an `$id` in one names it, too, and should be the same: relative references in it are relative to the name that it was referred to by. The metaschemas of all dialects are there without being named.
        schemas: Map<SchemaUri, SchemaConfig> = {},
        /// Rules. The one that matches best applies, the first on ties.
        rules: Rules<RuleConfig>,
    }
}

config_enum! {
    /// What happens where nothing is known of a request.
    pub enum UnknownRoutes {
        /// Refuse: 404, or where the rule has operations of other methods 405.
        Deny = "deny",
        /// Let it pass unseen.
        Allow = "allow",
        /// Let it pass unseen and report it as in `mode: shadow`.
        Report = "report",
    }
}

config_enum! {
    /// A dialect of JSON Schema.
    pub enum Draft {
        /// Draft 4.
        Four = "4",
        /// Draft 6.
        Six = "6",
        /// Draft 7.
        Seven = "7",
        /// Draft 2019-09.
        Nineteen = "2019-09",
        /// Draft 2020-12.
        Twenty = "2020-12",
    }
}

config_enum! {
    /// What `format` does.
    pub enum Formats {
        /// A string that is not of its format breaks the schema.
        Assert = "assert",
        /// Nothing.
        Annotate = "annotate",
    }
}

config_enum! {
    /// What happens to a keyword that a dialect does not know.
    pub enum UnknownKeywords {
        /// It is a configuration error: a misspelt keyword would check nothing.
        Error = "error",
        /// It is ignored, as JSON Schema says.
        Allow = "allow",
    }
}

config_enum! {
    /// What happens to a query parameter that no operation names.
    pub enum OtherQuery {
        /// Refuse with 400.
        Deny = "deny",
        /// Let it pass.
        Allow = "allow",
    }
}

/// Deepest document that may be allowed: every level takes a frame of the stack, of which V8 has little.
const MAX_DEPTH: usize = 256;

config_struct! {
    /// Limits on documents. Beyond one the answer is 400, beyond `body` 413.
    pub struct LimitsConfig {
        /// Largest body, in bytes, at most 16777216. Envoy's own buffer limit (1 MiB unless configured) comes first on HTTP/1.
        body: AtMost<16_777_216> = 1048576,
        /// Most levels of arrays and objects inside each other.
        depth: AtMost<MAX_DEPTH> = 64,
        /// Most values in a document, arrays and objects included.
        values: NonZeroU64 = 65536,
        /// Most members of one object.
        members: NonZeroU64 = 1000,
        /// Most elements of one array.
        items: NonZeroU64 = 10000,
        /// Longest name of a member, in bytes of UTF-8.
        name: NonZeroU64 = 256,
        /// Longest string, in bytes of UTF-8.
        string: NonZeroU64 = 262144,
        /// Longest number, in bytes as written.
        number: NonZeroU64 = 64,
    }
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about. Methods are never part of it.
        r#match: Match,
        /// Whether this rule's refusals are carried out.
        mode: Mode = "enforce",
        /// Parameters of all its operations. An operation's of the same name and place counts instead.
        parameters: Vec<ParameterConfig> = [],
        /// What may be asked, by method, case-sensitive. Where there is GET and no HEAD, HEAD is asked as GET is.
        operations: Map<MethodKey, OperationConfig>,
    }
}

impl Matched for RuleConfig {
    fn matcher(&self) -> &Match {
        &self.r#match
    }
}

config_struct! {
    /// What may be asked with one method.
    pub struct OperationConfig {
        /// Whether the connection may become one of another protocol (`Upgrade`, `CONNECT`), of which the filter sees nothing.
        upgrade: bool = false,
        /// Parameters, beside those of the rule.
        parameters: Vec<ParameterConfig> = [],
        /// What happens to query parameters that are not named here or in the rule. Left out: `deny` where one is, else `allow`.
        other_query: Option<OtherQuery>,
        /// The body. Left out: there must be none.
        body: Option<BodyConfig>,
        /// Answers of the upstream, by status as `"200"`, `"2XX"` or `default`. They always pass; what is not as said here is reported.
        responses: Option<Map<StatusKey, ResponseConfig>>,
    }
}

config_struct! {
    /// The body of a request.
    pub struct BodyConfig {
        /// Whether there must be one.
        required: bool = true,
        /// Largest body, in bytes, instead of `limits.body` and not above it.
        max_bytes: Option<NonZeroU64>,
        /// What it may be, by media type as `application/json` or `application/*+json`. The most specific one that matches applies.
        content: Map<MediaRange, ContentConfig>,
    }
}

config_struct! {
    /// What a body of a media type is. Give one of `schema` and `skip: true`.
    pub struct ContentConfig {
        /// Its schema. A body of `application/x-www-form-urlencoded` is read as a form, of any other media type as JSON.
        schema: Option<SchemaConfig>,
        /// Whether it passes unseen, only counted.
        skip: bool = false,
    }
}

/// A schema as written.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaConfig(pub Tree);

impl FromTree for SchemaConfig {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::Object(_) | Tree::Bool(_) => Some(Self(tree.clone())),
            other => at.expected("a JSON Schema: an object, true or false", other),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "JSON Schema", schema: r#"{"type": ["object", "boolean"]}"# }
    }
}

/// The absolute URI of a schema, without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaUri(pub String);

impl FromTree for SchemaUri {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a URI", tree) };
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        // RFC 3986 section 3.1. What else a URI is, is for whoever resolves references.
        let absolute = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !absolute || text.contains('#') || text.bytes().any(|b| !b.is_ascii_graphic()) {
            at.error("not an absolute URI without a fragment; expected as https://example.com/user.json");
            return None;
        }
        Some(Self(text.clone()))
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "absolute URI",
            schema: r#"{"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[!-\"$-~]*$"}"#,
        }
    }
}

/// How many violations an answer names.
pub type MaxErrors = AtMost<100>;

/// An integer from 1 to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost<const MOST: usize>(pub usize);

impl<const MOST: usize> FromTree for AtMost<MOST> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let read = usize::try_from(NonZeroU64::read(tree, at)?.get()).ok().filter(|number| *number <= MOST);
        if read.is_none() {
            at.error(format!("at most {MOST}"));
        }
        read.map(Self)
    }

    fn shape() -> Shape {
        // The schema of every bound would have to be a text of its own.
        Shape::Scalar { phrase: "integer, at least 1", schema: r#"{"type": "integer", "minimum": 1}"# }
    }
}
