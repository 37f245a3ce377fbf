//! What a schema demands, ready to be held against a text.

use crate::bounds;
use crate::check::{Check, Stop};
use crate::json::{Limits, Number, Tree, equal};
use crate::types::Types;
use regex::Regex;
use serde_json::Value;

pub use crate::limit::{Demand, Limit};
pub use crate::names::Names;

/// What one pass shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The document is read within the limits, and valid.
    Valid,
    /// It is not valid, or not to be read.
    Invalid,
    /// Nothing: the schema goes deeper into itself than a pass follows.
    Open,
}

/// A schema as a pass follows it. The first node demands nothing.
pub struct Plan {
    nodes: Vec<Node>,
    root: Sub,
}

/// Who knows the formats that a plan asks for.
pub trait Formats {
    /// Whether a string is of the format with this index.
    fn has(&self, index: usize, string: &str) -> bool;
}

impl Plan {
    /// A plan of these nodes, the first of which demands nothing. `None`: a part of a document might be read too often,
    /// or a name more than once, which is no part of the text that could be read again.
    #[must_use]
    pub fn new(nodes: Vec<Node>, root: Sub) -> Option<Self> {
        let plan = Self { nodes, root };
        (plan.names_are_read_once() && bounds::is_bounded(&plan.nodes)).then_some(plan)
    }

    /// Reads a document and holds it against the schema.
    pub fn check(&self, text: &[u8], limits: &Limits, formats: &dyn Formats) -> Verdict {
        match Check::run(self, text, limits, formats) {
            Ok(true) => Verdict::Valid,
            Ok(false) | Err(Stop::Refused) => Verdict::Invalid,
            Err(Stop::TooDeep) => Verdict::Open,
        }
    }

    pub(crate) fn root(&self) -> Sub {
        self.root
    }

    pub(crate) fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    fn names_are_read_once(&self) -> bool {
        let mut naming =
            self.nodes.iter().filter_map(|node| node.object.as_deref()).map(|rules| rules.naming);
        naming.all(|sub| match sub {
            Sub::Never => true,
            Sub::Node(index) => self.node(index).is_some_and(|node| node.in_place.is_empty()),
        })
    }
}

/// A schema within a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sub {
    /// Nothing is valid.
    Never,
    /// The node at this index.
    Node(usize),
}

impl Sub {
    /// Everything is valid.
    pub const ANY: Self = Self::Node(0);
}

/// One schema.
pub struct Node {
    /// The types that it lets pass.
    pub types: Types,
    /// Draft 4: an integer is one by how it is written.
    pub written: bool,
    /// `enum` and `const` of what is neither an array nor an object. A value must be in each.
    pub constants: Vec<Constants>,
    /// `minimum` and its like.
    pub limits: Vec<Limit>,
    /// What is demanded of strings.
    pub text: Option<Box<TextRules>>,
    /// What is demanded of arrays.
    pub array: Option<Box<ArrayRules>>,
    /// What is demanded of objects.
    pub object: Option<Box<ObjectRules>>,
    /// What is held against the same value once more.
    pub in_place: Vec<InPlace>,
}

impl Node {
    /// Demands nothing.
    #[must_use]
    pub const fn any() -> Self {
        Self {
            types: Types::ANY,
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
    pub(crate) fn is_bare(&self) -> bool {
        self.types == Types::ANY
            && self.constants.is_empty()
            && self.limits.is_empty()
            && self.text.is_none()
            && self.array.is_none()
            && self.object.is_none()
    }

    /// Whether it lets a number pass.
    pub(crate) fn takes_number(&self, number: Number<'_>) -> bool {
        let of_type = self.types.has(Types::FRACTION)
            || self.types.has(Types::INTEGER)
                && if self.written { number.is_written_as_integer() } else { number.is_integer() };
        of_type
            && self.limits.iter().all(|limit| limit.holds(number))
            && self.takes_constant(|| Tree::Number(number))
    }

    /// Whether it lets a string pass.
    pub(crate) fn takes_string(&self, string: &str, formats: &dyn Formats) -> bool {
        self.types.has(Types::STRING)
            && self.constants.iter().all(|constants| constants.has_string(string))
            && self.text.as_deref().is_none_or(|rules| rules.hold(string, formats))
    }

    /// Whether it lets a value pass that is neither a number nor a string nor holds others.
    pub(crate) fn takes_plain(&self, types: Types, value: Tree<'_>) -> bool {
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
pub struct Constants {
    /// In order.
    strings: Vec<String>,
    /// As they are written, in the order of their values.
    numbers: Vec<String>,
    others: Vec<Value>,
}

impl Constants {
    /// These.
    #[must_use]
    pub fn of(values: &[Value]) -> Self {
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

    /// Whether a value is among them.
    pub(crate) fn has(&self, value: &Tree<'_>) -> bool {
        match value {
            Tree::String(string) => self.has_string(string),
            Tree::Number(number) => self.has_number(*number),
            _ => self.others.iter().any(|own| equal(value, own)),
        }
    }
}

/// What is demanded of strings.
pub struct TextRules {
    /// `minLength`, in code points.
    pub least: u64,
    /// `maxLength`, in code points.
    pub most: u64,
    /// `pattern`: all must match.
    pub patterns: Vec<Regex>,
    /// What `format` demands.
    pub formats: Vec<Format>,
}

/// A format that is demanded.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Which it is.
    pub index: usize,
    /// Says of most strings that have the format that they have it, and of no other.
    pub quick: fn(&str) -> bool,
}

impl TextRules {
    /// Nothing is demanded.
    pub const NONE: Self = Self { least: 0, most: u64::MAX, patterns: Vec::new(), formats: Vec::new() };

    fn hold(&self, string: &str, formats: &dyn Formats) -> bool {
        self.holds_length(string)
            && self.patterns.iter().all(|pattern| pattern.is_match(string))
            && self.formats.iter().all(|format| (format.quick)(string) || formats.has(format.index, string))
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
pub struct ArrayRules {
    /// `minItems`
    pub least: usize,
    /// `maxItems`
    pub most: usize,
    /// Of the first elements.
    pub prefix: Vec<Sub>,
    /// Of the others.
    pub rest: Sub,
}

/// For arrays of which nothing is demanded.
pub(crate) static NO_ARRAY_RULES: ArrayRules = ArrayRules::NONE;

impl ArrayRules {
    /// Nothing is demanded.
    pub const NONE: Self = Self { least: 0, most: usize::MAX, prefix: Vec::new(), rest: Sub::ANY };
}

/// What is demanded of objects.
pub struct ObjectRules {
    /// `minProperties`
    pub least: usize,
    /// `maxProperties`
    pub most: usize,
    /// The names that are asked for; each has a bit in the masks.
    pub names: Names,
    /// `properties`, by the index of the name.
    pub values: Vec<Option<Sub>>,
    /// `patternProperties`
    pub patterns: Vec<(Regex, Sub)>,
    /// Of members that no name and no pattern is for.
    pub others: Sub,
    /// Of the names themselves; a node without what is in place.
    pub naming: Sub,
    /// The names that must be there.
    pub required: u64,
    /// Where one of the first is there, all of the second must be.
    pub dependent: Vec<(u64, u64)>,
}

/// For objects of which nothing is demanded.
pub(crate) static NO_OBJECT_RULES: ObjectRules = ObjectRules::NONE;

impl ObjectRules {
    /// Nothing is demanded.
    pub const NONE: Self = Self {
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
pub enum InPlace {
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
