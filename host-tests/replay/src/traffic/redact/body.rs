//! Bodies: JSON by pointer, forms by the names of their fields.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::edits::Edits;
use super::names::suggests_secret;
use super::{Found, MASK, changed, url};
use crate::traffic::json::{Loose, Node, open};

/// A JSON pointer (RFC 6901), unescaped.
#[derive(Debug, Clone)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(|token| {
            let plain = token.replace("~1", "").replace("~0", "");
            (!plain.contains('~')).then(|| token.replace("~1", "/").replace("~0", "~"))
        });
        tokens.collect::<Option<Vec<_>>>().map(Self)
    }
}

pub(super) fn mask<'a>(
    pointers: &[Pointer],
    content_type: Option<&[u8]>,
    body: &'a [u8],
    found: &mut Found,
) -> Cow<'a, [u8]> {
    let essence = content_type.map(|value| {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
        String::from_utf8_lossy(essence.trim_ascii()).to_ascii_lowercase()
    });
    let essence = essence.as_deref();
    let is_json = essence.is_some_and(|essence| essence.ends_with("json"));
    match essence {
        _ if is_json || matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) => {
            json(pointers, body, found)
        }
        Some("application/x-www-form-urlencoded") | None => {
            let mut out = Vec::with_capacity(body.len());
            url::pairs_into(body, &url::FORM, &mut out, found);
            changed(body, out)
        }
        Some("multipart/form-data") => multipart(content_type.unwrap_or_default(), body, found),
        Some(_) => Cow::Borrowed(body),
    }
}

fn json<'a>(pointers: &[Pointer], body: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
    if pointers.is_empty() || body.trim_ascii().is_empty() {
        return Cow::Borrowed(body);
    }
    let masked = std::str::from_utf8(body).ok().and_then(|text| {
        let value = serde_json::from_str::<&RawValue>(text).ok()?;
        let mut edits = Edits::new(text);
        mask_members(pointers, value, &mut edits, found)?;
        Some(edits.applied())
    });
    match masked {
        Some(masked) => changed(body, masked.into_bytes()),
        None => {
            found.add(body);
            Cow::Owned(MASK.as_bytes().to_vec())
        }
    }
}

/// Masks what the pointers name in `value`, which is part of the text of `edits`.
pub(super) fn mask_members<'a>(
    pointers: &[Pointer],
    value: &'a RawValue,
    edits: &mut Edits<'a>,
    found: &mut Found,
) -> Option<()> {
    let mut targets = Vec::new();
    for Pointer(tokens) in pointers {
        find(tokens, value, &mut targets)?;
    }
    for target in targets {
        match serde_json::from_str::<Loose>(target.get()) {
            Ok(text) => found.add(&text.0),
            Err(_) => found.add(target.get().as_bytes()),
        }
        edits.replace(target, format!("\"{MASK}\""));
    }
    Some(())
}

fn find<'a>(tokens: &[String], value: &'a RawValue, targets: &mut Vec<&'a RawValue>) -> Option<()> {
    let Some((token, rest)) = tokens.split_first() else {
        targets.push(value);
        return Some(());
    };
    match open(value).ok()? {
        Node::Object(members) => {
            // Every member of this name: which one counts is up to the reader.
            for (_, value) in members.into_iter().filter(|(name, _)| name == token) {
                find(rest, value, targets)?;
            }
        }
        Node::Array(items) => {
            if let Some(item) = token.parse::<usize>().ok().and_then(|index| items.get(index)) {
                find(rest, item, targets)?;
            }
        }
        Node::Scalar => {}
    }
    Some(())
}

/// RFC 7578.
fn multipart<'a>(content_type: &[u8], body: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
    let delimiter = match parameter(content_type, b"boundary=") {
        Some(boundary) => [b"--", boundary].concat(),
        // Whoever leaves it out begins with it.
        None => body.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default().to_vec(),
    };
    if delimiter.len() < 3 {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::with_capacity(body.len());
    let mut copied = 0;
    let starts: Vec<usize> = memchr::memmem::find_iter(body, &delimiter).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(body.len());
        let part = body.get(*start..end).unwrap_or_default();
        let Some((from, to)) = secret_part(part) else { continue };
        found.add(part.get(from..to).unwrap_or_default());
        out.extend_from_slice(body.get(copied..start + from).unwrap_or_default());
        out.extend_from_slice(MASK.as_bytes());
        copied = start + to;
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    changed(body, out)
}

/// The content of a part whose name suggests a credential, without the line break before the next delimiter.
fn secret_part(part: &[u8]) -> Option<(usize, usize)> {
    let crlf = memchr::memmem::find(part, b"\r\n\r\n").map(|at| at + 4);
    let head = crlf.or_else(|| memchr::memmem::find(part, b"\n\n").map(|at| at + 2))?;
    let name = parameter(part.get(..head)?, b"name=")?;
    let content = part.get(head..)?;
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    (suggests_secret(name) && !content.is_empty()).then(|| (head, head + content.len()))
}

/// The value of a parameter of a header, quoted or not; `parameter` is in lower case and ends in `=`.
fn parameter<'a>(head: &'a [u8], parameter: &[u8]) -> Option<&'a [u8]> {
    let mut quoted = false;
    let mut before = b';';
    for (at, byte) in head.iter().enumerate() {
        let here = head.get(at..at + parameter.len()).unwrap_or_default();
        // `name=` is also the end of `filename=`, and a part of its value.
        if !quoted && !before.is_ascii_alphanumeric() && here.eq_ignore_ascii_case(parameter) {
            let value = head.get(at + parameter.len()..)?;
            return match value.strip_prefix(b"\"") {
                Some(quoted) => quoted.get(..memchr::memchr(b'"', quoted)?),
                None => value.split(|byte| matches!(byte, b';' | b'\r' | b'\n' | b' ')).next(),
            };
        }
        quoted ^= *byte == b'"';
        before = *byte;
    }
    None
}
