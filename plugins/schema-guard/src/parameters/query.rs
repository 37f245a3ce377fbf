//! The query, taken apart.

use super::config::In;
use super::form::Given;
use super::found::Found;
use super::parameter::{Arrives, Parameter};
use super::text::{decoded, pairs};
use crate::config::OtherQuery;
use crate::json::Limits;
use filter_core::config::At;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose the names in a query are.
pub(super) struct Query {
    names: BTreeMap<String, (usize, Whole)>,
    other: OtherQuery,
}

/// What a name in the query stands for, of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    /// All of it.
    All,
    /// A member.
    Member,
    /// Nothing: only `name[member]` does.
    Nothing,
}

/// What a name that was sent is, of a parameter.
enum Part<'r> {
    /// All of it.
    All,
    /// A member.
    Member(Cow<'r, str>),
    /// Nothing that it could be: the keyword that says so.
    Wrong(&'static str),
}

impl Query {
    /// `None`: two parameters want one name, which was reported at `at`.
    pub(super) fn new(parameters: &[Arc<Parameter>], other: Option<OtherQuery>, at: &At<'_>) -> Option<Self> {
        let mut names = BTreeMap::new();
        let mut sound = true;
        for (index, parameter) in parameters.iter().enumerate().filter(|(_, p)| p.location == In::Query) {
            let mut claim = |name: &String, whole| {
                if names.insert(name.clone(), (index, whole)).is_some() {
                    at.error(format!("two parameters are read from the query parameter {name:?}"));
                    sound = false;
                }
            };
            match &parameter.arrives {
                Arrives::Named => claim(&parameter.key, Whole::All),
                Arrives::Spread(members) => members.iter().for_each(|name| claim(name, Whole::Member)),
                Arrives::Bracketed => claim(&parameter.key, Whole::Nothing),
            }
        }
        let usual = if names.is_empty() { OtherQuery::Allow } else { OtherQuery::Deny };
        sound.then_some(Self { names, other: other.unwrap_or(usual) })
    }

    /// The values of each parameter, by its index, in the order in which they were sent; nothing where something was
    /// found wrong with them. What is nobody's is noted as the operation says.
    pub(super) fn gather<'r>(
        &self,
        query: &'r [u8],
        parameters: &[Arc<Parameter>],
        limits: &Limits,
        found: &mut Found,
    ) -> Vec<Option<Vec<Given<'r>>>> {
        let mut given: Vec<Option<Vec<Given<'r>>>> = parameters.iter().map(|_| Some(Vec::new())).collect();
        if self.names.is_empty() && self.other == OtherQuery::Allow {
            return given;
        }
        // Said once each: what is wrong is not told apart by a name, which would be the client's.
        let mut wrong: Vec<&'static str> = Vec::new();
        let mut note = |keyword| {
            if !wrong.contains(&keyword) {
                wrong.push(keyword);
            }
        };
        for (index, (name, text)) in pairs(query).enumerate() {
            if index >= limits.members {
                note("limit");
                break;
            }
            let name = match decoded(name) {
                // Some servers end a pair at `;`: what is one parameter here would be two there.
                _ if name.contains(&b';') => {
                    note("encoding");
                    continue;
                }
                Err(_) => {
                    note("encoding");
                    continue;
                }
                Ok(name) => name,
            };
            let Some((owner, part)) = self.whose(name) else {
                match self.other {
                    OtherQuery::Deny => note("unknown"),
                    OtherQuery::Allow if text.contains(&b';') => note("encoding"),
                    OtherQuery::Allow => {}
                }
                continue;
            };
            let (Some(parameter), Some(values)) = (parameters.get(owner), given.get_mut(owner)) else {
                continue;
            };
            let keyword = match part {
                Part::Wrong(keyword) => keyword,
                _ if text.contains(&b';') && !parameter.semicolon => "encoding",
                part => {
                    let name = if let Part::Member(name) = part { Some(name) } else { None };
                    if let Some(values) = values {
                        values.push(Given { name, text });
                    }
                    continue;
                }
            };
            // Said once, and no more of the parameter.
            if values.take().is_some() {
                parameter.violated(found, keyword);
            }
        }
        for keyword in wrong {
            found.push(In::Query, "*", String::new(), keyword.into());
        }
        given
    }

    /// The parameter that a name belongs to. `None`: nobody's.
    fn whose<'r>(&self, name: Cow<'r, str>) -> Option<(usize, Part<'r>)> {
        if let Some((owner, whole)) = self.names.get(name.as_ref()) {
            let part = match whole {
                Whole::All => Part::All,
                Whole::Member => Part::Member(name),
                Whole::Nothing => Part::Wrong("type"),
            };
            return Some((*owner, part));
        }
        let (base, rest) = name.split_once('[')?;
        let (owner, _) = self.names.get(base).filter(|(_, whole)| *whole == Whole::Nothing)?;
        // `name[a][b]` is an object in an object to those who read such names at all.
        let member = rest.strip_suffix(']').filter(|member| !member.contains(['[', ']']));
        let part =
            member.map_or(Part::Wrong("malformed"), |member| Part::Member(Cow::Owned(member.to_owned())));
        Some((*owner, part))
    }
}
