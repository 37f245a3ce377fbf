//! What a schema demands, ready to be held against a text.

use super::format::Format;
use super::limit::Limit;
use super::rules::Names;
use crate::json::{Number, Tree};
use regex::Regex;
use serde_json::Value;

/// A schema as a pass follows it. The first node demands nothing.
pub(crate) struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) formats: Vec<Format>,
    pub(super) root: Sub,
}

/// A schema within a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sub {
    /// Nothing is valid.
    Never,
    /// The node at this index.
    Node(usize),
}

impl Sub {
    /// Everything is valid.
    pub(super) const ANY: Self = Self::Node(0);
}

/// Types of values, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0x7f);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    pub(super) const NUMBER: Self = Self(8);
    pub(super) const STRING: Self = Self(16);
    pub(super) const ARRAY: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);

    /// The type of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// One schema.
pub(super) struct Node {
    pub(super) types: Types,
    /// Draft 4: an integer is one by how it is written.
    pub(super) written: bool,
    /// `enum` and `const` of what is neither an array nor an object. A value must be in each.
    pub(super) constants: Vec<Constants>,
    /// `minimum` and its like.
    pub(super) limits: Vec<Limit>,
    pub(super) text: Option<Box<TextRules>>,
    pub(super) array: Option<Box<ArrayRules>>,
    pub(super) object: Option<Box<ObjectRules>>,
    /// What is held against the same value once more.
    pub(super) in_place: Vec<InPlace>,
}

impl Node {
    /// Demands nothing.
    pub(super) const fn any() -> Self {
        Self {
            types: Types::ALL,
            written: false,
            constants: Vec::new(),
            limits: Vec::new(),
            text: None,
            array: None,
            object: None,
            in_place: Vec::new(),
        }
    }

    /// Whether it demands nothing but what is in place.
    pub(super) fn is_bare(&self) -> bool {
        self.types == Types::ALL
            && self.constants.is_empty()
            && self.limits.is_empty()
            && self.text.is_none()
            && self.array.is_none()
            && self.object.is_none()
    }

    /// Whether it lets a number pass.
    pub(super) fn takes_number(&self, number: Number<'_>) -> bool {
        let of_type = self.types.has(Types::NUMBER)
            || self.types.has(Types::INTEGER)
                && if self.written { number.is_written_as_integer() } else { number.is_integer() };
        of_type
            && self.limits.iter().all(|limit| limit.holds(number))
            && self.takes_constant(|| Tree::Number(number))
    }

    /// Whether it lets a string pass.
    pub(super) fn takes_string(&self, string: &str, formats: &[Format]) -> bool {
        self.types.has(Types::STRING)
            && self.constants.iter().all(|constants| constants.has_string(string))
            && self.text.as_deref().is_none_or(|rules| rules.hold(string, formats))
    }

    /// Whether it lets a value pass that is neither a number nor a string nor holds others.
    pub(super) fn takes_plain(&self, types: Types, value: Tree<'_>) -> bool {
        self.types.has(types) && self.takes_constant(|| value)
    }

    fn takes_constant<'t>(&self, value: impl FnOnce() -> Tree<'t>) -> bool {
        if self.constants.is_empty() {
            return true;
        }
        let value = value();
        self.constants.iter().all(|constants| constants.has(&value))
    }
}

/// Values of which one must be met. There may be many, and as many in a document: so they are searched.
pub(super) struct Constants {
    /// In order.
    strings: Vec<String>,
    /// As they are written, in the order of their values.
    numbers: Vec<String>,
    others: Vec<Value>,
}

impl Constants {
    pub(super) fn of(values: &[Value]) -> Self {
        let mut strings: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        strings.sort_unstable();
        let numbers = values.iter().filter(|value| value.is_number());
        let mut numbers: Vec<String> = numbers.map(Value::to_string).collect();
        numbers.sort_unstable_by(|one, other| Number::of(one).cmp(&Number::of(other)));
        let others = values.iter().filter(|value| !value.is_string() && !value.is_number());
        Self { strings, numbers, others: others.cloned().collect() }
    }

    fn has_string(&self, string: &str) -> bool {
        self.strings.binary_search_by(|own| own.as_str().cmp(string)).is_ok()
    }

    fn has_number(&self, number: Number<'_>) -> bool {
        self.numbers.binary_search_by(|own| Number::of(own).cmp(&Some(number))).is_ok()
    }

    pub(super) fn has(&self, value: &Tree<'_>) -> bool {
        match value {
            Tree::String(string) => self.has_string(string),
            Tree::Number(number) => self.has_number(*number),
            _ => self.others.iter().any(|own| crate::engine::equal(value, own)),
        }
    }
}

/// What is demanded of strings.
pub(super) struct TextRules {
    /// In code points.
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) patterns: Vec<Regex>,
    /// Indices of formats.
    pub(super) formats: Vec<usize>,
}

impl TextRules {
    pub(super) const fn none() -> Self {
        Self { least: 0, most: u64::MAX, patterns: Vec::new(), formats: Vec::new() }
    }

    fn hold(&self, string: &str, formats: &[Format]) -> bool {
        self.holds_length(string)
            && self.patterns.iter().all(|pattern| pattern.is_match(string))
            && self.formats.iter().all(|index| formats.get(*index).is_some_and(|format| format.holds(string)))
    }

    fn holds_length(&self, string: &str) -> bool {
        if self.least == 0 && self.most == u64::MAX {
            return true;
        }
        let length = u64::try_from(string.chars().count()).unwrap_or(u64::MAX);
        (self.least..=self.most).contains(&length)
    }
}

/// What is demanded of arrays.
pub(super) struct ArrayRules {
    pub(super) least: usize,
    pub(super) most: usize,
    /// Of the first elements.
    pub(super) prefix: Vec<Sub>,
    /// Of the others.
    pub(super) rest: Sub,
}

/// For arrays of which nothing is demanded.
pub(super) static NO_ARRAY_RULES: ArrayRules = ArrayRules::NONE;

impl ArrayRules {
    pub(super) const NONE: Self = Self { least: 0, most: usize::MAX, prefix: Vec::new(), rest: Sub::ANY };
}

/// What is demanded of objects.
pub(super) struct ObjectRules {
    pub(super) least: usize,
    pub(super) most: usize,
    /// The names that are asked for; each has a bit in the masks.
    pub(super) names: Names,
    /// `properties`, by the index of the name.
    pub(super) values: Vec<Option<Sub>>,
    pub(super) patterns: Vec<(Regex, Sub)>,
    /// Of members that no name and no pattern is for.
    pub(super) others: Sub,
    /// Of the names themselves; a node without what is in place.
    pub(super) naming: Sub,
    pub(super) required: u64,
    /// Where one of the first is there, all of the second must be.
    pub(super) dependent: Vec<(u64, u64)>,
}

/// For objects of which nothing is demanded.
pub(super) static NO_OBJECT_RULES: ObjectRules = ObjectRules::NONE;

impl ObjectRules {
    pub(super) const NONE: Self = Self {
        least: 0,
        most: usize::MAX,
        names: Names::NONE,
        values: Vec::new(),
        patterns: Vec::new(),
        others: Sub::ANY,
        naming: Sub::ANY,
        required: 0,
        dependent: Vec::new(),
    };
}

/// What is held against a value after the rest, from its start.
pub(super) enum InPlace {
    /// Each must hold: `allOf`, `$ref`.
    All(Vec<Sub>),
    /// `anyOf`
    Any(Vec<Sub>),
    /// `oneOf`
    One(Vec<Sub>),
    /// `not`
    Not(Sub),
    /// `if`, `then`, `else`
    If(Sub, Sub, Sub),
    /// `enum` and `const` where arrays or objects are among them.
    Constants(Constants),
    /// `uniqueItems`
    Unique,
}
