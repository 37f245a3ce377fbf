//! What `jsonschema` checks strings for in more than linear time, or with too much memory.

use serde::de::IgnoredAny;

/// Most groups of a regular expression within each other: no engine takes more than a few hundred.
const MOST_NESTED: usize = 250;

/// Most groups with a name and references to one; groups that look behind are counted, too. `jsonschema` compares every
/// name with all others.
const MOST_NAMED: usize = 32;

/// Our checks for the engine.
pub(super) fn register(options: super::EngineOptions<'_>) -> super::EngineOptions<'_> {
    options.with_format("regex", is_regex).with_content_media_type("application/json", is_json)
}

/// `contentMediaType`, up to draft 7. Nothing is kept of the text, and there is no recursion.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether this is a regular expression of ECMA-262, within these bounds.
fn is_regex(text: &str) -> bool {
    let (mut open, mut named, mut before) = (0_usize, 0_usize, 0_u8);
    for byte in text.bytes() {
        match (before, byte) {
            // Also where it is escaped or in a class: people do not write hundreds of those either.
            (_, b'(') => open += 1,
            (_, b')') => open = open.saturating_sub(1),
            (b'?' | b'k', b'<') => named += 1,
            _ => {}
        }
        if open > MOST_NESTED || named > MOST_NAMED {
            return false;
        }
        before = byte;
    }
    jsonschema_regex::is_valid_ecma_regex(text)
}
