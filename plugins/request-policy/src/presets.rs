//! The lists of headers that a preset stands for.

use crate::config::Preset;

/// How a header gets into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It is there once, with this value.
    Set,
    /// It is there once, with the value the answer has or else with this one.
    IfAbsent,
    /// It is there, whatever else has the same name.
    Append,
}

/// A header by name and value. HSTS is always for answers over TLS (RFC 6797 section 7.2); no list needs to say so.
pub(crate) type Header = (&'static str, &'static str, How);

/// What a preset puts into every answer.
pub(crate) fn headers(preset: Preset) -> &'static [Header] {
    match preset {
        Preset::Api => API,
        Preset::Web => WEB,
        Preset::Owasp => OWASP,
        Preset::None => &[],
    }
}

/// What a preset removes from every answer: headers that name the software behind the gateway.
pub(crate) fn leaks(preset: Preset) -> impl Iterator<Item = &'static str> {
    let lists: [&[&str]; 2] = match preset {
        Preset::Api | Preset::Web | Preset::Owasp => [OWASP_REMOVE, FURTHER],
        Preset::None => [&[], &[]],
    };
    lists.into_iter().flatten().copied()
}

/// For a JSON API: nothing may be rendered, framed, sniffed or kept.
const API: &[Header] = &[
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'", How::Set),
    ("x-content-type-options", "nosniff", How::Set),
    ("x-frame-options", "DENY", How::Set),
    ("referrer-policy", "no-referrer", How::Set),
    ("strict-transport-security", "max-age=31536000; includeSubDomains", How::Set),
    ("cache-control", "no-store", How::IfAbsent),
];

/// For a site: what a page is made of is known to the site alone, which may say so itself.
const WEB: &[Header] = &[
    ("x-content-type-options", "nosniff", How::Set),
    ("x-frame-options", "SAMEORIGIN", How::Set),
    ("referrer-policy", "strict-origin-when-cross-origin", How::Set),
    ("strict-transport-security", "max-age=31536000; includeSubDomains", How::Set),
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'",
        How::IfAbsent,
    ),
    ("cross-origin-opener-policy", "same-origin", How::IfAbsent),
    ("cross-origin-resource-policy", "same-origin", How::IfAbsent),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()", How::IfAbsent),
];

/// `ci/headers_add.json` of the OWASP Secure Headers Project, 2026-07-19.
const OWASP: &[Header] = &[
    ("cache-control", "no-store, max-age=0", How::Set),
    ("clear-site-data", "\"cache\",\"cookies\",\"storage\"", How::Set),
    (
        "content-security-policy",
        "default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; frame-ancestors \
         'none'; upgrade-insecure-requests",
        How::Set,
    ),
    ("cross-origin-embedder-policy", "require-corp", How::Set),
    ("cross-origin-opener-policy", "same-origin", How::Set),
    ("cross-origin-resource-policy", "same-origin", How::Set),
    (
        "permissions-policy",
        "accelerometer=(), autoplay=(), camera=(), cross-origin-isolated=(), display-capture=(), \
         encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), keyboard-map=(), \
         magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), \
         publickey-credentials-get=(), screen-wake-lock=(), sync-xhr=(self), usb=(), web-share=(), \
         xr-spatial-tracking=(), clipboard-read=(), clipboard-write=(), gamepad=(), hid=(), \
         idle-detection=(), interest-cohort=(), serial=(), unload=()",
        How::Set,
    ),
    ("referrer-policy", "no-referrer", How::Set),
    ("strict-transport-security", "max-age=63072000; includeSubDomains", How::Set),
    ("x-content-type-options", "nosniff", How::Set),
    ("x-dns-prefetch-control", "off", How::Set),
    ("x-frame-options", "deny", How::Set),
    ("x-permitted-cross-domain-policies", "none", How::Set),
];

/// `ci/headers_remove.json` of the OWASP Secure Headers Project, 2026-07-19, in lower case.
const OWASP_REMOVE: &[&str] = &[
    "$wsep",
    "host-header",
    "k-proxy-request",
    "liferay-portal",
    "oraclecommercecloud-version",
    "pega-host",
    "powered-by",
    "product",
    "server",
    "sourcemap",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-atmosphere-error",
    "x-atmosphere-first-request",
    "x-atmosphere-tracking-id",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-backside-transport",
    "x-beserver",
    "x-calculatedbetarget",
    "x-cf-powered-by",
    "x-cms",
    "x-cocoon-version",
    "x-content-encoded-by",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
    "x-diaginfo",
    "x-dtagentid",
    "x-dthealthcheck",
    "x-dtinjectedservlet",
    "x-envoy-attempt-count",
    "x-envoy-external-address",
    "x-envoy-internal",
    "x-envoy-original-dst-host",
    "x-envoy-upstream-service-time",
    "x-feserver",
    "x-framework",
    "x-generated-by",
    "x-generator",
    "x-gitlab-meta",
    "x-jitsi-release",
    "x-joomla-version",
    "x-kong-admin-latency",
    "x-kong-client-latency",
    "x-kong-proxy-latency",
    "x-kong-request-id",
    "x-kong-response-latency",
    "x-kong-third-party-latency",
    "x-kong-total-latency",
    "x-kong-upstream-latency",
    "x-kong-upstream-status",
    "x-kubernetes-pf-flowschema-ui",
    "x-kubernetes-pf-prioritylevel-uid",
    "x-litespeed-cache",
    "x-litespeed-cache-control",
    "x-litespeed-purge",
    "x-litespeed-tag",
    "x-litespeed-vary",
    "x-mod-pagespeed",
    "x-nextjs-cache",
    "x-nextjs-matched-path",
    "x-nextjs-page",
    "x-nextjs-redirect",
    "x-old-content-length",
    "x-oneagent-js-injection",
    "x-owa-version",
    "x-page-speed",
    "x-php-version",
    "x-powered-by",
    "x-powered-by-plesk",
    "x-powered-cms",
    "x-redirect-by",
    "x-ruxit-js-agent",
    "x-server-powered-by",
    "x-sourcefiles",
    "x-sourcemap",
    "x-turbo-charged-by",
    "x-tyk-trace-id",
    "x-umbraco-version",
    "x-varnish-backend",
    "x-varnish-server",
    "x-woodpecker-version",
];

/// What that list lacks.
const FURTHER: &[&str] = &[
    "x-backend-server",
    "x-debug-token",
    "x-debug-token-link",
    "x-drupal-cache",
    "x-drupal-dynamic-cache",
    "x-runtime",
    "x-version",
];
