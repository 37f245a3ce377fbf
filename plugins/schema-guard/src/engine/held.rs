//! Our tree as the engine sees it.

use super::work::Work;
use crate::json::{Number, Object, Tree, are_distinct, equal};
use jsonschema_value::types::JsonType;
use jsonschema_value::{Array, Json, JsonNumber, LazyInstance, Node, NodeIdentity, Object as AnyObject};
use serde_json::Value;
use std::borrow::Cow;

/// The representation of documents that the engine is built for.
pub(super) struct Documents;

/// A value that is being held against a schema. Every look at it is work, and counted; once there has been too much
/// of it nothing is to be seen any more, so that the engine comes to an end, whatever the schema makes it repeat.
#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    tree: &'a Tree<'a>,
    pub(super) work: &'a Work<'a>,
    /// How many arrays and objects it is in.
    depth: usize,
}

/// A name of a member while `propertyNames` looks at it.
pub(super) struct Name {
    tree: Tree<'static>,
    work: Work<'static>,
}

impl Default for Name {
    fn default() -> Self {
        Self { tree: Tree::Null, work: Work::unbounded() }
    }
}

impl Json for Documents {
    type Node<'a> = Held<'a>;
    type PreparedKey = String;
    type StringBuffer = Name;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Name, string: &str, f: impl FnOnce(Held<'_>) -> T) -> T {
        buffer.tree = Tree::String(Cow::Owned(string.to_owned()));
        f(Held::root(&buffer.tree, &buffer.work))
    }
}

impl<'a> Held<'a> {
    /// A document.
    pub(super) fn root(tree: &'a Tree<'a>, work: &'a Work<'a>) -> Self {
        Self { tree, work, depth: 0 }
    }

    /// A part of it.
    fn part(tree: &'a Tree<'a>, work: &'a Work<'a>, depth: usize) -> Option<Self> {
        work.descend(depth).then_some(Self { tree, work, depth })
    }

    /// The value, unless there was too much work already.
    fn look(&self) -> Option<&'a Tree<'a>> {
        self.work.step().then_some(self.tree)
    }
}

impl<'a> Node<'a, Documents> for Held<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = Exact<'a>;

    fn as_object(&self) -> Option<Members<'a>> {
        match self.look() {
            Some(Tree::Object(object)) => Some(Members { object, work: self.work, depth: self.depth + 1 }),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        match self.look() {
            Some(Tree::Array(items)) => Some(Elements { items, work: self.work, depth: self.depth + 1 }),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.look() {
            Some(Tree::String(string)) => Some(Cow::Borrowed(string)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Exact<'a>> {
        match self.look() {
            Some(Tree::Number(number)) => Some(Exact(*number)),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.look() {
            Some(Tree::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.look(), Some(Tree::Null))
    }

    fn is_number(&self) -> bool {
        matches!(self.look(), Some(Tree::Number(_)))
    }

    fn json_type(&self) -> JsonType {
        match self.look() {
            Some(Tree::Bool(_)) => JsonType::Boolean,
            Some(Tree::Number(_)) => JsonType::Number,
            Some(Tree::String(_)) => JsonType::String,
            Some(Tree::Array(_)) => JsonType::Array,
            Some(Tree::Object(_)) => JsonType::Object,
            Some(Tree::Null) | None => JsonType::Null,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        self.look().is_some_and(|tree| equal(tree, expected))
    }

    /// Nothing of a client's is ever in an error: this says whether it is one that counts.
    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(self.work.mark())
    }

    fn lazy_value(&self) -> LazyInstance<'a> {
        let mark = self.to_value();
        self.work.error();
        LazyInstance::Ready(mark)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.tree).addr()))
    }
}

/// An object that is being held against a schema.
#[derive(Clone, Copy)]
pub(super) struct Members<'a> {
    object: &'a Object<'a>,
    work: &'a Work<'a>,
    depth: usize,
}

impl<'a> AnyObject<'a, Documents> for Members<'a> {
    type Node = Held<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.object.len()
    }

    fn get(&self, key: &String) -> Option<Held<'a>> {
        // What is not there is a step too.
        if !self.work.step() {
            return None;
        }
        Held::part(self.object.get(key)?, self.work, self.depth)
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter { members: self.object.members().iter(), work: self.work, depth: self.depth }
    }
}

/// Goes over the members of an object.
pub(super) struct MembersIter<'a> {
    members: std::slice::Iter<'a, (Cow<'a, str>, Tree<'a>)>,
    work: &'a Work<'a>,
    depth: usize,
}

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Held<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, tree) = self.members.next()?;
        Some((name, Held::part(tree, self.work, self.depth)?))
    }
}

/// An array that is being held against a schema.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a> {
    items: &'a [Tree<'a>],
    work: &'a Work<'a>,
    depth: usize,
}

impl<'a> Array<'a, Documents> for Elements<'a> {
    type Node = Held<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter { items: self.items.iter(), work: self.work, depth: self.depth }
    }

    /// Numbers by their exact value.
    fn is_unique(&self) -> bool {
        are_distinct(self.items)
    }
}

/// Goes over the elements of an array.
pub(super) struct ElementsIter<'a> {
    items: std::slice::Iter<'a, Tree<'a>>,
    work: &'a Work<'a>,
    depth: usize,
}

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Held<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        Held::part(self.items.next()?, self.work, self.depth)
    }
}

/// A number that is being held against a schema.
#[derive(Clone, Copy)]
pub(super) struct Exact<'a>(pub(super) Number<'a>);

/// What is asked of numbers. Limits (`minimum` and the like) and `multipleOf` are keywords of our own: see `numbers`.
impl JsonNumber for Exact<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.as_u64()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// Only where no digit is lost: so `const` compares by exact value.
    fn as_f64(&self) -> Option<f64> {
        let value = self.0.as_f64();
        let text = serde_json::Number::from_f64(value)?.to_string();
        (Number::of(&text)? == self.0).then_some(value)
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0.text())
    }

    /// Asked for by what is built into errors alone, and in builds with numbers of any length, which this is not.
    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(serde_json::Number::from(0))
    }

    fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    fn is_written_as_integer(&self) -> bool {
        self.0.is_written_as_integer()
    }
}
