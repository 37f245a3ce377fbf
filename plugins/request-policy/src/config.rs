//! The configuration as written.

use crate::origin::OriginPattern;
use crate::status::StatusPattern;
use filter_core::address::{Cidr, ClientAddress};
use filter_core::config::{HeaderFields, NonEmpty, Version};
use filter_core::http::{HeaderName, Method};
use filter_core::matcher::{HostPattern, Match, Rules};
use filter_core::media::MediaRange;
use filter_core::policy::Mode;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// The configuration of request-policy.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// Whether the filter acts or only reports. In `shadow` nothing is refused, answered, added, stripped or rewritten.
        mode: Mode = "enforce",
        /// Limits on the head of a request.
        limits: Limits = {},
        /// Hosts that may be asked for, as in a rule's match. Left out: every host.
        allowed_hosts: Option<NonEmpty<HostPattern>>,
        /// What happens to a path with more than one reading: dot or empty segments, backslashes, encoded slashes, segment parameters.
        on_ambiguous_path: OnAmbiguousPath = "reject",
        /// Which headers a client may send.
        request_headers: RequestHeaders = {},
        /// How the address of a client is found.
        client_address: ClientAddress = {},
        /// What every answer carries and loses.
        security_headers: SecurityHeaders = {},
        /// Which answers of the upstream are replaced by a neutral one.
        mask_errors: MaskErrors = {},
        /// Rules. The one that matches best applies, the first on ties. What a rule leaves out is as `default` says.
        rules: Rules<RuleConfig> = [],
        /// What applies to a request that no rule matches, and to all that a rule leaves out.
        default: DefaultRule = {},
    }
}

config_struct! {
    /// Limits on the head of a request, in bytes as Envoy hands them over. Envoy's own limits come first.
    pub struct Limits {
        /// Longest path with its query.
        uri: NonZeroU64 = 8192,
        /// Most header fields, those that Envoy adds included (`x-forwarded-proto`, `x-request-id`).
        header_count: NonZeroU64 = 100,
        /// Longest header field: name and value.
        header: NonZeroU64 = 8192,
        /// All header fields together, names and values.
        headers: NonZeroU64 = 61440,
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
    /// Which headers a client may send.
    pub struct RequestHeaders {
        /// What happens to headers that only a proxy in front may send (see "Headers of a request"): forwarding, client certificates, rewritten paths, hop-by-hop.
        untrusted: OnHeader = "strip",
        /// What happens to names with an underscore, which CGI, WSGI and PHP take for the name with a hyphen.
        underscores: OnHeader = "strip",
        /// What happens to a second value of a header that has one: Authorization, Content-Type, Content-Length, Origin.
        duplicates: OnDuplicate = "refuse",
        /// Further headers that are removed.
        strip: Vec<HeaderName> = [],
        /// Further headers that are refused.
        refuse: Vec<HeaderName> = [],
        /// Headers that pass although they are untrusted or have an underscore.
        keep: Vec<HeaderName> = [],
    }
}

config_enum! {
    /// What happens to a header.
    pub enum OnHeader {
        /// Remove it from the request.
        Strip = "strip",
        /// Refuse the request with 400.
        Refuse = "refuse",
        /// Let it pass.
        Allow = "allow",
    }
}

config_enum! {
    /// What happens to a duplicate.
    pub enum OnDuplicate {
        /// Refuse the request with 400.
        Refuse = "refuse",
        /// Let it pass.
        Allow = "allow",
    }
}

config_struct! {
    /// One rule.
    pub struct RuleConfig {
        /// Name of the rule, unique; log lines carry it.
        name: String,
        /// What the rule is about. Methods are never part of it: a wrong method must not fall through to a weaker rule.
        r#match: Match,
        /// Whether this rule's refusals are carried out. In `shadow` its CORS settings answer and add nothing.
        mode: Mode = "enforce",
        /// Instead of `default.methods`.
        methods: Option<Vec<Method>>,
        /// Instead of `default.method_override`.
        method_override: Option<OnHeader>,
        /// Instead of `default.addresses`.
        addresses: Option<Addresses>,
        /// Instead of `default.cors`.
        cors: Option<CorsConfig>,
        /// Instead of `default.csrf`.
        csrf: Option<CsrfConfig>,
        /// Instead of `default.max_body`.
        max_body: Option<NonZeroU64>,
        /// Instead of `default.require_content_length`.
        require_content_length: Option<bool>,
        /// Instead of `default.content_types`.
        content_types: Option<Vec<ContentTypes>>,
        /// Instead of the plugin's `security_headers`, whole.
        security_headers: Option<SecurityHeaders>,
        /// Instead of the plugin's `mask_errors`, whole.
        mask_errors: Option<MaskErrors>,
    }
}

config_struct! {
    /// What applies without a matching rule.
    pub struct DefaultRule {
        /// Whether refusals are carried out where no rule matches.
        mode: Mode = "enforce",
        /// Allowed methods, case-sensitive. HEAD is allowed wherever GET is. TRACE, TRACK and CONNECT only when listed.
        methods: Vec<Method> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
        /// What happens to `X-HTTP-Method-Override`, `X-HTTP-Method` and `X-Method-Override`, also spelt with underscores.
        method_override: OnHeader = "strip",
        /// Which client addresses may enter.
        addresses: Addresses = {},
        /// Which pages of other origins may call. Left out: CORS is the upstream's business.
        cors: Option<CorsConfig>,
        /// Protection against requests that another site makes a browser send.
        csrf: CsrfConfig = {},
        /// Largest body of a request, in bytes; it is counted, not buffered. WebSockets are not counted.
        max_body: NonZeroU64 = 1048576,
        /// Whether a request with a body must say its length. Chunked bodies and HTTP/2 without `content-length` are then refused with 411.
        require_content_length: bool = false,
        /// Media types that bodies may have, by method. A request with a body whose method no entry names is free.
        content_types: Vec<ContentTypes> = [],
    }
}

config_struct! {
    /// Client addresses by range, as `192.0.2.0/24`, `2001:db8::/32` or a single address. An IPv4 address mapped into IPv6 is the IPv4 address.
    pub struct Addresses {
        /// Who may enter, if not denied. Empty: everybody.
        allow: Vec<Cidr> = [],
        /// Who may not.
        deny: Vec<Cidr> = [],
    }
}

config_struct! {
    /// Cross-origin requests (Fetch standard, "CORS protocol").
    pub struct CorsConfig {
        /// Origins whose pages may call: `https://app.example.com`, `https://*.example.com` for exactly one more label, `https://**.example.com` for one or more, `:*` for any port, `{"regex": "…"}` for the whole origin, `null`, `*` for every one.
        allow_origins: Vec<OriginPattern>,
        /// Methods that a preflight may ask for. Left out: the rule's `methods`.
        allow_methods: Option<NonEmpty<Method>>,
        /// Headers that a preflight may ask for.
        allow_headers: Vec<HeaderName> = [],
        /// Headers of an answer that a page may read beyond the safelisted ones.
        expose_headers: Vec<HeaderName> = [],
        /// How long a browser may keep the answer to a preflight; at most a day.
        max_age: Duration = "10m",
        /// Whether requests may carry cookies and the like. Not together with the origin `*`.
        allow_credentials: bool = false,
        /// Whether pages of a public network may call (Private Network Access).
        allow_private_network: bool = false,
        /// What happens to a request that is not allowed.
        on_mismatch: OnMismatch = "refuse",
    }
}

config_enum! {
    /// What happens to a cross-origin request that is not allowed.
    pub enum OnMismatch {
        /// Refuse with 403.
        Refuse = "refuse",
        /// Let it pass without CORS headers, a preflight answered so: the browser keeps the answer from the page.
        Silent = "silent",
    }
}

config_struct! {
    /// Protection against cross-site request forgery, by `Sec-Fetch-Site` and `Origin`. The same origin and `trusted_origins` pass; GET, HEAD, OPTIONS and TRACE always do.
    pub struct CsrfConfig {
        /// Which requests are checked.
        check: CsrfCheck = "never",
        /// Other origins whose pages may send such requests, as in `cors.allow_origins`, without `*`.
        trusted_origins: Vec<OriginPattern> = [],
        /// Whether a checked request with neither header passes. Browsers send one of them.
        allow_unknown: bool = false,
    }
}

config_enum! {
    /// Which requests are checked for forgery.
    pub enum CsrfCheck {
        /// None.
        Never = "never",
        /// Those with a `Cookie`.
        Cookies = "cookies",
        /// All: for clients that browsers authenticate otherwise (Basic, client certificates, the network).
        Always = "always",
    }
}

config_struct! {
    /// Media types of request bodies.
    pub struct ContentTypes {
        /// Methods this is about. Left out: every method that no other entry names.
        methods: Option<NonEmpty<Method>>,
        /// Media types without parameters: `application/json`, `application/*+json`, `text/*`.
        types: NonEmpty<MediaRange>,
    }
}

config_struct! {
    /// Security headers of answers.
    pub struct SecurityHeaders {
        /// A list of headers to start from.
        preset: Preset = "api",
        /// Headers set on every answer, replacing the upstream's and the preset's.
        set: HeaderFields = {},
        /// Headers set where the answer has none, instead of the preset's.
        if_absent: HeaderFields = {},
        /// Headers added beside those of the upstream.
        append: HeaderFields = {},
        /// Headers removed from every answer, the preset's included.
        remove: Vec<HeaderName> = [],
        /// Changes to some answers only, after those above and in order.
        when: Vec<Conditional> = [],
    }
}

config_struct! {
    /// Changes to some answers.
    pub struct Conditional {
        /// Statuses of the answers, as `404` or `"5xx"`. Left out: every status.
        statuses: Option<NonEmpty<StatusPattern>>,
        /// Media types of the answers, without parameters. Left out: every one.
        content_types: Option<NonEmpty<MediaRange>>,
        /// As above.
        set: HeaderFields = {},
        /// As above.
        if_absent: HeaderFields = {},
        /// As above.
        append: HeaderFields = {},
        /// As above.
        remove: Vec<HeaderName> = [],
    }
}

config_enum! {
    /// A list of security headers.
    pub enum Preset {
        /// For APIs: nothing may be rendered, framed, sniffed or cached; headers that name the server software are removed.
        Api = "api",
        /// For sites: only same-origin content, unless the site says otherwise; the same headers are removed.
        Web = "web",
        /// The list of the OWASP Secure Headers Project, whole and on every answer. It holds `clear-site-data`, which signs users out.
        Owasp = "owasp",
        /// No headers.
        None = "none",
    }
}

config_struct! {
    /// Upstream answers whose body the client does not get: it gets a problem document with the request id. The message of a gRPC error is replaced, its status kept.
    pub struct MaskErrors {
        /// Statuses to mask, 400 to 599, as `"5xx"` or `404`. Empty: none.
        statuses: Vec<StatusPattern> = [],
    }
}
