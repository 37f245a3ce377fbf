//! JSON as hostile clients write it: read once, within limits that hold while it is read.
//!
//! `serde_json` cannot read it: it rounds numbers unless a feature makes every crate that is built beside it hold them
//! as text, takes a name twice, and knows one limit, of depth.

mod equal;
mod number;
mod scan;
mod tree;

pub use equal::equal;
pub use number::{Decimal, Number};
pub(crate) use scan::{Scanner, Token};
pub use tree::{Object, Tree, are_distinct};

/// What a document may be. Exceeding one is [`Refusal::TooMuch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most levels of arrays and objects inside each other.
    pub depth: usize,
    /// Most values in a document, those that hold others included.
    pub values: usize,
    /// Most members of one object.
    pub members: usize,
    /// Most elements of one array.
    pub items: usize,
    /// Longest name of a member, in bytes of UTF-8 without its escapes.
    pub name: usize,
    /// Longest string, in bytes of UTF-8 without its escapes.
    pub string: usize,
    /// Longest number, in bytes as written.
    pub number: usize,
}

impl Limits {
    /// Those of a configuration that says nothing of them.
    pub const DEFAULT: Self = Self {
        depth: 64,
        values: 65_536,
        members: 1_000,
        items: 10_000,
        name: 256,
        string: 262_144,
        number: 64,
    };
}

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not JSON (RFC 8259), or not UTF-8.
    Malformed {
        /// Where, in bytes from the start.
        at: usize,
        /// What is wrong, as `a lone surrogate`; nothing of the text itself.
        what: &'static str,
    },
    /// An object has two members of one name, however they are written.
    Duplicate {
        /// Where the second one is, in bytes from the start.
        at: usize,
    },
    /// It goes beyond a limit, whose name this is: `depth`.
    TooMuch(&'static str),
}
