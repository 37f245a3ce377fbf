//! The request line and the header lines.

use crate::text::Text;
use crate::traffic::Malformed;
use crate::traffic::headers::List;

use super::{bad, cut_off, refused};

/// What comes before the body.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    pub(super) headers: List,
    /// The value of a `transfer-encoding` holds a CR.
    pub(super) split_coding: bool,
    /// Bytes up to the body.
    pub(super) length: usize,
}

/// Where the body begins: after the first empty line, which may lack its CR.
pub(in crate::traffic) fn end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

pub(super) fn parse(bytes: &[u8]) -> Result<Head, Malformed> {
    let Some(line) = memchr::memchr(b'\n', bytes) else {
        return Err(cut_off("the request line does not end"));
    };
    let mut plain = request_line(bytes.get(..line).unwrap_or_default())?;
    let Some(length) = end(bytes) else { return Err(cut_off("the head does not end")) };
    let mut split_coding = false;
    plain.extend(header_lines(bytes.get(line + 1..length).unwrap_or_default(), &mut split_coding)?);
    let mut headers = slots(&plain);
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(&plain).map_err(refusal)?;
    whole(status, &plain)?;
    Ok(Head {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().as_bytes().to_vec(),
        headers: list(request.headers),
        split_coding,
        length,
    })
}

/// Trailers: header lines up to and with the empty line.
pub(super) fn trailers(lines: &[u8]) -> Result<List, Malformed> {
    let plain = header_lines(lines, &mut false)?;
    let mut headers = slots(&plain);
    let parsed = httparse::parse_headers(&plain, &mut headers).map_err(refusal)?;
    let (length, headers) = match parsed {
        httparse::Status::Complete((length, headers)) => (httparse::Status::Complete(length), headers),
        httparse::Status::Partial => (httparse::Status::Partial, &[][..]),
    };
    whole(length, &plain)?;
    Ok(list(headers))
}

/// The request line with single spaces. Envoy separates by any number of spaces, tabs and CRs.
fn request_line(line: &[u8]) -> Result<Vec<u8>, Malformed> {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
    if line.first().is_some_and(space) {
        return Err(bad("white space before the method"));
    }
    let words: Vec<&[u8]> = line.split(space).filter(|word| !word.is_empty()).collect();
    let [_, target, version] = words.as_slice() else {
        return Err(match words.as_slice() {
            [method, _] if method.iter().all(u8::is_ascii_alphanumeric) => refused(426, "HTTP/0.9"),
            _ => bad("the request line is not a method, a target and a version"),
        });
    };
    if target.iter().any(|byte| !matches!(byte, 0x21..=0x7e) || *byte == b'#') {
        return Err(bad("the target holds a byte that it may not"));
    }
    match *version {
        b"HTTP/1.1" => {}
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            let version = String::from_utf8_lossy(version);
            return Err(refused(
                426,
                format!("{version}, which Envoy accepts only as 1.0 with accept_http_10"),
            ));
        }
        _ => return Err(bad("the version is not HTTP/1.1")),
    }
    let mut plain = words.join(&b' ');
    plain.extend_from_slice(b"\r\n");
    Ok(plain)
}

/// The header lines and the empty line as a strict parser reads them: Envoy unfolds a folded line by leaving
/// out its line break, and drops each CR in a value.
fn header_lines(lines: &[u8], split_coding: &mut bool) -> Result<Vec<u8>, Malformed> {
    let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
    let lines = lines.strip_suffix(b"\r").unwrap_or(lines);
    let mut plain = Vec::with_capacity(lines.len() + 2);
    for (index, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        match (folded, index) {
            (true, 0) => return Err(bad("the first header line is folded")),
            (true, _) | (false, 0) => {}
            (false, _) => plain.extend_from_slice(b"\r\n"),
        }
        // The name keeps its CRs: they are refused.
        let colon = if folded { 0 } else { memchr::memchr(b':', line).unwrap_or(line.len()) };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        if has_inner_cr(value) {
            if name.eq_ignore_ascii_case(b"content-length") {
                return Err(bad("a CR within content-length"));
            }
            *split_coding |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        plain.extend_from_slice(name);
        plain.extend(value.iter().filter(|byte| **byte != b'\r'));
    }
    plain.extend_from_slice(if lines.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
    Ok(plain)
}

/// Those at its ends are white space.
fn has_inner_cr(value: &[u8]) -> bool {
    let value = value.strip_prefix(b":").unwrap_or(value);
    value.trim_ascii().contains(&b'\r')
}

fn slots<'a>(plain: &[u8]) -> Vec<httparse::Header<'a>> {
    vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', plain).count()]
}

/// Whatever is left over was behind an empty line.
fn whole(status: httparse::Status<usize>, plain: &[u8]) -> Result<(), Malformed> {
    if status == httparse::Status::Complete(plain.len()) { Ok(()) } else { Err(bad("an odd empty line")) }
}

fn refusal(error: httparse::Error) -> Malformed {
    match error {
        httparse::Error::HeaderName => bad("a header line has no name, or no valid one"),
        httparse::Error::HeaderValue => bad("a header value holds a control character"),
        httparse::Error::Token => bad("the method or the target holds a byte that it may not"),
        error => bad(error.to_string()),
    }
}

fn list(headers: &[httparse::Header<'_>]) -> List {
    let value = |header: &httparse::Header<'_>| Text(header.value.trim_ascii().to_vec());
    headers.iter().map(|header| (header.name.to_owned(), value(header))).collect()
}
