//! One canonical view of a request path, so that a rule about `/admin` cannot be passed by spelling it
//! differently (RFC 3986 section 6.2.2; the encodings plain Envoy lets through a prefix rule).

use std::borrow::Cow;

/// Why a path has no single meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ambiguity {
    /// `.` or `..` segment, encoded or not.
    DotSegment,
    /// `//`.
    EmptySegment,
    /// `\` or `%5c`.
    Backslash,
    /// `%2f`.
    EncodedSlash,
    /// `;params` in a segment.
    Parameters,
}

impl Ambiguity {
    /// A phrase for an answer's detail; says nothing about the request itself.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::DotSegment => "the path has a dot segment",
            Self::EmptySegment => "the path has an empty segment",
            Self::Backslash => "the path has a backslash",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::Parameters => "the path has segment parameters",
        }
    }
}

/// A path that has no safe canonical form at all: not absolute, a bad or double percent-encoding, a control
/// byte, a fragment, or text that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The canonical view of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    /// Decoded once, dot segments resolved, slashes merged, parameters cut: what rules match.
    pub matched: Cow<'a, str>,
    /// The query without `?`.
    pub query: Option<&'a [u8]>,
    /// The first ambiguity found, where there is one.
    pub ambiguity: Option<Ambiguity>,
    /// Path and query to send upstream so that it sees what was matched; `None`: the request already is in that
    /// form.
    pub rewritten: Option<Vec<u8>>,
}

impl<'a> CanonicalPath<'a> {
    /// Looks at a `:path` value.
    ///
    /// # Errors
    /// [`Malformed`], see there.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Malformed> {
        let (path, query) = match raw.iter().position(|&b| b == b'?') {
            Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at.saturating_add(1)..)),
            None => (raw, None),
        };
        if query.is_some_and(|query| query.iter().any(|&b| b.is_ascii_control() || b == b'#')) {
            return Err(Malformed);
        }
        if path == b"*" {
            return Ok(Self { matched: Cow::Borrowed("*"), query, ambiguity: None, rewritten: None });
        }
        if path.first() != Some(&b'/') {
            return Err(Malformed);
        }
        if let Some(matched) = plain(path) {
            return Ok(Self { matched: Cow::Borrowed(matched), query, ambiguity: None, rewritten: None });
        }
        Segments::of(path)?.canonical(query)
    }
}

/// The common case: unreserved and harmless bytes only, no empty segment, no segment that starts with a dot.
fn plain(path: &[u8]) -> Option<&str> {
    let mut previous = 0;
    for &byte in path {
        let harmless = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'-' | b'_' | b'.' | b'~' | b':' | b'@' | b'!' | b'$' | b'&' | b'+' | b',' | b'='
            );
        if !harmless || (previous == b'/' && matches!(byte, b'/' | b'.')) {
            return None;
        }
        previous = byte;
    }
    std::str::from_utf8(path).ok()
}

/// A path decoded once and cut into segments, parameters dropped.
struct Segments {
    list: Vec<Vec<u8>>,
    ambiguity: Option<Ambiguity>,
}

impl Segments {
    fn of(path: &[u8]) -> Result<Self, Malformed> {
        let mut found = Self { list: Vec::new(), ambiguity: None };
        let (mut segment, mut parameters) = (Vec::new(), None::<Vec<u8>>);
        let mut bytes = path.iter().skip(1).copied();
        while let Some(byte) = bytes.next() {
            let (byte, encoded) = match byte {
                b'%' => (hex(bytes.next(), bytes.next())?, true),
                byte => (byte, false),
            };
            match byte {
                0..=0x1f | 0x7f => return Err(Malformed),
                b'#' if !encoded => return Err(Malformed),
                b'/' | b'\\' => {
                    match (byte, encoded) {
                        (b'\\', _) => found.note(Ambiguity::Backslash),
                        (_, true) => found.note(Ambiguity::EncodedSlash),
                        _ => {}
                    }
                    found.close(&mut segment, &mut parameters, false)?;
                }
                b';' if parameters.is_none() => {
                    found.note(Ambiguity::Parameters);
                    parameters = Some(Vec::new());
                }
                byte => parameters.as_mut().unwrap_or(&mut segment).push(byte),
            }
        }
        found.close(&mut segment, &mut parameters, true)?;
        Ok(found)
    }

    /// Ends a segment: refuses what would decode to something else a second time, resolves dots.
    fn close(
        &mut self,
        segment: &mut Vec<u8>,
        parameters: &mut Option<Vec<u8>>,
        last: bool,
    ) -> Result<(), Malformed> {
        let (segment, parameters) = (std::mem::take(segment), parameters.take());
        if [Some(&segment), parameters.as_ref()]
            .into_iter()
            .flatten()
            .any(|part| std::str::from_utf8(part).is_err() || decodes_again(part))
        {
            return Err(Malformed);
        }
        match segment.as_slice() {
            b"." | b".." => {
                self.note(Ambiguity::DotSegment);
                if segment.len() == 2 {
                    self.list.pop();
                }
                if last {
                    self.list.push(Vec::new());
                }
            }
            b"" if !last => self.note(Ambiguity::EmptySegment),
            _ => self.list.push(segment),
        }
        Ok(())
    }

    fn note(&mut self, ambiguity: Ambiguity) {
        self.ambiguity.get_or_insert(ambiguity);
    }

    fn canonical(mut self, query: Option<&[u8]>) -> Result<CanonicalPath<'_>, Malformed> {
        if self.list.is_empty() {
            self.list.push(Vec::new());
        }
        let (mut matched, mut sent) = (Vec::new(), Vec::new());
        for segment in &self.list {
            matched.push(b'/');
            matched.extend_from_slice(segment);
            sent.push(b'/');
            encode(segment, &mut sent);
        }
        if let Some(query) = query {
            sent.push(b'?');
            sent.extend_from_slice(query);
        }
        let matched = String::from_utf8(matched).map_err(|_| Malformed)?;
        Ok(CanonicalPath {
            matched: Cow::Owned(matched),
            query,
            ambiguity: self.ambiguity,
            rewritten: Some(sent),
        })
    }
}

fn hex(high: Option<u8>, low: Option<u8>) -> Result<u8, Malformed> {
    let digit =
        |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => Ok(high << 4 | low),
        _ => Err(Malformed),
    }
}

/// Whether decoded text still holds a percent-encoding: an upstream that decodes twice would see another path.
fn decodes_again(decoded: &[u8]) -> bool {
    decoded
        .windows(3)
        .any(|w| matches!(w, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

/// Percent-encodes everything but `pchar` (RFC 3986 section 3.3) without `;`, which would begin parameters.
fn encode(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte) {
            out.push(byte);
        } else {
            out.push(b'%');
            for nibble in [byte >> 4, byte & 0xf] {
                out.extend(HEX.get(usize::from(nibble)));
            }
        }
    }
}
