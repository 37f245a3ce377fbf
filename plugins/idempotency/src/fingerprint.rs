//! What stands in Redis for a key and for the request that it was sent with. Both are HMACs: nobody who reads there learns a
//! key, nor whether a request is one that he guesses.

use crate::subject::{Subject, Whose};
use filter_core::client::KeySecret;
use filter_core::message::RequestHead;
use filter_core::target::Target;
use sha2::{Digest as _, Sha256};

/// Digest of parts, each behind its length: no two lists of parts read the same.
#[derive(Clone)]
struct Parts(Sha256);

impl Parts {
    /// Of what is called so: two kinds of digests never meet.
    fn of(what: &str) -> Self {
        let mut parts = Self(Sha256::new());
        parts.push(what.as_bytes());
        parts
    }

    fn push(&mut self, part: &[u8]) {
        self.0.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(part);
    }

    /// One that may be missing, which is not the same as empty.
    fn push_all<'p>(&mut self, parts: impl Iterator<Item = &'p [u8]>) {
        let mut count: u64 = 0;
        for part in parts {
            self.push(part);
            count = count.saturating_add(1);
        }
        self.0.update(count.to_le_bytes());
    }

    fn digits(self, secret: &KeySecret) -> String {
        secret.digits(&self.0.finalize())
    }
}

/// The digits of a key: of its text and of whom it is.
pub(crate) fn key(secret: &KeySecret, subject: Option<&Subject>, whose: &Whose, key: &[u8]) -> String {
    let mut parts = Parts::of("idempotency key");
    parts.push(subject.map(ToString::to_string).unwrap_or_default().as_bytes());
    let (kind, value): (&[u8], &[u8]) = match whose {
        Whose::Nobody => (b"nobody", b""),
        Whose::Ambiguous => (b"ambiguous", b""),
        Whose::One(value) => (b"one", value),
    };
    parts.push(kind);
    parts.push(value);
    parts.push(key);
    parts.digits(secret)
}

/// A request, as far as its head tells.
pub(crate) struct Fingerprint(Parts);

impl Fingerprint {
    /// Method, host, canonical path, query as sent, and what the body is said to be. Other fields may differ when a client
    /// tries again: dates, traces, tokens.
    pub(crate) fn begin(head: &RequestHead<'_>, target: &Target<'_>) -> Self {
        let mut parts = Parts::of("idempotent request");
        parts.push(head.method());
        parts.push(target.host.as_bytes());
        parts.push_all(target.matched().map(str::as_bytes).into_iter());
        parts.push_all(target.query().into_iter());
        parts.push_all(head.headers.all("content-type"));
        parts.push_all(head.headers.all("content-encoding"));
        Self(parts)
    }

    /// The digits of the request with this body.
    pub(crate) fn digits(mut self, body: &[u8], secret: &KeySecret) -> String {
        self.0.push(body);
        self.0.digits(secret)
    }
}
