//! Masks credentials: in one value, or in a whole file of traffic.
//!
//! Masked are the values of the headers that carry credentials (`authorization`, `proxy-authorization`,
//! `cookie`, `set-cookie`, `x-api-key` and others whose names say so), parameters of queries and fields of
//! forms whose names suggest a credential, user info in URLs, and the members of JSON bodies that pointers
//! name. A mask tells neither length nor digest of what it hides.
//!
//! A gateway's log line hides more (`filter_core::redact` masks every query value): a replay is of use only
//! where what is no secret is still to be read.

mod body;
mod edits;
mod har;
mod jsonl;
mod names;
mod raw;
mod text;
mod url;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use body::Pointer;

/// What stands for a masked value.
pub const MASK: &str = "***";

/// Shorter values are not looked for in texts: they would be found everywhere.
const SHORTEST: usize = 4;

/// Values that are remembered for one exchange.
const MOST: usize = 1000;

/// Masks values; see the module for which.
#[derive(Debug, Clone)]
pub struct Redactor {
    pointers: Vec<Pointer>,
    enabled: bool,
}

/// The values that were masked in one exchange, so that texts about it can be rid of them too; at most a
/// thousand.
#[derive(Default)]
pub struct Found {
    values: BTreeSet<Vec<u8>>,
}

impl Found {
    fn add(&mut self, value: &[u8]) {
        let value = value.trim_ascii();
        let room = self.values.len() < MOST;
        if room && value.len() >= SHORTEST && value != MASK.as_bytes() {
            self.values.insert(value.to_vec());
        }
    }

    /// A value as it is written and as it is meant.
    fn add_encoded(&mut self, value: &[u8]) {
        self.add(value);
        self.add(&url::decoded(value));
    }
}

impl Redactor {
    /// Masks, in JSON bodies, the members that these pointers (RFC 6901) name, and all that is always masked.
    ///
    /// # Errors
    /// A pointer is neither empty nor begins with `/`, or holds `~` without 0 or 1 after it.
    pub fn new<S: AsRef<str>>(pointers: &[S]) -> Result<Self> {
        let pointers = pointers.iter().map(|pointer| {
            let parsed = Pointer::parse(pointer.as_ref());
            ensure!(parsed.is_some(), "{:?} is not a JSON pointer", pointer.as_ref());
            Ok(parsed)
        });
        let pointers: Vec<Option<Pointer>> = pointers.collect::<Result<_>>()?;
        Ok(Self { pointers: pointers.into_iter().flatten().collect(), enabled: true })
    }

    /// Masks nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { pointers: Vec::new(), enabled: false }
    }

    /// The value of a header or trailer, in any case of its name; pseudo headers too.
    pub fn header<'a>(&self, name: &str, value: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
        match name {
            _ if !self.enabled => Cow::Borrowed(value),
            ":path" => self.path(value, found),
            name if name == ":authority" || name.eq_ignore_ascii_case("host") => self.authority(value, found),
            name if names::is_secret_header(name) => secret(value, found),
            _ => text::patterns(value, found),
        }
    }

    /// A path with its query, or a URL.
    pub fn path<'a>(&self, path: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(path);
        }
        let mut out = Vec::with_capacity(path.len());
        url::path_into(path, &mut out, found);
        changed(path, out)
    }

    /// A host, which some write with user info.
    pub fn authority<'a>(&self, authority: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(authority);
        }
        let mut out = Vec::with_capacity(authority.len());
        url::authority_into(authority, &mut out, found);
        changed(authority, out)
    }

    /// A body. Without a content type, JSON is known by its first byte and anything else is taken for a form;
    /// what is compressed stays as it is. JSON that cannot be read is masked whole when there are pointers.
    pub fn body<'a>(&self, content_type: Option<&[u8]>, body: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(body);
        }
        body::mask(&self.pointers, content_type, body, found)
    }

    /// What repeats values found elsewhere in the exchange, such as a header or body that echoes the request.
    #[must_use]
    pub fn echoes<'a>(&self, bytes: &'a [u8], found: &Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(bytes);
        }
        text::echoes(bytes, found)
    }

    /// A log line or any other text, best effort: the values found in the exchange, bearer tokens, JSON Web
    /// Tokens, user info in URLs, and what follows a name that suggests a credential.
    #[must_use]
    pub fn text<'a>(&self, text: &'a [u8], found: &Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(text);
        }
        text::mask(text, found)
    }
}

/// The secrets within the value of a header.
fn add_parts(value: &[u8], found: &mut Found) {
    found.add(value);
    // The credentials after a scheme, and a password within them.
    if let Some(space) = memchr::memchr(b' ', value) {
        let credentials = value.get(space + 1..).unwrap_or_default().trim_ascii();
        found.add(credentials);
        if let Ok(pair) = STANDARD.decode(credentials)
            && let Some(colon) = memchr::memchr(b':', &pair)
        {
            found.add(pair.get(colon + 1..).unwrap_or_default());
        }
    }
    // Cookies.
    for pair in value.split(|byte| *byte == b';') {
        if let Some(equals) = memchr::memchr(b'=', pair) {
            found.add_encoded(pair.get(equals + 1..).unwrap_or_default());
        }
    }
}

/// The mask of a value; nothing is masked where there is nothing.
fn secret<'a>(value: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
    add_parts(value, found);
    if value.is_empty() || value == MASK.as_bytes() {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(MASK.as_bytes().to_vec())
    }
}

fn changed(before: &[u8], after: Vec<u8>) -> Cow<'_, [u8]> {
    if before == after { Cow::Borrowed(before) } else { Cow::Owned(after) }
}
