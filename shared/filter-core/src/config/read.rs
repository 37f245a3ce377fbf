//! The collecting reader: errors are pushed with their path, reading goes on.

use super::{ConfigError, Shape, Tree};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A place in the document being read, and where errors found there go.
#[derive(Clone, Copy)]
pub struct At<'a> {
    link: Link<'a>,
    errors: &'a RefCell<Vec<ConfigError>>,
}

#[derive(Clone, Copy)]
enum Link<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    /// The document itself.
    pub fn root(errors: &'a RefCell<Vec<ConfigError>>) -> Self {
        Self { link: Link::Root, errors }
    }

    /// A member of the object at this place.
    #[must_use]
    pub fn key<'b>(&'b self, key: &'b str) -> At<'b> {
        At { link: Link::Key(self, key), errors: self.errors }
    }

    /// An element of the array at this place.
    #[must_use]
    pub fn index<'b>(&'b self, index: usize) -> At<'b> {
        At { link: Link::Index(self, index), errors: self.errors }
    }

    /// Reports that something is wrong here.
    pub fn error(&self, message: impl Into<String>) {
        let mut errors = self.errors.borrow_mut();
        match errors.len() {
            0..super::MAX_ERRORS => errors.push(ConfigError { path: self.label(), message: message.into() }),
            super::MAX_ERRORS => {
                errors.push(ConfigError {
                    path: String::new(),
                    message: "further errors are not shown".to_owned(),
                });
            }
            _ => {}
        }
    }

    /// Reports a value of the wrong kind. The value itself is not repeated: it may be a misplaced secret.
    pub fn expected<T>(&self, what: &str, got: &Tree) -> Option<T> {
        self.error(format!("expected {what}, got {}", got.kind()));
        None
    }

    /// The path of this place.
    #[must_use]
    pub fn label(&self) -> String {
        match self.link {
            Link::Root => String::new(),
            Link::Index(parent, index) => format!("{}[{index}]", parent.label()),
            Link::Key(parent, key) => {
                let parent = parent.label();
                let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                match (plain, parent.as_str()) {
                    (false, _) => format!("{parent}[{:?}]", shorten(key)),
                    (true, "") => key.to_owned(),
                    (true, _) => format!("{parent}.{key}"),
                }
            }
        }
    }
}

/// A configuration value that can be read from a tree.
pub trait FromTree: Sized {
    /// Reads the value. `None` means that at least one error was reported at or below `at`.
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self>;

    /// What the value is when its key is left out.
    fn absent(at: &At<'_>) -> Option<Self> {
        at.error("is required");
        None
    }

    /// Whether leaving the key out is an error.
    const REQUIRED: bool = true;

    /// What is accepted, for documentation.
    fn shape() -> Shape;
}

impl<T: FromTree> FromTree for Option<T> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        T::read(tree, at).map(Some)
    }

    fn absent(_: &At<'_>) -> Option<Self> {
        Some(None)
    }

    const REQUIRED: bool = false;

    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: FromTree> FromTree for Vec<T> {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::Array(items) = tree else { return at.expected("an array", tree) };
        // Every element is read before any failure counts: all errors are reported.
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(i, item)| T::read(item, &at.index(i))).collect();
        read.into_iter().collect()
    }

    fn shape() -> Shape {
        Shape::List { item: Box::new(T::shape()), least: 0 }
    }
}

/// Reads the members of one object. Made by [`config_struct!`](crate::config_struct).
pub struct ObjectReader<'a> {
    members: &'a [(String, Tree)],
    at: &'a At<'a>,
    clean: bool,
}

impl<'a> ObjectReader<'a> {
    /// Starts on a tree that must be an object whose keys are among `known`; misspelt, unknown and duplicate
    /// keys are reported.
    pub fn open(tree: &'a Tree, at: &'a At<'a>, known: &[&str]) -> Option<Self> {
        let Tree::Object(members) = tree else { return at.expected("an object", tree) };
        let (mut seen, mut clean) = (BTreeSet::new(), true);
        for (key, _) in members {
            if !known.contains(&key.as_str()) {
                at.key(key).error(match nearest(key, known) {
                    Some(name) => format!("unknown key; did you mean \"{name}\"?"),
                    None if known.is_empty() => "unknown key; none is known here".to_owned(),
                    None => format!("unknown key; expected one of {}", known.join(", ")),
                });
                clean = false;
            } else if !seen.insert(key.as_str()) {
                at.key(key).error("the key is given twice");
                clean = false;
            }
        }
        Some(Self { members, at, clean })
    }

    /// Reads one member, or its default (JSON text), or what its type makes of absence.
    pub fn field<T: FromTree>(&self, key: &str, default: Option<&str>) -> Option<T> {
        let at = self.at.key(key);
        match (self.members.iter().find(|(name, _)| name == key), default) {
            (Some((_, Tree::Null)), _) => {
                at.error("null is not a value; leave the key out");
                None
            }
            (Some((_, tree)), _) => T::read(tree, &at),
            (None, None) => T::absent(&at),
            (None, Some(json)) => match serde_json::from_str(json) {
                Ok(tree) => T::read(&tree, &at),
                Err(error) => {
                    at.error(format!("the built-in default {json} is not JSON: {error}"));
                    None
                }
            },
        }
    }

    /// Whether every key of the object was known and given once.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.clean
    }
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'n>(word: &str, candidates: &[&'n str]) -> Option<&'n str> {
    if word.len() > 64 {
        return None;
    }
    let folded = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .iter()
        .map(|&name| (strsim::damerau_levenshtein(&folded, &name.to_ascii_lowercase()), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A client-side or operator-side text cut to what an error message may carry.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(64) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Declares a configuration struct: fields with their documentation, type and, after `=`, default as JSON.
///
/// A field without default is required unless its type is `Option`. Unknown and duplicate keys are errors.
#[macro_export]
macro_rules! config_struct {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $field_doc:literal])* $field:ident : $ty:ty $(= $default:tt)? ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone)]
        $vis struct $name {
            $( $(#[doc = $field_doc])* pub $field: $ty ),*
        }

        impl $crate::config::FromTree for $name {
            fn read(tree: &$crate::config::Tree, at: &$crate::config::At<'_>) -> Option<Self> {
                const KNOWN: &[&str] = &[$( $crate::config_struct!(@key $field) ),*];
                let object = $crate::config::ObjectReader::open(tree, at, KNOWN)?;
                $( let $field = object.field::<$ty>(
                    $crate::config_struct!(@key $field),
                    $crate::config_struct!(@default $($default)?),
                ); )*
                if !object.is_clean() {
                    return None;
                }
                Some(Self { $( $field: $field? ),* })
            }

            fn shape() -> $crate::config::Shape {
                $crate::config::Shape::Object(vec![$( $crate::config::FieldShape {
                    key: $crate::config_struct!(@key $field),
                    doc: concat!($($field_doc),*).trim_ascii(),
                    default: $crate::config_struct!(@default $($default)?),
                    required: $crate::config_struct!(@default $($default)?).is_none()
                        && <$ty as $crate::config::FromTree>::REQUIRED,
                    shape: <$ty as $crate::config::FromTree>::shape(),
                } ),*])
            }
        }
    };
    (@key r#match) => { "match" };
    (@key r#type) => { "type" };
    (@key $field:ident) => { stringify!($field) };
    (@default) => { None::<&'static str> };
    (@default $default:tt) => { Some(stringify!($default)) };
}

/// Declares a configuration enum of strings: `Variant = "text"`, each with its documentation.
#[macro_export]
macro_rules! config_enum {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $( $(#[doc = $variant_doc:literal])* $variant:ident = $text:literal ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[doc = $variant_doc])* $variant ),*
        }

        impl $crate::config::FromTree for $name {
            fn read(tree: &$crate::config::Tree, at: &$crate::config::At<'_>) -> Option<Self> {
                const TEXTS: &[&str] = &[$($text),*];
                match tree {
                    $( $crate::config::Tree::String(text) if text == $text => Some(Self::$variant), )*
                    $crate::config::Tree::String(_) => {
                        at.error(format!("unknown value; expected one of {}", TEXTS.join(", ")));
                        None
                    }
                    other => at.expected(&format!("one of {}", TEXTS.join(", ")), other),
                }
            }

            fn shape() -> $crate::config::Shape {
                $crate::config::Shape::Enum(vec![$( ($text, concat!($($variant_doc),*).trim_ascii()) ),*])
            }
        }
    };
}
