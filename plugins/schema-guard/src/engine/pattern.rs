//! Patterns: regular expressions of ECMA-262 that an engine can match in linear time.

use jsonschema::PatternOptions;
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Largest program of one pattern, in bytes.
const PROGRAM: usize = 1 << 20;

/// Most memory for the states of one pattern's automaton that were met while matching, in bytes.
const STATES: usize = 1 << 19;

/// The options that the engine compiles patterns with.
pub(super) fn options() -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(PROGRAM).dfa_size_limit(STATES)
}

/// The patterns of a configuration, each compiled once, beside what the engine compiles for itself.
#[derive(Debug, Default)]
pub(crate) struct Patterns(Mutex<HashMap<String, Result<Regex, &'static str>>>);

impl Patterns {
    /// Compiles a pattern as the engine does.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(crate) fn compile(&self, pattern: &str) -> Result<Regex, &'static str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(pattern) {
            return known.clone();
        }
        let compiled = compile(pattern);
        known.insert(pattern.to_owned(), compiled.clone());
        compiled
    }
}

fn compile(pattern: &str) -> Result<Regex, &'static str> {
    let translated = jsonschema_regex::to_rust_regex(pattern)
        .map_err(|()| "not a regular expression of ECMA-262 that is understood here")?;
    RegexBuilder::new(&translated).size_limit(PROGRAM).dfa_size_limit(STATES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "a regular expression whose program is larger than 1 MiB",
        _ => "a regular expression that cannot be matched in linear time: look-around and back-references are not taken",
    })
}

/// The one text that a pattern matches, where that is easily seen: of `^name$`, `name`.
pub(super) fn literal(pattern: &str) -> Option<&str> {
    let name = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    plain.then_some(name)
}
