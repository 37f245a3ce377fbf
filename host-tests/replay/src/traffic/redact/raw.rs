//! The bytes of a raw request.

use std::borrow::Cow;

use super::{Found, Redactor, changed, text};
use crate::text::Text;
use crate::traffic::{headers, raw, step};

impl Redactor {
    /// A raw request. Where its body changes it gets the length it has then, or becomes one chunk; where the
    /// bytes cannot be framed, all after the head is taken for the body.
    pub fn raw<'a>(&self, bytes: &'a [u8], found: &mut Found) -> Cow<'a, [u8]> {
        if !self.enabled {
            return Cow::Borrowed(bytes);
        }
        let mut read = step::blank();
        read.raw = Some(Text(bytes.to_vec()));
        let framed = matches!(raw::fill(&mut read), Ok(None));
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (start, rest) = bytes.split_at_checked(blank).unwrap_or_default();
        let (head, rest) =
            rest.split_at_checked(raw::head_end(rest).unwrap_or(rest.len())).unwrap_or_default();
        let content_type = headers::first(&read.headers, "content-type");
        let chunked = framed && headers::first(&read.headers, "transfer-encoding").is_some();
        let (body, length) = match &read.body {
            Some(body) if framed => {
                let masked = self.body(content_type, &body.0, found);
                let trailers = chunked && !read.trailers.is_empty();
                let masked_length = matches!(masked, Cow::Owned(_)).then_some(masked.len());
                match masked {
                    Cow::Borrowed(_) if !trailers => (rest.to_vec(), None),
                    masked if chunked => (self.chunked(&masked, &read.trailers, found), None),
                    masked => (masked.into_owned(), masked_length),
                }
            }
            _ => {
                let masked = self.body(content_type, rest, found);
                (text::patterns(&masked, found).into_owned(), None)
            }
        };
        let mut out = start.to_vec();
        self.head_into(head, length, &mut out, found);
        out.extend_from_slice(&body);
        changed(bytes, out)
    }

    fn chunked(&self, body: &[u8], trailers: &headers::List, found: &mut Found) -> Vec<u8> {
        let mut out = Vec::new();
        if !body.is_empty() {
            out.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
            out.extend_from_slice(body);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            out.extend_from_slice(format!("{name}: ").as_bytes());
            out.extend_from_slice(&self.header(name, &value.0, found));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The request line and the header lines, each with its own line end.
    fn head_into(&self, head: &[u8], length: Option<usize>, out: &mut Vec<u8>, found: &mut Found) {
        let mut name = String::new();
        for (index, whole) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let end =
                whole.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
            let (line, end) = whole.split_at_checked(end).unwrap_or_default();
            if index == 0 {
                self.request_line_into(line, out, found);
            } else if !line.is_empty() {
                self.header_line_into(line, &mut name, length, out, found);
            }
            out.extend_from_slice(end);
        }
    }

    fn request_line_into(&self, line: &[u8], out: &mut Vec<u8>, found: &mut Found) {
        let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        // Each word: one of them is the target, whatever else is wrong with the line.
        for word in line.split_inclusive(space) {
            let (word, space) = word
                .split_at_checked(word.len() - usize::from(word.last().is_some_and(space)))
                .unwrap_or_default();
            out.extend_from_slice(&self.path(word, found));
            out.extend_from_slice(space);
        }
    }

    /// `name` is that of the line before, to which a folded line belongs.
    fn header_line_into(
        &self,
        line: &[u8],
        name: &mut String,
        length: Option<usize>,
        out: &mut Vec<u8>,
        found: &mut Found,
    ) {
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        let start = match memchr::memchr(b':', line) {
            Some(colon) if !folded => {
                *name = String::from_utf8_lossy(line.get(..colon).unwrap_or_default()).trim().to_owned();
                colon + 1
            }
            _ => 0,
        };
        let spaces = line.iter().skip(start).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let (before, value) = line.split_at_checked(start + spaces).unwrap_or_default();
        out.extend_from_slice(before);
        match length {
            Some(length) if name.eq_ignore_ascii_case("content-length") => {
                out.extend_from_slice(length.to_string().as_bytes());
            }
            _ => out.extend_from_slice(&self.header(name, value, found)),
        }
    }
}
