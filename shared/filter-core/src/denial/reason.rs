//! Why requests are refused: a closed set.

use crate::config::{At, FromTree, Shape, Tree};

macro_rules! reasons {
    ($( $(#[doc = $doc:literal])* $variant:ident = $reason:literal, $code:literal, $status:literal, $title:literal; )*) => {
        /// Why a request was refused. Logs, metrics and filter state carry [`Reason::as_str`]; the client sees
        /// the coarser [`Reason::code`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $( $(#[doc = $doc])* $variant, )*
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            /// The precise reason, for operators.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $reason, )* }
            }

            /// The stable code a client sees, as the last part of `urn:portcullis:<code>`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// HTTP status of the answer.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )* }
            }

            /// Title of the problem type, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }

            /// One sentence for the reason table.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $( Self::$variant => concat!($($doc),*).trim_ascii(), )* }
            }
        }
    };
}

reasons! {
    /// A request arrived while the filter had no valid configuration.
    PolicyUnavailable = "policy.unavailable", "policy.unavailable", 503, "Policy unavailable";
    /// The host called the filter in an order it does not know; nothing is let through.
    PolicyPhase = "policy.phase", "policy.unavailable", 503, "Policy unavailable";
    /// The filter holds request headers back and the host does not call it again: `hold_headers` without `allow_on_headers_stop_iteration` on the filter.
    PolicyHold = "policy.hold", "policy.misconfigured", 500, "Policy misconfigured";
    /// The method is not in the matching rule's list; `Allow` names those that are.
    MethodNotAllowed = "method.not_allowed", "method.not_allowed", 405, "Method not allowed";
    /// The method is not a token (RFC 9110 section 9.1).
    MethodMalformed = "method.malformed", "method.malformed", 400, "Malformed method";
    /// A method-override header is present and the rule says `refuse`.
    MethodOverride = "method.override", "method.override", 400, "Method override refused";
    /// The path has more than one reading: dot or empty segment, backslash, encoded slash or segment parameters.
    PathAmbiguous = "path.ambiguous", "path.malformed", 400, "Malformed path";
    /// The path has no safe reading: bad or double percent-encoding, control bytes, a fragment, not UTF-8.
    PathMalformed = "path.malformed", "path.malformed", 400, "Malformed path";
    /// `Host` or `:authority` is not one host and at most one port: two hosts, user info, other characters.
    HeaderHost = "header.host", "header.host", 400, "Malformed host";
    /// The host could not hand the request headers over. Not seen with Envoy 1.40, which hands over whatever its own limits let in.
    HeaderTooMany = "header.too_many", "header.too_large", 431, "Request header fields too large";
    /// The host is not among `allowed_hosts`.
    HeaderMisdirected = "header.misdirected", "header.misdirected", 421, "Misdirected request";
    /// A header value holds a control byte other than a tab.
    HeaderControl = "header.control", "header.malformed", 400, "Malformed header";
    /// Authorization, Content-Type, Content-Length or Origin has more than one value.
    HeaderDuplicate = "header.duplicate", "header.malformed", 400, "Malformed header";
    /// A header that a client may not send is present, and the policy says `refuse`.
    HeaderRefused = "header.refused", "header.refused", 400, "Header refused";
    /// A header name has an underscore, and the policy says `refuse`.
    HeaderUnderscore = "header.underscore", "header.refused", 400, "Header refused";
    /// `Expect` asks for something else than `100-continue` (RFC 9110 section 10.1.1).
    HeaderExpect = "header.expect", "header.expect", 417, "Expectation failed";
    /// The client's address is in a `deny` range.
    AddressDenied = "address.denied", "address.denied", 403, "Address denied";
    /// There are `allow` ranges and the client's address is in none.
    AddressNotAllowed = "address.not_allowed", "address.denied", 403, "Address denied";
    /// The client's address cannot be told: `x-forwarded-for` has fewer entries than `trusted_hops`, or not an address where it should be.
    AddressUnknown = "address.unknown", "address.denied", 403, "Address denied";
    /// The `Origin` is not allowed to call.
    CorsOrigin = "cors.origin", "cors.denied", 403, "Cross-origin request denied";
    /// A preflight asks for a method that pages may not use.
    CorsMethod = "cors.method", "cors.denied", 403, "Cross-origin request denied";
    /// A preflight asks for a header that pages may not set, or its list is malformed.
    CorsHeaders = "cors.headers", "cors.denied", 403, "Cross-origin request denied";
    /// A preflight asks for access from a public to a private network.
    CorsPrivateNetwork = "cors.private_network", "cors.denied", 403, "Cross-origin request denied";
    /// A browser says that another site caused this request.
    CsrfCrossSite = "csrf.cross_site", "csrf.denied", 403, "Cross-site request denied";
    /// Nothing tells which site caused this request.
    CsrfUnknown = "csrf.unknown", "csrf.denied", 403, "Cross-site request denied";
    /// The path with its query is longer than the limit.
    SizeUri = "size.uri", "size.uri", 414, "URI too long";
    /// There are more header fields than the limit.
    SizeHeaderCount = "size.header_count", "header.too_large", 431, "Request header fields too large";
    /// One header field is larger than the limit.
    SizeHeader = "size.header", "header.too_large", 431, "Request header fields too large";
    /// All header fields together are larger than the limit.
    SizeHeaders = "size.headers", "header.too_large", 431, "Request header fields too large";
    /// The body is larger than the limit.
    SizeBody = "size.body", "size.body", 413, "Content too large";
    /// Nothing of the body came for five seconds, on a worker that was not yet shown any: afterwards Envoy's timeouts count.
    BodyTimeout = "body.timeout", "body.timeout", 408, "Request timeout";
    /// The request has a body of unknown length, and the policy wants to know it.
    SizeUnknown = "size.unknown", "size.unknown", 411, "Length required";
    /// The request has a body without a media type.
    MediaMissing = "media.missing", "media.type", 415, "Unsupported media type";
    /// The body's media type is malformed or not among those of the method.
    MediaType = "media.type", "media.type", 415, "Unsupported media type";
    /// The body has a content coding (`Content-Encoding`): what it decodes to would pass unseen.
    MediaEncoding = "media.encoding", "media.encoding", 415, "Unsupported content coding";
    /// No rule is about this path, or none of its operations about this method.
    SchemaRoute = "schema.unknown_route", "schema.unknown_route", 404, "Not found";
    /// The operation takes a body and there is none.
    SchemaBodyMissing = "schema.body_missing", "schema.body_missing", 400, "Body required";
    /// The operation takes no body and there is one.
    SchemaBodyUnexpected = "schema.body_unexpected", "schema.body_unexpected", 400, "No body expected";
    /// The body is not JSON (RFC 8259), not UTF-8, or not the form it says it is.
    SchemaMalformed = "schema.malformed", "schema.malformed", 400, "Malformed body";
    /// An object of the body has two members of one name.
    SchemaDuplicate = "schema.duplicate", "schema.malformed", 400, "Malformed body";
    /// The body goes beyond a limit on depth, number or length of what it holds.
    SchemaLimit = "schema.limit", "schema.limit", 400, "Body beyond limits";
    /// The body breaks its schema.
    SchemaInvalid = "schema.invalid", "schema.invalid", 422, "Invalid body";
    /// A parameter of path, query or header is missing, unknown, ambiguous, or breaks its schema.
    SchemaParameter = "schema.parameter", "schema.parameter", 400, "Invalid parameter";
    /// An answer of the upstream breaks its schema. Only ever reported.
    SchemaResponse = "schema.response", "schema.response", 502, "Invalid answer";
    /// There is no token.
    JwtMissing = "jwt.missing", "jwt.missing_token", 401, "Authentication required";
    /// There are two tokens, or one that can be read in two ways (RFC 6750 section 3.1).
    JwtAmbiguous = "jwt.ambiguous", "jwt.invalid_request", 400, "Ambiguous credentials";
    /// The token is not one in form: segments, encoding, JSON, size, or a header that asks for what is not understood.
    JwtMalformed = "jwt.malformed", "jwt.invalid_token", 401, "Invalid token";
    /// The token's algorithm is `none`, unknown, or not accepted of its issuer.
    JwtAlgorithm = "jwt.algorithm", "jwt.invalid_token", 401, "Invalid token";
    /// The token is of another type (`typ`) than those accepted.
    JwtType = "jwt.type", "jwt.invalid_token", 401, "Invalid token";
    /// The issuer is none of those asked for.
    JwtIssuer = "jwt.issuer", "jwt.invalid_token", 401, "Invalid token";
    /// The token is for another audience.
    JwtAudience = "jwt.audience", "jwt.invalid_token", 401, "Invalid token";
    /// The token has expired.
    JwtExpired = "jwt.expired", "jwt.invalid_token", 401, "Invalid token";
    /// The token is not valid yet.
    JwtNotYet = "jwt.not_yet", "jwt.invalid_token", 401, "Invalid token";
    /// A claim is missing or of the wrong type, the subject is not accepted, or the token lives too long.
    JwtClaim = "jwt.claim", "jwt.invalid_token", 401, "Invalid token";
    /// The token names a key that its issuer does not have, or none where one must be named.
    JwtUnknownKid = "jwt.unknown_kid", "jwt.invalid_token", 401, "Invalid token";
    /// The signature is not one of the issuer's keys.
    JwtSignature = "jwt.signature", "jwt.invalid_token", 401, "Invalid token";
    /// The token is bound to another client certificate, or to none where it must be.
    JwtBinding = "jwt.binding", "jwt.invalid_token", 401, "Invalid token";
    /// The token is on the deny-list.
    JwtRevoked = "jwt.revoked", "jwt.invalid_token", 401, "Invalid token";
    /// The token is good, and a scope or claim is not enough for this.
    JwtScope = "jwt.scope", "jwt.insufficient_scope", 403, "Insufficient scope";
    /// There is no key to verify with: none could be fetched yet, or they are too old.
    JwksUnavailable = "jwks.unavailable", "jwks.unavailable", 503, "Keys unavailable";
    /// Nothing could be learnt from the deny-list, and the policy says `deny`.
    RevocationUnavailable = "revocation.unavailable", "revocation.unavailable", 503, "Revocation unavailable";
    /// A limit is used up.
    RateLimited = "rate.limited", "rate.limited", 429, "Quota exceeded";
    /// The request lacks what a limit tells requests apart by, and the limit says `deny`.
    RateKeyMissing = "rate.key_missing", "rate.key_missing", 400, "Key missing";
    /// Nobody can count the request: Redis cannot be asked and the limit says `deny`, or the other workers were quicker every time.
    RateUnavailable = "rate.unavailable", "rate.unavailable", 503, "Rate limit unavailable";
    /// Too many attempts to log in from this address.
    LoginAddress = "login.address", "login.limited", 429, "Too many attempts";
    /// Too many attempts to log in as this user.
    LoginUsername = "login.username", "login.limited", 429, "Too many attempts";
    /// Too many attempts to log in as this user from this address.
    LoginPair = "login.pair", "login.limited", 429, "Too many attempts";
    /// Attempts failed until they were locked out for a while.
    LoginLocked = "login.locked", "login.limited", 429, "Too many attempts";
    /// The request names no user, or more than one, or not where the rule says.
    LoginMalformed = "login.malformed", "login.malformed", 400, "Malformed login";
    /// Nobody can count the attempt: Redis cannot be asked and the policy says `deny`, or the other workers were quicker every time.
    LoginUnavailable = "login.unavailable", "login.unavailable", 503, "Login protection unavailable";
    /// There is no idempotency key, and the rule asks for one.
    IdempotencyMissing = "idempotency.missing", "idempotency.missing", 400, "Idempotency key required";
    /// The idempotency key is not one: two of them, empty, too long, or with other characters.
    IdempotencyMalformed = "idempotency.malformed", "idempotency.malformed", 400, "Malformed idempotency key";
    /// A request with this idempotency key has not been answered yet.
    IdempotencyInFlight = "idempotency.in_flight", "idempotency.in_flight", 409, "Request in flight";
    /// A request with this idempotency key was answered before.
    IdempotencyCompleted = "idempotency.completed", "idempotency.completed", 409, "Request completed";
    /// The idempotency key was used for another request.
    IdempotencyReused = "idempotency.reused", "idempotency.reused", 422, "Idempotency key reused";
    /// Nobody can tell whether the request came before: Redis cannot be asked and the policy says `deny`.
    IdempotencyUnavailable = "idempotency.unavailable", "idempotency.unavailable", 503, "Idempotency unavailable";
}

impl Reason {
    /// gRPC status for the answer to a gRPC request (codes of grpc.io, `google.rpc.Code`).
    #[must_use]
    pub fn grpc_status(self) -> u8 {
        match self.status() {
            400 | 411 | 415 | 417 | 421 | 422 => 3, // INVALID_ARGUMENT
            401 => 16,                              // UNAUTHENTICATED
            403 => 7,                               // PERMISSION_DENIED
            404 | 405 => 12,                        // UNIMPLEMENTED
            409 => 10,                              // ABORTED
            413 | 414 | 429 | 431 => 8,             // RESOURCE_EXHAUSTED
            500 => 13,                              // INTERNAL
            _ => 14,                                // UNAVAILABLE
        }
    }

    /// `type` of the problem (RFC 9457 section 3.1.1): ours, or one that is registered.
    #[must_use]
    pub fn kind(self) -> String {
        match self {
            // draft-ietf-httpapi-ratelimit-headers, "Problem Types".
            Self::RateLimited => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
            _ => format!("urn:portcullis:{}", self.code()),
        }
    }

    pub(super) fn details(self) -> String {
        format!("portcullis_{}", self.as_str())
    }
}

impl FromTree for Reason {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a reason", tree) };
        let reason = Self::ALL.iter().copied().find(|reason| reason.as_str() == text);
        if reason.is_none() {
            at.error("unknown reason");
        }
        reason
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "reason", schema: r#"{"type": "string"}"# }
    }
}
