//! A JSON document that keeps what `serde_json::Value` loses: member order and duplicate members.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A JSON value. Depth is bounded by `serde_json` (128 levels). `T` is what strings are held in: a configuration owns
/// them; of what a client sends, read once and dropped, they are borrowed where they can be: `Cow<str>`.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree<T = String> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as `serde_json` holds it.
    Number(serde_json::Number),
    /// A string.
    String(T),
    /// An array.
    Array(Vec<Tree<T>>),
    /// An object, its members in order, duplicates kept.
    Object(Vec<(T, Tree<T>)>),
}

impl<T> Tree<T> {
    /// What a person calls this value in an error message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<T: AsRef<str>> Tree<T> {
    /// Reads a document and nothing after it but white space.
    ///
    /// # Errors
    /// It is not JSON, or deeper than that.
    pub fn parse<'d>(text: &'d [u8]) -> Result<Self, serde_json::Error>
    where
        T: Text<'d>,
    {
        serde_json::from_slice(text)
    }

    /// The first member of this name, where this is an object that has it.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

impl Tree<Cow<'_, str>> {
    /// The same, independent of the text it was read from.
    #[must_use]
    pub fn to_static(&self) -> Tree<Cow<'static, str>> {
        let owned = |text: &str| Cow::Owned(text.to_owned());
        match self {
            Self::Null => Tree::Null,
            Self::Bool(value) => Tree::Bool(*value),
            Self::Number(number) => Tree::Number(number.clone()),
            Self::String(text) => Tree::String(owned(text)),
            Self::Array(items) => Tree::Array(items.iter().map(Self::to_static).collect()),
            Self::Object(members) => {
                Tree::Object(members.iter().map(|(name, value)| (owned(name), value.to_static())).collect())
            }
        }
    }
}

/// What a tree holds its strings in.
pub trait Text<'d>: Sized {
    /// A string that is in the document as it reads.
    fn borrowed(text: &'d str) -> Self;
    /// One that is not: it was written with escapes.
    fn copied(text: &str) -> Self;
}

impl<'d> Text<'d> for String {
    fn borrowed(text: &'d str) -> Self {
        text.to_owned()
    }

    fn copied(text: &str) -> Self {
        text.to_owned()
    }
}

impl<'d> Text<'d> for Cow<'d, str> {
    fn borrowed(text: &'d str) -> Self {
        Cow::Borrowed(text)
    }

    fn copied(text: &str) -> Self {
        Cow::Owned(text.to_owned())
    }
}

/// The name of a member.
struct Name<T>(T);

impl<'de, T: Text<'de>> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor(PhantomData)).map(Self)
    }
}

struct NameVisitor<T>(PhantomData<T>);

impl<'de, T: Text<'de>> Visitor<'de> for NameVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T, E> {
        Ok(T::borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::copied(value))
    }
}

impl<'de, T: Text<'de>> Deserialize<'de> for Tree<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor(PhantomData))
    }
}

struct TreeVisitor<T>(PhantomData<T>);

impl<'de, T: Text<'de>> Visitor<'de> for TreeVisitor<T> {
    type Value = Tree<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree<T>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<T>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree<T>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree<T>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree<T>, E> {
        serde_json::Number::from_f64(value).map(Tree::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<T>, E> {
        Ok(Tree::String(T::borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree<T>, E> {
        Ok(Tree::String(T::copied(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree<T>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Tree::Object(members))
    }
}
