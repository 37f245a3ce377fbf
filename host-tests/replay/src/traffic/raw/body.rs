//! How the end of a body is told, and the body.

use crate::step::Step;
use crate::text::Text;
use crate::traffic::Malformed;
use crate::traffic::headers::List;

use super::{bad, cut_off, head, refused};

/// How the end of a body is told (RFC 9112 section 6.3).
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// As Envoy: one length, or one coding which is `chunked`, and never both. With a CR in its coding a request
/// has no body for Envoy, though a filter reads `chunked`.
pub(super) fn framing(headers: &List, split_coding: bool) -> Result<Framing, Malformed> {
    let values = |name: &str| -> Vec<&[u8]> {
        let of_name = headers.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.0.as_slice()).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Framing::None),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(if split_coding { Framing::None } else { Framing::Chunked })
        }
        ([], _) => Err(refused(501, "a transfer-encoding other than chunked")),
        ([_, _, ..], _) => Err(bad("more than one content-length")),
        ([_], [_, ..]) => Err(bad("content-length beside transfer-encoding")),
        ([length], []) => match digits(length) {
            Some(length) => Ok(Framing::Length(length)),
            None => Err(bad("content-length is not a number")),
        },
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Reads the body and the trailers into `step`; how many bytes they take.
pub(super) fn read(framing: &Framing, bytes: &[u8], step: &mut Step) -> Result<usize, Malformed> {
    match framing {
        Framing::None | Framing::Length(0) => Ok(0),
        Framing::Length(length) => {
            let whole = usize::try_from(*length).ok().and_then(|length| bytes.get(..length));
            let body = whole
                .ok_or_else(|| cut_off(format!("the body ends after {} of {length} bytes", bytes.len())))?;
            step.body = Some(Text(body.to_vec()));
            Ok(body.len())
        }
        Framing::Chunked => chunked(bytes, step),
    }
}

/// Chunks and trailers. A broken chunk is refused after the head has reached the filters.
fn chunked(bytes: &[u8], step: &mut Step) -> Result<usize, Malformed> {
    let mut body = Vec::new();
    let mut rest = bytes;
    loop {
        let (size, after) = chunk_size(rest)?;
        if size == 0 {
            rest = after;
            break;
        }
        let split = usize::try_from(size).ok().and_then(|size| after.split_at_checked(size));
        let Some((data, after)) = split else { return Err(cut_off("a chunk is cut off")) };
        body.extend_from_slice(data);
        // Envoy skips what stands between a chunk and the end of the line.
        let end = memchr::memchr(b'\n', after).ok_or_else(|| cut_off("a chunk is cut off"))?;
        rest = after.get(end + 1..).unwrap_or_default();
    }
    step.body = Some(Text(body));
    let (trailers, length) = trailers(rest)?;
    step.trailers = trailers;
    Ok(bytes.len() - rest.len() + length)
}

/// A size and what comes after its line. Envoy ends the number at white space or `;` and ignores what follows
/// up to CR LF.
fn chunk_size(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let end = memchr::memchr2(b'\r', b'\n', bytes);
    let digits = bytes.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(bytes.len());
    let number = std::str::from_utf8(bytes.get(..digits).unwrap_or_default()).unwrap_or_default();
    match (bytes.get(digits), end.and_then(|end| bytes.get(end..))) {
        (None, _) => return Err(cut_off("the chunks do not end")),
        (Some(b' ' | b'\t' | b';' | b'\r'), _) if digits > 0 => {}
        _ => return Err(bad("a chunk has no size, or no valid one")),
    }
    // u64 from_str_radix takes any number of leading zeros.
    let size = u64::from_str_radix(number, 16).map_err(|_| bad("a chunk's size is too large"))?;
    match end.and_then(|end| bytes.get(end..)) {
        Some([b'\r', b'\n', after @ ..]) => Ok((size, after)),
        None | Some([b'\r']) => Err(cut_off("the chunks do not end")),
        Some(_) => Err(bad("the line of a chunk's size ends without CR LF")),
    }
}

/// Trailers and their length, up to and with the empty line.
fn trailers(bytes: &[u8]) -> Result<(List, usize), Malformed> {
    match bytes {
        [b'\r', b'\n', ..] => return Ok((List::new(), 2)),
        [b'\n', ..] => return Ok((List::new(), 1)),
        _ => {}
    }
    let Some(length) = head::end(bytes) else { return Err(cut_off("the trailers do not end")) };
    let lines = bytes.get(..length).unwrap_or_default();
    head::trailers(lines).map(|list| (list, length))
}
