//! A text taken apart, one token at a time: RFC 8259 and nothing beyond it, within [`Limits`].
//!
//! The caller keeps which array or object it is in; names that an object has twice are the caller's to find, who has
//! them at hand.

use super::{Limits, Number, Refusal};
use std::borrow::Cow;

/// What a value is, as far as its first token shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'d> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number<'d>),
    /// A string.
    String(Cow<'d, str>),
    /// An array, whose elements follow: [`Scanner::element`].
    Array,
    /// An object, whose members follow: [`Scanner::member`].
    Object,
}

/// Where a text has been read to. A clone reads the same once more.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'d, 'l> {
    text: &'d str,
    limits: &'l Limits,
    at: usize,
    depth: usize,
    values: usize,
    name_at: usize,
}

impl<'d, 'l> Scanner<'d, 'l> {
    /// At the start of a text.
    ///
    /// # Errors
    /// The text is not UTF-8 (RFC 8259 section 8.1).
    pub(crate) fn new(text: &'d [u8], limits: &'l Limits) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(text)
            .map_err(|error| Refusal::Malformed { at: error.valid_up_to(), what: "not UTF-8" })?;
        Ok(Self { text, limits, at: 0, depth: 0, values: 0, name_at: 0 })
    }

    /// Where the name is that was read last, in bytes from the start.
    pub(crate) fn name_at(&self) -> usize {
        self.name_at
    }

    /// Reads a value; of an array or object the bracket that opens it.
    ///
    /// # Errors
    /// No value is there, or it is beyond a limit.
    pub(crate) fn value(&mut self) -> Result<Token<'d>, Refusal> {
        if self.values == self.limits.values {
            return Err(Refusal::TooMuch("values"));
        }
        self.values += 1;
        match self.peek() {
            Some(b'"') => self.string(self.limits.string, "string").map(Token::String),
            Some(b'{') => self.open(Token::Object),
            Some(b'[') => self.open(Token::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b't') => self.word("true", Token::Bool(true)),
            Some(b'f') => self.word("false", Token::Bool(false)),
            Some(b'n') => self.word("null", Token::Null),
            Some(_) => Err(self.malformed("a value was expected")),
            None => Err(self.malformed("the text ends too early")),
        }
    }

    /// Whether an element follows in the array being read, `read` of whose elements have been. If none does, the array
    /// is closed.
    ///
    /// # Errors
    /// Neither a comma nor the bracket that closes it, or too many elements.
    pub(crate) fn element(&mut self, read: usize) -> Result<bool, Refusal> {
        match self.peek() {
            Some(b']') => {
                self.close();
                return Ok(false);
            }
            Some(b',') if read > 0 => self.at += 1,
            Some(_) if read == 0 => {}
            Some(_) => return Err(self.malformed("`,` or `]` was expected")),
            None => return Err(self.malformed("the text ends too early")),
        }
        if read >= self.limits.items {
            return Err(Refusal::TooMuch("items"));
        }
        Ok(true)
    }

    /// The name of the next member of the object being read, `read` of whose members have been; its value follows. If
    /// there is none, the object is closed.
    ///
    /// # Errors
    /// No member and no brace that closes it, or too many members, or too long a name.
    pub(crate) fn member(&mut self, read: usize) -> Result<Option<Cow<'d, str>>, Refusal> {
        match self.peek() {
            Some(b'}') => {
                self.close();
                return Ok(None);
            }
            Some(b',') if read > 0 => self.at += 1,
            Some(_) if read == 0 => {}
            Some(_) => return Err(self.malformed("`,` or `}` was expected")),
            None => return Err(self.malformed("the text ends too early")),
        }
        if self.peek() != Some(b'"') {
            return Err(self.malformed("a name was expected"));
        }
        if read >= self.limits.members {
            return Err(Refusal::TooMuch("members"));
        }
        self.name_at = self.at;
        let name = self.string(self.limits.name, "name")?;
        if self.peek() != Some(b':') {
            return Err(self.malformed("`:` was expected"));
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// Nothing but white space may follow.
    ///
    /// # Errors
    /// Something does.
    pub(crate) fn end(&mut self) -> Result<(), Refusal> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.malformed("text after the value")),
        }
    }

    fn malformed(&self, what: &'static str) -> Refusal {
        Refusal::Malformed { at: self.at, what }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, not yet read.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    #[inline]
    fn open(&mut self, token: Token<'d>) -> Result<Token<'d>, Refusal> {
        if self.depth == self.limits.depth {
            return Err(Refusal::TooMuch("depth"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(token)
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
    }

    fn word(&mut self, word: &str, token: Token<'d>) -> Result<Token<'d>, Refusal> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.malformed("a value was expected"));
        }
        self.at = end;
        Ok(token)
    }

    /// RFC 8259 section 6. What follows a number is for the caller to judge.
    fn number(&mut self) -> Result<Number<'d>, Refusal> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        // No zeros before other digits.
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > self.limits.number {
            return Err(Refusal::TooMuch("number"));
        }
        Ok(Number(self.text.get(start..self.at).unwrap_or_default()))
    }

    fn digits(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.malformed("a digit was expected"));
        }
        Ok(())
    }

    /// RFC 8259 section 7, from the quotation mark that opens it; at most `most` bytes, a limit of this name.
    #[inline]
    fn string(&mut self, most: usize, name: &'static str) -> Result<Cow<'d, str>, Refusal> {
        self.at += 1;
        let plain = self.plain(most, name)?;
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(plain))
            }
            _ => self.escaped(plain.to_owned(), most, name).map(Cow::Owned),
        }
    }

    /// What stands in a string up to the next quotation mark or escape.
    #[inline]
    fn plain(&mut self, most: usize, name: &'static str) -> Result<&'d str, Refusal> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        self.at += plain_bytes(rest);
        match self.byte() {
            Some(b'"' | b'\\') if self.at - start > most => Err(Refusal::TooMuch(name)),
            Some(b'"' | b'\\') => Ok(self.text.get(start..self.at).unwrap_or_default()),
            Some(_) => Err(self.malformed("a control character in a string")),
            None => Err(self.malformed("the text ends too early")),
        }
    }

    /// The rest of a string from its first escape.
    #[cold]
    fn escaped(&mut self, mut string: String, most: usize, name: &'static str) -> Result<String, Refusal> {
        while self.byte() == Some(b'\\') {
            self.at += 1;
            string.push(self.escape()?);
            let room = most.checked_sub(string.len()).ok_or(Refusal::TooMuch(name))?;
            string.push_str(self.plain(room, name)?);
        }
        self.at += 1;
        Ok(string)
    }

    fn escape(&mut self) -> Result<char, Refusal> {
        let char = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unit_pair(),
            _ => return Err(self.malformed("an unknown escape")),
        };
        self.at += 1;
        Ok(char)
    }

    /// A code point by its UTF-16 code units: one, or two that are a surrogate pair.
    fn unit_pair(&mut self) -> Result<char, Refusal> {
        let start = self.at;
        let lone = Refusal::Malformed { at: start, what: "a lone surrogate" };
        let unit = self.unit()?;
        let mut units = [unit, 0];
        let units = if (0xD800..0xDC00).contains(&unit) {
            if self.byte() != Some(b'\\') {
                return Err(lone);
            }
            self.at += 1;
            if self.byte() != Some(b'u') {
                return Err(lone);
            }
            units = [unit, self.unit()?];
            units.as_slice()
        } else {
            units.get(..1).unwrap_or_default()
        };
        let mut chars = char::decode_utf16(units.iter().copied());
        match (chars.next(), chars.next()) {
            (Some(Ok(char)), None) => Ok(char),
            _ => Err(lone),
        }
    }

    /// `u` and four digits.
    fn unit(&mut self) -> Result<u16, Refusal> {
        self.at += 1;
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        // `from_str_radix` takes a sign too.
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.malformed("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(unit)
    }
}

/// How many bytes at the start are neither a quotation mark nor a backslash nor a control character: eight at a time,
/// as most strings are longer.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let (quotes, slashes) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        // The high bit of a byte that is zero, or below 0x20; above the lowest such byte a borrow may set others.
        let special = (quotes.wrapping_sub(ONES) & !quotes)
            | (slashes.wrapping_sub(ONES) & !slashes)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let special = special & HIGH;
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}
