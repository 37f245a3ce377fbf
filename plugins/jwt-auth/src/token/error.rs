//! Why a token is refused before anybody looks at its signature.

use std::fmt;

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

/// Why bytes are not a JSON object as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8 (RFC 7519 section 7.2).
    Utf8,
    /// Not JSON, something after it, a lone surrogate, a number out of range, or nested far too deep.
    Syntax,
    /// Another value than an object.
    NotObject,
    /// A member's name twice in one object, however spelt (RFC 7515 section 4, RFC 7519 section 4).
    Duplicate,
    /// Nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    Depth,
    /// More members than [`MAX_MEMBERS`](super::MAX_MEMBERS).
    Members,
}

/// Why a token is refused. Neither its names nor its text ever hold a byte of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// Longer than the limit.
    TooLong,
    /// The header alone is longer than its limit.
    HeaderTooLong,
    /// One of the JSON serialisations (RFC 7515 section 3.2).
    JsonSerialization,
    /// Five segments: an encrypted token (RFC 7516 section 3.1).
    Encrypted,
    /// Neither three segments nor five.
    Segments,
    /// No payload between the dots (RFC 7515 appendix F).
    Detached,
    /// The first segment is empty.
    EmptyHeader,
    /// The last segment is empty: nothing is signed (RFC 7519 section 6).
    EmptySignature,
    /// Not canonical base64url without padding.
    Base64(Part),
    /// Header or payload is not the JSON object it must be.
    Json(Part, JsonError),
    /// No `alg`.
    AlgMissing,
    /// `alg` is no string.
    AlgType,
    /// `none` in any spelling (RFC 8725 section 3.2).
    AlgNone,
    /// An algorithm that nobody here verifies. Names are case-sensitive.
    AlgUnknown,
    /// `kid` is no string.
    KidType,
    /// `kid` is longer than [`MAX_KID`](super::MAX_KID).
    KidTooLong,
    /// `typ` is no string.
    TypType,
    /// There is no `typ`, and there must be one.
    TypMissing,
    /// `typ` is none of those accepted.
    TypRefused,
    /// There is a `crit`: no extension is understood here (RFC 7515 section 4.1.11).
    Crit,
    /// There is a `b64` (RFC 7797): whatever it says, it is only meant together with `crit`.
    B64,
}

impl TokenError {
    /// The name in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.texts().0
    }

    /// Name, and what it means.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::TooLong => ("too_long", "the token is too long"),
            Self::HeaderTooLong => ("header_too_long", "the header is too long"),
            Self::JsonSerialization => ("json_serialization", "a JSON serialisation, not the compact one"),
            Self::Encrypted => ("encrypted", "five segments: an encrypted token"),
            Self::Segments => ("segments", "not three segments"),
            Self::Detached => ("detached", "the payload is detached"),
            Self::EmptyHeader => ("header_empty", "the header is empty"),
            Self::EmptySignature => ("signature_empty", "the signature is empty"),
            Self::Base64(Part::Header) => ("header_base64", "the header is not canonical base64url"),
            Self::Base64(Part::Payload) => ("payload_base64", "the payload is not canonical base64url"),
            Self::Base64(Part::Signature) => ("signature_base64", "the signature is not canonical base64url"),
            Self::Json(Part::Header, error) => match error {
                JsonError::Utf8 => ("header_utf8", "the header is not UTF-8"),
                JsonError::Syntax => ("header_json", "the header is not JSON"),
                JsonError::NotObject => ("header_not_object", "the header is not an object"),
                JsonError::Duplicate => ("header_duplicate", "the header has a member twice"),
                JsonError::Depth => ("header_depth", "the header is nested too deep"),
                JsonError::Members => ("header_members", "the header has too many members"),
            },
            // A signature is not JSON and never read as such.
            Self::Json(Part::Payload | Part::Signature, error) => match error {
                JsonError::Utf8 => ("payload_utf8", "the payload is not UTF-8"),
                JsonError::Syntax => ("payload_json", "the payload is not JSON"),
                JsonError::NotObject => ("payload_not_object", "the payload is not an object"),
                JsonError::Duplicate => ("payload_duplicate", "the payload has a member twice"),
                JsonError::Depth => ("payload_depth", "the payload is nested too deep"),
                JsonError::Members => ("payload_members", "the payload has too many members"),
            },
            Self::AlgMissing => ("alg_missing", "there is no alg"),
            Self::AlgType => ("alg_type", "alg is not a string"),
            Self::AlgNone => ("alg_none", "alg is none"),
            Self::AlgUnknown => ("alg_unknown", "alg is no known algorithm"),
            Self::KidType => ("kid_type", "kid is not a string"),
            Self::KidTooLong => ("kid_too_long", "kid is too long"),
            Self::TypType => ("typ_type", "typ is not a string"),
            Self::TypMissing => ("typ_missing", "there is no typ"),
            Self::TypRefused => ("typ_refused", "typ is not accepted"),
            Self::Crit => ("crit", "there is a crit, and no extension is understood"),
            Self::B64 => ("b64", "there is a b64"),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.texts().1)
    }
}

impl std::error::Error for TokenError {}
