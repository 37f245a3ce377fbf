//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07 section 2.1): a string of a structured field (RFC 9651
//! section 3.3.3), or as most clients write it the same text without quotes. Both are the same key.

use filter_core::denial::{Denial, Reason};
use std::borrow::Cow;

/// How long keys are, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// At least 1.
    pub min: usize,
    /// At least `min`.
    pub max: usize,
}

/// Why a request has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// It has no such field.
    Missing,
    /// It has two, and servers disagree which one counts.
    Twice,
    /// The field is empty, or a string without a character.
    Empty,
    /// It has fewer characters than asked for.
    TooShort,
    /// It has more than are allowed.
    TooLong,
    /// It is neither a string of a structured field nor bare, or something follows.
    Malformed,
}

impl NoKey {
    /// The refusal.
    #[must_use]
    pub fn denial(self) -> Denial {
        let detail = match self {
            Self::Missing => return Denial::new(Reason::IdempotencyMissing),
            Self::Twice => "there is more than one key",
            Self::Empty => "the key is empty",
            Self::TooShort => "the key is too short",
            Self::TooLong => "the key is too long",
            Self::Malformed => {
                "the key is neither a quoted string nor visible ASCII without quotes, commas and semicolons"
            }
        };
        Denial::new(Reason::IdempotencyMalformed).detail(detail)
    }
}

/// The key in the values of the field.
///
/// # Errors
/// There is none, or it has no single reading.
pub fn read<'v>(
    mut values: impl Iterator<Item = &'v [u8]>,
    lengths: Lengths,
) -> Result<Cow<'v, [u8]>, NoKey> {
    let value = values.next().ok_or(NoKey::Missing)?;
    if values.next().is_some() {
        return Err(NoKey::Twice);
    }
    let key = match value.trim_ascii() {
        [] => return Err(NoKey::Empty),
        [b'"', rest @ ..] => Cow::Owned(string(rest).ok_or(NoKey::Malformed)?),
        bare if bare.iter().all(|&b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';')) => {
            Cow::Borrowed(bare)
        }
        _ => return Err(NoKey::Malformed),
    };
    match key.len() {
        0 => Err(NoKey::Empty),
        length if length < lengths.min => Err(NoKey::TooShort),
        length if length > lengths.max => Err(NoKey::TooLong),
        _ => Ok(key),
    }
}

/// What a string says, from behind its first quote to the last, with which the field ends (RFC 9651 section 4.2.5): parameters
/// may follow in a structured field, but none is defined for this one.
fn string(rest: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return bytes.next().is_none().then_some(text),
            b'\\' => text.push(bytes.next().filter(|escaped| matches!(escaped, b'"' | b'\\'))?),
            b' '..=b'~' => text.push(byte),
            _ => return None,
        }
    }
    None
}
