//! Names that suggest a credential.

use super::url::decoded;

/// Suspicious as the whole name only: others end in them.
const WHOLE: [&str; 11] = ["auth", "code", "jwt", "key", "otp", "pass", "pin", "pwd", "sid", "sig", "ticket"];
/// Suspicious anywhere in a name; [`says_secret`] knows the letters these begin with.
const ANYWHERE: [&str; 14] = [
    "accesskey",
    "apikey",
    "assertion",
    "authorization",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "saml",
    "secret",
    "sessid",
    "session",
    "signature",
];

/// Whether the value of a query parameter or form field of this name, which may be percent-encoded, is
/// masked.
pub(super) fn suggests_secret(name: &[u8]) -> bool {
    let plain = plain(name);
    WHOLE.contains(&plain.as_str()) || says_secret(&plain)
}

/// The same where many other things have a colon after them.
pub(super) fn says_secret_in_text(name: &[u8]) -> bool {
    let plain = plain(name);
    says_secret(&plain) || is_cookie(&plain)
}

/// Whether the value of a header of this name is masked.
pub(super) fn is_secret_header(name: &str) -> bool {
    let plain = plain(name.as_bytes());
    is_cookie(&plain) || says_secret(&plain) || WHOLE.contains(&plain.as_str())
}

/// In one pass: this is asked of every header of every request.
fn says_secret(plain: &str) -> bool {
    plain.bytes().enumerate().any(|(at, first)| {
        matches!(first, b'a' | b'c' | b'p' | b's' | b't') && {
            let rest = plain.get(at..).unwrap_or_default();
            rest.starts_with("token") || ANYWHERE.iter().any(|part| rest.starts_with(part))
        }
    })
}

fn is_cookie(plain: &str) -> bool {
    matches!(plain, "cookie" | "setcookie")
}

/// Letters and digits of a name, in lower case: `X-Api-Key`, `api_key` and `apiKey` are one.
fn plain(name: &[u8]) -> String {
    let name = decoded(name);
    name.iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{is_secret_header, suggests_secret};

    #[test]
    fn names_are_judged_without_case_and_punctuation() {
        for name in [
            "token",
            "access_token",
            "id_token",
            "refresh_token",
            "api_key",
            "apikey",
            "ApiKey",
            "key",
            "code",
            "password",
            "user[password]",
            "secret",
            "client_secret",
            "sig",
            "signature",
            "X-Amz-Signature",
            "assertion",
            "client_assertion",
            "SAMLResponse",
            "to%6ben",
            "jsessionid",
            "PHPSESSID",
            "auth",
        ] {
            assert!(suggests_secret(name.as_bytes()), "{name}");
        }
        for name in
            ["", "page", "keyword", "monkey", "zipcode", "design", "author", "passenger", "state", "q"]
        {
            assert!(!suggests_secret(name.as_bytes()), "{name}");
        }
        for name in
            ["Authorization", "PROXY-AUTHORIZATION", "cookie", "Set-Cookie", "x-api-key", "x-auth-token"]
        {
            assert!(is_secret_header(name), "{name}");
        }
        for name in
            ["host", "accept", "content-type", "sec-websocket-key", "www-authenticate", "idempotency-key"]
        {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
