//! Credentials in text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::names::{says_secret_in_text, suggests_secret};
use super::{Found, MASK, changed};

/// Masks what was found elsewhere and what looks like a credential.
pub(super) fn mask<'a>(text: &'a [u8], found: &Found) -> Cow<'a, [u8]> {
    let plain = echoes(text, found);
    let masked = patterns(&plain, &mut Found::default()).into_owned();
    changed(text, masked)
}

/// Masks what was found elsewhere.
pub(super) fn echoes<'a>(text: &'a [u8], found: &Found) -> Cow<'a, [u8]> {
    let mut plain = Cow::Borrowed(text);
    let mut values: Vec<&Vec<u8>> = found.values.iter().collect();
    // A value may be part of another one.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        if memchr::memmem::find(&plain, value).is_some() {
            plain = Cow::Owned(replaced(&plain, value));
        }
    }
    plain
}

fn replaced(text: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut copied = 0;
    for at in memchr::memmem::find_iter(text, value) {
        out.extend_from_slice(text.get(copied..at).unwrap_or_default());
        out.extend_from_slice(MASK.as_bytes());
        copied = at + value.len();
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    out
}

/// Masks what looks like a credential, and remembers it.
pub(super) fn patterns<'a>(text: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
    let mut out = Vec::new();
    let (mut position, mut copied) = (0, 0);
    while position < text.len() {
        let Some((start, end)) = secret_at(text, position) else {
            position += 1;
            continue;
        };
        let secret = text.get(start..end).unwrap_or_default();
        if !secret.is_empty() && secret != MASK.as_bytes() {
            found.add_encoded(secret);
            out.extend_from_slice(text.get(copied..start).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
            copied = end;
        }
        position = end.max(position + 1);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// The credential that something at `position` introduces.
fn secret_at(text: &[u8], position: usize) -> Option<(usize, usize)> {
    let rest = text.get(position..)?;
    match rest.first()? {
        b'=' | b':' => userinfo(text, position).or_else(|| named(text, position)),
        b'B' | b'b' if !is_in_word(text, position) => after_scheme(rest, position),
        b'e' if rest.starts_with(b"eyJ") && !is_in_word(text, position) => web_token(rest, position),
        _ => None,
    }
}

fn is_in_word(text: &[u8], position: usize) -> bool {
    let before = position.checked_sub(1).and_then(|before| text.get(before));
    before.is_some_and(u8::is_ascii_alphanumeric)
}

/// `://user:password@`
fn userinfo(text: &[u8], position: usize) -> Option<(usize, usize)> {
    let start = position + 3;
    let after = text.get(position..)?.strip_prefix(b"://")?;
    let end = after.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#') || is_end(*byte));
    let at = memchr::memrchr(b'@', after.get(..end.unwrap_or(after.len()))?)?;
    Some((start, start + at))
}

/// `name=value`, `name: value`, `"name": "value"`, `\"name\": \"value\"` with a name that suggests a
/// credential.
fn named(text: &[u8], position: usize) -> Option<(usize, usize)> {
    let before = unquoted(text.get(..position)?);
    let letters = before.iter().rev().take_while(|byte| is_name(**byte)).count();
    let (before, name) = before.split_at_checked(before.len() - letters)?;
    let equals = text.get(position) == Some(&b'=');
    // Short names say much only in a query.
    let in_query = equals && matches!(before.last(), Some(b'?' | b'&' | b';' | b'#'));
    if !(says_secret_in_text(name) || (in_query && suggests_secret(name))) {
        return None;
    }
    let after = text.get(position + 1..)?;
    let spaces = if equals { 0 } else { after.iter().take_while(|byte| **byte == b' ').count() };
    let start = position + 1 + spaces;
    let value = text.get(start..)?;
    let until = |end: fn(&u8) -> bool| value.iter().position(end).unwrap_or(value.len());
    Some(match value {
        [b'\\', b'"', quoted @ ..] => {
            let length = memchr::memmem::find(quoted, b"\\\"").unwrap_or(quoted.len());
            (start + 2, start + 2 + length)
        }
        [quote @ (b'"' | b'\''), quoted @ ..] => {
            let length = memchr::memchr(*quote, quoted).unwrap_or(quoted.len());
            (start + 1, start + 1 + length)
        }
        _ if equals => (start, start + until(is_end_of_pair)),
        // A header's value goes to the end of the line.
        _ => (start, start + until(is_end_of_header)),
    })
}

fn unquoted(text: &[u8]) -> &[u8] {
    let Some(open) = text.strip_suffix(b"\"").or_else(|| text.strip_suffix(b"'")) else { return text };
    open.strip_suffix(b"\\").unwrap_or(open)
}

/// `Bearer …`, or `Basic …` where that is a name and a password.
fn after_scheme(rest: &[u8], position: usize) -> Option<(usize, usize)> {
    let bearer = rest.get(..7).filter(|word| word.eq_ignore_ascii_case(b"bearer "));
    let basic = rest.get(..6).filter(|word| word.eq_ignore_ascii_case(b"basic "));
    let word = bearer.or(basic)?.len();
    let after = rest.get(word..)?;
    let spaces = after.iter().take_while(|byte| **byte == b' ').count();
    let token = after.get(spaces..)?;
    let length = token.iter().take_while(|byte| is_token68(**byte)).count();
    let (token, rest) = token.split_at_checked(length)?;
    if rest.first() == Some(&b'"') && token.ends_with(b"=") {
        // A parameter: `Bearer realm="…"`.
        return None;
    }
    let pair = || STANDARD.decode(token).is_ok_and(|pair| pair.contains(&b':'));
    let start = position + word + spaces;
    (bearer.is_some() || pair()).then_some((start, start + length))
}

/// A JSON Web Token, whose first part is an object in base64url. Where there is only one part, it is skipped.
fn web_token(rest: &[u8], position: usize) -> Option<(usize, usize)> {
    let length = rest.iter().take_while(|byte| is_token68(**byte)).count();
    let end = position + length;
    Some(if rest.get(..length)?.contains(&b'.') { (position, end) } else { (end, end) })
}

/// RFC 9110 section 11.2.
fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'%' | b'[' | b']')
}

fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'\'' | b'<' | b'>')
}

fn is_end_of_pair(byte: &u8) -> bool {
    is_end(*byte) || matches!(byte, b'&' | b';' | b',' | b')' | b'}' | b'#')
}

fn is_end_of_header(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b'"' | b'\'' | b',' | b'}')
}
