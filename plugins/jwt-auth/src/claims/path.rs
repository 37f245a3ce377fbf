//! Where a claim is.

use super::ClaimTree;
use crate::token::MAX_DEPTH;
use filter_core::config::{At, FromTree, Shape, Tree};
use std::fmt;
use std::sync::Arc;

/// Names of members from the outermost object inwards, joined with dots: `realm_access.roles`. A dot or backslash in a
/// name has a backslash before it: `https://example\.com/roles`. Items of arrays cannot be named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    text: Arc<str>,
    names: Box<[String]>,
}

/// Why a text is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// A name is empty: nothing at all, a dot at an end, or two dots.
    Empty,
    /// A backslash stands before something else than a dot or a backslash.
    Escape,
    /// It has more names than a token has levels.
    TooDeep,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name between dots is empty"),
            Self::Escape => f.write_str("a backslash stands only before a dot or a backslash"),
            Self::TooDeep => write!(f, "more than {MAX_DEPTH} names"),
        }
    }
}

impl std::error::Error for PathError {}

impl ClaimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`PathError`], see there.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut names = Vec::new();
        let mut name = String::new();
        let mut chars = text.chars();
        let close = |name: String, names: &mut Vec<String>| {
            if name.is_empty() {
                return Err(PathError::Empty);
            }
            if names.len() >= MAX_DEPTH {
                return Err(PathError::TooDeep);
            }
            names.push(name);
            Ok(())
        };
        while let Some(c) = chars.next() {
            match c {
                '.' => close(std::mem::take(&mut name), &mut names)?,
                '\\' => match chars.next() {
                    Some(escaped @ ('.' | '\\')) => name.push(escaped),
                    _ => return Err(PathError::Escape),
                },
                c => name.push(c),
            }
        }
        close(name, &mut names)?;
        Ok(Self { text: text.into(), names: names.into() })
    }

    /// The claim at this place.
    #[must_use]
    pub fn find<'t, 'c>(&self, claims: &'t ClaimTree<'c>) -> Option<&'t ClaimTree<'c>> {
        self.names.iter().try_fold(claims, |tree, name| tree.member(name))
    }

    /// The claim that it is or is in.
    #[must_use]
    pub fn first(&self) -> &str {
        self.names.first().map(String::as_str).unwrap_or_default()
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromTree for ClaimPath {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let text = String::read(tree, at)?;
        Self::parse(&text).inspect_err(|error| at.error(error.to_string())).ok()
    }

    fn shape() -> Shape {
        Shape::Scalar { phrase: "path of a claim", schema: r#"{"type": "string", "minLength": 1}"# }
    }
}
