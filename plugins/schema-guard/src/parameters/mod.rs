//! Parameters of path, query and header, held against schemas as OpenAPI 3.1 says.
//!
//! A text becomes the value that its schema's type makes of it (`value`, `kinds`) and is then held against the schema as
//! any other value is. What is wrong is named by the keyword of JSON Schema that is not met; where there is none, by one
//! of these: `duplicate` (two values where there is one), `unknown` (no operation names it), `encoding` (no
//! percent-encoding, not UTF-8, or a `;` that some servers take for `&`), `malformed` (not the JSON text or the
//! `name[member]` that it should be), `limit` (more or longer than `limits` allow). A query parameter that nobody named
//! is `*`: its name is the client's.

mod config;
mod form;
mod found;
mod kinds;
mod parameter;
mod query;
mod text;
mod value;

pub use config::ParameterConfig;
pub(crate) use kinds::Kinds;
pub(crate) use text::{BadEncoding, decoded, pairs};
pub(crate) use value::{TooLong, coerced};

use crate::config::OtherQuery;
use crate::engine::Sources;
use crate::json::Limits;
use config::In;
use filter_core::config::At;
use filter_core::matcher::PathPattern;
use filter_core::message::Headers;
use filter_core::violation::Violation;
use form::Given;
use found::Found;
use parameter::Parameter;
use query::Query;
use std::sync::Arc;

/// The parameters of one list: of a rule, for all its operations, or of an operation.
#[derive(Default)]
pub(crate) struct Declared(Vec<Arc<Parameter>>);

impl Declared {
    /// Compiles a list. `path`: what the rule matches. `None`: errors were reported at or below `at`, the list's place.
    pub(crate) fn compile(
        list: Vec<ParameterConfig>,
        path: Option<&PathPattern>,
        sources: &Sources,
        at: &At<'_>,
    ) -> Option<Self> {
        let mut compiled: Vec<Option<Arc<Parameter>>> = Vec::with_capacity(list.len());
        for (index, config) in list.into_iter().enumerate() {
            let at_one = at.index(index);
            let one = Parameter::compile(config, path, sources, &at_one);
            let same = compiled.iter().position(|other| {
                other.as_ref().zip(one.as_ref()).is_some_and(|(other, one)| other.is_same(one))
            });
            if let Some(same) = same {
                at_one.key("name").error(format!("the same parameter as {}", at.index(same).label()));
            }
            compiled.push(one.filter(|_| same.is_none()).map(Arc::new));
        }
        compiled.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl Parameter {
    /// Whether it is in the same place under the same name.
    fn is_same(&self, other: &Self) -> bool {
        (self.location, &self.key) == (other.location, &other.key)
    }
}

/// The parameters of an operation.
pub(crate) struct Parameters {
    list: Vec<Arc<Parameter>>,
    query: Query,
}

impl Parameters {
    /// Those of the rule, unless the operation has its own of the same name and place, and those of the operation.
    /// `other_query`: what becomes of others; left out, they are refused where there is a parameter of the query.
    /// `None`: two are read from one name, which was reported below `at`, the operation's place.
    pub(crate) fn of(
        rule: &Declared,
        operation: &Declared,
        other_query: Option<OtherQuery>,
        at: &At<'_>,
    ) -> Option<Self> {
        let inherited = rule.0.iter().filter(|one| !operation.0.iter().any(|own| own.is_same(one)));
        let list: Vec<Arc<Parameter>> = inherited.chain(&operation.0).cloned().collect();
        Some(Self { query: Query::new(&list, other_query, &at.key("parameters"))?, list })
    }

    /// Holds a request against them. `captures`: name and value of what the path's template captured, decoded; `query`
    /// without its `?`. At most `most` violations are gathered, and at least one.
    ///
    /// # Errors
    /// What is wrong; none where it would take too long to say how a value breaks its schema.
    pub(crate) fn check<'r>(
        &self,
        captures: impl IntoIterator<Item = (&'r str, &'r str)>,
        query: Option<&[u8]>,
        headers: &Headers,
        limits: &Limits,
        most: usize,
    ) -> Result<(), Vec<Violation>> {
        let mut found = Found::new(most);
        let captures: Vec<(&str, &str)> = captures.into_iter().collect();
        let mut in_query =
            self.query.gather(query.unwrap_or_default(), &self.list, limits, &mut found).into_iter();
        for parameter in &self.list {
            let Some(in_query) = in_query.next().flatten() else { continue };
            if found.left() == 0 {
                break;
            }
            let given = match parameter.location {
                In::Query => in_query,
                In::Path => {
                    let named = captures.iter().filter(|(name, _)| *name == parameter.key);
                    named.map(|(_, value)| Given { name: None, text: value.as_bytes() }).collect()
                }
                In::Header => headers.all(&parameter.key).map(|text| Given { name: None, text }).collect(),
            };
            parameter.check(given, limits, &mut found);
        }
        found.into_result()
    }
}
