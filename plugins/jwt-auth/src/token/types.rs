//! What kind of token it says it is (`typ`: RFC 7515 section 4.1.9, RFC 8725 section 3.11).

use super::TokenError;

const APPLICATION: &str = "application/";

/// Accepted values of `typ`, as `at+jwt` (RFC 9068 section 2.1). An ID token of the same issuer is then no access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTypes {
    names: Vec<String>,
    absent: bool,
}

impl AcceptedTypes {
    /// `absent`: whether a token without `typ` is accepted, too.
    #[must_use]
    pub fn new(names: Vec<String>, absent: bool) -> Self {
        Self { names, absent }
    }

    /// Whether the `typ` of a header is one of these. Media types are compared without case, `application/` may be left
    /// out, and parameters are part of the name.
    ///
    /// # Errors
    /// [`TokenError::TypMissing`] and [`TokenError::TypRefused`].
    pub fn check(&self, typ: Option<&str>) -> Result<(), TokenError> {
        let Some(typ) = typ else {
            return if self.absent { Ok(()) } else { Err(TokenError::TypMissing) };
        };
        let typ = short(typ);
        let accepted = self.names.iter().any(|name| short(name).eq_ignore_ascii_case(typ));
        if accepted { Ok(()) } else { Err(TokenError::TypRefused) }
    }
}

/// Without the `application/` that stands before every `typ` that has no other `/`.
fn short(typ: &str) -> &str {
    match typ.split_at_checked(APPLICATION.len()) {
        Some((first, rest)) if first.eq_ignore_ascii_case(APPLICATION) && !rest.contains('/') => rest,
        _ => typ,
    }
}
