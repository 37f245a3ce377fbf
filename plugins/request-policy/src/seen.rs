//! One look at the fields of a request: their sizes, what is wrong with them (R15, R16), and those that later rules
//! ask for.

use filter_core::media::unquoted_parts;
use filter_core::message::Headers;
use std::borrow::Cow;

/// What a request's fields say.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    /// Fields, pseudo header fields left out.
    pub(crate) count: usize,
    /// Bytes of the largest of them, name and value.
    pub(crate) largest: usize,
    /// Bytes of all of them.
    pub(crate) total: usize,
    /// A value holds a control byte other than a tab.
    pub(crate) control: bool,
    /// A header that has one value has more: in fields of its own, or joined by Envoy with a comma.
    pub(crate) duplicate: bool,
    authorization: Option<&'a [u8]>,
    pub(crate) content_length: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    /// `transfer-encoding` is there.
    chunked: bool,
    pub(crate) cookie: bool,
    pub(crate) expect: Option<&'a [u8]>,
    pub(crate) fetch_site: Option<&'a [u8]>,
    /// All values, joined with commas.
    pub(crate) forwarded_for: Option<Cow<'a, [u8]>>,
    pub(crate) forwarded_proto: Option<&'a [u8]>,
    pub(crate) origin: Option<&'a [u8]>,
    /// `access-control-request-private-network: true`
    pub(crate) private_network: bool,
    /// `access-control-request-headers`: all values, joined with commas.
    pub(crate) request_headers: Option<Cow<'a, [u8]>>,
    pub(crate) request_id: Option<&'a [u8]>,
    /// `access-control-request-method`
    pub(crate) request_method: Option<&'a [u8]>,
    pub(crate) upgrade: Option<&'a [u8]>,
}

impl<'a> Seen<'a> {
    pub(crate) fn of(headers: &'a Headers) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers.iter() {
            if name.first() == Some(&b':') {
                continue;
            }
            let size = name.len().saturating_add(value.len());
            seen.count = seen.count.saturating_add(1);
            seen.largest = seen.largest.max(size);
            seen.total = seen.total.saturating_add(size);
            seen.control |= has_control(value);
            seen.note(name, value);
        }
        seen
    }

    /// Whether a body is framed by the head.
    pub(crate) fn announces_body(&self) -> bool {
        self.content_length.is_some() || self.chunked
    }

    fn note(&mut self, name: &'a [u8], value: &'a [u8]) {
        match name {
            b"access-control-request-headers" => join(&mut self.request_headers, value),
            b"access-control-request-method" => first(&mut self.request_method, value),
            b"access-control-request-private-network" => self.private_network |= value == b"true",
            b"authorization" => {
                self.duplicate |= self.authorization.is_some() || several_credentials(value);
                first(&mut self.authorization, value);
            }
            b"content-length" => {
                self.duplicate |= self.content_length.is_some() || value.contains(&b',');
                first(&mut self.content_length, value);
            }
            b"content-type" => {
                self.duplicate |= self.content_type.is_some() || unquoted_parts(value).nth(1).is_some();
                first(&mut self.content_type, value);
            }
            b"cookie" => self.cookie = true,
            b"expect" => first(&mut self.expect, value),
            b"origin" => {
                // Neither is in a serialised origin (RFC 6454 section 6.2); a list of them nobody sends any more.
                self.duplicate |= self.origin.is_some() || value.iter().any(|b| matches!(b, b',' | b' '));
                first(&mut self.origin, value);
            }
            b"sec-fetch-site" => first(&mut self.fetch_site, value),
            b"transfer-encoding" => self.chunked = true,
            b"upgrade" => first(&mut self.upgrade, value),
            b"x-forwarded-for" => join(&mut self.forwarded_for, value),
            b"x-forwarded-proto" => first(&mut self.forwarded_proto, value),
            b"x-request-id" => first(&mut self.request_id, value),
            _ => {}
        }
    }
}

fn first<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) {
    slot.get_or_insert(value);
}

fn join<'a>(slot: &mut Option<Cow<'a, [u8]>>, value: &'a [u8]) {
    *slot = Some(match slot.take() {
        Some(earlier) => Cow::Owned([&earlier, b",".as_slice(), value].concat()),
        None => Cow::Borrowed(value),
    });
}

/// Whether a value holds a byte that no field value may (RFC 9110 section 5.5). Eight bytes at a time: this looks at
/// every byte of every request.
fn has_control(value: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // The bytes of a word that are below `limit`, by the borrow into their highest bit.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word & HIGHS;
    let control = |b: &u8| (*b < 0x20 && *b != b'\t') || *b == 0x7f;
    let (words, rest) = value.as_chunks::<8>();
    let suspicious = |chunk: &[u8; 8]| {
        let word = u64::from_le_bytes(*chunk);
        below(word, 0x20) | below(word ^ ONES.wrapping_mul(0x7f), 1) != 0
    };
    words.iter().any(|chunk| suspicious(chunk) && chunk.iter().any(control)) || rest.iter().any(control)
}

/// Whether an `Authorization` is that of two: after a comma comes another scheme and not a parameter of the first
/// (RFC 9110 section 11.4: `Digest a="x", b=y` is one).
fn several_credentials(value: &[u8]) -> bool {
    value.contains(&b',') && unquoted_parts(value).skip(1).any(|part| !is_parameter(part.trim_ascii()))
}

/// `token BWS "=" …`, or nothing at all, which a list may hold.
fn is_parameter(part: &[u8]) -> bool {
    let end = part.iter().position(|&b| matches!(b, b'=' | b' ' | b'\t')).unwrap_or(part.len());
    let rest = part.get(end..).unwrap_or_default();
    part.is_empty() || (end > 0 && rest.trim_ascii_start().starts_with(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_bytes_are_found_at_every_place() {
        for at in 0..20 {
            for byte in 0..=255_u8 {
                let mut value = *b"abcdefghijklmnopqrst";
                value[at] = byte;
                let expected = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                assert_eq!(has_control(&value), expected, "{byte} at {at}");
                value[19 - at] = b'\t';
                assert_eq!(has_control(&value), expected && value[at] == byte, "{byte} at {at} and a tab");
            }
        }
    }

    #[test]
    fn two_credentials_are_told_from_parameters() {
        for one in [
            "Bearer a.b.c",
            "Basic YTpi",
            "Digest username=\"a, Bearer b\", nonce=x",
            "Bearer a, realm = x",
            "x,",
            "Digest a=\"\\\", b c\"",
        ] {
            assert!(!several_credentials(one.as_bytes()), "{one}");
        }
        for two in ["Bearer a,Bearer b", "Bearer a, Basic YTpi", "Digest a=\"x\", Bearer b", "Bearer a,b"] {
            assert!(several_credentials(two.as_bytes()), "{two}");
        }
    }
}
