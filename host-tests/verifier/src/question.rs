//! What is asked and answered, as values and as text.
//!
//! A question is a line `<engine> <algorithm> <form> <key>` and a line `<message> <signature>` for each signature, all
//! of key, message and signature in base64url; an empty line is between two questions. An answer is a line: the
//! `SubjectPublicKeyInfo` of the key in base64url, a space, and `1` or `0` for each signature; or `!` and why the key is
//! refused.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use filter_core::policy::Cx;
use jwt_auth::alg::Algorithm;
use jwt_auth::crypto::{Engine, Verifier};
use jwt_auth::keys::{Key, KeySet};
use std::fmt;

/// A key as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A JSON Web Key, symmetric ones included.
    Jwk(String),
    /// A PEM text.
    Pem(String),
}

impl Written {
    /// The key, or why it is refused.
    fn read(&self) -> Result<Verifier, String> {
        match self {
            Self::Jwk(text) => {
                let set = KeySet::inline(text.as_bytes(), true).map_err(|errors| {
                    errors.iter().map(ToString::to_string).collect::<Vec<String>>().join("; ")
                })?;
                set.keys().first().map(|key| key.verifier().clone()).ok_or_else(|| "no key".to_owned())
            }
            Self::Pem(text) => match Key::from_pem(text, None) {
                Ok(key) => Ok(key.verifier().clone()),
                Err(error) => Err(error.to_string()),
            },
        }
    }
}

/// Some signatures of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whether the host verifies, alone, instead of this code.
    pub by_host: bool,
    /// What they are verified as.
    pub algorithm: Algorithm,
    /// The key.
    pub key: Written,
    /// Messages and their signatures.
    pub signatures: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Question {
    /// Reads the key and verifies.
    #[must_use]
    pub fn answer(&self, cx: &dyn Cx) -> Answer {
        let key = match self.key.read() {
            Ok(key) => key,
            Err(error) => return Answer::Refused(error),
        };
        let engine = if self.by_host { Engine::Host } else { Engine::Rust };
        let verify = |(message, signature): &(Vec<u8>, Vec<u8>)| {
            key.verify(self.algorithm, message, signature, engine, cx)
        };
        Answer::Read {
            spki: key.spki().map(<[u8]>::to_vec),
            verdicts: self.signatures.iter().map(verify).collect(),
        }
    }

    /// Reads the text of questions; `None`: it is none.
    #[must_use]
    pub fn read_all(body: &[u8]) -> Option<Vec<Self>> {
        std::str::from_utf8(body).ok()?.split("\n\n").map(Self::read).collect()
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut head = lines.next()?.split(' ');
        let by_host = match head.next()? {
            "host" => true,
            "rust" => false,
            _ => return None,
        };
        let algorithm = Algorithm::of(head.next()?)?;
        let form = head.next()?;
        let key = String::from_utf8(octets(head.next()?)?).ok()?;
        let key = match form {
            "jwk" => Written::Jwk(key),
            "pem" => Written::Pem(key),
            _ => return None,
        };
        let pair = |line: &str| {
            let (message, signature) = line.split_once(' ')?;
            Some((octets(message)?, octets(signature)?))
        };
        Some(Self { by_host, algorithm, key, signatures: lines.map(pair).collect::<Option<_>>()? })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = if self.by_host { "host" } else { "rust" };
        let (form, key) = match &self.key {
            Written::Jwk(key) => ("jwk", key),
            Written::Pem(key) => ("pem", key),
        };
        write!(f, "{engine} {} {form} {}", self.algorithm, text(key.as_bytes()))?;
        for (message, signature) in &self.signatures {
            write!(f, "\n{} {}", text(message), text(signature))?;
        }
        Ok(())
    }
}

/// What is said to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The key was read.
    Read {
        /// The key for the host, where it is of a kind that a host verifies with.
        spki: Option<Vec<u8>>,
        /// Whether each signature is good.
        verdicts: Vec<bool>,
    },
    /// Why the key is refused.
    Refused(String),
}

impl Answer {
    fn read(line: &str) -> Option<Self> {
        if let Some(error) = line.strip_prefix('!') {
            return Some(Self::Refused(error.to_owned()));
        }
        let (spki, verdicts) = line.split_once(' ')?;
        let verdict = |digit| match digit {
            '1' => Some(true),
            '0' => Some(false),
            _ => None,
        };
        Some(Self::Read {
            spki: Some(octets(spki)?).filter(|spki| !spki.is_empty()),
            verdicts: verdicts.chars().map(verdict).collect::<Option<_>>()?,
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { spki, verdicts } => {
                let verdicts: String = verdicts.iter().map(|good| if *good { '1' } else { '0' }).collect();
                write!(f, "{} {verdicts}", text(spki.as_deref().unwrap_or_default()))
            }
            Self::Refused(error) => write!(f, "!{error}"),
        }
    }
}

/// The body that asks some questions.
#[must_use]
pub fn body(questions: &[Question]) -> String {
    questions.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n\n")
}

/// The answers in a body; `None`: there is something else in it.
#[must_use]
pub fn answers(body: &[u8]) -> Option<Vec<Answer>> {
    std::str::from_utf8(body).ok()?.lines().map(Answer::read).collect()
}

fn text(octets: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

fn octets(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_they_are_written() {
        let signatures = vec![(b"text".to_vec(), Vec::new()), (Vec::new(), Vec::new())];
        let key = Written::Jwk("{}".to_owned());
        let one = Question { by_host: false, algorithm: Algorithm::Hs256, key, signatures };
        let key = Written::Pem("-----BEGIN\n".to_owned());
        let other = Question { by_host: true, algorithm: Algorithm::Es512, key, signatures: Vec::new() };
        let both = [one, other];
        assert_eq!(Question::read_all(body(&both).as_bytes()).as_deref(), Some(both.as_slice()));
    }

    #[test]
    fn what_is_no_list_of_questions_is_refused() {
        for body in
            ["", "\n\n", "auto HS256 jwk e30", "rust none jwk e30", "rust HS256 der e30", "rust HS256 jwk"]
        {
            assert_eq!(Question::read_all(body.as_bytes()), None, "{body}");
        }
        for line in ["", "no space", "e30  ", "rust HS256 jwk e30\n", "rust HS256 jwk e30\nAA=  AA"] {
            assert_eq!(Question::read_all(format!("rust HS256 jwk e30\n{line}").as_bytes()), None, "{line}");
        }
        assert_eq!(Question::read_all(b"rust HS256 jwk \xff"), None);
    }
}
