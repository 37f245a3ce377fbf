//! Which types a schema admits, as far as one must know them to read text: `12` is a number where the schema says
//! `integer` and a string where it says `string`.

use super::text;
use filter_core::config::Tree;
use schema_guard_pass::Types;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

/// The type of this name; nothing is said by what is none.
fn named(name: &Tree) -> Types {
    let known = if let Tree::String(name) = name { Types::named(name) } else { None };
    known.unwrap_or(Types::ANY)
}

fn of_value(value: &Tree) -> Types {
    match value {
        Tree::Null => Types::NULL,
        Tree::Bool(_) => Types::BOOLEAN,
        Tree::Number(_) => Types::NUMBER,
        Tree::String(_) => Types::STRING,
        Tree::Array(_) => Types::ARRAY,
        Tree::Object(_) => Types::OBJECT,
    }
}

fn any_of<'t>(list: impl IntoIterator<Item = &'t Tree>, of: fn(&Tree) -> Types) -> Types {
    list.into_iter().fold(Types::NONE, |all, one| all.or(of(one)))
}

/// What types a schema admits for a value and, where that is an array or an object, for what it holds.
///
/// `type`, `enum`, `const`, `$ref` (by JSON pointer, in the schema itself or in another one by its URI), `allOf`, `anyOf`
/// and `oneOf` are looked at; below them `items`, `prefixItems`, `additionalItems`, `properties` and
/// `additionalProperties`. Any other keyword says nothing here: the schema itself is asked about the value that was
/// read, so the worst that comes of it is a string where a number was meant, which the schema then refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kinds {
    pub(crate) types: Types,
    first: Vec<Kinds>,
    items: Option<Box<Kinds>>,
    members: BTreeMap<String, Kinds>,
    others: Option<Box<Kinds>>,
}

static ANY: Kinds = Kinds::of_types(Types::ANY);

impl Kinds {
    const fn of_types(types: Types) -> Self {
        Self { types, first: Vec::new(), items: None, members: BTreeMap::new(), others: None }
    }

    /// Reads a schema. `others`: the schemas that have a URI of their own. `None`: its references are too tangled to be
    /// followed.
    pub(crate) fn of<'t>(schema: &'t Tree, others: &'t dyn Fn(&str) -> Option<&'t Tree>) -> Option<Self> {
        let reader = Reader { others, left: Cell::new(MOST_SCHEMAS) };
        reader.read(Spot { root: schema, node: schema }, LEVELS, MOST_DEEP)
    }

    /// An element of an array.
    pub(crate) fn item(&self, index: usize) -> &Self {
        self.first.get(index).or(self.items.as_deref()).unwrap_or(&ANY)
    }

    /// A member of an object.
    pub(crate) fn member(&self, name: &str) -> &Self {
        self.members.get(name).or(self.others.as_deref()).unwrap_or(&ANY)
    }

    /// The members that the schema names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Everything a value may hold.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Self> {
        let boxes = [&self.items, &self.others].into_iter().filter_map(Option::as_deref);
        self.first.iter().chain(self.members.values()).chain(boxes)
    }

    fn combine(self, other: Self, types: fn(Types, Types) -> Types) -> Self {
        let both = |one: &Self, two: &Self| one.clone().combine(two.clone(), types);
        let either = |one: &Option<Box<Self>>, two: &Option<Box<Self>>| match (one, two) {
            (None, None) => None,
            (one, two) => {
                let both = both(one.as_deref().unwrap_or(&ANY), two.as_deref().unwrap_or(&ANY));
                Some(Box::new(both))
            }
        };
        let longest = self.first.len().max(other.first.len());
        let names = self.members.keys().chain(other.members.keys());
        Self {
            types: types(self.types, other.types),
            first: (0..longest).map(|i| both(self.item(i), other.item(i))).collect(),
            items: either(&self.items, &other.items),
            members: names.map(|name| (name.clone(), both(self.member(name), other.member(name)))).collect(),
            others: either(&self.others, &other.others),
        }
    }
}

/// How far into a value one looks: a form is an object that may hold arrays of something.
const LEVELS: usize = 2;

/// Most subschemas looked at, and most inside each other: references can name one subschema again and again.
const MOST_SCHEMAS: u32 = 10_000;
const MOST_DEEP: usize = 128;

struct Reader<'t> {
    others: &'t dyn Fn(&str) -> Option<&'t Tree>,
    left: Cell<u32>,
}

/// A subschema, and what `#` means in it.
#[derive(Clone, Copy)]
struct Spot<'t> {
    root: &'t Tree,
    node: &'t Tree,
}

impl<'t> Reader<'t> {
    fn read(&self, mut spot: Spot<'t>, levels: usize, deep: usize) -> Option<Kinds> {
        self.left.set(self.left.get().checked_sub(1)?);
        let deep = deep.checked_sub(1)?;
        let keywords = match spot.node {
            Tree::Object(keywords) => keywords,
            Tree::Bool(false) => return Some(Kinds::of_types(Types::NONE)),
            _ => return Some(ANY.clone()),
        };
        // An `$id` that is no mere anchor makes a document of its own (draft 4 calls it `id`).
        let id = spot.node.member("$id").or_else(|| spot.node.member("id"));
        if matches!(id, Some(Tree::String(id)) if !id.starts_with('#')) {
            spot.root = spot.node;
        }
        let read = |node: &'t Tree, levels: usize| self.read(Spot { node, ..spot }, levels, deep);
        let mut kinds = ANY.clone();
        if let Some(below) = levels.checked_sub(1) {
            kinds = Self::contents(spot.node, |node| read(node, below))?;
        }
        for (keyword, value) in keywords {
            let said = match (keyword.as_str(), value) {
                ("type", Tree::Array(list)) => Kinds::of_types(any_of(list, named)),
                ("type", name) => Kinds::of_types(named(name)),
                ("enum", Tree::Array(list)) => Kinds::of_types(any_of(list, of_value)),
                ("const", value) => Kinds::of_types(of_value(value)),
                ("$ref", Tree::String(reference)) => match self.target(spot.root, reference) {
                    Some(target) => self.read(target, levels, deep)?,
                    None => continue,
                },
                ("allOf", Tree::Array(list)) => {
                    let mut all = ANY.clone();
                    for node in list {
                        all = all.combine(read(node, levels)?, Types::and);
                    }
                    all
                }
                ("anyOf" | "oneOf", Tree::Array(list)) => {
                    let mut one = None::<Kinds>;
                    for node in list {
                        let next = read(node, levels)?;
                        one = Some(match one {
                            Some(one) => one.combine(next, Types::or),
                            None => next,
                        });
                    }
                    one.unwrap_or_else(|| ANY.clone())
                }
                _ => continue,
            };
            kinds = kinds.combine(said, Types::and);
        }
        Some(kinds)
    }

    /// What the keywords about elements and members say.
    fn contents(node: &'t Tree, read: impl Fn(&'t Tree) -> Option<Kinds>) -> Option<Kinds> {
        let boxed = |keyword: &str| match node.member(keyword) {
            Some(schema) => read(schema).map(|kinds| Some(Box::new(kinds))),
            None => Some(None),
        };
        let mut kinds = ANY.clone();
        let (first, rest) = match (node.member("prefixItems"), node.member("items")) {
            // Before draft 2020-12 a list of `items` stands for the first ones.
            (None, Some(Tree::Array(first))) => (first.as_slice(), "additionalItems"),
            (Some(Tree::Array(first)), _) => (first.as_slice(), "items"),
            _ => (Default::default(), "items"),
        };
        kinds.first = first.iter().map(&read).collect::<Option<_>>()?;
        kinds.items = boxed(rest)?;
        if let Some(Tree::Object(members)) = node.member("properties") {
            for (name, schema) in members {
                kinds.members.insert(name.clone(), read(schema)?);
            }
        }
        // What a pattern names is not among the others.
        if node.member("patternProperties").is_none() {
            kinds.others = boxed("additionalProperties")?;
        }
        Some(kinds)
    }

    fn target(&self, root: &'t Tree, reference: &str) -> Option<Spot<'t>> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let root = if uri.is_empty() { root } else { (self.others)(uri)? };
        let fragment = text::fragment(fragment).ok()?;
        let mut steps = fragment.split('/');
        // Before the first `/` there is nothing, or an anchor.
        if steps.next() != Some("") {
            return None;
        }
        let node = steps.try_fold(root, |node, step| match node {
            Tree::Array(items) => items.get(step.parse::<usize>().ok()?),
            node if step.contains('~') => node.member(&unescaped(step)),
            node => node.member(step),
        })?;
        Some(Spot { root, node })
    }
}

/// A step of a JSON pointer (RFC 6901 section 4).
fn unescaped(step: &str) -> Cow<'_, str> {
    Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
}
