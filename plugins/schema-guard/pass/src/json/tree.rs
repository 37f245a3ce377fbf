//! A document that was read, borrowed from its text where it can be.

use super::{Limits, Number, Refusal, Scanner, Token};
use std::borrow::Cow;
use std::collections::HashSet;

/// A JSON value. Two are equal, and one is before the other, by value: `1.0` is `1`, and the order of members says
/// nothing. That order is total; of two types it is that of this list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree<'d> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number<'d>),
    /// A string.
    String(Cow<'d, str>),
    /// An array.
    Array(Vec<Tree<'d>>),
    /// An object.
    Object(Object<'d>),
}

/// The members of an object, each name once, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object<'d>(Vec<Member<'d>>);

type Member<'d> = (Cow<'d, str>, Tree<'d>);

/// Up to so many members are looked at one by one: that is faster than to search.
const FEW: usize = 8;

impl<'d> Object<'d> {
    /// How many members it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The member of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tree<'d>> {
        let member = if self.0.len() <= FEW {
            self.0.iter().find(|(own, _)| own == name)
        } else {
            let index = self.0.binary_search_by(|(own, _)| own.as_ref().cmp(name)).ok()?;
            self.0.get(index)
        };
        member.map(|(_, value)| value)
    }

    /// All members, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tree<'d>)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// The same as a slice, for what must name the type of an iterator.
    #[must_use]
    pub fn members(&self) -> &[(Cow<'d, str>, Tree<'d>)] {
        &self.0
    }

    /// An object of these members; where a name comes twice, nothing.
    #[must_use]
    pub fn of(mut members: Vec<(Cow<'d, str>, Tree<'d>)>) -> Option<Self> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let twice = members.array_windows().any(|[(one, _), (other, _)]| one == other);
        (!twice).then_some(Self(members))
    }
}

impl<'d> Tree<'d> {
    /// Reads a document.
    ///
    /// # Errors
    /// It is not JSON, or beyond a limit.
    pub fn read(text: &'d [u8], limits: &Limits) -> Result<Self, Refusal> {
        let mut scanner = Scanner::new(text, limits)?;
        let tree = Self::next(&mut scanner)?;
        scanner.end()?;
        Ok(tree)
    }

    /// Reads the value that comes next.
    ///
    /// # Errors
    /// It is not JSON, or beyond a limit.
    pub(crate) fn next(scanner: &mut Scanner<'d, '_>) -> Result<Self, Refusal> {
        Reader::default().read(scanner)
    }
}

/// Whether no two of these are equal. By hashes with a secret of this VM, so that no client can choose values whose hashes
/// meet; to sort them would be to take numbers apart again and again.
#[must_use]
pub fn are_distinct(items: &[Tree<'_>]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(item))
}

/// An array or object that is being read, and how much was there before its first element or member.
#[derive(Clone, Copy)]
enum Open {
    Array(usize),
    Object(usize),
}

/// A member that was read, or whose value is being read, and where its name is written.
struct Named<'d> {
    name: Cow<'d, str>,
    at: usize,
    value: Tree<'d>,
}

/// What is not in a tree yet. No recursion: the depth of a document is the client's choice. What belongs to arrays and
/// objects that are still open is on two stacks, so that each is allocated once, in its size.
#[derive(Default)]
struct Reader<'d> {
    open: Vec<Open>,
    items: Vec<Tree<'d>>,
    members: Vec<Named<'d>>,
}

impl<'d> Reader<'d> {
    fn read(&mut self, scanner: &mut Scanner<'d, '_>) -> Result<Tree<'d>, Refusal> {
        loop {
            let mut value = match scanner.value()? {
                Token::Null => Tree::Null,
                Token::Bool(value) => Tree::Bool(value),
                Token::Number(number) => Tree::Number(number),
                Token::String(string) => Tree::String(string),
                Token::Array => {
                    self.open.push(Open::Array(self.items.len()));
                    match self.step(scanner)? {
                        None => continue,
                        Some(empty) => empty,
                    }
                }
                Token::Object => {
                    self.open.push(Open::Object(self.members.len()));
                    match self.step(scanner)? {
                        None => continue,
                        Some(empty) => empty,
                    }
                }
            };
            loop {
                match self.open.last() {
                    None => return Ok(value),
                    Some(Open::Array(_)) => self.items.push(value),
                    Some(Open::Object(_)) => {
                        if let Some(member) = self.members.last_mut() {
                            member.value = value;
                        }
                    }
                }
                match self.step(scanner)? {
                    None => break,
                    Some(closed) => value = closed,
                }
            }
        }
    }

    /// Goes on in the innermost array or object: to its next value, or to its end, and then it is whole.
    fn step(&mut self, scanner: &mut Scanner<'d, '_>) -> Result<Option<Tree<'d>>, Refusal> {
        let closed = match self.open.last() {
            None => return Ok(None),
            Some(&Open::Array(base)) => {
                if scanner.element(self.items.len() - base)? {
                    return Ok(None);
                }
                Tree::Array(taken(&mut self.items, base))
            }
            Some(&Open::Object(base)) => {
                if let Some(name) = scanner.member(self.members.len() - base)? {
                    self.members.push(Named { name, at: scanner.name_at(), value: Tree::Null });
                    return Ok(None);
                }
                Tree::Object(self.object(base)?)
            }
        };
        self.open.pop();
        Ok(Some(closed))
    }

    fn object(&mut self, base: usize) -> Result<Object<'d>, Refusal> {
        let members = self.members.get_mut(base..).unwrap_or_default();
        // No hash of what an attacker chose; the bytes of all names are bounded by the text.
        members.sort_unstable_by(|one, other| (&one.name, one.at).cmp(&(&other.name, other.at)));
        let twice = members.array_windows().filter(|[one, other]| one.name == other.name);
        if let Some(at) = twice.map(|[_, second]| second.at).min() {
            return Err(Refusal::Duplicate { at });
        }
        Ok(Object(self.members.drain(base..).map(|named| (named.name, named.value)).collect()))
    }
}

/// What is above `base` on the stack.
fn taken<T>(stack: &mut Vec<T>, base: usize) -> Vec<T> {
    /// From here on one array is not in memory twice.
    const MANY: usize = 1024;
    if base == 0 && stack.len() >= MANY {
        return std::mem::take(stack);
    }
    stack.drain(base..).collect()
}
