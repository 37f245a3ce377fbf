//! Headers that tell an upstream what only the gateway or a proxy before it can know. From a client they are forged.

/// Which client it was, over what, to which host; `x-forwarded-for` is cut to its trusted entries instead, and
/// `x-forwarded-proto` is Envoy's own.
const FORWARDING: &[&str] = &[
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "cluster-client-ip",
    "fastly-client-ip",
    "forwarded",
    "forwarded-for",
    "front-end-https",
    "ns-client-ip",
    "proxy-client-ip",
    "remote-addr",
    "remote-user",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-protocol",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
    "x-forwarded-uri",
    "x-forwarded-user",
    "x-host",
    "x-http-host-override",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-remote-addr",
    "x-originating-ip",
    "x-proxyuser-ip",
    "x-real-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-remote-user",
    "x-scheme",
    "x-url-scheme",
];

/// Another path than the one that was checked: IIS, Symfony and others route by these; `x-middleware-subrequest`
/// makes Next.js skip its middleware (CVE-2025-29927).
const REWRITING: &[&str] = &[
    "x-middleware-subrequest",
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-rewrite-url",
    "x-script-name",
];

/// Who the client proved to be to the gateway. `x-forwarded-client-cert` is Envoy's own, which it takes from clients
/// unless told otherwise.
const CLIENT_CERTIFICATE: &[&str] = &[
    "client-cert",
    "client-cert-chain",
    "ssl-client-cert",
    "ssl-client-dn",
    "ssl-client-i-dn",
    "ssl-client-issuer-dn",
    "ssl-client-s-dn",
    "ssl-client-subject-dn",
    "ssl-client-verify",
    "tls-client-cert",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-validity",
    "x-arr-clientcert",
    "x-client-cert",
    "x-client-cert-chain",
    "x-client-dn",
    "x-client-verify",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-cn",
    "x-ssl-client-dn",
    "x-ssl-client-s-dn",
    "x-ssl-client-subject",
    "x-ssl-client-subject-dn",
    "x-ssl-client-verify",
    "x-tls-client-cert",
];

/// Meant for one hop, the one to the gateway (RFC 9110 section 7.6.1). Envoy removes `connection` and what goes with
/// it itself; `te: trailers` is gRPC's, `upgrade` a WebSocket's. `proxy` is no header of HTTP: CGI makes
/// `HTTP_PROXY` of it (CVE-2016-5385).
const HOP_BY_HOP: &[&str] =
    &["http2-settings", "keep-alive", "proxy", "proxy-authorization", "proxy-connection"];

/// All of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    [FORWARDING, REWRITING, CLIENT_CERTIFICATE, HOP_BY_HOP].into_iter().flatten().copied()
}
