//! What may appear in a log line: bounded, one line, no control bytes, no query values.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longest log line, in bytes. An audit line stays below it whatever a client sends.
pub const MAX_LINE: usize = 8192;
/// Longest single field of a request inside a log line, in bytes.
const MAX_FIELD: usize = 256;

/// Makes a text fit for a log: control characters and what could reorder a terminal's line are escaped as
/// `\u{…}`, the rest is cut at [`MAX_LINE`].
#[must_use]
pub fn line(text: &str) -> String {
    escape(text, MAX_LINE)
}

fn escape(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        if out.len() >= limit {
            out.push('…');
            break;
        }
        if c.is_control() || is_format(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Bidirectional controls and other invisible characters that make a log lie to its reader.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A field of a request as a log may show it: capped, bytes that are not UTF-8 replaced, then [`line()`].
#[must_use]
pub fn field(bytes: &[u8]) -> String {
    // One byte more than the limit, so that the cut is seen.
    let kept = bytes.get(..=MAX_FIELD).unwrap_or(bytes);
    escape(&String::from_utf8_lossy(kept), MAX_FIELD)
}

/// An `:authority` as a log may show it: a password may stand before an `@` (RFC 3986 section 3.2.1).
#[must_use]
pub fn authority(bytes: &[u8]) -> String {
    match bytes.iter().rposition(|&b| b == b'@') {
        Some(at) => field(&[b"*", bytes.get(at..).unwrap_or_default()].concat()),
        None => field(bytes),
    }
}

/// A `:path` as a log may show it: query values and segment parameters masked, names kept
/// (`/orders;*?token=*&page=*`), and all that follows an encoded `?` or `#`, also one encoded twice (`/orders%3F*`).
#[must_use]
pub fn path(raw: &[u8]) -> String {
    let raw = raw.get(..MAX_FIELD.saturating_mul(4)).unwrap_or(raw);
    let mut parts = raw.splitn(2, |&b| matches!(b, b'?' | b'#'));
    let path = without_parameters(&without_encoded_query(parts.next().unwrap_or_default()));
    let Some(query) = parts.next() else { return field(&path) };
    let mut masked = Vec::with_capacity(query.len());
    for pair in query.split(|&b| b == b'&') {
        if !masked.is_empty() {
            masked.push(b'&');
        }
        match pair.iter().position(|&b| b == b'=') {
            Some(at) => {
                masked.extend_from_slice(pair.get(..at).unwrap_or_default());
                masked.extend_from_slice(b"=*");
            }
            // A pair without `=` may be a bare token.
            None => masked.push(b'*'),
        }
    }
    format!("{}?{}", field(&path), field(&masked))
}

fn without_encoded_query(path: &[u8]) -> Cow<'_, [u8]> {
    const MARKS: [&[u8]; 4] = [b"%3f", b"%23", b"%253f", b"%2523"];
    let begins = |at: &usize| {
        let rest = path.get(*at..).unwrap_or_default();
        MARKS.iter().any(|mark| rest.get(..mark.len()).is_some_and(|found| found.eq_ignore_ascii_case(mark)))
    };
    match (0..path.len()).find(begins) {
        Some(at) => Cow::Owned([path.get(..at).unwrap_or_default(), b"%3F*"].concat()),
        None => Cow::Borrowed(path),
    }
}

/// Segment parameters carry session ids: `/a;jsessionid=1F/b` becomes `/a;*/b`, an encoded `;` included, also
/// one encoded twice.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|&b| b == b'/').map(|segment| {
        let semicolon = segment.iter().position(|&b| b == b';');
        let encoded = segment.windows(3).position(|w| w.eq_ignore_ascii_case(b"%3b"));
        let twice = segment.windows(5).position(|w| w.eq_ignore_ascii_case(b"%253b"));
        match semicolon.into_iter().chain(encoded).chain(twice).min() {
            Some(at) => [segment.get(..at).unwrap_or_default(), b";*"].concat(),
            None => segment.to_vec(),
        }
    });
    segments.collect::<Vec<_>>().join(&b'/')
}
