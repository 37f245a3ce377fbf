//! A pass over a text.

use crate::json::{Limits, Refusal, Scanner, Token, Tree, are_distinct};
use crate::plan::{
    ArrayRules, Formats, InPlace, NO_ARRAY_RULES, NO_OBJECT_RULES, Names, Node, ObjectRules, Plan, Sub,
};
use crate::types::Types;
use std::borrow::Cow;

/// Why a pass ends without an answer.
pub(crate) enum Stop {
    /// The text is not to be read.
    Refused,
    /// More schemas within each other than the stack is to hold.
    TooDeep,
}

impl From<Refusal> for Stop {
    /// Why it is refused is told by who reads it as a whole, and sees everything that is wrong with it.
    fn from(_: Refusal) -> Self {
        Self::Refused
    }
}

/// Most schemas within each other. V8 gives all of a module's functions 1 MB of stack.
const DEEPEST: usize = 1_500;

/// Up to so many names are compared with each other: that is faster than to sort them.
const FEW: usize = 8;

/// A pass that is under way.
pub(crate) struct Check<'d, 'p> {
    plan: &'p Plan,
    formats: &'p dyn Formats,
    deep: usize,
    /// The names of the objects that are being read, as far as no bit is for them.
    names: Vec<Cow<'d, str>>,
}

impl<'d, 'p> Check<'d, 'p> {
    /// Whether the text is valid.
    pub(crate) fn run(
        plan: &'p Plan,
        text: &'d [u8],
        limits: &Limits,
        formats: &'p dyn Formats,
    ) -> Result<bool, Stop> {
        let mut scanner = Scanner::new(text, limits)?;
        let mut check = Self { plan, formats, deep: 0, names: Vec::new() };
        let valid = check.sub(plan.root(), &mut scanner)?;
        if valid {
            scanner.end()?;
        }
        Ok(valid)
    }

    /// Holds the next value against a schema. Where it is valid, it has been read, to its end and with all that is
    /// within the limits; where not, only as far as that shows.
    fn sub(&mut self, sub: Sub, scanner: &mut Scanner<'d, '_>) -> Result<bool, Stop> {
        let Sub::Node(index) = sub else { return Ok(false) };
        let Some(node) = self.plan.node(index) else { return Ok(false) };
        if node.in_place.is_empty() { self.own(node, scanner) } else { self.several(node, scanner) }
    }

    /// The demands that one reading answers.
    fn own(&mut self, node: &'p Node, scanner: &mut Scanner<'d, '_>) -> Result<bool, Stop> {
        Ok(match scanner.value()? {
            Token::Null => node.takes_plain(Types::NULL, Tree::Null),
            Token::Bool(value) => node.takes_plain(Types::BOOLEAN, Tree::Bool(value)),
            Token::Number(number) => node.takes_number(number),
            Token::String(string) => node.takes_string(&string, self.formats),
            Token::Array if !node.types.has(Types::ARRAY) || !node.constants.is_empty() => false,
            Token::Object if !node.types.has(Types::OBJECT) || !node.constants.is_empty() => false,
            Token::Array => self.deeper(|check| check.array(node.array.as_deref(), scanner))?,
            Token::Object => self.deeper(|check| check.object(node.object.as_deref(), scanner))?,
        })
    }

    fn deeper<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.deep == DEEPEST {
            return Err(Stop::TooDeep);
        }
        self.deep += 1;
        let result = run(self);
        self.deep -= 1;
        result
    }

    fn array(&mut self, rules: Option<&'p ArrayRules>, scanner: &mut Scanner<'d, '_>) -> Result<bool, Stop> {
        let rules = rules.unwrap_or(&NO_ARRAY_RULES);
        let mut read = 0;
        while scanner.element(read)? {
            let sub = rules.prefix.get(read).copied().unwrap_or(rules.rest);
            read += 1;
            if read > rules.most || !self.sub(sub, scanner)? {
                return Ok(false);
            }
        }
        Ok(read >= rules.least)
    }

    fn object(
        &mut self,
        rules: Option<&'p ObjectRules>,
        scanner: &mut Scanner<'d, '_>,
    ) -> Result<bool, Stop> {
        let base = self.names.len();
        let result = self.members(rules.unwrap_or(&NO_OBJECT_RULES), scanner);
        let result = match result {
            Ok(true) => self.distinct(base).map(|()| true),
            other => other,
        };
        self.names.truncate(base);
        result
    }

    fn members(&mut self, rules: &'p ObjectRules, scanner: &mut Scanner<'d, '_>) -> Result<bool, Stop> {
        let (mut read, mut seen) = (0, 0_u64);
        while let Some(name) = scanner.member(read)? {
            read += 1;
            if read > rules.most || !self.takes_name(rules.naming, &name) {
                return Ok(false);
            }
            let index = rules.names.index(&name);
            let value = index.and_then(|index| rules.values.get(index).copied().flatten());
            let valid = if rules.patterns.is_empty() {
                self.sub(value.unwrap_or(rules.others), scanner)?
            } else {
                self.matched(rules, &name, value, scanner)?
            };
            if !valid {
                return Ok(false);
            }
            match index.map(Names::bit_of) {
                Some(bit) if seen & bit != 0 => return Err(Stop::Refused),
                Some(bit) => seen |= bit,
                None => self.names.push(name),
            }
        }
        let present = |mask: u64| seen & mask == mask;
        Ok(read >= rules.least
            && present(rules.required)
            && rules.dependent.iter().all(|(first, others)| seen & first == 0 || present(*others)))
    }

    fn takes_name(&self, naming: Sub, name: &str) -> bool {
        match naming {
            Sub::ANY => true,
            Sub::Never => false,
            Sub::Node(index) => {
                self.plan.node(index).is_some_and(|node| node.takes_string(name, self.formats))
            }
        }
    }

    /// A member of an object with `patternProperties`: by what is for its name and for each pattern that matches it.
    fn matched(
        &mut self,
        rules: &'p ObjectRules,
        name: &str,
        value: Option<Sub>,
        scanner: &mut Scanner<'d, '_>,
    ) -> Result<bool, Stop> {
        let start = scanner.clone();
        let matching =
            rules.patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, sub)| *sub);
        let mut any = false;
        for sub in value.into_iter().chain(matching) {
            any = true;
            scanner.clone_from(&start);
            if !self.sub(sub, scanner)? {
                return Ok(false);
            }
        }
        if any { Ok(true) } else { self.sub(rules.others, scanner) }
    }

    /// Whether an object that was read has no name twice; those that have a bit were seen to already.
    fn distinct(&mut self, base: usize) -> Result<(), Stop> {
        let names = self.names.get_mut(base..).unwrap_or_default();
        let twice = if names.len() <= FEW {
            let mut rest = &*names;
            let mut twice = false;
            while let [name, others @ ..] = rest {
                twice |= others.contains(name);
                rest = others;
            }
            twice
        } else {
            names.sort_unstable();
            names.array_windows().any(|[one, other]| one == other)
        };
        if twice { Err(Stop::Refused) } else { Ok(()) }
    }

    /// A value that is read more than once.
    fn several(&mut self, node: &'p Node, scanner: &mut Scanner<'d, '_>) -> Result<bool, Stop> {
        self.deeper(|check| {
            let mut again = Again { start: scanner.clone(), end: None };
            if !node.is_bare() {
                if !check.own(node, scanner)? {
                    return Ok(false);
                }
                again.end = Some(scanner.clone());
            }
            for rule in &node.in_place {
                if !check.in_place(rule, scanner, &mut again)? {
                    return Ok(false);
                }
            }
            if let Some(end) = again.end {
                scanner.clone_from(&end);
                return Ok(true);
            }
            scanner.clone_from(&again.start);
            check.sub(Sub::ANY, scanner)
        })
    }

    fn in_place<'l>(
        &mut self,
        rule: &'p InPlace,
        scanner: &mut Scanner<'d, 'l>,
        again: &mut Again<'d, 'l>,
    ) -> Result<bool, Stop> {
        match rule {
            InPlace::All(subs) => {
                for sub in subs {
                    if !self.again(*sub, scanner, again)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            InPlace::Any(subs) => {
                for sub in subs {
                    if self.again(*sub, scanner, again)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            InPlace::One(subs) => {
                let mut valid = 0;
                for sub in subs {
                    valid += usize::from(self.again(*sub, scanner, again)?);
                    if valid > 1 {
                        break;
                    }
                }
                Ok(valid == 1)
            }
            InPlace::Not(sub) => self.again(*sub, scanner, again).map(|valid| !valid),
            InPlace::If(condition, then, otherwise) => {
                let sub = if self.again(*condition, scanner, again)? { then } else { otherwise };
                self.again(*sub, scanner, again)
            }
            InPlace::Constants(constants) => again.tree(scanner).map(|tree| constants.has(&tree)),
            InPlace::Unique => again.tree(scanner).map(|tree| is_unique(&tree)),
        }
    }

    /// Holds the value against another schema, from its start.
    fn again<'l>(
        &mut self,
        sub: Sub,
        scanner: &mut Scanner<'d, 'l>,
        again: &mut Again<'d, 'l>,
    ) -> Result<bool, Stop> {
        if sub == Sub::ANY {
            return Ok(true);
        }
        scanner.clone_from(&again.start);
        let valid = self.sub(sub, scanner)?;
        if valid {
            again.end = Some(scanner.clone());
        }
        Ok(valid)
    }
}

/// Where a value begins that is read more than once, and, once it was read as a whole, where it ends.
struct Again<'d, 'l> {
    start: Scanner<'d, 'l>,
    end: Option<Scanner<'d, 'l>>,
}

impl<'d, 'l> Again<'d, 'l> {
    fn tree(&mut self, scanner: &mut Scanner<'d, 'l>) -> Result<Tree<'d>, Stop> {
        scanner.clone_from(&self.start);
        let tree = Tree::next(scanner)?;
        self.end = Some(scanner.clone());
        Ok(tree)
    }
}

/// Whether no two elements are equal, where this is an array.
fn is_unique(tree: &Tree<'_>) -> bool {
    match tree {
        Tree::Array(items) => are_distinct(items),
        _ => true,
    }
}
