//! The text of a query or a form: its pairs, and what they decode to.

use std::borrow::Cow;

/// Text that has no reading: a `%` without two hexadecimal digits, or bytes that are not UTF-8. Lenient decoders differ in
/// what they make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadEncoding;

/// Name and value of each pair, not decoded (WHATWG URL section 5.1): empty pairs are none, and what has no `=` has an
/// empty value.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&b| b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let end = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
        let (name, rest) = pair.split_at_checked(end).unwrap_or_default();
        (name, rest.get(1..).unwrap_or_default())
    })
}

/// A name or value of a pair, decoded once. `+` is a space: so read servers, whatever RFC 6570 says of it.
pub(crate) fn decoded(text: &[u8]) -> Result<Cow<'_, str>, BadEncoding> {
    decode(text, b' ')
}

/// The fragment of a URI, decoded once.
pub(super) fn fragment(text: &str) -> Result<Cow<'_, str>, BadEncoding> {
    decode(text.as_bytes(), b'+')
}

fn decode(text: &[u8], plus: u8) -> Result<Cow<'_, str>, BadEncoding> {
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return plain(text).map(Cow::Borrowed);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let high = digit(bytes.next()).ok_or(BadEncoding)?;
                high << 4 | digit(bytes.next()).ok_or(BadEncoding)?
            }
            b'+' => plus,
            byte => byte,
        });
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| BadEncoding)
}

/// Text that is not encoded.
pub(super) fn plain(text: &[u8]) -> Result<&str, BadEncoding> {
    std::str::from_utf8(text).map_err(|_| BadEncoding)
}

fn digit(byte: Option<u8>) -> Option<u8> {
    char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
