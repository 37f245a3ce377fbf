//! Where a request carries its token (RFC 6750 section 2), and how the token is taken out of it.
//!
//! A request with two tokens has no single meaning: whoever reads the other one sees another caller. It is refused
//! (`invalid_request`, RFC 6750 section 3.1), even where both are equal.

mod cookie;
mod header;
mod query;
mod strip;

pub use strip::strip;

use filter_core::http::HeaderName;
use filter_core::message::RequestHead;
use std::borrow::Cow;

/// Where tokens are looked for. The same place named twice is one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// With what stands before the token, the longest first: each field is read in one way.
    headers: Vec<(HeaderName, Vec<String>)>,
    cookies: Vec<String>,
    query: Vec<String>,
}

impl Places {
    /// A header. Its value is the prefix, compared without case and empty for none, and the token, with nothing between.
    #[must_use]
    pub fn header(mut self, name: HeaderName, prefix: &str) -> Self {
        let at = self.headers.iter().position(|(other, _)| *other == name).unwrap_or(self.headers.len());
        if at == self.headers.len() {
            self.headers.push((name, Vec::new()));
        }
        if let Some((_, prefixes)) = self.headers.get_mut(at) {
            let shorter = prefixes.iter().position(|other| other.len() < prefix.len());
            prefixes.insert(shorter.unwrap_or(prefixes.len()), prefix.to_owned());
        }
        self
    }

    /// A cookie of this name (RFC 6265), case-sensitive.
    #[must_use]
    pub fn cookie(mut self, name: &str) -> Self {
        self.cookies.push(name.to_owned());
        self
    }

    /// A query parameter of this name, case-sensitive.
    #[must_use]
    pub fn query(mut self, name: &str) -> Self {
        self.query.push(name.to_owned());
        self
    }

    /// `Authorization: Bearer …` alone (RFC 6750 section 2.1).
    #[must_use]
    pub fn bearer() -> Self {
        Self::default().header(filter_core::http::header::AUTHORIZATION, "Bearer ")
    }

    /// The token of a request, or why there is not exactly one.
    #[must_use]
    pub fn find<'r, 'p>(&'p self, head: &RequestHead<'r>) -> Found<'r, 'p> {
        let mut found = Found::Missing;
        for (name, prefixes) in &self.headers {
            header::find(head.headers, name, prefixes, &mut found);
        }
        cookie::find(head.headers, &self.cookies, &mut found);
        query::find(head.path().unwrap_or_default(), &self.query, &mut found);
        found
    }
}

/// The place of a token, for [`strip`] and for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'p> {
    /// A header.
    Header(&'p HeaderName),
    /// A cookie.
    Cookie(&'p str),
    /// A query parameter.
    Query(&'p str),
}

/// What was found in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'r, 'p> {
    /// No token.
    Missing,
    /// Something stands where a token should, and it cannot be one: it is empty, or has white space, control bytes or
    /// other than ASCII.
    Malformed(Place<'p>),
    /// One token, not read yet: any visible ASCII.
    One {
        /// As sent; decoded where it came from the query.
        token: Cow<'r, [u8]>,
        /// Where it is.
        place: Place<'p>,
    },
    /// More than one, malformed ones included, or a field that can be read in two ways.
    Ambiguous,
}

impl<'r, 'p> Found<'r, 'p> {
    /// One more candidate.
    fn add(&mut self, place: Place<'p>, token: Option<Cow<'r, [u8]>>) {
        *self = match (&self, token) {
            (Self::Missing, Some(token)) if is_plausible(&token) => Self::One { token, place },
            (Self::Missing, _) => Self::Malformed(place),
            _ => Self::Ambiguous,
        };
    }
}

/// What the strict layer is asked about, so that it can say what is wrong.
fn is_plausible(token: &[u8]) -> bool {
    let (words, rest) = token.as_chunks();
    !token.is_empty() && rest.iter().all(u8::is_ascii_graphic) && words.iter().all(|word| is_graphic(*word))
}

/// Whether all eight bytes are visible ASCII, told at once: every request pays for every byte of its token.
fn is_graphic(bytes: [u8; 8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_ne_bytes(bytes);
    // Below 0x80 no sum reaches the next byte: the first has its high bit from `!` on, the second beyond `~`.
    let from = word.wrapping_add(u64::from_ne_bytes([0x80 - b'!'; 8]));
    let beyond = word.wrapping_add(u64::from_ne_bytes([0x80 - (b'~' + 1); 8]));
    (word | beyond | !from) & HIGH == 0
}
