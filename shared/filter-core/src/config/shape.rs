//! What a configuration type accepts, as data: the README's option tables and the JSON Schema
//! that editors read are generated from it.

/// The form of a configuration value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A value described by one phrase, as `string`, `integer (bytes)` or `HTTP method`.
    Scalar {
        /// The phrase.
        phrase: &'static str,
        /// The same as JSON Schema (draft 2020-12): accepts at least what the reader accepts.
        schema: &'static str,
    },
    /// One of the listed strings, each with its meaning.
    Enum(Vec<(&'static str, &'static str)>),
    /// An array.
    List {
        /// The form of each element.
        item: Box<Shape>,
        /// How many elements there must be.
        least: usize,
    },
    /// An object with free keys.
    Map {
        /// What a key may be.
        key: Box<Shape>,
        /// The form of each value.
        value: Box<Shape>,
    },
    /// An object with fixed keys.
    Object(Vec<FieldShape>),
    /// An object with exactly one of these keys.
    OneOf(Vec<FieldShape>),
}

/// One key of an object.
#[derive(Debug, Clone)]
pub struct FieldShape {
    /// The key.
    pub key: &'static str,
    /// Its meaning, one or more sentences.
    pub doc: &'static str,
    /// The default as JSON text; `None`: none, see `required`.
    pub default: Option<&'static str>,
    /// Whether leaving the key out is an error.
    pub required: bool,
    /// The form of its value.
    pub shape: Shape,
}
