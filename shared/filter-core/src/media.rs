//! Media types (RFC 9110 section 8.3): what a body says it is, and what a configuration names.

use crate::config::{At, FromTree, Shape, Tree};
use crate::message::Headers;
use std::borrow::Cow;
use std::fmt;

/// A `Content-Type` that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// Type and subtype, in lower case: `application/json`.
    pub essence: Cow<'a, str>,
    /// What follows them, known to be parameters.
    parameters: &'a [u8],
}

/// What a `Content-Type` says of the encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Nothing: that of the media type, which is UTF-8 for JSON (RFC 8259 section 8.1) and forms (WHATWG URL).
    Unsaid,
    /// UTF-8.
    Utf8,
    /// Another one, or more than one parameter of the name.
    Other,
}

impl<'a> MediaType<'a> {
    /// Reads the value of a `Content-Type` (RFC 9110 section 8.3.1). `None` where it is not a type and a subtype, both
    /// tokens, and then only parameters.
    ///
    /// A parameter is a name, `=`, and a quoted string or bytes other than white space, `"`, `,` and `;`: unquoted
    /// boundaries hold `=`, `/` and `:`, which no token may, and are sent all the same. A comma outside of quotes is
    /// none of that: two values that a host joined are not taken for the first.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = skip_space(value);
        let end = value.iter().position(|b| matches!(b, b' ' | b'\t' | b';')).unwrap_or(value.len());
        let (essence, parameters) = value.split_at_checked(end)?;
        let essence = std::str::from_utf8(essence).ok()?;
        let (kind, subtype) = essence.split_once('/')?;
        let sound = Parameters(parameters).all(|parameter| parameter.is_some());
        if !is_token(kind.as_bytes()) || !is_token(subtype.as_bytes()) || !sound {
            return None;
        }
        let lower = !essence.bytes().any(|b| b.is_ascii_uppercase());
        let essence = if lower { Cow::Borrowed(essence) } else { Cow::Owned(essence.to_ascii_lowercase()) };
        Some(Self { essence, parameters })
    }

    /// What `charset` says (names and charsets go without case, and may be quoted).
    #[must_use]
    pub fn charset(&self) -> Charset {
        let mut said = Charset::Unsaid;
        for (name, value) in Parameters(self.parameters).flatten() {
            if !name.eq_ignore_ascii_case(b"charset") {
                continue;
            }
            said = match said {
                Charset::Unsaid if unquoted(value).eq_ignore_ascii_case(b"utf-8") => Charset::Utf8,
                _ => return Charset::Other,
            };
        }
        said
    }
}

/// `*( OWS ";" OWS [ parameter ] )`, white space at the end included (RFC 9110 section 5.6.6): names and values as they
/// are written. `None` where the rest is not that; nothing comes after it.
struct Parameters<'a>(&'a [u8]);

impl<'a> Iterator for Parameters<'a> {
    type Item = Option<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = match skip_space(std::mem::take(&mut self.0)) {
                [] => return None,
                [b';', after @ ..] => skip_space(after),
                _ => return Some(None),
            };
            let end = rest.iter().position(|b| matches!(b, b'=' | b';' | b' ' | b'\t')).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).unwrap_or_default();
            if name.is_empty() && after.first() != Some(&b'=') {
                // `;;` and a `;` at the end are allowed.
                self.0 = after;
                continue;
            }
            let [b'=', value @ ..] = after else { return Some(None) };
            let length = if value.first() == Some(&b'"') { quoted_length(value) } else { bare_length(value) };
            let parts = length.and_then(|length| value.split_at_checked(length));
            return Some(match parts {
                Some((value, after)) if is_token(name) => {
                    self.0 = after;
                    Some((name, value))
                }
                _ => None,
            });
        }
    }
}

/// How many bytes a quoted string has, its quotes included (RFC 9110 section 5.6.4).
fn quoted_length(value: &[u8]) -> Option<usize> {
    let mut bytes = value.iter().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at.checked_add(1),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

fn bare_length(value: &[u8]) -> Option<usize> {
    let allowed = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';');
    let end = value.iter().position(|b| !allowed(b)).unwrap_or(value.len());
    (end > 0).then_some(end)
}

/// What a parameter's value says: a quoted string without its quotes and backslashes.
fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut bytes = inner.iter();
    let mut out = Vec::with_capacity(inner.len());
    while let Some(byte) = bytes.next() {
        out.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    Cow::Owned(out)
}

/// The parts of a field's value between commas that stand outside of quotes. More than one in a field that has one value:
/// the host joined two.
pub fn unquoted_parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |&b| {
        let comma = b == b',' && !quoted;
        quoted ^= b == b'"' && !escaped;
        escaped = quoted && b == b'\\' && !escaped;
        comma
    })
}

/// Whether a body with these fields is coded (`Content-Encoding`, RFC 9110 section 8.4): `gzip` is, `identity` is not.
#[must_use]
pub fn is_coded(headers: &Headers) -> bool {
    let codings = headers.all("content-encoding").flat_map(|value| value.split(|&b| b == b','));
    codings
        .map(<[u8]>::trim_ascii)
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// What follows optional white space (RFC 9110 section 5.6.3).
fn skip_space(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

/// A token (RFC 9110 section 5.6.2).
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
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

/// How closely a range names what it matches: the larger is the closer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MediaRank {
    /// It is one media type and not several.
    exact: bool,
    /// Bytes that are given after the `*`: of `+json` and `+ld+json` the longer.
    suffix: usize,
    /// Bytes before it.
    start: usize,
}

impl MediaRange {
    /// Whether a media type, in lower case and without parameters, is one of these.
    #[must_use]
    pub fn matches(&self, media_type: &str) -> bool {
        let start = self.text.get(..self.start).unwrap_or_default();
        let end = self.text.get(self.end..).unwrap_or_default();
        let rest = media_type.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        // Without a wildcard nothing may be left, with one something must be.
        rest.is_some_and(|rest| rest.is_empty() == self.is_exact())
    }

    /// What a match is worth, where several ranges match.
    #[must_use]
    pub fn rank(&self) -> MediaRank {
        let suffix = self.text.len().saturating_sub(self.end);
        MediaRank { exact: self.is_exact(), suffix, start: self.start }
    }

    /// Whether this is one media type and not several.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.start == self.end
    }

    /// As written, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_charset_is_utf_8_however_it_is_written_or_another_one() {
        for (value, expected) in [
            ("application/json", Charset::Unsaid),
            ("application/json; v=1", Charset::Unsaid),
            ("application/json; v=\"; charset=latin1\"", Charset::Unsaid),
            ("application/json; charset=utf-8", Charset::Utf8),
            ("application/json;;CHARSET=UTF-8 ;", Charset::Utf8),
            ("application/json; v=1; charset=\"Utf-8\"", Charset::Utf8),
            ("application/json; charset=\"u\\tf-8\"", Charset::Utf8),
            ("application/json; charset=utf8", Charset::Other),
            ("application/json; charset=\"\"", Charset::Other),
            ("application/json; charset=\" utf-8\"", Charset::Other),
            ("application/json; charset=utf-16", Charset::Other),
            ("application/json; charset=utf-8; charset=utf-8", Charset::Other),
            ("application/json; charset=utf-8; charset=utf-7", Charset::Other),
        ] {
            assert_eq!(MediaType::parse(value.as_bytes()).unwrap().charset(), expected, "{value}");
        }
    }

    #[test]
    fn the_closest_range_is_the_one_that_names_most() {
        let errors = RefCell::default();
        let range =
            |text: &str| MediaRange::read(&Tree::String(text.to_owned()), &At::root(&errors)).unwrap();
        let ascending = ["*/*", "a/*", "application/*", "application/*+json", "application/*+ld+json", "a/b"];
        for pair in ascending.windows(2) {
            if let [less, more] = pair {
                assert!(range(less).rank() < range(more).rank(), "{less} {more}");
            }
        }
        assert!(range("application/*+json").matches("application/vnd.a+ld+json"));
    }
}
