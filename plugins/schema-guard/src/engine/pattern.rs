//! Patterns: regular expressions of ECMA-262 that an engine can match in linear time.

use jsonschema::{PatternOptions, Regex};
use regex::RegexBuilder;

/// Largest program of one pattern, in bytes.
const PROGRAM: usize = 1 << 20;

/// Most memory for the states of one pattern's automaton that were met while matching, in bytes.
const STATES: usize = 1 << 19;

/// The options that the engine compiles patterns with.
pub(super) fn options() -> PatternOptions<Regex> {
    PatternOptions::regex().size_limit(PROGRAM).dfa_size_limit(STATES)
}

/// Compiles a pattern as the engine does.
///
/// # Errors
/// Why it is not taken.
pub(crate) fn compile(pattern: &str) -> Result<regex::Regex, &'static str> {
    let translated = jsonschema_regex::to_rust_regex(pattern)
        .map_err(|()| "not a regular expression of ECMA-262 that is understood here")?;
    RegexBuilder::new(&translated).size_limit(PROGRAM).dfa_size_limit(STATES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "a regular expression whose program is larger than 1 MiB",
        _ => "a regular expression that cannot be matched in linear time: look-around and back-references are not taken",
    })
}

/// Whether a pattern is taken.
///
/// # Errors
/// Why it is not.
pub(super) fn check(pattern: &str) -> Result<(), &'static str> {
    compile(pattern).map(drop)
}

/// The one text that a pattern matches, where that is easily seen: of `^name$`, `name`.
pub(super) fn literal(pattern: &str) -> Option<&str> {
    let name = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    plain.then_some(name)
}
