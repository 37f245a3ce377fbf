//! Answers of the upstream that clients do not get: a neutral one instead (R29).

use crate::config::MaskErrors;
use crate::decoration::is_framing;
use crate::status::{self, StatusPattern};
use filter_core::config::At;
use filter_core::denial::LocalReply;
use filter_core::effect::{HeaderOp, sanitized};
use filter_core::http::{HeaderName, HeaderValue, StatusCode};
use filter_core::message::Headers;

/// The compiled list of statuses.
#[derive(Debug)]
pub(crate) struct Mask(Vec<StatusPattern>);

/// What stands where the upstream explained itself.
const MESSAGE: &str = "Upstream error";

const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// `google.rpc.Code`; what is no code at all reads as this one.
const UNKNOWN: u8 = 2;
/// UNKNOWN, INTERNAL and DATA_LOSS: what a framework answers when the service fell over. The message of any other
/// status was meant for the client.
const MASKED: &[u8] = &[UNKNOWN, 13, 15];

/// Headers that describe the content that is replaced (RFC 9110 section 8, RFC 9530, RFC 6266, RFC 1864), and the
/// upstream's words about a gRPC error.
const DESCRIBING: &[&[u8]] = &[
    b"accept-ranges",
    b"content-digest",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"content-location",
    b"content-md5",
    b"content-range",
    b"content-type",
    b"digest",
    b"etag",
    b"grpc-message",
    b"grpc-status-details-bin",
    b"last-modified",
    b"repr-digest",
];

impl Mask {
    /// `None`: a pattern is about statuses that are no errors, which was reported below `at`.
    pub(crate) fn compile(config: MaskErrors, at: &At<'_>) -> Option<Self> {
        let mut clean = true;
        for (i, _) in config.statuses.iter().enumerate().filter(|(_, pattern)| !pattern.is_error()) {
            at.key("statuses").index(i).error("only errors are masked: 400 to 599, \"4xx\" or \"5xx\"");
            clean = false;
        }
        clean.then_some(Self(config.statuses))
    }

    /// Whether anything is masked.
    pub(crate) fn is_on(&self) -> bool {
        !self.0.is_empty()
    }

    /// The status of an answer that is masked, and the headers it keeps: `:status`, the upstream's but for what
    /// describes the content or the connection, and the new `content-type`. They are there to be decorated before
    /// [`Self::reply`].
    pub(crate) fn kept(&self, headers: &Headers) -> Option<(u16, Headers)> {
        let status = status::of(headers)?;
        if !self.0.iter().any(|pattern| pattern.matches(status)) {
            return None;
        }
        let own = |name: &[u8]| !DESCRIBING.contains(&name) && !is_framing(name);
        let mut kept = Headers::from_pairs(headers.iter().filter(|(name, _)| own(name)));
        kept.push(b"content-type", b"application/problem+json");
        // What is no status a client could not read either.
        Some((if status::is_known_class(status) { status } else { 502 }, kept))
    }

    /// The answer of this status with these headers: problem details (RFC 9457) of no special type, whose title is
    /// that of the status (section 4.2.1), or for a gRPC request a status and the same title.
    pub(crate) fn reply(status: u16, kept: &Headers, request_id: Option<&str>, grpc: bool) -> LocalReply {
        let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let title = known.unwrap_or("Error");
        // Envoy makes these two for a gRPC request.
        let made = |name: &[u8]| grpc && (name == b"content-type" || name == GRPC_STATUS.as_bytes());
        // A pseudo header field has no `HeaderName`.
        let fields = kept.iter().filter(|(name, _)| !made(name));
        let headers: Vec<(HeaderName, HeaderValue)> = fields
            .filter_map(|(name, value)| Some((HeaderName::from_bytes(name).ok()?, sanitized(value))))
            .collect();
        let body = if grpc {
            title.to_owned()
        } else {
            let id = request_id.map(|id| format!(",\"request_id\":{}", serde_json::Value::from(id)));
            let id = id.unwrap_or_default();
            format!("{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status}{id}}}")
        };
        let own = || kept.first(GRPC_STATUS).and_then(grpc_code);
        LocalReply {
            details: "portcullis_upstream.masked".to_owned(),
            status,
            headers,
            body: body.into_bytes(),
            grpc_status: grpc.then(|| own().unwrap_or_else(|| grpc_code_of(status))),
        }
    }

    /// Appends the operations that replace the message of a gRPC error in these fields, the head or the trailers of an
    /// answer. Its status stays.
    pub(crate) fn grpc_operations(&self, fields: &Headers, operations: &mut Vec<HeaderOp>) {
        let Some(status) = fields.first(GRPC_STATUS).filter(|_| self.is_on()) else { return };
        if MASKED.contains(&grpc_code(status).unwrap_or(UNKNOWN)) {
            operations.push(HeaderOp::Set(GRPC_MESSAGE, HeaderValue::from_static(MESSAGE)));
            if fields.first(GRPC_DETAILS.as_str()).is_some() {
                operations.push(HeaderOp::Remove(GRPC_DETAILS));
            }
        }
    }
}

/// A status of gRPC: 0 to 16 in digits.
fn grpc_code(value: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|code| *code <= 16)
}

/// What Envoy makes of an HTTP status (`Grpc::Utility::httpToGrpcStatus`).
fn grpc_code_of(status: u16) -> u8 {
    match status {
        400 => 13,                   // INTERNAL
        401 => 16,                   // UNAUTHENTICATED
        403 => 7,                    // PERMISSION_DENIED
        404 => 12,                   // UNIMPLEMENTED
        429 | 502 | 503 | 504 => 14, // UNAVAILABLE
        _ => UNKNOWN,
    }
}
