//! Which methods a rule allows (R6, R7) and the headers that would smuggle another one past it (R8).

use filter_core::effect::HeaderOp;
use filter_core::http::{HeaderName, HeaderValue, Method};
use filter_core::message::Headers;

/// An allow-list of methods.
#[derive(Debug, Clone)]
pub(crate) struct Methods {
    allowed: Vec<Method>,
    /// The `Allow` header of a 405 (RFC 9110 section 10.2.1).
    pub(crate) allow: HeaderValue,
}

impl Methods {
    /// HEAD is GET without the answer's body: it is allowed wherever GET is.
    pub(crate) fn new(mut allowed: Vec<Method>) -> Self {
        if allowed.contains(&Method::GET) && !allowed.contains(&Method::HEAD) {
            let after_get =
                allowed.iter().position(|m| *m == Method::GET).map_or(0, |at| at.saturating_add(1));
            allowed.insert(after_get, Method::HEAD);
        }
        let mut unique: Vec<Method> = Vec::with_capacity(allowed.len());
        for method in allowed {
            if !unique.contains(&method) {
                unique.push(method);
            }
        }
        let names: Vec<&str> = unique.iter().map(Method::as_str).collect();
        let allow = filter_core::effect::sanitized(names.join(", ").as_bytes());
        Self { allowed: unique, allow }
    }

    /// The methods, HEAD included where GET is.
    pub(crate) fn list(&self) -> &[Method] {
        &self.allowed
    }

    pub(crate) fn allows(&self, method: &[u8]) -> bool {
        self.allowed.iter().any(|allowed| allowed.as_str().as_bytes() == method)
    }
}

/// Frameworks that read these headers run another method than the one that was checked. Several map `_` to
/// `-` in header names, so both spellings count.
const OVERRIDES: &[&[u8]] = &[b"x-http-method-override", b"x-http-method", b"x-method-override"];

/// The removal of every method-override header a request has; a name that comes twice is removed twice.
pub(crate) fn override_removals(headers: &Headers) -> Vec<HeaderOp> {
    let mut removals = Vec::new();
    for (name, _) in headers.iter() {
        if is_override(name)
            && let Ok(name) = HeaderName::from_bytes(name)
        {
            removals.push(HeaderOp::Remove(name));
        }
    }
    removals
}

fn is_override(name: &[u8]) -> bool {
    // Nearly every header fails on its first byte or its length.
    name.first() == Some(&b'x')
        && OVERRIDES.iter().any(|other| {
            name.len() == other.len()
                && name.iter().zip(*other).all(|(a, b)| a == b || (*a == b'_' && *b == b'-'))
        })
}
