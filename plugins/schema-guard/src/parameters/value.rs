//! What a text means under a schema. Never lossy: a number keeps its digits, and what is not written as one is none.

use crate::json::{Limits, Number, Tree};
use schema_guard_pass::Types;

/// A number has more bytes than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Reads text as the first of integer, number, boolean and null that the schema admits and that it is written as, else as
/// a string, whether that is admitted or not: the schema then says what is wrong.
///
/// Numbers are those of RFC 8259, with one difference to a document: an integer has neither fraction nor exponent. `1.0`
/// and `1e3` are integers to JSON Schema, and to a server that reads a query they are errors, or `1`.
pub(crate) fn coerced<'t>(text: &'t str, types: Types, limits: &Limits) -> Result<Tree<'t>, TooLong> {
    let string = Ok(Tree::String(text.into()));
    if types == Types::ANY {
        return string;
    }
    if types.has(Types::NUMBER)
        && let Some(number) = Number::of(text)
        && (types.has(Types::FRACTION) || number.is_written_as_integer())
    {
        return if text.len() > limits.number { Err(TooLong) } else { Ok(Tree::Number(number)) };
    }
    match text {
        "true" | "false" if types.has(Types::BOOLEAN) => Ok(Tree::Bool(text == "true")),
        "null" if types.has(Types::NULL) => Ok(Tree::Null),
        _ => string,
    }
}
