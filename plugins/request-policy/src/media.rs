//! Media types: which bodies a request may have (R27).

use crate::config::ContentTypes;
use crate::methods::is_token;
use filter_core::config::{At, FromTree, Shape, Tree};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::sanitized;
use filter_core::http::header::ACCEPT;
use filter_core::http::{HeaderValue, Method};
use std::borrow::Cow;
use std::fmt;

/// The media type of a `Content-Type` without its parameters, in lower case (RFC 9110 section 8.3.1). `None` where
/// the value is not a type and a subtype, both tokens, and then only parameters.
///
/// A parameter is a name, `=`, and a quoted string or bytes other than white space, `"`, `,` and `;`: unquoted
/// boundaries hold `=`, `/` and `:`, which no token may, and are sent all the same. A comma outside of quotes is
/// none of that: two values that a host joined are not taken for the first.
pub(crate) fn media_type(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = skip_space(value);
    let end = value.iter().position(|b| matches!(b, b' ' | b'\t' | b';')).unwrap_or(value.len());
    let (essence, rest) = value.split_at_checked(end)?;
    let (kind, subtype) = std::str::from_utf8(essence).ok()?.split_once('/')?;
    if !is_token(kind.as_bytes()) || !is_token(subtype.as_bytes()) || !are_parameters(rest) {
        return None;
    }
    let essence = std::str::from_utf8(essence).ok()?;
    let lower = !essence.bytes().any(|b| b.is_ascii_uppercase());
    Some(if lower { Cow::Borrowed(essence) } else { Cow::Owned(essence.to_ascii_lowercase()) })
}

/// `*( OWS ";" OWS [ parameter ] )`, white space at the end included.
fn are_parameters(mut rest: &[u8]) -> bool {
    loop {
        rest = match skip_space(rest) {
            [] => return true,
            [b';', after @ ..] => skip_space(after),
            _ => return false,
        };
        let end = rest.iter().position(|b| matches!(b, b'=' | b';' | b' ' | b'\t')).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or_default();
        if name.is_empty() && after.first() != Some(&b'=') {
            // RFC 9110 section 5.6.6 allows `;;` and a `;` at the end.
            continue;
        }
        let [b'=', value @ ..] = after else { return false };
        let after = if value.first() == Some(&b'"') { after_quoted(value) } else { after_bare(value) };
        match after {
            Some(after) if is_token(name) => rest = after,
            _ => return false,
        }
    }
}

/// What follows a quoted string (RFC 9110 section 5.6.4).
fn after_quoted(value: &[u8]) -> Option<&[u8]> {
    let mut bytes = value.iter().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return value.get(at.saturating_add(1)..),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

fn after_bare(value: &[u8]) -> Option<&[u8]> {
    let allowed = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';');
    let end = value.iter().position(|b| !allowed(b)).unwrap_or(value.len());
    if end == 0 { None } else { value.get(end..) }
}

/// What follows optional white space (RFC 9110 section 5.6.3).
fn skip_space(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// Media types a configuration names: `application/json`, `application/*+json`, `text/*`, `*/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange {
    /// As written, in lower case.
    text: String,
    /// What a media type begins with: all of it, or up to the `*`.
    start: usize,
    /// What it ends with, after at least one byte more: from here on.
    end: usize,
}

impl MediaRange {
    /// Whether a media type, in lower case and without parameters, is one of these.
    pub(crate) fn matches(&self, media_type: &str) -> bool {
        let start = self.text.get(..self.start).unwrap_or_default();
        let end = self.text.get(self.end..).unwrap_or_default();
        let rest = media_type.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        // Without a wildcard nothing may be left, with one something must be.
        rest.is_some_and(|rest| rest.is_empty() == (self.start == self.end))
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromTree for MediaRange {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a media type", tree) };
        let text = text.to_ascii_lowercase();
        let plain = |text: &str| is_token(text.as_bytes()) && !text.contains('*');
        let range = match text.split_once('/') {
            Some(("*", "*")) => Some((0, text.len())),
            Some((kind, subtype)) if plain(kind) => match subtype.strip_prefix('*') {
                // `*`, or `*+suffix` (RFC 6838 section 4.2.8).
                Some(end) if end.is_empty() || (end.starts_with('+') && end.len() > 1 && plain(end)) => {
                    Some((kind.len().saturating_add(1), text.len().saturating_sub(end.len())))
                }
                None if plain(subtype) => Some((text.len(), text.len())),
                _ => None,
            },
            _ => None,
        };
        let Some((start, end)) = range else {
            at.error(
                "not a media type; expected as application/json, application/*+json, text/* or */*, without parameters",
            );
            return None;
        };
        Some(Self { text, start, end })
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "media type",
            schema: r#"{"type": "string", "pattern": "^(\\*/\\*|[!#$%&'+.^_`|~0-9A-Za-z-]+/(\\*|(\\*\\+)?[!#$%&'+.^_`|~0-9A-Za-z-]+))$"}"#,
        }
    }
}

/// The media types that bodies may have, by method.
#[derive(Debug)]
pub(crate) struct MediaTypes(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    /// Empty: those that no other entry names.
    methods: Vec<Method>,
    types: Vec<MediaRange>,
    /// What a 415 says (RFC 9110 section 15.5.16).
    accept: HeaderValue,
}

impl MediaTypes {
    /// `None`: a method is in two entries, or two entries are without methods, which was reported below `at`.
    pub(crate) fn compile(config: Vec<ContentTypes>, at: &At<'_>) -> Option<Self> {
        let mut entries: Vec<Entry> = Vec::with_capacity(config.len());
        let mut clean = true;
        for (i, entry) in config.into_iter().enumerate() {
            let (at_entry, methods) =
                (at.index(i), entry.methods.map(|methods| methods.0).unwrap_or_default());
            if methods.is_empty()
                && let Some(other) = entries.iter().position(|other| other.methods.is_empty())
            {
                at_entry.error(format!("without `methods`, as {}", at.index(other).label()));
                clean = false;
            }
            for (j, method) in methods.iter().enumerate() {
                if let Some(other) = entries.iter().position(|other| other.methods.contains(method)) {
                    let message = format!("the same method as in {}", at.index(other).label());
                    at_entry.key("methods").index(j).error(message);
                    clean = false;
                }
            }
            let types = entry.types.0;
            let texts: Vec<String> = types.iter().map(MediaRange::to_string).collect();
            entries.push(Entry { methods, types, accept: sanitized(texts.join(", ").as_bytes()) });
        }
        clean.then_some(Self(entries))
    }

    /// Whether the body of a request with this method may have this `Content-Type`.
    ///
    /// # Errors
    /// 415 with an `accept` that names what the method takes.
    pub(crate) fn check(&self, method: &[u8], content_type: Option<&[u8]>) -> Result<(), Denial> {
        let named = |entry: &&Entry| entry.methods.iter().any(|own| own.as_str().as_bytes() == method);
        let entry =
            self.0.iter().find(named).or_else(|| self.0.iter().find(|entry| entry.methods.is_empty()));
        let Some(entry) = entry else { return Ok(()) };
        let reason = match content_type.map(media_type) {
            None => Reason::MediaMissing,
            Some(Some(given)) if entry.types.iter().any(|range| range.matches(&given)) => return Ok(()),
            Some(_) => Reason::MediaType,
        };
        Err(Denial::new(reason).header(ACCEPT, entry.accept.clone()))
    }
}
