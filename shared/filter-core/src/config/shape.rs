//! What a configuration type accepts, as data: the README's option tables are generated from it.

/// The form of a configuration value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A value described by one phrase, as `string`, `integer (bytes)` or `HTTP method`.
    Scalar(&'static str),
    /// One of the listed strings, each with its meaning.
    Enum(Vec<(&'static str, &'static str)>),
    /// An array.
    List(Box<Shape>),
    /// An object with free keys.
    Map(Box<Shape>),
    /// An object with fixed keys.
    Object(Vec<FieldShape>),
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
