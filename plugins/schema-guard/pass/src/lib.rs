//! JSON as hostile clients write it, and a pass over it that holds it against a plan: what every body goes through.
//!
//! A crate of its own, so that this is compiled for speed and the rest of the plugin, which holds the whole of JSON
//! Schema, for size.
//!
//! A pass reads a text once, without a tree, and says no more than whether it is valid; what is wrong with it is for the
//! engine to say. `anyOf` and its like are answered by reading the same text once more. How often any part of a
//! document may be read is bounded when the plan is made: a schema that refers to itself from within an alternative has
//! none.

pub mod json;
pub mod plan;

mod bounds;
mod check;
mod email;
mod limit;
mod names;
mod types;

pub use email::is_plain_email;
pub use types::Types;
