//! A rule, compiled.

use crate::claims::{Demands, Requirement, Scopes, Test};
use crate::config::{ClaimRule, Require, Scalar};
use crate::provider::Provider;
use filter_core::config::{At, NonEmpty, Tree};
use filter_core::effect::RuleName;
use filter_core::matcher::{Match, Matched};
use filter_core::policy::Mode;

/// A rule, compiled.
pub struct Rule {
    /// Its name; the default has none.
    pub name: Option<RuleName>,
    /// What it is about.
    pub matcher: Match,
    /// Whether its refusals are carried out; with that of the plugin.
    pub mode: Mode,
    /// Whose tokens are asked for: a token of one provider of each group.
    pub groups: Vec<Vec<usize>>,
    /// Whether a request without a token passes.
    pub optional: bool,
    /// What tokens must allow.
    pub demands: Demands,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

/// Groups of which one provider each must have issued a token.
pub fn groups(require: Option<&Require>, providers: &[Provider], at: &At<'_>) -> Option<Vec<Vec<usize>>> {
    let at = at.key("require");
    let indices = |names: &[String], key: &str| {
        let list = at.key(key);
        let found = names.iter().enumerate().map(|(i, name)| {
            let place = providers.iter().position(|provider| provider.name == *name);
            if place.is_none() {
                list.index(i).error("no provider has this name");
            }
            place
        });
        found.collect::<Vec<Option<usize>>>().into_iter().collect::<Option<Vec<usize>>>()
    };
    match require {
        None => Some(vec![(0..providers.len()).collect()]),
        Some(Require::Nobody) => Some(Vec::new()),
        Some(Require::AnyOf(names)) => indices(names, "any_of").map(|group| vec![group]),
        Some(Require::AllOf(names)) => {
            indices(names, "all_of").map(|group| group.into_iter().map(|one| vec![one]).collect())
        }
    }
}

/// What tokens must allow.
pub fn demands(
    scopes: Vec<String>,
    any_scope: Vec<String>,
    claims: Vec<ClaimRule>,
    at: &At<'_>,
) -> Option<Demands> {
    let list = at.key("claims");
    let claims = claims.into_iter().enumerate().map(|(i, rule)| requirement(rule, &list.index(i)));
    let claims: Option<Vec<Requirement>> = claims.collect::<Vec<_>>().into_iter().collect();
    let mut sound = true;
    for (key, names) in [("scopes", &scopes), ("any_scope", &any_scope)] {
        let list = at.key(key);
        for (i, _) in names.iter().enumerate().filter(|(_, scope)| scope.contains(' ')) {
            list.index(i).error("a scope has no space; write several");
            sound = false;
        }
    }
    let claims = claims.filter(|_| sound)?;
    Some(Demands { scopes: Scopes { all: scopes, any: any_scope }, claims })
}

/// Whether what is asked of tokens is asked of somebody's. `None`: an error was reported.
pub fn asks(groups: &[Vec<usize>], demands: &Demands, at: &At<'_>) -> Option<()> {
    if groups.is_empty() && *demands != Demands::default() {
        at.key("require")
            .error("\"none\", and yet scopes or claims are asked for: nobody would look at them");
        return None;
    }
    Some(())
}

fn requirement(rule: ClaimRule, at: &At<'_>) -> Option<Requirement> {
    let ClaimRule { claim, equals, contains, any, all } = rule;
    let list = |NonEmpty(list): NonEmpty<Scalar>| -> Vec<Tree> {
        list.into_iter().map(|Scalar(tree)| tree).collect()
    };
    let test = match (equals, contains, any, all) {
        (Some(Scalar(one)), None, None, None) => Test::Equals(one),
        (None, Some(Scalar(one)), None, None) => Test::Contains(one),
        (None, None, Some(any), None) => Test::Any(list(any)),
        (None, None, None, Some(all)) => Test::All(list(all)),
        _ => {
            at.error("expected exactly one of equals, contains, any, all");
            return None;
        }
    };
    Some(Requirement { claim, test })
}
