//! From the text of a parameter to its value: where arrays and objects are taken apart (OpenAPI 3.1, "Style Values").

use super::kinds::Kinds;
use super::text::{BadEncoding, decoded, plain};
use super::value::{TooLong, coerced};
use crate::json::{Limits, Object, Tree};
use schema_guard_pass::Types;
use std::borrow::Cow;

/// How the value of a parameter is written.
#[derive(Debug)]
pub(super) enum Form {
    /// One text, no array and no object.
    One(Types),
    /// An array. `each`: every value of the parameter is one element, else the elements stand between commas.
    List { kinds: Kinds, each: bool },
    /// An object in one value: `R,100,G,200`, or with `pairs` `R=100,G=200`.
    Members { kinds: Kinds, pairs: bool },
    /// An object whose members arrive one by one, each under a name.
    Named(Kinds),
}

/// How text is encoded in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// In the query: percent-encoded, `+` for a space.
    Query,
    /// In the path, which was decoded before it was matched.
    Path,
    /// In a header: as it is, with white space around the commas (RFC 9110 section 5.6.1).
    Header,
}

/// A value as it was sent.
#[derive(Debug)]
pub(super) struct Given<'r> {
    /// The member of an object that it is, for [`Form::Named`].
    pub(super) name: Option<Cow<'r, str>>,
    pub(super) text: &'r [u8],
}

/// A decoded text, with a name where it is a member of an object.
#[derive(Debug)]
pub(super) struct Piece<'r> {
    name: Option<Cow<'r, str>>,
    text: Cow<'r, str>,
}

/// What keeps a text from being a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// Not percent-encoding, or not UTF-8.
    Encoding,
    /// More than one value where there is one, or a member given twice.
    Duplicate,
    /// An object that has a name without a value.
    NoObject,
    /// Longer or more than a limit allows.
    TooMuch,
}

impl From<BadEncoding> for Problem {
    fn from(_: BadEncoding) -> Self {
        Self::Encoding
    }
}

impl From<TooLong> for Problem {
    fn from(_: TooLong) -> Self {
        Self::TooMuch
    }
}

impl Form {
    /// Decodes what was sent, at least one value, into what [`Self::value`] makes a value of.
    pub(super) fn pieces<'r>(
        &self,
        given: Vec<Given<'r>>,
        coding: Coding,
        limits: &Limits,
    ) -> Result<Vec<Piece<'r>>, Problem> {
        let lines = coding == Coding::Header && matches!(self, Self::List { .. });
        let several = lines || matches!(self, Self::List { each: true, .. } | Self::Named(_));
        if given.len() > 1 && !several {
            return Err(Problem::Duplicate);
        }
        let most = if matches!(self, Self::List { .. }) { limits.items } else { limits.members };
        let split = matches!(self, Self::List { each: false, .. } | Self::Members { .. });
        let mut pieces = Vec::with_capacity(given.len());
        for Given { name, text } in given {
            if !split {
                room(pieces.len(), most)?;
                pieces.push(Piece { name, text: coding.decode(text, limits)? });
                continue;
            }
            let mut parts = text.split(|&b| b == b',');
            while let Some(part) = parts.next() {
                room(pieces.len(), most)?;
                let (name, text) = match self {
                    Self::Members { pairs: true, .. } => {
                        let equals = part.iter().position(|&b| b == b'=').ok_or(Problem::NoObject)?;
                        let (name, rest) = part.split_at_checked(equals).unwrap_or_default();
                        (Some(name), rest.get(1..).unwrap_or_default())
                    }
                    Self::Members { .. } => (Some(part), parts.next().ok_or(Problem::NoObject)?),
                    _ => (None, part),
                };
                let name = name.map(|name| coding.decode(name, limits)).transpose()?;
                pieces.push(Piece { name, text: coding.decode(text, limits)? });
            }
        }
        if pieces.iter().any(|piece| piece.name.as_ref().is_some_and(|name| name.len() > limits.name)) {
            return Err(Problem::TooMuch);
        }
        Ok(pieces)
    }

    /// The value that the pieces are.
    pub(super) fn value<'p>(&self, pieces: &'p [Piece<'_>], limits: &Limits) -> Result<Tree<'p>, Problem> {
        match self {
            Self::List { kinds, .. } => {
                let items = pieces
                    .iter()
                    .enumerate()
                    .map(|(index, piece)| coerced(&piece.text, kinds.item(index).types, limits));
                Ok(Tree::Array(items.collect::<Result<_, _>>()?))
            }
            Self::Members { kinds, .. } | Self::Named(kinds) => {
                let mut members = Vec::with_capacity(pieces.len());
                for Piece { name, text } in pieces {
                    let name = name.as_deref().unwrap_or_default();
                    members.push((name.into(), coerced(text, kinds.member(name).types, limits)?));
                }
                Object::of(members).map(Tree::Object).ok_or(Problem::Duplicate)
            }
            Self::One(types) => Ok(coerced(text_of(pieces), *types, limits)?),
        }
    }
}

/// The text of a value that is one text.
pub(super) fn text_of<'p>(pieces: &'p [Piece<'_>]) -> &'p str {
    pieces.first().map(|piece| piece.text.as_ref()).unwrap_or_default()
}

impl Coding {
    fn decode<'r>(self, text: &'r [u8], limits: &Limits) -> Result<Cow<'r, str>, Problem> {
        let text = match self {
            Self::Query => decoded(text)?,
            Self::Path => Cow::Borrowed(plain(text)?),
            Self::Header => Cow::Borrowed(plain(text)?.trim_matches([' ', '\t'])),
        };
        if text.len() > limits.string { Err(Problem::TooMuch) } else { Ok(text) }
    }
}

fn room(there: usize, most: usize) -> Result<(), Problem> {
    if there < most { Ok(()) } else { Err(Problem::TooMuch) }
}
