//! What `jsonschema` asks of the crate `fancy-regex`, by `regex` alone.
//!
//! `jsonschema` links two regex engines and chooses between them at run time. schema-guard chooses the linear one and
//! refuses what that cannot do (look-around, back-references) as a configuration error, so the backtracking one was dead
//! weight in the module: 157 KB. Whatever compiles here takes time linear in the text.

use std::fmt;

/// A compiled pattern.
#[derive(Debug, Clone)]
#[repr(transparent)]
pub struct Regex(regex::Regex);

impl Regex {
    /// Whether the text has a match.
    ///
    /// # Errors
    /// None: matching ends by itself.
    #[inline]
    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        Ok(self.0.is_match(text))
    }

    /// The pattern.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Builds a [`Regex`] within limits.
#[derive(Debug, Clone)]
pub struct RegexBuilder(regex::RegexBuilder);

impl RegexBuilder {
    /// Of this pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(regex::RegexBuilder::new(pattern))
    }

    /// Without effect: nothing here backtracks.
    pub fn backtrack_limit(&mut self, _steps: usize) -> &mut Self {
        self
    }

    /// Largest program, in bytes.
    pub fn delegate_size_limit(&mut self, bytes: usize) -> &mut Self {
        self.0.size_limit(bytes);
        self
    }

    /// Largest cache of the lazy DFA, in bytes.
    pub fn delegate_dfa_size_limit(&mut self, bytes: usize) -> &mut Self {
        self.0.dfa_size_limit(bytes);
        self
    }

    /// The compiled pattern.
    ///
    /// # Errors
    /// It is none, is not linear, or is beyond a limit.
    pub fn build(&self) -> Result<Regex, BuildError> {
        self.0.build().map(Regex).map_err(|_| BuildError)
    }
}

/// Why matching gives up: never. That there is no value of this type is what lets the two engines of `jsonschema` come
/// down to the same code, which the module then has once: 147 KB less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {}

impl fmt::Display for Error {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for Error {}

/// The pattern is none that takes linear time, or is beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildError;

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a pattern that takes linear time, or beyond a limit")
    }
}

impl std::error::Error for BuildError {}
